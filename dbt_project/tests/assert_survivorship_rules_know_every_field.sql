{#- Every field of a customer's golden values has a row in the seed survivorship_rules: without one its values would be
    taken by a fixed order that nobody declared. -#}
{{ config(tags=['phase_staging']) }}

with rules as (

    select * from {{ ref('survivorship_rules') }}

),

fields as (

    {%- for field in survivorship_fields() %}
    select '{{ field }}' as field
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select fields.field
from fields
left join rules on fields.field = rules.field
where rules.field is null
