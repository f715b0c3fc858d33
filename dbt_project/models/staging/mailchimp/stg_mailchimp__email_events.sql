{#- Mailchimp gives no ids to what happened: campaign, recipient, event and time name it. An open is told twice, in
    email_activity and in open_details, under one name; the latter also tells what a proxy opened, and
    int_email_machine_events heeds that whichever of the two counts as the record. -#}
{%- set activity_time = json_text('a.item', '$.timestamp') -%}
{%- set open_time = json_text('o.item', '$.timestamp') -%}
with activities as (

    select
        {{ passed_on('r') }},
        r.campaign_id,
        r.email_id,
        r.email_address,
        {{ explode_json('r.activity', 'item', 'item_number') }}
    from {{ source('mailchimp', 'email_activity') }} as r

),

opens as (

    select
        {{ passed_on('r') }},
        r.campaign_id,
        r.email_id,
        r.email_address,
        {{ explode_json('r.opens', 'item', 'item_number') }}
    from {{ source('mailchimp', 'open_details') }} as r

),

shaped as (

    select
        {{ passed_on('a') }},
        a.campaign_id || ':' || a.email_id || ':' || {{ json_text('a.item', '$.action') }} || ':' || {{ activity_time }}
        || coalesce(':' || {{ json_text('a.item', '$.url') }}, '') as event_id,
        a.campaign_id,
        a.email_address as email,
        {{ json_text('a.item', '$.action') }} as event,
        {{ activity_time }} as occurred_at,
        {{ json_text('a.item', '$.url') }} as url,
        {{ json_text('a.item', '$.ip') }} as ip_address,
        cast(null as {{ dbt.type_string() }}) as is_machine
    from activities as a

    union all

    select
        {{ passed_on('o') }},
        o.campaign_id || ':' || o.email_id || ':open:' || {{ open_time }} as event_id,
        o.campaign_id,
        o.email_address as email,
        'open' as event,
        {{ open_time }} as occurred_at,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as ip_address,
        {{ json_text('o.item', '$.is_proxy_open') }} as is_machine
    from opens as o

    union all

    select
        {{ passed_on('r') }},
        r.campaign_id || ':' || r.email_id || ':sent' as event_id,
        r.campaign_id,
        r.email_address as email,
        case when r._reject_reason is null then 'sent' end as event,
        r.campaign_send_time as occurred_at,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as ip_address,
        cast(null as {{ dbt.type_string() }}) as is_machine
    from {{ source('mailchimp', 'sent_to') }} as r

    union all

    select
        {{ passed_on('r') }},
        r.campaign_id || ':' || r.email_id || ':unsubscribe' as event_id,
        r.campaign_id,
        r.email_address as email,
        case when r._reject_reason is null then 'unsubscribe' end as event,
        r.{{ adapter.quote('timestamp') }} as occurred_at,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as ip_address,
        cast(null as {{ dbt.type_string() }}) as is_machine
    from {{ source('mailchimp', 'unsubscribes') }} as r

    union all

    select
        {{ passed_on('r') }},
        r.campaign_id || ':' || r.email_id || ':complaint' as event_id,
        r.campaign_id,
        r.email_address as email,
        case when r._reject_reason is null then 'complaint' end as event,
        r.{{ adapter.quote('date') }} as occurred_at,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as ip_address,
        cast(null as {{ dbt.type_string() }}) as is_machine
    from {{ source('mailchimp', 'abuse_reports') }} as r

    union all

    -- Who is in a report and did nothing was still sent the campaign. Lines that could not be read are here, too.
    select
        {{ passed_on('r') }},
        r.campaign_id || ':' || r.email_id || ':sent' as event_id,
        r.campaign_id,
        r.email_address as email,
        case when r._reject_reason is null then 'sent' end as event,
        r.campaign_send_time as occurred_at,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as ip_address,
        cast(null as {{ dbt.type_string() }}) as is_machine
    from {{ source('mailchimp', 'email_activity') }} as r
    where {{ json_text('r.activity', '$[0]') }} is null

    union all

    select
        {{ passed_on('r') }},
        r.campaign_id || ':' || r.email_id || ':sent' as event_id,
        r.campaign_id,
        r.email_address as email,
        case when r._reject_reason is null then 'sent' end as event,
        r.campaign_send_time as occurred_at,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as ip_address,
        cast(null as {{ dbt.type_string() }}) as is_machine
    from {{ source('mailchimp', 'open_details') }} as r
    where {{ json_text('r.opens', '$[0]') }} is null

)

{{ as_entity('email_events', 'shaped', [
    'event_id', 'campaign_id', 'email', 'event', 'occurred_at', 'url', 'ip_address', 'is_machine',
]) }}
