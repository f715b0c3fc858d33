{{ config(tags=['phase_value']) }}

{%- set models = [
    'int_metric__validity',
    'int_metric__repeat_rate',
    'int_metric__key_customers_regular',
    'int_metric__email_rates',
    'int_metric__lifetime_value',
] %}

with
{%- for model in models %}

{{ model }} as (

    select * from {{ ref(model) }}

),
{%- endfor %}

metrics as (
    {% for model in models %}
    select metric, day, numerator, denominator, actual from {{ model }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    metric,
    day,
    numerator,
    denominator,
    actual
from metrics
