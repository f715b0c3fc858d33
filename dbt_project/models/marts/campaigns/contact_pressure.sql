{{ config(tags=['phase_value']) }}

with contact_weeks as (

    select * from {{ ref('int_contact_weeks') }}

),

bands as (

    select * from {{ ref('contact_pressure_bands') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

responses as (

    select * from contact_weeks where channel is null

),

-- Each channel by itself, and all of them together.
imposed as (

    select
        customer_id,
        week,
        channel,
        ends_on,
        contacts,
        unsubscribes,
        complaints
    from contact_weeks
    where channel is not null

    union all

    select
        customer_id,
        week,
        'all' as channel,
        ends_on,
        sum(contacts) as contacts,
        sum(unsubscribes) as unsubscribes,
        sum(complaints) as complaints
    from contact_weeks
    where channel is not null
    group by customer_id, week, ends_on

),

-- A customer counts from her first contact on, also in the weeks without one.
exposures as (

    select
        customer_id,
        channel,
        min(week) as first_week,
        max(ends_on) as ends_on
    from imposed
    where contacts > 0
    group by customer_id, channel

),

weeks_with_contacts as (

    select
        imposed.customer_id,
        imposed.channel,
        bands.band,
        1 as weeks,
        imposed.contacts,
        imposed.unsubscribes,
        imposed.complaints,
        coalesce(responses.has_response, 0) as responding_weeks,
        coalesce(responses.has_click, 0) as click_weeks,
        coalesce(responses.has_visit, 0) as visit_weeks,
        coalesce(responses.has_order, 0) as order_weeks,
        coalesce(responses.orders, 0) as orders,
        coalesce(responses.revenue_amount, 0) as revenue_amount
    from imposed
    left join bands
        on
            imposed.contacts >= bands.contacts_from
            and imposed.contacts <= coalesce(bands.contacts_upto, imposed.contacts)
    left join responses on imposed.customer_id = responses.customer_id and imposed.week = responses.week
    where imposed.contacts > 0

),

-- All that happened since the first contact; what of it happened in weeks with contacts is taken away again, so that
-- the weeks in which nothing happened need not be listed.
sides as (

    select
        customer_id,
        channel,
        cast({{ regulars.days_between('first_week', 'ends_on') }} / 7 as bigint) as weeks,
        0 as contacts,
        0 as unsubscribes,
        0 as complaints,
        0 as responding_weeks,
        0 as click_weeks,
        0 as visit_weeks,
        0 as order_weeks,
        0 as orders,
        0 as revenue_amount
    from exposures

    union all

    select
        exposures.customer_id,
        exposures.channel,
        0 as weeks,
        imposed.contacts,
        imposed.unsubscribes,
        imposed.complaints,
        0 as responding_weeks,
        0 as click_weeks,
        0 as visit_weeks,
        0 as order_weeks,
        0 as orders,
        0 as revenue_amount
    from exposures
    inner join imposed
        on
            exposures.customer_id = imposed.customer_id
            and exposures.channel = imposed.channel
            and exposures.first_week <= imposed.week

    union all

    select
        exposures.customer_id,
        exposures.channel,
        0 as weeks,
        0 as contacts,
        0 as unsubscribes,
        0 as complaints,
        responses.has_response as responding_weeks,
        responses.has_click as click_weeks,
        responses.has_visit as visit_weeks,
        responses.has_order as order_weeks,
        responses.orders,
        coalesce(responses.revenue_amount, 0) as revenue_amount
    from exposures
    inner join responses
        on exposures.customer_id = responses.customer_id and exposures.first_week <= responses.week

    union all

    select
        customer_id,
        channel,
        {{ pressure_sums('-{} as {}') }}
    from weeks_with_contacts

),

weeks_without as (

    select
        sides.customer_id,
        sides.channel,
        bands.band,
        {{ pressure_sums('sum(sides.{}) as {}') }}
    from sides
    inner join bands on bands.contacts_from = 0
    group by sides.customer_id, sides.channel, bands.band
    having sum(sides.weeks) > 0

),

together as (

    select
        customer_id,
        channel,
        band,
        {{ pressure_sums('{}') }}
    from weeks_with_contacts
    where band is not null

    union all

    select
        customer_id,
        channel,
        band,
        {{ pressure_sums('{}') }}
    from weeks_without

),

summed as (

    select
        channel,
        band,
        count(distinct customer_id) as customers,
        {{ pressure_sums('sum({}) as {}') }}
    from together
    group by channel, band

),

rated as (

    select
        *,
        cast(responding_weeks as double) / cast(weeks as double) as response_rate,
        cast(order_weeks as double) / cast(weeks as double) as order_rate
    from summed

)

select
    rated.channel,
    rated.band,
    bands.contacts_from,
    bands.contacts_upto,
    cast(rated.weeks as bigint) as customer_weeks,
    rated.customers,
    cast(rated.contacts as bigint) as contacts,
    cast(rated.responding_weeks as bigint) as responding_weeks,
    rated.response_rate,
    {{ wilson_bound('rated.response_rate', 'rated.weeks', 'low') }} as response_low,
    {{ wilson_bound('rated.response_rate', 'rated.weeks', 'high') }} as response_high,
    cast(rated.click_weeks as bigint) as click_weeks,
    cast(rated.visit_weeks as bigint) as visit_weeks,
    cast(rated.order_weeks as bigint) as order_weeks,
    rated.order_rate,
    {{ wilson_bound('rated.order_rate', 'rated.weeks', 'low') }} as order_low,
    {{ wilson_bound('rated.order_rate', 'rated.weeks', 'high') }} as order_high,
    cast(rated.orders as bigint) as orders,
    {{ regulars.as_money('rated.revenue_amount') }} as revenue_amount,
    {{ regulars.double_as_money('cast(rated.revenue_amount as double) / cast(rated.weeks as double)') }}
        as revenue_per_week_amount,
    cast(rated.unsubscribes as bigint) as unsubscribes,
    cast(rated.unsubscribes as double) / nullif(cast(rated.contacts as double), 0) as unsubscribe_rate,
    cast(rated.complaints as bigint) as complaints,
    cast(rated.complaints as double) / nullif(cast(rated.contacts as double), 0) as complaint_rate,
    as_of.currency,
    as_of.as_of as measured_at
from rated
cross join as_of
inner join bands on rated.band = bands.band
