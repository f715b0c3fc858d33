{{ config(tags=['phase_value']) }}


with counted_answers as (

    select
        customer_id,
        source,
        channel,
        day,
        1 as answers,
        case when is_satisfied then 1 else 0 end as satisfied
    from {{ ref('fct_satisfaction') }}
    where kind = 'csat' and status = 'counted'

),

customers as (

    select * from {{ ref('int_customer_dimensions') }}

),

days as (

    select * from {{ ref('int_days') }}

),

csat as (

    select
        metric,
        window_months,
        window_days,
        'satisfied' as numerator,
        'answers' as denominator
    from {{ ref('metric_definitions') }}
    where metric = 'csat_90d'

),

spans as (

    {{ window_spans(
        'counted_answers', ['answers', 'satisfied'], 'csat',
        {'source': 'counted_answers.source', 'channel': 'counted_answers.channel'}
    ) | trim }}

),

sums as (

    {{ sums_over_windows(['answers', 'satisfied'], 'csat') | trim }}

)

select * from sums
