{{ config(tags=['phase_profiles']) }}

with partner_contacts as (

    select * from {{ ref('fct_partner_contacts') }}

),

partners as (

    select * from {{ ref('int_partners') }}

),

service_contacts as (

    select
        agent_id,
        day,
        count(*) as contacts,
        max(occurred_at) as occurred_at
    from {{ ref('int_service_contacts') }}
    where agent_id is not null
    group by agent_id, day

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- A number that two employees share names neither.
agents as (

    select
        agent_id,
        min(partner_id) as partner_id
    from partners
    where kind = 'employee' and agent_id is not null
    group by agent_id
    having count(*) = 1

),

contacts as (

    select
        partner_contacts.contact_id,
        partner_contacts.partner_id,
        partner_contacts.contacted_at,
        partner_contacts.contacted_on,
        partner_contacts.next_step_on,
        partner_contacts.employee_id
    from partner_contacts
    cross join as_of
    where partner_contacts.contacted_at <= as_of.as_of

),

-- With the partner; and of an employee what he said to partners and customers.
heard as (

    select
        partner_id,
        contacted_at,
        contacted_on as day,
        1 as contacts
    from contacts
    where partner_id is not null

    union all

    select
        employee_id as partner_id,
        contacted_at,
        contacted_on as day,
        1 as contacts
    from contacts
    where employee_id is not null and employee_id <> coalesce(partner_id, '')

    union all

    select
        agents.partner_id,
        service_contacts.occurred_at as contacted_at,
        service_contacts.day,
        service_contacts.contacts
    from service_contacts
    inner join agents on service_contacts.agent_id = agents.agent_id

),

by_partner as (

    select
        heard.partner_id,
        max(heard.contacted_at) as last_contact_at,
        max(heard.day) as last_contact_on,
        cast(sum(
            case
                when {{ regulars.days_between('heard.day', 'as_of.as_of_on') }} < 365 then heard.contacts
                else 0
            end
        ) as bigint) as contacts_365d
    from heard
    cross join as_of
    group by heard.partner_id

),

-- The day that a later contact reached has been used.
later as (

    select
        *,
        max(contacted_on) over (
            partition by partner_id
            order by contacted_at asc, contact_id asc
            rows between 1 following and unbounded following
        ) as last_on_after
    from contacts
    where partner_id is not null

),

open_steps as (

    select
        partner_id,
        min(next_step_on) as next_step_on
    from later
    where next_step_on is not null and coalesce(last_on_after < next_step_on, true)
    group by partner_id

)

select
    by_partner.partner_id,
    by_partner.last_contact_at,
    by_partner.last_contact_on,
    by_partner.contacts_365d,
    open_steps.next_step_on
from by_partner
left join open_steps on by_partner.partner_id = open_steps.partner_id
