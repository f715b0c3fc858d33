{#- The index by another way: not from the flags, but from the texts that name the rules a row failed, which people read
    and quarantine goes by. Rows with the same text are counted once, so that this is one look at one column. A row of
    this test is an index that differs, is missing, or has nothing behind it. What waits at the gate, or is held back,
    is judged by fewer rows than these texts tell of, so `new` is looked at where nothing does, and `used` never. -#}
{{ config(tags=['phase_staging']) }}

with rules as (

    {{ rules_as_rows() }}

),

texts as (
    {% for entity in entities() %}
    select
        load_id,
        source,
        '{{ entity }}' as entity,
        case when record_status = 'duplicate' then 1 else 0 end as is_again,
        ', ' || coalesce(failed_rules, '') || ', ' as failed,
        count(*) as records
    from {{ ref('stg_all__' ~ entity) }}
    group by 1, 2, 3, 4, 5
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

scopes as (

    select load_id as scope, source, entity, failed, records from texts

    union all

    select 'all' as scope, source, entity, failed, records from texts
    where is_again = 0

    union all

    select 'new' as scope, texts.source, texts.entity, texts.failed, texts.records
    from texts
    left join {{ source('meta', 'gate_passes') }} as passes
        on texts.load_id = passes.load_id and texts.source = passes.source
    where passes.load_id is null

),

sources as (

    select scope, source, entity, failed, records from scopes

    union all

    select scope, 'all' as source, entity, failed, records from scopes

),

shares as (

    select
        sources.scope,
        sources.source,
        rules.rule,
        rules.weight,
        sum(case when replace(sources.failed, ', ' || rules.rule || ', ', '') = sources.failed then 0 else records end)
            as failed_records,
        sum(sources.records) as records
    from sources
    inner join rules on sources.entity = rules.entity
    group by 1, 2, 3, 4

),

recomputed as (

    select
        scope,
        source,
        1 - sum(weight * cast(failed_records as double) / cast(records as double)) / sum(weight) as validity
    from shares
    group by 1, 2

)

select
    coalesce(recomputed.scope, measured.load_id) as load_id,
    coalesce(recomputed.source, measured.source) as source,
    measured.validity,
    recomputed.validity as by_failed_rules
from recomputed
full outer join {{ ref('data_validity_index') }} as measured
    on recomputed.scope = measured.load_id and recomputed.source = measured.source
where
    coalesce(recomputed.scope, measured.load_id) not in ('used'{% if holds_back() or loads_wait() %}, 'new'{% endif %})
    and (
        recomputed.validity is null
        or measured.validity is null
        -- The mart has ten decimals.
        or abs(recomputed.validity - measured.validity) > 0.000000001
    )
