{#- What quarantine holds now is what the loads count as quarantined: for every load, source and entity. -#}
with held as (

    select load_id, source, entity, count(*) as records
    from {{ ref('quarantined_records') }}
    where released_at is null
    group by load_id, source, entity

)

select
    loads.load_id,
    loads.source,
    loads.entity,
    loads.quarantined,
    held.records
from {{ ref('source_loads') }} as loads
full outer join held
    on loads.load_id = held.load_id and loads.source = held.source and loads.entity = held.entity
where coalesce(loads.quarantined, 0) <> coalesce(held.records, 0)
