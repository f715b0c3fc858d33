{{ config(tags=['phase_profiles']) }}

with touchpoints as (

    select * from {{ ref('fct_touchpoints') }}

),

web_sessions as (

    select * from {{ ref('fct_web_sessions') }} where campaign is not null

),

kinds as (

    select * from {{ ref('attribution_touches') }} where is_counted

),

campaigns as (

    select * from {{ ref('int_campaign_costs') }}

),

-- What a link to the site calls a campaign: its id at its source, or its name.
campaign_texts as (

    select
        {{ lower_text("substr(campaign_id, position(':' in campaign_id) + 1)") }} as campaign_text,
        campaign_id,
        channel,
        messages
    from campaigns
    union all
    select
        {{ lower_text('campaign_name') }} as campaign_text,
        campaign_id,
        channel,
        messages
    from campaigns
    where campaign_name is not null

),

-- A list and a mailer may both know one: the one that sent most is meant.
named_campaigns as (

    select
        *,
        row_number() over (partition by campaign_text order by messages desc, campaign_id asc) as place
    from campaign_texts

),

counted as (

    select
        touchpoints.*,
        kinds.needs_campaign
    from touchpoints
    inner join kinds on touchpoints.kind = kinds.kind

),

found as (

    select
        counted.touchpoint_id,
        counted.customer_id,
        counted.occurred_at,
        counted.kind,
        counted.needs_campaign,
        -- A visit through a campaign is the work of the campaign's channel.
        coalesce(named_campaigns.channel, counted.channel) as channel,
        coalesce(
            counted.campaign_id,
            named_campaigns.campaign_id,
            web_sessions.tracker || ':' || {{ lower_text('web_sessions.campaign') }}
        ) as campaign_id
    from counted
    left join web_sessions
        on counted.kind = 'web_session' and counted.touchpoint_id = 'session:' || web_sessions.session_id
    left join named_campaigns
        on {{ lower_text('web_sessions.campaign') }} = named_campaigns.campaign_text and named_campaigns.place = 1

)

select
    touchpoint_id,
    customer_id,
    occurred_at,
    kind,
    channel,
    campaign_id
from found
where campaign_id is not null or not needs_campaign
