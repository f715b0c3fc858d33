{{ config(tags=['phase_profiles']) }}

{#- Chains of owners are followed by doubling: after five doublings 32 steps. No company has that many levels, so who is
    still being led on then goes round in a circle. -#}
{%- set doublings = [0, 1, 2, 3, 4] -%}

with partners as (

    select * from {{ ref('int_used__partners') }} where record_status = 'valid'

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

named as (

    select
        partner_key as partner_id,
        source,
        partner_id as partner_number,
        partner_name,
        {{ lower_text('kind') }} as kind,
        email,
        phone,
        country_code,
        agent_id,
        owner as owner_stated,
        {{ lower_text('owner') }} as owner_lower,
        started_at,
        ended_at
    from partners

),

-- An address that two partners share names neither.
by_email as (

    select
        source,
        email,
        min(partner_id) as partner_id
    from named
    where email is not null
    group by source, email
    having count(*) = 1

),

stated_owners as (

    select
        named.partner_id,
        coalesce(by_number.partner_id, by_email.partner_id) as owner_id
    from named
    left join named as by_number
        on named.source = by_number.source and named.owner_stated = by_number.partner_number
    left join by_email on named.source = by_email.source and named.owner_lower = by_email.email

),

steps_0 as (

    select
        partner_id,
        owner_id
    from stated_owners
    where owner_id is not null

),

{%- for step in doublings %}

steps_{{ step + 1 }} as (

    select
        here.partner_id,
        ahead.owner_id
    from steps_{{ step }} as here
    inner join steps_{{ step }} as ahead on here.owner_id = ahead.partner_id

),
{%- endfor %}

judged as (

    select
        named.*,
        stated_owners.owner_id,
        case
            when named.owner_stated is null then 'none'
            when stated_owners.owner_id is null then 'unknown'
            when owners.kind <> 'employee' then 'not_employee'
            when loops.partner_id is not null then 'loop'
            when owners.ended_at <= as_of.as_of then 'ended'
            else 'known'
        end as owner_status,
        owners.partner_name as owner_name,
        coalesce(named.started_at <= as_of.as_of, true) and coalesce(named.ended_at > as_of.as_of, true) as is_active
    from named
    cross join as_of
    left join stated_owners on named.partner_id = stated_owners.partner_id
    left join named as owners on stated_owners.owner_id = owners.partner_id
    left join steps_{{ doublings | length }} as loops on named.partner_id = loops.partner_id

)

select
    partner_id,
    source,
    partner_number,
    partner_name,
    kind,
    email,
    phone,
    country_code,
    agent_id,
    owner_stated,
    owner_id,
    owner_name,
    owner_status,
    started_at,
    ended_at,
    is_active
from judged
