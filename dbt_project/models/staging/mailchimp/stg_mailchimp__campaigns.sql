with shaped as (

    select
        {{ passed_on('r') }},
        r.id as campaign_id,
        coalesce(
            nullif({{ json_text('r.settings', '$.title') }}, ''),
            {{ json_text('r.settings', '$.subject_line') }}
        ) as campaign_name,
        case when r._reject_reason is null then 'email' end as channel,
        {{ json_text('r.settings', '$.subject_line') }} as subject,
        r.send_time as started_at
    from {{ source('mailchimp', 'campaigns') }} as r

)

{{ as_entity('campaigns', 'shaped', ['campaign_id', 'campaign_name', 'channel', 'subject', 'started_at']) }}
