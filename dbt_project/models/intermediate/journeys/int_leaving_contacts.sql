{{ config(tags=['phase_value']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

contacts as (

    select * from {{ ref('int_service_contacts') }} where customer_id is not null and direction = 'in'

),

buyers as (

    select
        customer_id,
        first_ordered_on
    from {{ ref('int_customer_orders') }}
    where orders > 0

),

customer_days as (

    select * from {{ ref('int_customer_days') }} where orders > 0 or returns > 0

),

-- Who never bought cannot leave. A customer counts once for each reason: with the first contact about it, since the
-- last one is near the end by its nature.
of_channels as (

    select
        contacts.customer_id,
        contacts.reason_group,
        contacts.channel,
        min(contacts.day) as day
    from contacts
    inner join buyers on contacts.customer_id = buyers.customer_id and contacts.day >= buyers.first_ordered_on
    group by contacts.customer_id, contacts.reason_group, contacts.channel

),

first_contacts as (

    select
        customer_id,
        reason_group,
        coalesce(channel, 'unknown') as channel,
        day
    from of_channels

    union all

    select
        customer_id,
        reason_group,
        'all' as channel,
        min(day) as day
    from of_channels
    group by customer_id, reason_group

),

-- What was known on the day of the contact, and the next order after it.
measured as (

    select
        first_contacts.customer_id,
        first_contacts.reason_group,
        first_contacts.channel,
        first_contacts.day,
        sum(case when customer_days.orders > 0 and customer_days.day <= first_contacts.day then 1 else 0 end)
            as order_days,
        max(case when customer_days.orders > 0 and customer_days.day <= first_contacts.day then customer_days.day end)
            as last_ordered_on,
        min(case when customer_days.orders > 0 and customer_days.day > first_contacts.day then customer_days.day end)
            as next_ordered_on,
        sum(
            case
                when
                    customer_days.day <= first_contacts.day
                    and customer_days.day > {{ regulars.add_days('first_contacts.day', -365) }}
                    then customer_days.revenue_amount
                else 0
            end
        ) as revenue_365d_amount
    from first_contacts
    inner join customer_days on first_contacts.customer_id = customer_days.customer_id
    group by first_contacts.customer_id, first_contacts.reason_group, first_contacts.channel, first_contacts.day

)

select
    measured.customer_id,
    measured.reason_group,
    measured.channel,
    measured.day,
    cast(measured.order_days as bigint) as order_days,
    cast({{ regulars.days_between('measured.last_ordered_on', 'measured.day') }} as bigint) as silence_days,
    {{ has_stayed_away('measured.day', 'measured.next_ordered_on', 'as_of.as_of_on') }} as has_stayed_away,
    {{ regulars.as_money('measured.revenue_365d_amount') }} as revenue_365d_amount
from measured
cross join as_of
