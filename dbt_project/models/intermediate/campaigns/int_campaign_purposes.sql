{{ config(tags=['phase_profiles']) }}

with campaigns as (

    select
        campaign_id,
        -- What stands before the colon is the name of the source.
        {{ lower_text(
            "substr(campaign_id, position(':' in campaign_id) + 1) || ' ' || coalesce(campaign_name, '')"
        ) }} as campaign_text
    from {{ ref('int_campaign_costs') }}

),

purposes as (

    select * from {{ ref('campaign_purposes') }}

),

found as (

    select
        campaigns.campaign_id,
        min(purposes.priority) as priority
    from campaigns
    inner join purposes on campaigns.campaign_text like purposes.pattern
    group by campaigns.campaign_id

)

select
    campaigns.campaign_id,
    coalesce(purposes.purpose, 'marketing') as purpose
from campaigns
left join found on campaigns.campaign_id = found.campaign_id
left join purposes on found.priority = purposes.priority
