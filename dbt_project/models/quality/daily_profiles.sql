with context as (

    select time_zone from {{ source('meta', 'run_context') }}

),

counted as (
    {% for entity, definition in entities().items() %}
    {{ profile_of_records(entity) }}
    union all
    {%- if definition.get('watch', {}).get('categories') or definition.get('watch', {}).get('numbers') %}
    {{ profile_of_values(entity) }}
    union all
    {%- endif %}
    {%- endfor %}

    select
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as entity,
        cast(null as date) as day,
        cast(null as {{ dbt.type_string() }}) as kind,
        cast(null as {{ dbt.type_string() }}) as field,
        cast(null as {{ dbt.type_string() }}) as bucket,
        cast(null as bigint) as records,
        cast(null as timestamp) as newest_at
    from context
    where 1 = 0

),

totals as (

    select source, entity, field, bucket, sum(records) as records
    from counted
    where kind = 'category'
    group by 1, 2, 3, 4

),

ranked as (

    select
        source,
        entity,
        field,
        bucket,
        records,
        row_number() over (partition by source, entity, field order by records desc, bucket asc) as place
    from totals

),

named as (

    select source, entity, field, bucket
    from ranked
    where
        place <= {{ named_values() }}
        and records >= {{ named_from_records() }}
        and length(bucket) <= {{ longest_named_value() }}

),

bounded as (

    select
        counted.source,
        counted.entity,
        counted.day,
        counted.kind,
        counted.field,
        case when counted.kind = 'category' then coalesce(named.bucket, '(other)') else counted.bucket end as bucket,
        counted.records,
        counted.newest_at
    from counted
    left join named
        on
            counted.kind = 'category'
            and counted.source = named.source
            and counted.entity = named.entity
            and counted.field = named.field
            and counted.bucket = named.bucket

)

select
    source,
    entity,
    day,
    kind,
    field,
    bucket,
    cast(sum(records) as bigint) as records,
    max(newest_at) as newest_at
from bounded
where records > 0
group by 1, 2, 3, 4, 5, 6
