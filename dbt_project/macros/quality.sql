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
    load_id, source, is_duplicate, entity, rule, records, valid_records. -#}
{% macro rule_counts_of(entity) %}
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
        from {{ ref('stg_all__' ~ entity) }}
        group by 1, 2, 3
    ) as counted
    inner join rules on rules.entity = '{{ entity }}'
{% endmacro %}
