with received as (
    {% for entity in entities() %}
    {%- set is_last = loop.last %}
    {%- for part in received_parts(entity) %}
    {#- Counted on the raw side: staging cannot vouch for itself. #}
    select _load_id as load_id, _source as source, '{{ entity }}' as entity, count(*) as received
    from {{ part }}
    group by 1, 2
    {{ 'union all' if not (is_last and loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

staged as (
    {% for entity, definition in entities().items() %}
    select
        load_id,
        source,
        '{{ entity }}' as entity,
        sum(case when record_status = 'valid' then 1 else 0 end) as valid,
        sum(case when record_status = 'quarantined' then 1 else 0 end) as quarantined,
        sum(case when record_status = 'duplicate' then 1 else 0 end) as duplicates,
        -- What lies ahead of its loading says nothing about how far the source has come.
        max(
            case
                when record_status = 'valid' and {{ definition['time'] }} <= loaded_at then {{ definition['time'] }}
            end
        ) as newest_at
    from {{ ref('stg_all__' ~ entity) }}
    group by 1, 2
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

loads as (

    select load_id, source, min(started_at) as started_at, max(finished_at) as finished_at
    from {{ source('ledger', 'loads') }}
    group by 1, 2

),

held as (

    select load_id, source from {{ ref('held_loads') }}

),

joined as (

    select
        coalesce(received.load_id, staged.load_id) as load_id,
        coalesce(received.source, staged.source) as source,
        coalesce(received.entity, staged.entity) as entity,
        coalesce(received.received, 0) as received,
        coalesce(staged.valid, 0) as valid,
        coalesce(staged.quarantined, 0) as quarantined,
        coalesce(staged.duplicates, 0) as duplicates,
        staged.newest_at
    from received
    full outer join staged
        on
            received.load_id = staged.load_id
            and received.source = staged.source
            and received.entity = staged.entity

)

select
    joined.load_id,
    joined.source,
    joined.entity,
    cast(joined.received as bigint) as received,
    cast(joined.valid as bigint) as valid,
    cast(joined.quarantined as bigint) as quarantined,
    cast(joined.duplicates as bigint) as duplicates,
    cast(loads.started_at as timestamp) as started_at,
    cast(loads.finished_at as timestamp) as finished_at,
    cast(joined.newest_at as timestamp) as newest_at,
    held.load_id is not null as is_held_back
from joined
left join loads on joined.load_id = loads.load_id and joined.source = loads.source
left join held on joined.load_id = held.load_id and joined.source = held.source
