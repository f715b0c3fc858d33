{{ config(materialized='view', tags=['phase_profiles']) }}

with touchpoints as (

    select * from {{ ref('fct_touchpoints') }}

),

roles as (

    select * from {{ ref('touchpoint_roles') }}

),

marketing_campaigns as (

    select campaign_id from {{ ref('int_campaign_purposes') }} where purpose = 'marketing'

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    touchpoints.touchpoint_id,
    touchpoints.customer_id,
    touchpoints.occurred_at,
    touchpoints.channel,
    touchpoints.kind,
    touchpoints.direction,
    touchpoints.order_id,
    roles.is_contact,
    roles.is_pressure,
    roles.response_to,
    not roles.needs_marketing or marketing_campaigns.campaign_id is not null as is_of_pressure
from touchpoints
cross join as_of
inner join roles on touchpoints.kind = roles.kind and touchpoints.direction = roles.direction
left join marketing_campaigns on touchpoints.campaign_id = marketing_campaigns.campaign_id
where touchpoints.occurred_at <= as_of.as_of
