{{ config(tags=['phase_profiles']) }}

with calls as (

    select * from {{ ref('fct_calls') }}

),

tickets as (

    select * from {{ ref('fct_tickets') }}

),

outcomes as (

    select * from {{ ref('call_outcomes') }}

),

contact_reasons as (

    select * from {{ ref('contact_reasons') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

contacts as (

    select
        calls.call_id as contact_id,
        'call' as kind,
        calls.customer_id,
        calls.started_at as occurred_at,
        calls.agent_id,
        calls.reason as said,
        not outcomes.is_answered as is_unanswered,
        cast(calls.satisfaction as double) as rating
    from calls
    left join outcomes on {{ regulars.lower_text('calls.outcome') }} = outcomes.outcome

    union all

    select
        ticket_id as contact_id,
        'ticket' as kind,
        customer_id,
        created_at as occurred_at,
        agent_id,
        subject as said,
        false as is_unanswered,
        cast(satisfaction as double) as rating
    from tickets

),

-- Each wording is looked up once. The first row of the seed that fits wins.
wordings as (

    select distinct said from contacts where said is not null

),

groups as (

    select
        wordings.said,
        contact_reasons.reason_group,
        contact_reasons.is_complaint,
        row_number() over (partition by wordings.said order by contact_reasons.priority) as place
    from wordings
    inner join contact_reasons on {{ regulars.lower_text('wordings.said') }} like contact_reasons.pattern

)

select
    contacts.contact_id,
    contacts.kind,
    contacts.customer_id,
    contacts.occurred_at,
    {{ regulars.local_day('contacts.occurred_at', 'as_of.time_zone') }} as day,
    contacts.agent_id,
    coalesce(groups.reason_group, 'other') as reason_group,
    coalesce(groups.is_complaint, false) as is_complaint,
    coalesce(contacts.is_unanswered, false) as is_unanswered,
    contacts.rating
from contacts
cross join as_of
left join groups on contacts.said = groups.said and groups.place = 1
where contacts.occurred_at <= as_of.as_of
