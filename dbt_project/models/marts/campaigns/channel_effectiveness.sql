{{ config(tags=['phase_value']) }}

with channel_customers as (

    select * from {{ ref('int_channel_customers') }}

),

customer_segments as (

    select
        customer_id,
        value_segment
    from {{ ref('customer_segments') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

joined as (

    select
        channel_customers.span,
        coalesce(channel_customers.channel, 'unknown') as channel,
        coalesce(customer_segments.value_segment, 'unknown') as value_segment,
        {{ channel_measures().keys() | join(', ') }}
    from channel_customers
    left join customer_segments on channel_customers.customer_id = customer_segments.customer_id

),

summed as (

    select
        span,
        channel,
        value_segment,
        cast(sum(case when contacts > 0 then 1 else 0 end) as bigint) as customers_reached,
        {{ channel_sums() }}
    from joined
    group by span, channel, value_segment

),

typed as (

    select
        *,
        cast(responses as double) / nullif(cast(ripe_contacts as double), 0) as response_rate,
        -- Nothing attributed is no margin; attributed orders of unknown cost are an unknown one.
        case
            when coalesce(attributed_orders, 0) = 0 then cast(0 as decimal(18, 4))
            else attributed_margin_amount
        end as margin_amount
    from summed

)

select
    typed.span,
    typed.channel,
    typed.value_segment,
    typed.contacts,
    typed.contacts_out,
    typed.contacts - typed.contacts_out as contacts_in,
    typed.customers_reached,
    typed.ripe_contacts,
    typed.responses,
    typed.response_rate,
    {{ wilson_bound('typed.response_rate', 'typed.ripe_contacts', 'low') }} as response_low,
    {{ wilson_bound('typed.response_rate', 'typed.ripe_contacts', 'high') }} as response_high,
    typed.orders,
    case
        when typed.orders = 0 then cast(0 as decimal(18, 4)) else typed.sales_amount
    end as sales_amount,
    coalesce(typed.attributed_orders, cast(0 as decimal(18, 4))) as attributed_orders,
    case
        when coalesce(typed.attributed_orders, 0) = 0 then cast(0 as decimal(18, 4))
        else typed.attributed_revenue_amount
    end as attributed_revenue_amount,
    typed.margin_amount as attributed_margin_amount,
    coalesce(typed.uncosted_revenue_amount, cast(0 as decimal(18, 4))) as uncosted_revenue_amount,
    typed.cost_amount,
    cast(typed.costed as double) / nullif(cast(typed.costs as double), 0) as cost_coverage_rate,
    {{ regulars.as_money('typed.margin_amount - typed.cost_amount') }} as profit_amount,
    {{ regulars.double_as_money(
        'cast(typed.margin_amount - typed.cost_amount as double) / nullif(cast(typed.contacts as double), 0)'
    ) }} as profit_per_contact_amount,
    as_of.currency,
    as_of.as_of as measured_at
from typed
cross join as_of
