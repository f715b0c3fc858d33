{#- The company's goals as rows: goal_id, goal_name, metric, target, deadline, owner. No goal gives no row. -#}
{% macro goals() %}
    {%- set known = var('goals') -%}
    {%- for goal in known %}
    select
        {{ regulars.text_literal(goal['id']) }} as goal_id,
        {{ regulars.text_literal(goal['name']) }} as goal_name,
        {{ regulars.text_literal(goal['metric']) }} as metric,
        cast({{ goal.get('target') if goal.get('target') is not none else 'null' }} as double) as target,
        cast({{ regulars.text_literal(goal.get('deadline')) }} as date) as deadline,
        {{ regulars.text_literal(goal.get('owner')) }} as owner
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        {{ regulars.text_literal(none) }} as goal_id,
        {{ regulars.text_literal(none) }} as goal_name,
        {{ regulars.text_literal(none) }} as metric,
        cast(null as double) as target,
        cast(null as date) as deadline,
        {{ regulars.text_literal(none) }} as owner
    where 1 = 0
    {%- endfor %}
{% endmacro %}
