{{ config(tags=['phase_profiles']) }}

with orders as (

    select * from {{ ref('fct_orders') }}

),

email_deliveries as (

    select * from {{ ref('int_email_deliveries') }} where customer_id is not null and sent_on is not null

),

calls as (

    select * from {{ ref('fct_calls') }} where customer_id is not null

),

cost_rates as (

    select * from {{ ref('int_cost_rates') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

counted_orders as (

    select orders.*
    from orders
    cross join as_of
    where orders.order_kind in ('sale', 'return') and orders.ordered_on <= as_of.as_of_on

),

-- What is left of revenue on the average where the cost is known; all of it where no cost is known at all.
margin_rate as (

    select
        case
            when sum(case when margin_amount is not null then net_amount end) > 0
                then
                    cast(sum(margin_amount) as double)
                    / cast(sum(case when margin_amount is not null then net_amount end) as double)
            else 1.0
        end as margin_rate
    from counted_orders

),

happenings as (

    select
        counted_orders.customer_id,
        counted_orders.ordered_on as day,
        case when counted_orders.order_kind = 'sale' then 1 else 0 end as orders,
        case when counted_orders.order_kind = 'return' then 1 else 0 end as returns,
        case when counted_orders.order_kind = 'sale' then counted_orders.net_amount else 0 end as sales_amount,
        counted_orders.net_amount as revenue_amount,
        counted_orders.margin_amount,
        abs(counted_orders.net_amount) as moved_amount,
        case when counted_orders.margin_amount is not null then abs(counted_orders.net_amount) else 0 end
            as costed_amount,
        coalesce(
            counted_orders.margin_amount,
            {{ regulars.double_as_money('cast(counted_orders.net_amount as double) * margin_rate.margin_rate') }},
            0
        ) as estimated_margin_amount,
        0 as emails,
        cast(0 as decimal(18, 4)) as contact_cost_amount,
        0 as calls,
        cast(0 as decimal(18, 4)) as service_cost_amount
    from counted_orders
    cross join margin_rate
    where counted_orders.customer_id is not null

    union all

    select
        email_deliveries.customer_id,
        email_deliveries.sent_on as day,
        0 as orders,
        0 as returns,
        0 as sales_amount,
        0 as revenue_amount,
        null as margin_amount,
        0 as moved_amount,
        0 as costed_amount,
        0 as estimated_margin_amount,
        1 as emails,
        {{ regulars.as_money('cost_rates.email_sent_amount') }} as contact_cost_amount,
        0 as calls,
        0 as service_cost_amount
    from email_deliveries
    cross join cost_rates

    union all

    select
        calls.customer_id,
        {{ regulars.local_day('calls.started_at', 'as_of.time_zone') }} as day,
        0 as orders,
        0 as returns,
        0 as sales_amount,
        0 as revenue_amount,
        null as margin_amount,
        0 as moved_amount,
        0 as costed_amount,
        0 as estimated_margin_amount,
        0 as emails,
        0 as contact_cost_amount,
        1 as calls,
        calls.handling_cost_amount as service_cost_amount
    from calls
    cross join as_of
    where calls.started_at <= as_of.as_of

)

select
    customer_id,
    day,
    cast(sum(orders) as bigint) as orders,
    cast(sum(returns) as bigint) as returns,
    {{ regulars.as_money('sum(sales_amount)') }} as sales_amount,
    {{ regulars.as_money('sum(revenue_amount)') }} as revenue_amount,
    {{ regulars.as_money('sum(margin_amount)') }} as margin_amount,
    {{ regulars.as_money('sum(moved_amount)') }} as moved_amount,
    {{ regulars.as_money('sum(costed_amount)') }} as costed_amount,
    cast(sum(emails) as bigint) as emails,
    {{ regulars.as_money('sum(contact_cost_amount)') }} as contact_cost_amount,
    cast(sum(calls) as bigint) as calls,
    {{ regulars.as_money('sum(service_cost_amount)') }} as service_cost_amount,
    {{ regulars.as_money(
        'sum(estimated_margin_amount - coalesce(contact_cost_amount, 0) - coalesce(service_cost_amount, 0))'
    ) }} as estimated_profit_amount
from happenings
group by customer_id, day
