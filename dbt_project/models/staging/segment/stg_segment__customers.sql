{#- A user's traits stand in an identify call, or beside any other call as context.traits. Traits of a group are the
    organisation's. A call that says nothing of the person is none here: it would hide what an earlier one said. Neither
    the day the account was made nor the company says anything of the person. -#}
{%- set type = 'r.' ~ adapter.quote('type') -%}
{%- set sent = 'r.' ~ adapter.quote('timestamp') -%}
{#- Trait, in the order of trust, by column. -#}
{%- set traits = {
    'email': ['email'], 'phone': ['phone'], 'first_name': ['firstName', 'first_name'],
    'last_name': ['lastName', 'last_name'], 'full_name': ['name'], 'company_name': ['company.name'],
    'birth_date': ['birthday'], 'gender': ['gender'], 'street': ['address.street'], 'city': ['address.city'],
    'postal_code': ['address.postalCode', 'address.postal_code'], 'region': ['address.state'],
    'country_code': ['address.country'], 'language': ['language', 'locale'],
    'created_at': ['createdAt', 'created_at'],
} -%}
with with_traits as (

    select
        {{ passed_on('r') }},
        r.userId as account_id,
        case
            when {{ type }} = 'identify' then coalesce(r.traits, {{ json_text('r.context', '$.traits') }})
            else {{ json_text('r.context', '$.traits') }}
        end as traits,
        coalesce({{ sent }}, r.originalTimestamp, r.sentAt, r.receivedAt) as updated_at
    from {{ source('segment', 'calls') }} as r

),

shaped as (

    select
        {{ passed_on('r') }},
        r.account_id,
        {%- for name, paths in traits.items() %}
        coalesce(
            {%- for path in paths -%}
            {{ json_text('r.traits', '$.' ~ path) }}, {% endfor -%} null
        ) as {{ name }},
        {%- endfor %}
        r.updated_at
    from with_traits as r
    where r.traits is not null

),

of_people as (

    select r.*
    from shaped as r
    where
        coalesce(r.account_id, r.email, r.phone) is not null
        and coalesce(
            {%- for name in traits if name not in ('created_at', 'company_name') -%}
            r.{{ name }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        ) is not null

)

{{ as_entity('customers', 'of_people', ['account_id', 'updated_at'] + traits.keys() | list) }}
