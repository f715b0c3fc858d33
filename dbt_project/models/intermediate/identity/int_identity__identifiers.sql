{{ config(tags=['phase_identity']) }}

{#- Where identifiers come from: model -> expression of the first and of the last time, and the columns per kind. -#}
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
        'model': 'int_used__web_events', 'first': 'occurred_at', 'last': 'occurred_at',
        'kinds': {'account': 'account_key', 'email': 'email'},
    },
] -%}

with
{%- for origin in origins %}

{{ origin['model'] }} as (

    {#- One row per record and set of values first: the same visitor's thousand events become one row. #}
    select
        source,
        record_ref as source_record_id,
        {{ origin['kinds'].values() | join(', ') }},
        min({{ origin['first'] }}) as first_seen_at,
        max({{ origin['last'] }}) as last_seen_at
    from {{ ref(origin['model']) }}
    where {% if origin['model'].startswith('int_used__') %}record_status = 'valid' and {% endif %}record_ref is not null
    group by source, record_ref, {{ origin['kinds'].values() | join(', ') }}

),
{%- endfor %}

identifiers as (

    {%- for origin in origins %}
    {%- set last_origin = loop.last %}
    {%- for kind, column in origin['kinds'].items() %}

    select source, source_record_id, '{{ kind }}' as kind, {{ column }} as value, first_seen_at, last_seen_at
    from {{ origin['model'] }}
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
