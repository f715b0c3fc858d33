{{ config(tags=['phase_profiles']) }}

with customer_days as (

    select * from {{ ref('int_customer_days') }}

),

snapshot_days as (

    select * from {{ ref('int_snapshot_days') }}

),

golden as (

    select
        customer_id,
        first_seen_at
    from {{ ref('int_customer_golden') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric = 'key_customers_regular'

),

-- What each day adds to a customer, and what it takes from the trailing window when it leaves it again.
movements as (

    select
        customer_id,
        day,
        orders,
        returns,
        case when orders > 0 then 1 else 0 end as order_days,
        case when orders > 0 then day end as ordered_on,
        revenue_amount,
        orders as orders_12m,
        revenue_amount as revenue_12m_amount,
        estimated_profit_amount as profit_12m_amount
    from customer_days

    union all

    select
        customer_days.customer_id,
        cast({{ regulars.add_months('customer_days.day', 'metric_definitions.window_months') }} as date) as day,
        0 as orders,
        0 as returns,
        0 as order_days,
        cast(null as date) as ordered_on,
        cast(0 as decimal(18, 4)) as revenue_amount,
        -customer_days.orders as orders_12m,
        -customer_days.revenue_amount as revenue_12m_amount,
        -customer_days.estimated_profit_amount as profit_12m_amount
    from customer_days
    cross join metric_definitions

),

-- Between two snapshots only the sum matters.
steps as (

    select
        movements.customer_id,
        snapshot_days.day,
        sum(movements.orders) as orders,
        sum(movements.returns) as returns,
        sum(movements.order_days) as order_days,
        min(movements.ordered_on) as first_ordered_on,
        max(movements.ordered_on) as last_ordered_on,
        sum(movements.revenue_amount) as revenue_amount,
        sum(movements.orders_12m) as orders_12m,
        sum(movements.revenue_12m_amount) as revenue_12m_amount,
        sum(movements.profit_12m_amount) as profit_12m_amount
    from movements
    inner join snapshot_days
        on
            movements.day <= snapshot_days.day
            and movements.day > coalesce(snapshot_days.previous_day, cast('0001-01-01' as date))
    group by movements.customer_id, snapshot_days.day

),

first_days as (

    select
        customer_id,
        min(day) as first_day
    from customer_days
    group by customer_id

),

known_since as (

    select
        golden.customer_id,
        {{ regulars.local_day('golden.first_seen_at', 'as_of.time_zone') }} as first_seen_on,
        first_days.first_day
    from golden
    cross join as_of
    left join first_days on golden.customer_id = first_days.customer_id

),

grid as (

    select
        known_since.customer_id,
        snapshot_days.day,
        snapshot_days.is_as_of,
        snapshot_days.month_number
    from known_since
    inner join snapshot_days
        on
            snapshot_days.is_as_of
            or known_since.first_seen_on <= snapshot_days.day
            or known_since.first_day <= snapshot_days.day

),

running as (

    select
        grid.customer_id,
        grid.day,
        grid.is_as_of,
        grid.month_number,
        {%- for name in ['orders', 'returns', 'order_days', 'revenue_amount', 'orders_12m', 'revenue_12m_amount',
                         'profit_12m_amount'] %}
        coalesce(sum(steps.{{ name }}) over (
            partition by grid.customer_id order by grid.day rows between unbounded preceding and current row
        ), 0) as {{ name }},
        {%- endfor %}
        min(steps.first_ordered_on) over (
            partition by grid.customer_id order by grid.day rows between unbounded preceding and current row
        ) as first_ordered_on,
        max(steps.last_ordered_on) over (
            partition by grid.customer_id order by grid.day rows between unbounded preceding and current row
        ) as last_ordered_on
    from grid
    left join steps on grid.customer_id = steps.customer_id and grid.day = steps.day

)

select
    customer_id,
    day,
    is_as_of,
    month_number,
    cast(orders as bigint) as orders,
    cast(returns as bigint) as returns,
    cast(order_days as bigint) as order_days,
    first_ordered_on,
    last_ordered_on,
    cast({{ regulars.days_between('last_ordered_on', 'day') }} as bigint) as recency_days,
    cast({{ regulars.days_between('first_ordered_on', 'day') }} as bigint) as tenure_days,
    {{ regulars.as_money('revenue_amount') }} as revenue_amount,
    cast(orders_12m as bigint) as orders_12m,
    {{ regulars.as_money('revenue_12m_amount') }} as revenue_12m_amount,
    {{ regulars.as_money('profit_12m_amount') }} as estimated_profit_12m_amount
from running
