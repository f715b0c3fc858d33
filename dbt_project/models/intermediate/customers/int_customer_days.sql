{{ config(tags=['phase_profiles']) }}

with counted_orders as (

    select * from {{ ref('int_orders_to_date') }}

),

contact_costs as (

    select * from {{ ref('int_contact_costs') }} where customer_id is not null

),

service_costs as (

    select * from {{ ref('int_service_costs') }} where customer_id is not null

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
        {{ parts_of_day(dict(
            order_measures('counted_orders'),
            estimated_margin_amount='coalesce(counted_orders.margin_amount, '
                ~ regulars.double_as_money('cast(counted_orders.net_amount as double) * margin_rate.margin_rate')
                ~ ', 0)'
        )) }}
    from counted_orders
    cross join margin_rate
    where counted_orders.customer_id is not null

    union all

    select
        customer_id,
        day,
        {{ parts_of_day({
            'messages': 1,
            'emails': "case when channel = 'email' then 1 else 0 end",
            'costed_messages': 'case when cost_amount is not null then 1 else 0 end',
            'contact_cost_amount': 'cost_amount',
            'media_cost_amount': 'case when is_media then cost_amount end',
        }) }}
    from contact_costs

    union all

    select
        customer_id,
        day,
        {{ parts_of_day({
            'calls': "case when kind = 'call' then 1 else 0 end",
            'tickets': "case when kind = 'ticket' then 1 else 0 end",
            'costed_service_contacts': 'case when cost_amount is not null then 1 else 0 end',
            'service_cost_amount': 'cost_amount',
        }) }}
    from service_costs

)

select
    customer_id,
    day,
    {{ sums_of_day() }},
    {{ regulars.as_money(
        'sum(estimated_margin_amount - coalesce(contact_cost_amount, 0) - coalesce(service_cost_amount, 0))'
    ) }} as estimated_profit_amount
from happenings
group by customer_id, day
