{{ config(tags=['phase_value']) }}

with customer_value as (

    select
        customer_id,
        revenue_amount,
        margin_amount - coalesce(contact_cost_amount, 0) - coalesce(service_cost_amount, 0) as profit_amount,
        currency
    from {{ ref('customer_value') }}
    where orders > 0

),

measured as (

    select
        customer_id,
        'revenue' as measure,
        revenue_amount as amount,
        currency
    from customer_value
    where revenue_amount is not null

    union all

    select
        customer_id,
        'profit' as measure,
        profit_amount as amount,
        currency
    from customer_value
    where profit_amount is not null

),

placed as (

    select
        *,
        row_number() over (partition by measure order by amount desc, customer_id) as place,
        count(*) over (partition by measure) as customers
    from measured

),

hundredths as (

    select
        *,
        -- The top percent has at least one customer, and the last one has all.
        cast(ceil({{ rounded('100.0 * cast(place as double) / cast(customers as double)', 6) }}) as integer)
            as top_percent
    from placed

),

summed as (

    select
        measure,
        top_percent,
        count(*) as customers,
        sum(amount) as amount,
        sum(case when amount < 0 then 1 else 0 end) as losing_customers,
        sum(case when amount < 0 then amount else 0 end) as lost_amount,
        max(currency) as currency
    from hundredths
    group by measure, top_percent

)

select
    measure,
    top_percent,
    cast(customers as bigint) as customers,
    {{ regulars.as_money('amount') }} as amount,
    {{ regulars.as_money(
        'sum(amount) over (partition by measure order by top_percent rows between unbounded preceding and current row)'
    ) }} as cumulative_amount,
    -- Above 1 where the tail loses what the head earns.
    cast(sum(amount) over (
        partition by measure order by top_percent rows between unbounded preceding and current row
    ) as double) / nullif(cast(sum(amount) over (partition by measure) as double), 0) as cumulative_share,
    cast(losing_customers as bigint) as losing_customers,
    {{ regulars.as_money('lost_amount') }} as lost_amount,
    currency
from summed
