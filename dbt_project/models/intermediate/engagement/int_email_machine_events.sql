{{ config(tags=['phase_profiles']) }}

{#- The kinds of rules whose clicks say that a machine was at work at that moment. -#}
{%- set telling = ['hidden_link', 'after_delivery', 'links'] -%}

with rules as (

    select * from {{ ref('machine_rules') }} where is_active

),

received as (

    select
        record_key,
        record_status,
        source,
        is_machine,
        {{ lower_text('event') }} as event,
        occurred_at,
        url,
        user_agent,
        ip_address,
        -- Links are those of the campaign, whoever got it; a delivery is one message to one address.
        coalesce(campaign_key, source || ':' || message_id) as mail,
        coalesce(source || ':' || message_id, campaign_key)
        || ' ' || coalesce(email, {{ lower_text('email_text') }}, account_key) as delivery
    from {{ ref('int_used__email_events') }}
    where record_status in ('valid', 'duplicate')

),

email_events as (

    select * from received where record_status = 'valid'

),

-- A sender may tell one event twice, and only once that it was a machine's.
flagged_copies as (

    select distinct record_key from received where record_status = 'duplicate' and is_machine

),

by_flag as (

    select
        email_events.record_key,
        rules.place
    from email_events
    left join flagged_copies on email_events.record_key = flagged_copies.record_key
    inner join rules
        on rules.kind = 'flag' and (rules.event is null or email_events.event = rules.event)
    where email_events.is_machine or flagged_copies.record_key is not null

),

-- Each distinct user agent and address is compared with the patterns once.
user_agents as (

    select distinct
        user_agent,
        {{ lower_text('user_agent') }} as lower_agent
    from email_events
    where user_agent is not null

),

machine_agents as (

    select distinct user_agents.user_agent
    from user_agents
    inner join {{ ref('machine_user_agents') }} as machines
        on
            (machines.match = 'equals' and user_agents.lower_agent = machines.pattern)
            or (machines.match = 'contains' and position(machines.pattern in user_agents.lower_agent) > 0)
    where machines.is_machine

),

by_user_agent as (

    select
        email_events.record_key,
        rules.place
    from email_events
    inner join machine_agents on email_events.user_agent = machine_agents.user_agent
    inner join rules
        on rules.kind = 'user_agent' and (rules.event is null or email_events.event = rules.event)

),

addresses as (

    select distinct ip_address from email_events where ip_address is not null

),

machine_addresses as (

    select distinct addresses.ip_address
    from addresses
    inner join {{ ref('machine_networks') }} as networks
        on position(networks.prefix in addresses.ip_address) = 1

),

by_network as (

    select
        email_events.record_key,
        rules.place
    from email_events
    inner join machine_addresses on email_events.ip_address = machine_addresses.ip_address
    inner join rules
        on rules.kind = 'network' and (rules.event is null or email_events.event = rules.event)

),

-- A source that tells the time in whole minutes cannot say what happened within seconds.
clocks as (

    select source
    from email_events
    group by source
    having max(case when extract(second from occurred_at) <> 0 then 1 else 0 end) = 1

),

reactions as (

    select
        email_events.record_key,
        email_events.event,
        email_events.occurred_at,
        email_events.url,
        email_events.mail,
        email_events.delivery
    from email_events
    inner join clocks on email_events.source = clocks.source
    where
        email_events.event in ('open', 'click')
        and email_events.occurred_at is not null
        and email_events.delivery is not null

),

deliveries as (

    select
        delivery,
        min(occurred_at) as delivered_at
    from email_events
    where event = 'delivered'
    group by delivery

),

waits as (

    select
        reactions.record_key,
        reactions.event,
        {{ seconds_between('deliveries.delivered_at', 'reactions.occurred_at') }} as seconds
    from reactions
    inner join deliveries on reactions.delivery = deliveries.delivery

),

by_after_delivery as (

    select
        waits.record_key,
        rules.place
    from waits
    inner join rules
        on
            rules.kind = 'after_delivery'
            and (rules.event is null or waits.event = rules.event)
            and waits.seconds >= rules.min_seconds
            and waits.seconds <= rules.max_seconds

),

clicks as (

    select
        record_key,
        occurred_at,
        url,
        mail,
        delivery,
        -- What tells readers apart stands behind the question mark.
        split_part(split_part(url, '#', 1), '?', 1) as link
    from reactions
    where event = 'click' and url is not null

),

by_hidden_link as (

    select
        clicks.record_key,
        rules.place
    from clicks
    inner join rules
        on rules.kind = 'hidden_link' and position(rules.pattern in {{ lower_text('clicks.url') }}) > 0

),

-- A link that one recipient alone clicked may be his own, such as one for unsubscribing.
known_links as (

    select
        mail,
        link
    from clicks
    group by mail, link
    having count(distinct delivery) > 1

),

known_counts as (

    select
        mail,
        count(*) as links
    from known_links
    group by mail

),

link_rules as (

    select * from rules where kind = 'links'

),

paced as (

    select
        link_rules.place,
        clicks.record_key,
        clicks.occurred_at,
        clicks.url,
        clicks.link,
        clicks.mail,
        clicks.delivery,
        case
            when
                {{ seconds_between(
                    'lag(clicks.occurred_at) over (partition by link_rules.place, clicks.delivery '
                    ~ 'order by clicks.occurred_at asc, clicks.record_key asc)',
                    'clicks.occurred_at'
                ) }} <= link_rules.max_seconds
                then 0
            else 1
        end as is_first_of_burst
    from clicks
    cross join link_rules

),

bursts as (

    select
        *,
        sum(is_first_of_burst) over (
            partition by place, delivery
            order by occurred_at asc, record_key asc
            rows between unbounded preceding and current row
        ) as burst
    from paced

),

burst_counts as (

    select
        bursts.place,
        bursts.delivery,
        bursts.burst,
        max(bursts.mail) as mail,
        count(distinct bursts.url) as links,
        count(distinct known_links.link) as known_links
    from bursts
    left join known_links on bursts.mail = known_links.mail and bursts.link = known_links.link
    group by bursts.place, bursts.delivery, bursts.burst

),

machine_bursts as (

    select
        burst_counts.place,
        burst_counts.delivery,
        burst_counts.burst
    from burst_counts
    inner join link_rules on burst_counts.place = link_rules.place
    left join known_counts on burst_counts.mail = known_counts.mail
    where
        burst_counts.links >= link_rules.min_links
        and (
            link_rules.min_share is null
            or (
                known_counts.links >= link_rules.min_links
                and burst_counts.known_links >= link_rules.min_share * known_counts.links
            )
        )

),

by_links as (

    select
        bursts.record_key,
        bursts.place
    from bursts
    inner join machine_bursts
        on
            bursts.place = machine_bursts.place
            and bursts.delivery = machine_bursts.delivery
            and bursts.burst = machine_bursts.burst

),

told as (

    {%- for kind in telling %}
    select record_key from by_{{ kind }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

machine_moments as (

    select distinct
        reactions.record_key,
        reactions.delivery
    from reactions
    inner join told on reactions.record_key = told.record_key
    where reactions.event = 'click'

),

machine_deliveries as (

    select distinct delivery from machine_moments

),

-- Only deliveries in which a machine clicked: its last click before each event, and its next one.
beside_moments as (

    select
        reactions.record_key,
        reactions.event,
        reactions.occurred_at,
        max(case when machine_moments.record_key is not null then reactions.occurred_at end) over (
            partition by reactions.delivery
            order by reactions.occurred_at asc, reactions.record_key asc
            rows between unbounded preceding and current row
        ) as machine_before,
        min(case when machine_moments.record_key is not null then reactions.occurred_at end) over (
            partition by reactions.delivery
            order by reactions.occurred_at asc, reactions.record_key asc
            rows between current row and unbounded following
        ) as machine_after
    from reactions
    inner join machine_deliveries on reactions.delivery = machine_deliveries.delivery
    left join machine_moments on reactions.record_key = machine_moments.record_key

),

by_beside as (

    select
        beside_moments.record_key,
        rules.place
    from beside_moments
    inner join rules
        on
            rules.kind = 'beside'
            and (rules.event is null or beside_moments.event = rules.event)
            and (
                {{ seconds_between('beside_moments.machine_before', 'beside_moments.occurred_at') }}
                <= rules.max_seconds
                or {{ seconds_between('beside_moments.occurred_at', 'beside_moments.machine_after') }}
                <= rules.max_seconds
            )

),

found as (

    {%- for kind in ['flag', 'user_agent', 'network'] + telling + ['beside'] %}
    select
        record_key,
        place
    from by_{{ kind }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

foremost as (

    select
        record_key,
        min(place) as place
    from found
    group by record_key

)

select
    foremost.record_key,
    rules.rule_id as machine_reason
from foremost
inner join rules on foremost.place = rules.place
