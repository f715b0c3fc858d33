{#- How often each rule held, per load and source: every staging model is read once. -#}

{#- A select with one row per rule: rule, entity, field, dimension, severity, weight, says. -#}
{% macro rules_as_rows() %}
    {%- set rules = regulars.rules_of() -%}
    {%- for rule in rules %}
    select
        {{ regulars.text_literal(rule['id']) }} as rule,
        {{ regulars.text_literal(rule['entity']) }} as entity,
        {{ regulars.text_literal(rule['field']) }} as field,
        {{ regulars.text_literal(rule['dimension']) }} as dimension,
        {{ regulars.text_literal(rule['severity']) }} as severity,
        cast({{ rule['weight'] }} as double) as weight,
        {{ regulars.text_literal(rule.get('says', '')) }} as says
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        cast(null as {{ dbt.type_string() }}) as rule,
        cast(null as {{ dbt.type_string() }}) as entity,
        cast(null as {{ dbt.type_string() }}) as field,
        cast(null as {{ dbt.type_string() }}) as dimension,
        cast(null as {{ dbt.type_string() }}) as severity,
        cast(null as double) as weight,
        cast(null as {{ dbt.type_string() }}) as says
    where 1 = 0
    {%- endfor %}
{% endmacro %}

{#- A select with, per load, source and duplicate or not, the rows of one entity and how many of them each rule accepts:
    load_id, source, is_duplicate, entity, rule, records, valid_records. Rows of staging, unless another relation with
    its columns is given. -#}
{% macro rule_counts_of(entity, relation=none) %}
    {%- set rules = regulars.rules_of(entity) %}
    select
        counted.load_id,
        counted.source,
        counted.is_duplicate,
        rules.entity,
        rules.rule,
        counted.records,
        {%- if rules %}
        case rules.rule
            {%- for rule in rules %}
            when {{ regulars.text_literal(rule['id']) }} then counted.ok_{{ rule['id'] }}
            {%- endfor %}
        end as valid_records
        {%- else %}
        counted.records as valid_records
        {%- endif %}
    from (
        select
            load_id,
            source,
            record_status = 'duplicate' as is_duplicate,
            count(*) as records
            {%- for rule in rules %},
            sum(case when ok_{{ rule['id'] }} then 1 else 0 end) as ok_{{ rule['id'] }}
            {%- endfor %}
        from {{ relation or ref('stg_all__' ~ entity) }}
        group by 1, 2, 3
    ) as counted
    inner join rules on rules.entity = '{{ entity }}'
{% endmacro %}

{#- A select with the rows of loads that have not passed the gate, and that a later load which has not passed either has
    mended: its row is the record of their key now. Columns of staging. -#}
{% macro mended_rows(entity) -%}
    select before.*
    from {{ ref('stg_all__' ~ entity) }} as before
    inner join waiting on before.load_id = waiting.load_id and before.source = waiting.source
    inner join {{ ref('stg_all__' ~ entity) }} as mended on before.record_key = mended.record_key
    left join gate_passes on mended.load_id = gate_passes.load_id and mended.source = gate_passes.source
    where
        before.record_status = 'duplicate'
        and mended.record_status <> 'duplicate'
        and before.load_id <> mended.load_id
        and gate_passes.load_id is null
{%- endmacro %}

{#- Runs a query: whether loads of earlier runs have not passed the gate. -#}
{% macro loads_wait() %}
    {%- if not execute -%}{{ return(false) }}{%- endif -%}
    {%- set found = run_query(
        "select loads.load_id from " ~ source('ledger', 'loads') ~ " as loads"
        ~ " left join " ~ source('meta', 'gate_passes') ~ " as passes"
        ~ " on loads.load_id = passes.load_id and loads.source = passes.source"
        ~ " left join " ~ source('meta', 'run_context') ~ " as now on loads.load_id = now.run_id"
        ~ " where passes.load_id is null and now.run_id is null limit 1"
    ) -%}
    {{ return(found.rows | length > 0) }}
{% endmacro %}

{#- The validity index of a group of rows, each one rule with its counts. Ten decimals, so that 0.9 made of many
    shares is not below a goal of 0.9 by the last bit of a double. -#}
{% macro validity_index() -%}
    {{ regulars.rounded('sum(weight * valid_records / cast(records as double)) / sum(weight)', 10) }}
{%- endmacro %}

{#- A select with one row per source that has a goal of its own: source, goal, below_goal. -#}
{% macro source_goals() %}
    {%- for source, own in (var('validity').get('sources') or {}).items() %}
    select
        {{ regulars.text_literal(source) }} as source,
        cast({{ own['goal'] }} as double) as goal,
        {{ regulars.text_literal(own['below_goal']) }} as below_goal
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as double) as goal,
        cast(null as {{ dbt.type_string() }}) as below_goal
    where 1 = 0
    {%- endfor %}
{% endmacro %}

{#- Whether the company file lets any source be held back. -#}
{% macro holds_back() %}
    {%- set own = (var('validity').get('sources') or {}).values() -%}
    {{ return(own | selectattr('below_goal', 'equalto', 'hold_back') | list | length > 0) }}
{% endmacro %}

{#-
  The rows of staging that go on behind the gate, with the columns of staging: all but those of loads that are held
  back. What is left is ranked again, so that a source stands as it did before: where a row that is held back was the
  record of its key, the best of the key's other rows is the record. Asked when the view is made, because as long as
  nothing is held back there is nothing to rank.
-#}
{% macro rows_in_use(entity) %}
{%- set staged = ref('stg_all__' ~ entity) -%}
{%- set held = ref('held_loads') if regulars.holds_back() else none -%}
{%- if held is none or not execute or not regulars.has_rows(held) -%}
select * from {{ staged }}
{%- else -%}
{%- set columns = regulars.staged_columns(entity)['all'] -%}
with kept as (

    select staged.*
    from {{ staged }} as staged
    left join {{ held }} as held on staged.source = held.source and staged.load_id = held.load_id
    where held.load_id is null

),

ranked as (

    select {{ columns | join(', ') }}, {{ regulars.place_in_record(entity) }} as place_in_record
    from kept

)

select {{ columns | join(', ') }}, {{ regulars.record_status() }} as record_status from ranked
{%- endif %}
{% endmacro %}

{#- Runs a query: whether a table is there and has any row. -#}
{% macro has_rows(relation) %}
    {%- if load_relation(relation) is none -%}{{ return(false) }}{%- endif -%}
    {{ return(run_query('select 1 from ' ~ relation ~ ' limit 1').rows | length > 0) }}
{% endmacro %}
