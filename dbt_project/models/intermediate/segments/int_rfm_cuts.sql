{{ config(tags=['phase_value']) }}

{#- Measure to the value by which it is ranked: the higher the better. -#}
{%- set measures = {'recency': '-recency_days', 'frequency': 'orders', 'monetary': 'revenue_amount'} %}

with rfm_scores as (

    select * from {{ ref('rfm_scores') }} where score > 1

),

{%- for measure, value in measures.items() %}

{{ measure }}_values as (

    select
        day,
        cast({{ value }} as decimal(18, 4)) as value,
        count(*) as customers
    from {{ ref('int_customer_measures') }}
    where orders > 0
    group by day, cast({{ value }} as decimal(18, 4))

),
{%- endfor %}

counted_values as (

    {%- for measure in measures %}
    select
        '{{ measure }}' as measure,
        day,
        value,
        customers
    from {{ measure }}_values
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- The share of the other buyers who stand lower: equal customers get equal scores, however many they are.
ranked as (

    select
        measure,
        day,
        value,
        coalesce(
            cast(
                sum(customers) over (
                    partition by measure, day order by value rows between unbounded preceding and current row
                ) - customers as double
            ) / nullif(cast(sum(customers) over (partition by measure, day) as double) - 1, 0),
            0
        ) as value_rank
    from counted_values

)

select
    ranked.measure,
    ranked.day,
    rfm_scores.score,
    min(ranked.value) as from_value
from ranked
inner join rfm_scores on ranked.value_rank >= rfm_scores.from_rank
group by ranked.measure, ranked.day, rfm_scores.score
