{{ config(tags=['phase_profiles']) }}

with calls as (

    select * from {{ ref('fct_calls') }}

),

tickets as (

    select * from {{ ref('fct_tickets') }} where stage <> 'deleted'

),

outcomes as (

    select * from {{ ref('call_outcomes') }}

),

contact_reasons as (

    select * from {{ ref('contact_reasons') }}

),

channels as (

    select * from {{ ref('contact_channels') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

named_tickets as (

    select
        tickets.*,
        coalesce(channels.contact_channel, tickets.channel) as contact_channel
    from tickets
    left join channels on tickets.channel = channels.channel

),

-- A service desk opens a ticket for a call that a telephone system reports, too: of those that are near in time a call
-- and a ticket that are nearest to each other are one contact.
near as (

    select
        calls.call_id,
        named_tickets.ticket_id,
        abs({{ regulars.seconds_between('calls.started_at', 'named_tickets.created_at') }}) as seconds_apart
    from named_tickets
    inner join calls on named_tickets.customer_id = calls.customer_id
    where
        named_tickets.contact_channel = 'phone'
        and abs({{ regulars.seconds_between('calls.started_at', 'named_tickets.created_at') }})
        <= 60 * {{ threshold('contact_merge_minutes') }}

),

places as (

    select
        call_id,
        ticket_id,
        row_number() over (partition by ticket_id order by seconds_apart asc, call_id asc) as place_of_call,
        row_number() over (partition by call_id order by seconds_apart asc, ticket_id asc) as place_of_ticket
    from near

),

pairs as (

    select
        call_id,
        ticket_id
    from places
    where place_of_call = 1 and place_of_ticket = 1

),

contacts as (

    select
        'call:' || calls.call_id as contact_id,
        'call' as kind,
        calls.call_id,
        pairs.ticket_id,
        calls.customer_id,
        case
            when {{ regulars.lower_text('calls.direction') }} in ('out', 'outbound') then 'out'
            else 'in'
        end as direction,
        'phone' as channel,
        calls.started_at as occurred_at,
        coalesce(calls.agent_id, named_tickets.agent_id) as agent_id,
        calls.reason as said,
        named_tickets.subject as also_said,
        coalesce(not outcomes.is_answered, false) or coalesce(calls.talk_seconds = 0 and calls.wait_seconds >= 0, false)
            as is_not_answered,
        coalesce(named_tickets.stage in ('open', 'waiting'), false) as is_open
    from calls
    left join outcomes on {{ regulars.lower_text('calls.outcome') }} = outcomes.outcome
    left join pairs on calls.call_id = pairs.call_id
    left join named_tickets on pairs.ticket_id = named_tickets.ticket_id

    union all

    select
        'ticket:' || named_tickets.ticket_id as contact_id,
        'ticket' as kind,
        cast(null as {{ dbt.type_string() }}) as call_id,
        named_tickets.ticket_id,
        named_tickets.customer_id,
        'in' as direction,
        named_tickets.contact_channel as channel,
        named_tickets.created_at as occurred_at,
        named_tickets.agent_id,
        cast(null as {{ dbt.type_string() }}) as said,
        named_tickets.subject as also_said,
        false as is_not_answered,
        named_tickets.stage in ('open', 'waiting') as is_open
    from named_tickets
    left join pairs on named_tickets.ticket_id = pairs.ticket_id
    where pairs.ticket_id is null

),

-- Each wording is looked up once.
wordings as (

    select said from contacts where said is not null
    union
    select also_said as said from contacts where also_said is not null

),

found_reasons as (

    select
        wordings.said,
        contact_reasons.reason_group,
        contact_reasons.is_complaint,
        row_number() over (partition by wordings.said order by contact_reasons.priority) as place
    from wordings
    inner join contact_reasons on {{ regulars.lower_text('wordings.said') }} like contact_reasons.pattern

),

reasons as (

    select * from found_reasons where place = 1

)

select
    contacts.contact_id,
    contacts.kind,
    contacts.call_id,
    contacts.ticket_id,
    contacts.customer_id,
    contacts.direction,
    contacts.channel,
    contacts.occurred_at,
    {{ regulars.local_day('contacts.occurred_at', 'as_of.time_zone') }} as day,
    contacts.agent_id,
    coalesce(reasons.reason_group, other_reasons.reason_group, 'other') as reason_group,
    coalesce(reasons.is_complaint, false) or coalesce(other_reasons.is_complaint, false) as is_complaint,
    contacts.is_not_answered and contacts.direction = 'in' as is_unanswered,
    contacts.is_open
from contacts
cross join as_of
left join reasons on contacts.said = reasons.said
left join reasons as other_reasons on contacts.also_said = other_reasons.said
where contacts.occurred_at <= as_of.as_of
