{{ config(tags=['phase_profiles']) }}

with orders as (

    select * from {{ ref('fct_orders') }} where customer_id is not null and order_kind in ('sale', 'return')

),

email_events as (

    select * from {{ ref('fct_email_events') }} where customer_id is not null and not is_machine

),

email_deliveries as (

    select * from {{ ref('int_email_deliveries') }} where customer_id is not null and delivered_at is not null

),

calls as (

    select * from {{ ref('fct_calls') }} where customer_id is not null

),

tickets as (

    select * from {{ ref('fct_tickets') }} where customer_id is not null and stage <> 'deleted'

),

surveys as (

    select * from {{ ref('fct_surveys') }} where customer_id is not null

),

web_sessions as (

    select * from {{ ref('fct_web_sessions') }} where customer_id is not null and not is_bot

),

touch_kinds as (

    select * from {{ ref('touch_kinds') }}

),

touchpoints as (

    select
        'order:' || order_id as touchpoint_id,
        customer_id,
        ordered_at as occurred_at,
        channel,
        case when order_kind = 'return' then 'return' else 'order' end as kind,
        'in' as direction,
        campaign_id,
        order_id,
        status as detail
    from orders

    union all

    select
        'delivery:' || delivery_id as touchpoint_id,
        customer_id,
        delivered_at as occurred_at,
        'email' as channel,
        'email_delivered' as kind,
        'out' as direction,
        campaign_id,
        cast(null as {{ dbt.type_string() }}) as order_id,
        cast(null as {{ dbt.type_string() }}) as detail
    from email_deliveries

    union all

    select
        'email_event:' || event_id as touchpoint_id,
        customer_id,
        occurred_at,
        'email' as channel,
        'email_' || event as kind,
        'in' as direction,
        campaign_id,
        cast(null as {{ dbt.type_string() }}) as order_id,
        -- What stands behind the question mark may name a person.
        split_part(url, '?', 1) as detail
    from email_events
    where event in ('open', 'click', 'unsubscribe', 'complaint')

    union all

    select
        'call:' || call_id as touchpoint_id,
        customer_id,
        started_at as occurred_at,
        'phone' as channel,
        'call' as kind,
        case when direction in ('out', 'outbound') then 'out' else 'in' end as direction,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        cast(null as {{ dbt.type_string() }}) as order_id,
        coalesce(reason, outcome) as detail
    from calls

    union all

    select
        'ticket:' || ticket_id as touchpoint_id,
        customer_id,
        created_at as occurred_at,
        channel,
        'ticket' as kind,
        'in' as direction,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        cast(null as {{ dbt.type_string() }}) as order_id,
        -- The subject may name a person.
        status as detail
    from tickets

    union all

    select
        'survey:' || response_id as touchpoint_id,
        customer_id,
        responded_at as occurred_at,
        channel,
        'survey' as kind,
        'in' as direction,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        order_id,
        kind as detail
    from surveys

    union all

    select
        'session:' || session_id as touchpoint_id,
        customer_id,
        started_at as occurred_at,
        'web' as channel,
        'web_session' as kind,
        'in' as direction,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        cast(null as {{ dbt.type_string() }}) as order_id,
        split_part(landing_page, '?', 1) as detail
    from web_sessions

)

{%- set in_order -%}
    over (
        partition by touchpoints.customer_id
        order by touchpoints.occurred_at nulls last, coalesce(touch_kinds.place, 1000), touchpoints.touchpoint_id
    )
{%- endset %}

-- One order of everything that happened to a customer, whichever system tells of it: of two things in the same moment
-- the cause stands first.
select
    touchpoints.*,
    cast(row_number() {{ in_order }} as bigint) as touch_number,
    lag(touchpoints.channel) {{ in_order }} as previous_channel,
    lag(touchpoints.occurred_at) {{ in_order }} as previous_touch_at
from touchpoints
left join touch_kinds on touchpoints.kind = touch_kinds.kind
