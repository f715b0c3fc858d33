{#- dim_customers and customer_value_origins say the same: each golden value has an origin with that value, and no
    origin stands for a value that is not there. -#}
{{ config(tags=['phase_value']) }}

{%- set fields = {
    'display_name': 'display_name', 'email': 'primary_email', 'phone': 'primary_phone', 'birth_date': 'birth_date',
    'gender': 'gender', 'language': 'language', 'country_code': 'country_code', 'region': 'region',
    'email_consent': 'email_consent', 'sms_consent': 'sms_consent', 'phone_consent': 'phone_consent',
} %}

with origins as (

    select
        customer_id,
        {%- for field in fields %}
        max(case when field = '{{ field }}' then value end) as {{ field }},
        {%- endfor %}
        max(case when field = 'address' then value end) as address
    from {{ ref('customer_value_origins') }}
    group by customer_id

),

golden as (

    select
        customer_id,
        {{ address_text() }} as address,
        {{ address_text(with_country=false) }} as address_without_country
    from {{ ref('int_customer_golden') }}
    where coalesce(street, city, postal_code) is not null

),

compared as (

    select
        customers.customer_id,
        {%- for field, column in fields.items() %}
        cast(customers.{{ column }} as {{ dbt.type_string() }}) as is_{{ field }},
        origins.{{ field }} as origin_{{ field }},
        {%- endfor %}
        origins.address as origin_address,
        origins.customer_id as origin_customer_id,
        customers.city,
        customers.postal_code
    from {{ ref('dim_customers') }} as customers
    left join origins on customers.customer_id = origins.customer_id

)

select compared.customer_id
from compared
left join golden on compared.customer_id = golden.customer_id
where
    compared.origin_customer_id is null
    {%- for field in fields %}
    or coalesce(compared.is_{{ field }} <> compared.origin_{{ field }}, false)
    or (compared.is_{{ field }} is null) <> (compared.origin_{{ field }} is null)
    {%- endfor %}
    -- The country of an address that names none is known from elsewhere.
    or coalesce(compared.origin_address not in (golden.address, golden.address_without_country), false)
    or (compared.origin_address is null) <> (golden.address is null)
    or (compared.origin_address is null and coalesce(compared.city, compared.postal_code) is not null)
