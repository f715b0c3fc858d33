{{ config(tags=['phase_identity']) }}

{#- Where identifiers come from: model -> expression of the first and of the last time, and the columns per kind. A
    contract may begin after it was signed: nobody was seen in the future. Who is dealt into an arm of an experiment
    was not seen by that. -#}
{%- set origins = [
    {
        'model': 'int_used__customers', 'first': 'coalesce(created_at, updated_at)',
        'last': 'coalesce(updated_at, created_at)',
        'kinds': {'account': 'account_key', 'email': 'email', 'phone': 'phone', 'loyalty_card': 'loyalty_card'},
    },
    {
        'model': 'int_used__orders', 'first': 'ordered_at', 'last': 'ordered_at',
        'kinds': {'account': 'account_key', 'email': 'email', 'phone': 'phone', 'loyalty_card': 'loyalty_card'},
    },
    {
        'model': 'int_used__email_events', 'first': 'occurred_at', 'last': 'occurred_at',
        'kinds': {'account': 'account_key', 'email': 'email'},
    },
    {
        'model': 'int_calls', 'first': 'started_at', 'last': 'started_at',
        'kinds': {'account': 'account_key', 'phone': 'phone'},
    },
    {
        'model': 'int_used__tickets', 'first': 'created_at', 'last': 'coalesce(updated_at, created_at)',
        'kinds': {'account': 'account_key', 'email': 'email', 'phone': 'phone'},
    },
    {
        'model': 'int_used__consents', 'first': 'occurred_at', 'last': 'occurred_at',
        'kinds': {'account': 'account_key', 'email': 'email', 'phone': 'phone'},
    },
    {
        'model': 'int_used__surveys', 'first': 'responded_at', 'last': 'responded_at',
        'kinds': {'account': 'account_key', 'email': 'email', 'phone': 'phone'},
    },
    {
        'model': 'int_used__experiment_assignments', 'first': 'cast(null as timestamp)',
        'last': 'cast(null as timestamp)',
        'kinds': {'account': 'account_key', 'email': 'email', 'phone': 'phone'},
    },
    {
        'model': 'int_used__subscriptions',
        'first': 'case when started_at < loaded_at then started_at else loaded_at end',
        'last': 'case when coalesce(updated_at, started_at) < loaded_at then coalesce(updated_at, started_at) '
            ~ 'else loaded_at end',
        'kinds': {'account': 'account_key', 'email': 'email', 'phone': 'phone'},
    },
    {
        'model': 'logged_in', 'first': 'first_seen_at', 'last': 'last_seen_at',
        'kinds': {'account': 'account_key', 'email': 'email', 'visitor': 'visitor'},
    },
] -%}

with web_events as (

    -- One row per visitor and device: most web sites know the same visitor by thousands of events.
    select
        source,
        record_ref,
        account_key,
        email,
        visitor_id,
        user_agent,
        coalesce(is_bot, false) as is_bot,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at
    from {{ ref('int_used__web_events') }}
    where record_status = 'valid' and record_ref is not null
    group by source, record_ref, account_key, email, visitor_id, user_agent, coalesce(is_bot, false)

),

bot_patterns as (

    select * from {{ ref('bot_user_agents') }}

),

user_agents as (

    select distinct
        user_agent,
        {{ lower_text('user_agent') }} as lower_agent
    from web_events
    where user_agent is not null and visitor_id is not null

),

-- The same bots as in int_web_events, which cannot be asked: it needs to know who the customers are.
bot_agents as (

    select distinct user_agents.user_agent
    from user_agents
    inner join bot_patterns on position(bot_patterns.pattern in user_agents.lower_agent) > 0

),

-- A program that logs in with many people's accounts, such as a monitor or a test, must not join them by its cookie.
logged_in as (

    select
        web_events.source,
        web_events.record_ref,
        web_events.account_key,
        web_events.email,
        case
            when not web_events.is_bot and bot_agents.user_agent is null
                then web_events.source || ':' || web_events.visitor_id
        end as visitor,
        web_events.first_seen_at,
        web_events.last_seen_at
    from web_events
    left join bot_agents on web_events.user_agent = bot_agents.user_agent

),
{%- for origin in origins %}

of_{{ origin['model'] }} as (

    {#- One row per record and set of values first: the same visitor's thousand events become one row. #}
    select
        source,
        record_ref as source_record_id,
        {{ origin['kinds'].values() | join(', ') }},
        min({{ origin['first'] }}) as first_seen_at,
        max({{ origin['last'] }}) as last_seen_at
    from {{ 'logged_in' if origin['model'] == 'logged_in' else ref(origin['model']) }}
    where {% if origin['model'].startswith('int_used__') %}record_status = 'valid' and {% endif %}record_ref is not null
    group by source, record_ref, {{ origin['kinds'].values() | join(', ') }}

),
{%- endfor %}

identifiers as (

    {%- for origin in origins %}
    {%- set last_origin = loop.last %}
    {%- for kind, column in origin['kinds'].items() %}

    select source, source_record_id, '{{ kind }}' as kind, {{ column }} as value, first_seen_at, last_seen_at
    from of_{{ origin['model'] }}
    where {{ column }} is not null
    {%- if not (loop.last and last_origin) %}

    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

)

select
    source,
    source_record_id,
    kind,
    value,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from identifiers
group by source, source_record_id, kind, value
