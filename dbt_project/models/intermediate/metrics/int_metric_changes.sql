{{ config(tags=['phase_value']) }}


{%- set models = [
    'int_metric__validity',
    'int_metric__repeat_rate',
    'int_metric__key_customers_regular',
    'int_metric__email_rates',
    'int_metric__lifetime_value',
    'int_metric__at_risk',
    'int_metric__csat',
    'int_metric__order_sums',
    'int_metric__trailing_sums',
] %}

with
{%- for model in models %}

{{ model }} as (

    select * from {{ ref(model) }}

){{ ',' if not loop.last }}
{%- endfor %}
{% for model in models %}
select
    metric,
    day,
    {%- for name in goal_dimensions() %}
    {{ name }},
    {%- endfor %}
    numerator,
    denominator
from {{ model }}
{{ 'union all' if not loop.last }}
{%- endfor %}
