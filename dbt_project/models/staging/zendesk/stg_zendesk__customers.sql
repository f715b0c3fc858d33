{#- People who ask. Staff is in the same list: its role says so, and it is set aside. A number that several people share
    names nobody. -#}
with shaped as (

    select
        {{ passed_on('r', "case when r.role <> 'end-user' then 'no customer but staff: ' || r.role end") }},
        r.id as account_id,
        r.email,
        case when coalesce({{ typed_boolean('r.shared_phone_number') }}, false) then null else r.phone end as phone,
        r.name as full_name,
        r.locale as language,
        r.created_at,
        r.updated_at
    from {{ source('zendesk', 'users') }} as r

)

{{ as_entity('customers', 'shaped', [
    'account_id', 'email', 'phone', 'full_name', 'language', 'created_at', 'updated_at',
]) }}
