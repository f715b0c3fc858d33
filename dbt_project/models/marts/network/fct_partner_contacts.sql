{{ config(tags=['phase_profiles']) }}

with contacts as (

    select * from {{ ref('int_used__partner_contacts') }} where record_status = 'valid'

),

partners as (

    select * from {{ ref('int_partners') }}

),

channels as (

    select * from {{ ref('contact_channels') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- A number or an address that two employees share names neither.
names as (

    select
        source,
        partner_number as name,
        1 as trust,
        partner_id
    from partners
    where kind = 'employee'

    union all

    select
        source,
        agent_id as name,
        2 as trust,
        min(partner_id) as partner_id
    from partners
    where kind = 'employee' and agent_id is not null
    group by source, agent_id
    having count(*) = 1

    union all

    select
        source,
        email as name,
        3 as trust,
        min(partner_id) as partner_id
    from partners
    where kind = 'employee' and email is not null
    group by source, email
    having count(*) = 1

),

employees as (

    select
        source,
        name,
        partner_id
    from (
        select
            *,
            row_number() over (partition by source, name order by trust) as place
        from names
    ) as ranked
    where place = 1

)

select
    coalesce(contacts.source || ':' || contacts.contact_id, contacts.record_key) as contact_id,
    contacts.source,
    partners.partner_id,
    contacts.contacted_at,
    {{ regulars.local_day('contacts.contacted_at', 'as_of.time_zone') }} as contacted_on,
    coalesce(channels.contact_channel, {{ lower_text('contacts.channel') }}) as channel,
    case
        when {{ lower_text('contacts.direction') }} in ('out', 'outbound') then 'out'
        when {{ lower_text('contacts.direction') }} in ('in', 'inbound') then 'in'
    end as direction,
    coalesce(by_number.partner_id, by_address.partner_id) as employee_id,
    contacts.reason,
    contacts.next_step_on
from contacts
cross join as_of
left join partners on contacts.partner_key = partners.partner_id
left join channels on {{ lower_text('contacts.channel') }} = channels.channel
left join employees as by_number
    on contacts.source = by_number.source and contacts.employee = by_number.name
left join employees as by_address
    on contacts.source = by_address.source and {{ lower_text('contacts.employee') }} = by_address.name
