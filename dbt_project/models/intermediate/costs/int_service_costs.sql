{{ config(tags=['phase_profiles']) }}

with calls as (

    select * from {{ ref('fct_calls') }}

),

tickets as (

    select * from {{ ref('fct_tickets') }} where stage <> 'deleted'

),

cost_rates as (

    select * from {{ ref('int_cost_rates') }} where cost_type = 'ticket'

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

dated_calls as (

    select
        calls.*,
        {{ regulars.local_day('calls.started_at', 'as_of.time_zone') }} as day
    from calls
    cross join as_of
    where calls.started_at <= as_of.as_of

),

dated_tickets as (

    select
        tickets.*,
        {{ regulars.local_day('tickets.created_at', 'as_of.time_zone') }} as day
    from tickets
    cross join as_of
    where tickets.created_at <= as_of.as_of

),

-- A service desk opens a ticket for each call; where the telephone line tells of the call, too, it is one contact.
call_days as (

    select distinct
        customer_id,
        day
    from dated_calls
    where customer_id is not null

)

select
    call_id as contact_id,
    'call' as kind,
    customer_id,
    day,
    handling_cost_amount as cost_amount
from dated_calls

union all

select
    dated_tickets.ticket_id as contact_id,
    'ticket' as kind,
    dated_tickets.customer_id,
    dated_tickets.day,
    cost_rates.cost_amount
from dated_tickets
left join cost_rates on 1 = 1
left join call_days
    on
        dated_tickets.channel = 'phone'
        and dated_tickets.customer_id = call_days.customer_id
        and dated_tickets.day = call_days.day
where call_days.customer_id is null
