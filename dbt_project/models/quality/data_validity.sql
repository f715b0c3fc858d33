with rule_counts as (

    select * from {{ ref('int_quality__rule_counts') }}
    where load_id not in ('all', 'new')

),

weighed as (

    select
        *,
        cast(valid_records as double) / records as validity,
        sum(weight) over (partition by load_id, source) as weight_of_all_rules
    from rule_counts

)

select
    load_id,
    source,
    entity,
    field,
    rule,
    dimension,
    records,
    valid_records,
    validity,
    weight,
    100 * weight * (1 - validity) / weight_of_all_rules as points_lost,
    (select max(run_context.started_at) from {{ source('meta', 'run_context') }} as run_context) as measured_at
from weighed
