{#- The company's goals as rows: goal_id, goal_name, metric, target, deadline, owner. No goal gives no row. -#}
{% macro goals() %}
    {%- set known = var('goals') -%}
    {%- for goal in known %}
    select
        {{ text_literal(goal['id']) }} as goal_id,
        {{ text_literal(goal['name']) }} as goal_name,
        {{ text_literal(goal['metric']) }} as metric,
        cast({{ goal.get('target') if goal.get('target') is not none else 'null' }} as double) as target,
        cast({{ text_literal(goal.get('deadline')) }} as date) as deadline,
        {{ text_literal(goal.get('owner')) }} as owner
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        {{ text_literal(none) }} as goal_id,
        {{ text_literal(none) }} as goal_name,
        {{ text_literal(none) }} as metric,
        cast(null as double) as target,
        cast(null as date) as deadline,
        {{ text_literal(none) }} as owner
    where 1 = 0
    {%- endfor %}
{% endmacro %}

{#- A text as SQL, quotes doubled; null for none. -#}
{% macro text_literal(value) -%}
    {%- if value is none -%}
    cast(null as {{ dbt.type_string() }})
    {%- else -%}
    cast('{{ value | string | replace("'", "''") }}' as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}
