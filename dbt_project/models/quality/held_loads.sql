{#- A source is judged by what it holds in all, and by what is new once that is enough records to say anything. -#}
with below_goal as (

    select source, min(validity) as validity, max(goal) as goal
    from {{ ref('int_quality__source_validity') }}
    where
        below_goal = 'hold_back'
        and validity < goal
        and (
            load_id = 'all'
            or (load_id = 'new' and records >= {{ [1, var('validity')['judge_new_loads_from_records']] | max }})
        )
    group by source

),

loads as (

    select distinct load_id, source
    from {{ ref('int_quality__rule_counts') }}
    where load_id not in ('all', 'new')

),

gate_passes as (

    select distinct load_id, source from {{ source('meta', 'gate_passes') }}

)

select
    loads.load_id,
    loads.source,
    below_goal.validity,
    below_goal.goal
from loads
inner join below_goal on loads.source = below_goal.source
left join gate_passes on loads.load_id = gate_passes.load_id and loads.source = gate_passes.source
where gate_passes.load_id is null
