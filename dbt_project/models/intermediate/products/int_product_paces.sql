{{ config(tags=['phase_value']) }}

with intervals as (

    select
        customer_id,
        article_id,
        is_usual_amount,
        log_amount,
        log_own_amount,
        ln(interval_days) as log_interval
    from {{ ref('int_product_intervals') }}
    where next_day is not null

),

-- What is worked out with logarithms or added up is rounded here and in what follows: engines and runs differ in the
-- last digit, and a due date or a rank must not.
-- What more lasts is seen within each customer: who buys more than others may just be more people.
by_customer as (

    select
        article_id,
        sum(log_amount * log_interval) - sum(log_amount) * sum(log_interval) / cast(count(*) as double) as together,
        sum(log_amount * log_amount) - sum(log_amount) * sum(log_amount) / cast(count(*) as double) as of_amounts
    from intervals
    where is_usual_amount
    group by customer_id, article_id

),

-- Twice as much lasts twice as long (1) unless the purchases say otherwise; the belief weighs as much as so many
-- doublings.
slopes as (

    select
        article_id,
        (sum(together) + {{ threshold('replenishment_prior_doublings') }} * ln(2) * ln(2))
        / (sum(of_amounts) + {{ threshold('replenishment_prior_doublings') }} * ln(2) * ln(2)) as slope
    from by_customer
    group by article_id

),

elasticities as (

    select
        article_id,
        case when slope > 1 then 1 when slope < 0 then 0 else {{ regulars.rounded('slope', 9) }} end as elasticity
    from slopes

),

measured as (

    select
        intervals.article_id,
        coalesce(elasticities.elasticity, 1) as elasticity,
        intervals.log_interval
        - coalesce(elasticities.elasticity, 1) * (intervals.log_amount + intervals.log_own_amount) as log_days
    from intervals
    left join elasticities on intervals.article_id = elasticities.article_id

)

select
    article_id,
    max(elasticity) as elasticity,
    {{ regulars.rounded(regulars.median_of('log_days'), 9) }} as log_days,
    count(*) as intervals
from measured
group by article_id
