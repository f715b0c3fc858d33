{{ config(tags=['phase_value']) }}

with customer_value as (

    select * from {{ ref('customer_value') }}

),

customer_orders as (

    select * from {{ ref('int_customer_orders') }}

),

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

golden as (

    select
        customer_id,
        country_code
    from {{ ref('int_customer_golden') }}

),

channels as (

    select
        customer_id,
        channel,
        row_number() over (
            partition by customer_id order by sum(net_amount) desc nulls last, count(*) desc, channel asc nulls last
        ) as place
    from {{ ref('int_orders_to_date') }}
    where customer_id is not null and order_kind = 'sale'
    group by customer_id, channel

)

select
    customer_value.customer_id,
    {%- for segment in portfolio_segments() %}
    customer_segments.{{ segment }},
    {%- endfor %}
    channels.channel as main_channel,
    substr(cast(customer_value.first_ordered_on as {{ dbt.type_string() }}), 1, 7) as cohort,
    golden.country_code as country,
    customer_value.unprofitable_reason,
    customer_value.orders,
    customer_value.gross_amount,
    customer_value.discount_amount,
    customer_value.revenue_amount,
    customer_value.uncosted_revenue_amount as uncosted_amount,
    customer_value.margin_amount,
    customer_orders.moved_amount,
    customer_orders.costed_amount,
    customer_value.messages,
    customer_orders.costed_messages,
    customer_value.contact_cost_amount,
    customer_orders.media_cost_amount,
    customer_value.calls + customer_value.tickets as service_contacts,
    customer_orders.costed_service_contacts,
    customer_value.service_cost_amount,
    customer_value.profit_amount
from customer_value
left join customer_orders on customer_value.customer_id = customer_orders.customer_id
left join customer_segments on customer_value.customer_id = customer_segments.customer_id
left join golden on customer_value.customer_id = golden.customer_id
left join channels on customer_value.customer_id = channels.customer_id and channels.place = 1
