{{ config(tags=['phase_profiles']) }}
{%- set model = attribution_model() %}

with contacts as (

    select * from {{ ref('int_channel_contacts') }}

),

orders as (

    select * from {{ ref('fct_orders') }} where order_kind = 'sale'

),

attributed_orders as (

    select * from {{ ref('attributed_orders') }}

),

contact_costs as (

    select * from {{ ref('int_contact_costs') }}

),

service_costs as (

    select * from {{ ref('int_service_costs') }}

),

tickets as (

    select * from {{ ref('fct_tickets') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Each kind of happening is added up by itself, in its own few columns: most rows are messages.
order_sums as (

    select
        orders.customer_id,
        orders.channel,
        orders.ordered_at > {{ regulars.add_days('as_of.as_of', '-365') }} as is_of_year,
        count(*) as orders,
        sum(orders.net_amount) as sales_amount
    from orders
    cross join as_of
    where orders.ordered_at <= as_of.as_of
    group by
        orders.customer_id, orders.channel, orders.ordered_at > {{ regulars.add_days('as_of.as_of', '-365') }}

),

cost_rows as (

    select
        customer_id,
        channel,
        day,
        cost_amount
    from contact_costs

    union all

    select
        service_costs.customer_id,
        coalesce(tickets.channel, 'phone') as channel,
        service_costs.day,
        service_costs.cost_amount
    from service_costs
    left join tickets on service_costs.kind = 'ticket' and service_costs.contact_id = tickets.ticket_id

),

cost_sums as (

    select
        cost_rows.customer_id,
        cost_rows.channel,
        coalesce({{ regulars.days_between('cost_rows.day', 'as_of.as_of_on') }} < 365, false) as is_of_year,
        count(*) as costs,
        count(cost_rows.cost_amount) as costed,
        sum(cost_rows.cost_amount) as cost_amount
    from cost_rows
    cross join as_of
    group by
        cost_rows.customer_id,
        cost_rows.channel,
        coalesce({{ regulars.days_between('cost_rows.day', 'as_of.as_of_on') }} < 365, false)

),

happenings as (

    select
        customer_id,
        channel,
        is_of_year,
        {{ channel_columns({'orders': 'orders', 'sales_amount': 'sales_amount'}) }}
    from order_sums

    union all

    select
        attributed_orders.customer_id,
        attributed_orders.channel,
        attributed_orders.ordered_at > {{ regulars.add_days('as_of.as_of', '-365') }} as is_of_year,
        {{ channel_columns({
            'attributed_orders': model ~ '_orders',
            'attributed_revenue_amount': model ~ '_revenue_amount',
            'attributed_margin_amount':
                'case when ' ~ model ~ '_orders > 0 or coalesce(' ~ model ~ '_revenue_amount, 0) <> 0 then '
                ~ model ~ '_margin_amount end',
            'uncosted_revenue_amount':
                'case when ' ~ model ~ '_margin_amount is null then ' ~ model ~ '_revenue_amount else 0 end',
        }) }}
    from attributed_orders
    cross join as_of

    union all

    select
        customer_id,
        channel,
        is_of_year,
        {{ channel_columns({'costs': 'costs', 'costed': 'costed', 'cost_amount': 'cost_amount'}) }}
    from cost_sums

),

summed as (

    select
        is_of_year,
        customer_id,
        channel,
        {{ channel_sums() }}
    from happenings
    group by is_of_year, customer_id, channel

),

spans as (

    select
        'all' as span,
        customer_id,
        channel,
        {{ channel_measures().keys() | join(', ') }}
    from summed

    union all

    select
        'year' as span,
        customer_id,
        channel,
        {{ channel_measures().keys() | join(', ') }}
    from summed
    where is_of_year

    union all

    select
        span,
        customer_id,
        channel,
        {{ channel_columns({
            'contacts': 'contacts',
            'contacts_out': 'contacts_out',
            'ripe_contacts': 'ripe_contacts',
            'responses': 'responses',
        }) }}
    from contacts

)

select
    span,
    customer_id,
    channel,
    {{ channel_sums() }}
from spans
group by span, customer_id, channel
