{{ config(tags=['phase_value']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

first_orders as (

    select
        orders.customer_id,
        {{ regulars.month_number('orders.ordered_on') }} as cohort_number,
        coalesce({{ regulars.lower_text('orders.channel') }}, '(none)') as first_channel,
        coalesce(orders.source, '(none)') as first_source,
        coalesce(orders.campaign_id, '(none)') as first_campaign
    from {{ ref('fct_orders') }} as orders
    cross join as_of
    where orders.is_first_order and orders.ordered_on <= as_of.as_of_on

),

customer_months as (

    select
        customer_id,
        {{ regulars.month_number('day') }} as month_number,
        sum(orders) as orders,
        sum(sales_amount) as sales_amount,
        sum(revenue_amount) as revenue_amount,
        sum(uncosted_amount) as uncosted_amount,
        sum(margin_amount) as margin_amount
    from {{ ref('int_customer_days') }}
    where orders > 0 or returns > 0
    group by customer_id, {{ regulars.month_number('day') }}

),

-- What came back before the first order that we know of belongs to a month that the cohort does not have: to its first.
placed as (

    select
        first_orders.*,
        case
            when customer_months.month_number < first_orders.cohort_number then 0
            else customer_months.month_number - first_orders.cohort_number
        end as months_later,
        customer_months.orders,
        customer_months.sales_amount,
        customer_months.revenue_amount,
        customer_months.uncosted_amount,
        customer_months.margin_amount
    from first_orders
    inner join customer_months on first_orders.customer_id = customer_months.customer_id

)

select
    cohort_number,
    first_channel,
    first_source,
    first_campaign,
    months_later,
    cast(count(case when orders > 0 then 1 end) as bigint) as active_customers,
    cast(sum(orders) as bigint) as orders,
    {{ regulars.as_money('sum(sales_amount)') }} as sales_amount,
    {{ regulars.as_money('sum(revenue_amount)') }} as revenue_amount,
    {{ regulars.as_money('sum(uncosted_amount)') }} as uncosted_amount,
    {{ regulars.as_money('sum(margin_amount)') }} as margin_amount
from placed
group by cohort_number, first_channel, first_source, first_campaign, months_later
