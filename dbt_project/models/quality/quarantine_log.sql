{#- What happened to records in quarantine, event by event. Nothing could make it anew, so no row is ever changed or
    dropped. Each run compares the last event of every record with what staging holds now and adds what differs: a run
    that was killed at any moment and starts again finds the same differences, or those that are still missing. -#}
{{ config(**append_settings()) }}
{%- set has_history = is_incremental() %}

with run_context as (

    select max(run_id) as run_id, cast(max(started_at) as timestamp) as started_at
    from {{ source('meta', 'run_context') }}

),

quarantined as (

    {{ quarantined_rows() }}

),

{%- if has_history %}

last_events as (

    select * from (
        select
            *,
            row_number() over (partition by source, entity, record_id order by event_number desc) as place
        from {{ this }}
    ) as numbered
    where place = 1

),

held as (

    select * from last_events
    where event in ('quarantined', 'changed')

),

came as (

    select
        quarantined.*,
        held.record_id is not null as was_held,
        coalesce(last_events.event_number, 0) + 1 as event_number,
        held.quarantined_at as held_since,
        run_context.run_id,
        -- A record may have been loaded long before a rule turned against it.
        case
            when quarantined.loaded_at > run_context.started_at then quarantined.loaded_at
            else run_context.started_at
        end as found_at
    from quarantined
    cross join run_context
    left join last_events
        on
            quarantined.source = last_events.source
            and quarantined.entity = last_events.entity
            and quarantined.record_id = last_events.record_id
    left join held
        on
            quarantined.source = held.source
            and quarantined.entity = held.entity
            and quarantined.record_id = held.record_id
    where
        held.record_id is null
        or quarantined.batch_id <> held.batch_id
        or quarantined.row_number <> held.row_number
        or quarantined.reasons <> held.reasons
        or coalesce(quarantined.other_failed_rules, '') <> coalesce(held.other_failed_rules, '')
        or coalesce(quarantined.reject_reason, '') <> coalesce(held.reject_reason, '')

),

gone as (

    select held.*
    from held
    left join quarantined
        on
            held.source = quarantined.source
            and held.entity = quarantined.entity
            and held.record_id = quarantined.record_id
    where quarantined.record_id is null

),

rows_of_gone as (

    {{ rows_of_gone('gone') }}

),

-- A million records fail in some dozens of ways; worked out row by row, this took Spark minutes to plan.
ways_to_fail as (

    select
        entity,
        reasons,
        {{ rules_today('entity', 'reasons') }} as rules_today,
        {{ waiting_reasons('entity', 'reasons') }} as waiting_reasons
    from (
        select entity, reasons from came
        union
        select entity, reasons from gone
    ) as ways

),

found as (

    select
        source,
        entity,
        record_id,
        max(case when has_same_key then 1 else 0 end) as keys_found,
        max(case when has_same_key and is_same_row and is_valid then 1 else 0 end) as is_valid_itself,
        max(case when has_same_key then 0 else 1 end) as rows_found,
        max(case when not has_same_key and not is_valid then 1 else 0 end) as rows_invalid
    from rows_of_gone
    group by source, entity, record_id

),

mappings as (
    {% for entity in entities() %}
    select '{{ entity }}' as entity, '{{ mapping_fingerprint(entity) }}' as mapped_with
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

explained as (

    select
        gone.source,
        gone.entity,
        gone.record_id,
        gone.event_number,
        gone.quarantined_at,
        gone.load_id,
        gone.dataset,
        gone.batch_id,
        gone.row_number,
        gone.record_key,
        gone.reasons,
        gone.other_failed_rules,
        gone.reject_reason,
        gone.rules_with,
        gone.mapped_with,
        run_context.run_id,
        run_context.started_at,
        ways_to_fail.rules_today,
        ways_to_fail.waiting_reasons,
        mappings.mapped_with <> gone.mapped_with as is_mapped_otherwise,
        coalesce(found.is_valid_itself, 0) = 1 as is_valid_itself,
        case
            when found.keys_found = 1 then 'released'
            -- Its received row goes by another id now, or by none.
            when found.rows_found = 1 and found.rows_invalid = 0 then 'released'
            when found.rows_found = 1 then 'renamed'
            else 'withdrawn'
        end as what_happened,
        coalesce(found.keys_found, 0) = 0 as has_other_id
    from gone
    cross join run_context
    left join found
        on gone.source = found.source and gone.entity = found.entity and gone.record_id = found.record_id
    inner join mappings on gone.entity = mappings.entity
    inner join ways_to_fail on gone.entity = ways_to_fail.entity and gone.reasons = ways_to_fail.reasons

),

events as (

    select
        came.source, came.entity, came.record_id, came.event_number,
        case when came.was_held then 'changed' else 'quarantined' end as event,
        came.found_at as happened_at,
        came.run_id,
        coalesce(came.held_since, came.found_at) as quarantined_at,
        came.load_id, came.dataset, came.batch_id, came.row_number, came.record_key, came.reasons,
        came.other_failed_rules, came.reject_reason,
        ways_to_fail.rules_today as rules_with,
        came.mapped_with,
        cast(null as {{ dbt.type_string() }}) as release_reason
    from came
    inner join ways_to_fail on came.entity = ways_to_fail.entity and came.reasons = ways_to_fail.reasons

    union all

    select
        source, entity, record_id, event_number + 1 as event_number,
        what_happened as event,
        started_at as happened_at,
        run_id,
        quarantined_at,
        load_id, dataset, batch_id, row_number, record_key, reasons, other_failed_rules, reject_reason, rules_with,
        mapped_with,
        case
            when what_happened <> 'released' then null
            when has_other_id then 'mapping_changed'
            when not is_valid_itself then 'corrected_version'
            when rules_today <> rules_with and is_mapped_otherwise then 'rule_or_mapping_changed'
            when rules_today <> rules_with then 'rule_changed'
            when waiting_reasons = reasons then 'awaited_record'
            when is_mapped_otherwise then 'mapping_changed'
            else 'judged_otherwise'
        end as release_reason
    from explained

)

{%- else %}

ways_to_fail as (

    select entity, reasons, {{ rules_today('entity', 'reasons') }} as rules_today
    from (select distinct entity, reasons from quarantined) as ways

),

events as (

    select
        quarantined.*,
        1 as event_number,
        'quarantined' as event,
        quarantined.loaded_at as happened_at,
        run_context.run_id,
        quarantined.loaded_at as quarantined_at,
        ways_to_fail.rules_today as rules_with,
        cast(null as {{ dbt.type_string() }}) as release_reason
    from quarantined
    cross join run_context
    inner join ways_to_fail
        on quarantined.entity = ways_to_fail.entity and quarantined.reasons = ways_to_fail.reasons

)

{%- endif %}

select
    source,
    entity,
    record_id,
    cast(event_number as bigint) as event_number,
    event,
    happened_at,
    run_id,
    quarantined_at,
    load_id,
    dataset,
    batch_id,
    row_number,
    record_key,
    reasons,
    other_failed_rules,
    reject_reason,
    rules_with,
    mapped_with,
    release_reason
from events
