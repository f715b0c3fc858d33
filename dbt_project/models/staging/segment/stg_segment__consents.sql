{#- What a person lets the site do, by category, when it says so anew or when a person becomes known; the same state
    stands beside every other call. -#}
{%- set type = 'r.' ~ adapter.quote('type') -%}
{%- set sent = 'r.' ~ adapter.quote('timestamp') -%}
with categories as (

    select
        {{ passed_on('r') }},
        r.messageId,
        r.userId as account_id,
        coalesce({{ json_text('r.traits', '$.email') }}, {{ json_text('r.context', '$.traits.email') }}) as email,
        coalesce({{ sent }}, r.originalTimestamp, r.sentAt, r.receivedAt) as occurred_at,
        {{ explode_json_object(json_text('r.context', '$.consent.categoryPreferences'), 'category', 'is_allowed') }}
    from {{ source('segment', 'calls') }} as r
    where
        {{ type }} = 'identify'
        or r.event in ('Segment Consent Preference Updated', 'Segment Consent Preference')

),

shaped as (

    select
        {{ passed_on('r') }},
        r.messageId || ':' || r.category as consent_id,
        r.account_id,
        r.email,
        'web' as channel,
        r.category as purpose,
        case r.is_allowed when 'true' then 'granted' when 'false' then 'denied' else r.is_allowed end as status,
        r.occurred_at,
        'consent banner' as origin
    from categories as r
    where coalesce(r.account_id, r.email) is not null

)

{{ as_entity('consents', 'shaped', [
    'consent_id', 'account_id', 'email', 'channel', 'purpose', 'status', 'occurred_at', 'origin',
]) }}
