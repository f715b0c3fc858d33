{#- Events name their campaign; one row per campaign and batch of events. Categories are their own names. -#}
with named as (

    select
        {{ passed_on('r') }},
        coalesce(r.singlesend_id, r.mc_auto_id, r.marketing_campaign_id) as campaign_id,
        coalesce(r.singlesend_name, r.mc_auto_name, r.marketing_campaign_name) as campaign_name,
        row_number() over (
            partition by
                r._load_id, r._batch_id,
                coalesce(r.singlesend_id, r.mc_auto_id, r.marketing_campaign_id)
            order by r._row asc nulls last
        ) as place_in_campaign
    from {{ source('sendgrid', 'events') }} as r
    where coalesce(r.singlesend_id, r.mc_auto_id, r.marketing_campaign_id) is not null

),

shaped as (

    select
        {{ passed_on('r') }},
        r.campaign_id,
        r.campaign_name,
        'email' as channel
    from named as r
    where r.place_in_campaign = 1

)

{{ as_entity('campaigns', 'shaped', ['campaign_id', 'campaign_name', 'channel']) }}
