{{ config(tags=['phase_profiles']) }}

{%- set sums = ['orders', 'order_days', 'revenue_amount', 'orders_12m', 'revenue_12m_amount', 'profit_12m_amount'] %}

with customer_days as (

    select * from {{ ref('int_customer_days') }}

),

snapshot_days as (

    select * from {{ ref('int_snapshot_days') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

golden as (

    select
        golden.customer_id,
        {{ regulars.local_day('golden.first_seen_at', 'as_of.time_zone') }} as first_seen_on
    from {{ ref('int_customer_golden') }} as golden
    cross join as_of

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric = 'key_customers_regular'

),

bounds as (

    select
        min(day) as first_day,
        max(day) as last_day
    from snapshot_days

),

dated as (

    select
        customer_days.*,
        cast({{ regulars.add_months('customer_days.day', 'metric_definitions.window_months') }} as date) as expires_on,
        bounds.first_day,
        bounds.last_day
    from customer_days
    cross join metric_definitions
    cross join bounds

),

-- What each day adds to a customer, and what it takes from the trailing window when it leaves it again. What came and
-- went before the first snapshot was in no window that is measured.
movements as (

    select
        customer_id,
        day,
        orders,
        case when orders > 0 then 1 else 0 end as order_days,
        case when orders > 0 then day end as ordered_on,
        revenue_amount,
        case when expires_on > first_day then orders else 0 end as orders_12m,
        case when expires_on > first_day then revenue_amount else 0 end as revenue_12m_amount,
        case when expires_on > first_day then estimated_profit_amount else 0 end as profit_12m_amount
    from dated

    union all

    select
        customer_id,
        expires_on as day,
        0 as orders,
        0 as order_days,
        cast(null as date) as ordered_on,
        cast(0 as decimal(18, 4)) as revenue_amount,
        -orders as orders_12m,
        -revenue_amount as revenue_12m_amount,
        -estimated_profit_amount as profit_12m_amount
    from dated
    where expires_on > first_day and expires_on <= last_day

    union all

    -- Known before anything happened: since a source first saw the customer, since today where none says when.
    select
        golden.customer_id,
        case when golden.first_seen_on <= bounds.last_day then golden.first_seen_on else bounds.last_day end as day,
        0 as orders,
        0 as order_days,
        cast(null as date) as ordered_on,
        cast(0 as decimal(18, 4)) as revenue_amount,
        0 as orders_12m,
        cast(0 as decimal(18, 4)) as revenue_12m_amount,
        cast(0 as decimal(18, 4)) as profit_12m_amount
    from golden
    cross join bounds

),

-- Between two snapshots only the sum matters.
steps as (

    select
        movements.customer_id,
        snapshot_days.day,
        {%- for name in sums %}
        sum(movements.{{ name }}) as {{ name }},
        {%- endfor %}
        min(movements.ordered_on) as first_ordered_on,
        max(movements.ordered_on) as last_ordered_on
    from movements
    inner join snapshot_days
        on
            movements.day <= snapshot_days.day
            and movements.day > coalesce(snapshot_days.previous_day, cast('0001-01-01' as date))
    group by movements.customer_id, snapshot_days.day

),

-- Sums to date hold until the next snapshot that something happened before: only those rows are summed up.
spans as (

    select
        customer_id,
        day as starts_on,
        lag(day) over (partition by customer_id order by day) is null as is_first,
        coalesce(lead(day) over (partition by customer_id order by day), cast('9999-12-31' as date)) as ends_on,
        {%- for name in sums %}
        sum({{ name }}) over (
            partition by customer_id order by day rows between unbounded preceding and current row
        ) as {{ name }},
        {%- endfor %}
        min(first_ordered_on) over (
            partition by customer_id order by day rows between unbounded preceding and current row
        ) as first_ordered_on,
        max(last_ordered_on) over (
            partition by customer_id order by day rows between unbounded preceding and current row
        ) as last_ordered_on
    from steps

)

select
    spans.customer_id,
    snapshot_days.day,
    snapshot_days.is_as_of,
    snapshot_days.month_number,
    spans.is_first and spans.starts_on = snapshot_days.day as is_first_snapshot,
    cast(spans.orders as bigint) as orders,
    cast(spans.order_days as bigint) as order_days,
    spans.first_ordered_on,
    spans.last_ordered_on,
    cast({{ regulars.days_between('spans.last_ordered_on', 'snapshot_days.day') }} as bigint) as recency_days,
    cast({{ regulars.days_between('spans.first_ordered_on', 'snapshot_days.day') }} as bigint) as tenure_days,
    {{ regulars.as_money('spans.revenue_amount') }} as revenue_amount,
    cast(spans.orders_12m as bigint) as orders_12m,
    {{ regulars.as_money('spans.revenue_12m_amount') }} as revenue_12m_amount,
    {{ regulars.as_money('spans.profit_12m_amount') }} as estimated_profit_12m_amount
from spans
inner join snapshot_days on spans.starts_on <= snapshot_days.day and spans.ends_on > snapshot_days.day
