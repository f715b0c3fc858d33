{{ config(tags=['phase_value']) }}

with customer_days as (

    select * from {{ ref('int_customer_days') }}

),

days as (

    select * from {{ ref('int_days') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric = 'key_customers_regular'

),

bounds as (

    select
        min(day) as first_day,
        max(day) as last_day
    from days

),

-- What enters and leaves the window of each customer: once at the start of the history, then day by day.
expiring as (

    select
        customer_days.customer_id,
        customer_days.day,
        customer_days.orders,
        customer_days.estimated_profit_amount,
        cast({{ regulars.add_months('customer_days.day', 'metric_definitions.window_months') }} as date) as expires_on
    from customer_days
    cross join metric_definitions

),

movements as (

    select
        expiring.customer_id,
        case when expiring.day < bounds.first_day then bounds.first_day else expiring.day end as day,
        expiring.orders,
        expiring.estimated_profit_amount as profit_amount
    from expiring
    cross join bounds
    where expiring.expires_on > bounds.first_day and expiring.day <= bounds.last_day

    union all

    select
        expiring.customer_id,
        expiring.expires_on as day,
        -expiring.orders as orders,
        -expiring.estimated_profit_amount as profit_amount
    from expiring
    cross join bounds
    where expiring.expires_on > bounds.first_day and expiring.expires_on <= bounds.last_day

),

customer_movements as (

    select
        customer_id,
        day,
        sum(orders) as orders,
        sum(profit_amount) as profit_amount
    from movements
    group by customer_id, day

),

customer_spans as (

    select
        customer_id,
        day as starts_on,
        coalesce(lead(day) over (partition by customer_id order by day), cast('9999-12-31' as date)) as ends_on,
        sum(orders) over (
            partition by customer_id order by day rows between unbounded preceding and current row
        ) as orders,
        sum(profit_amount) over (
            partition by customer_id order by day rows between unbounded preceding and current row
        ) as profit_amount
    from customer_movements

),

buyer_spans as (

    select
        customer_id,
        starts_on,
        ends_on,
        profit_amount,
        1 as buyers
    from customer_spans
    where orders > 0

),

buyers as (

    {{ running_counts('buyer_spans', 'days', ['buyers']) }}

),

seats as (

    select
        day,
        -- Rounded first: 0.07 × 100 is a little more than 7 for a computer.
        cast(ceil({{ rounded(threshold('key_customer_share') ~ ' * cast(buyers as double)', 6) }}) as bigint) as seats
    from buyers

),

-- Ranking everybody on every day would be customers times days. Whoever stays below what the last key customer is
-- sure to reach on every day can never be one: only the others are ranked.
most_seats as (

    select max(seats) as seats from seats

),

limits as (

    select
        buyer_spans.customer_id,
        max(buyer_spans.profit_amount) as best_amount,
        -- Sure to count on every day only if the spans leave no gap.
        case
            when
                sum(
                    {{ regulars.days_between(
                        'buyer_spans.starts_on',
                        'case when buyer_spans.ends_on > bounds.last_day then bounds.last_day'
                        ~ ' else buyer_spans.ends_on end'
                    ) }}
                ) = {{ regulars.days_between('min(bounds.first_day)', 'min(bounds.last_day)') }}
                and max(buyer_spans.ends_on) > max(bounds.last_day)
                then min(buyer_spans.profit_amount)
        end as worst_amount
    from buyer_spans
    cross join bounds
    group by buyer_spans.customer_id

),

sure_amounts as (

    select
        worst_amount,
        row_number() over (order by worst_amount desc) as place
    from limits
    where worst_amount is not null

),

sure_amount as (

    select max(sure_amounts.worst_amount) as amount
    from sure_amounts
    inner join most_seats on sure_amounts.place = most_seats.seats

),

candidates as (

    select limits.customer_id
    from limits
    cross join sure_amount
    where limits.best_amount >= coalesce(sure_amount.amount, limits.best_amount)

),

ranked as (

    select
        days.day,
        buyer_spans.customer_id,
        buyer_spans.profit_amount,
        row_number() over (
            partition by days.day order by buyer_spans.profit_amount desc, buyer_spans.customer_id asc
        ) as place
    from buyer_spans
    inner join candidates on buyer_spans.customer_id = candidates.customer_id
    inner join days on buyer_spans.starts_on <= days.day and buyer_spans.ends_on > days.day

)

select
    ranked.day,
    ranked.customer_id,
    ranked.profit_amount as estimated_profit_12m_amount,
    ranked.place
from ranked
inner join seats on ranked.day = seats.day and ranked.place <= seats.seats
