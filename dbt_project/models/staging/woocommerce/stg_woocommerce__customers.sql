with shaped as (

    select
        {{ passed_on('r') }},
        r.id as account_id,
        coalesce({{ typed_text('r.email') }}, {{ json_text('r.billing', '$.email') }}) as email,
        {{ json_text('r.billing', '$.phone') }} as phone,
        coalesce({{ typed_text('r.first_name') }}, {{ json_text('r.billing', '$.first_name') }}) as first_name,
        coalesce({{ typed_text('r.last_name') }}, {{ json_text('r.billing', '$.last_name') }}) as last_name,
        {{ json_text('r.billing', '$.company') }} as company_name,
        {{ json_text('r.billing', '$.address_1') }} as street,
        {{ json_text('r.billing', '$.city') }} as city,
        {{ json_text('r.billing', '$.postcode') }} as postal_code,
        {{ json_text('r.billing', '$.state') }} as region,
        {{ json_text('r.billing', '$.country') }} as country_code,
        {{ woocommerce_time('r.date_created_gmt', 'r.date_created') }} as created_at,
        {{ woocommerce_time('r.date_modified_gmt', 'r.date_modified') }} as updated_at
    from {{ source('woocommerce', 'customers') }} as r

)

{{ as_entity('customers', 'shaped', [
    'account_id', 'email', 'phone', 'first_name', 'last_name', 'company_name', 'street', 'city', 'postal_code',
    'region', 'country_code', 'created_at', 'updated_at',
]) }}
