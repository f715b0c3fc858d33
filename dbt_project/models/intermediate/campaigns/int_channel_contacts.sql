{{ config(tags=['phase_profiles']) }}

with contact_events as (

    select * from {{ ref('int_contact_events') }} where is_contact or response_to is not null

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- What comes next, in one pass over each customer's time: contacts and responses are never paired.
followed as (

    select
        customer_id,
        channel,
        direction,
        occurred_at,
        is_contact,
        case
            when direction = 'out'
                then
                    min(case when response_to in ('out', 'any') then occurred_at end) over (
                        partition by customer_id
                        order by occurred_at, touchpoint_id
                        rows between 1 following and unbounded following
                    )
            else
                min(case when response_to = 'any' then occurred_at end) over (
                    partition by customer_id
                    order by occurred_at, touchpoint_id
                    rows between 1 following and unbounded following
                )
        end as next_response_at
    from contact_events

),

contacts as (

    select
        followed.customer_id,
        followed.channel,
        followed.direction,
        -- A contact of yesterday has not been answered yet, which does not mean that it will not be.
        {{ regulars.add_days('followed.occurred_at', threshold('response_days')) }} <= as_of.as_of as is_ripe,
        coalesce(
            followed.next_response_at
            <= {{ regulars.add_days('followed.occurred_at', threshold('response_days')) }},
            false
        ) as is_answered,
        followed.occurred_at > {{ regulars.add_days('as_of.as_of', '-365') }} as is_of_year
    from followed
    cross join as_of
    where followed.is_contact

),

-- Added up before it is told apart by span.
summed as (

    select
        is_of_year,
        customer_id,
        channel,
        count(*) as contacts,
        sum(case when direction = 'out' then 1 else 0 end) as contacts_out,
        sum(case when is_ripe then 1 else 0 end) as ripe_contacts,
        sum(case when is_ripe and is_answered then 1 else 0 end) as responses
    from contacts
    group by is_of_year, customer_id, channel

),

span_lengths as (

    select
        'all' as span,
        false as only_year
    union all
    select
        'year' as span,
        true as only_year

)

select
    span_lengths.span,
    summed.customer_id,
    summed.channel,
    cast(sum(summed.contacts) as bigint) as contacts,
    cast(sum(summed.contacts_out) as bigint) as contacts_out,
    cast(sum(summed.ripe_contacts) as bigint) as ripe_contacts,
    cast(sum(summed.responses) as bigint) as responses
from summed
inner join span_lengths on summed.is_of_year or not span_lengths.only_year
group by span_lengths.span, summed.customer_id, summed.channel
