{#-
  The company's goals as rows: goal_id, goal_name, metric, target, direction (null: that of the metric), deadline,
  owner, filter_words, and filter_<dimension> with the value that it is narrowed to (null: all). No goal gives no row.
-#}
{% macro goals() %}
    {%- set nothing = {'id': none, 'name': none, 'metric': none} %}
    {%- for goal in (var('goals') or [nothing]) %}
    {%- set filter = goal.get('filter') or {} %}
    {%- set words = [] %}
    {%- for name in goal_dimensions() if name in filter %}
        {%- do words.append(name ~ ' = ' ~ filter[name]) %}
    {%- endfor %}
    select
        {{ regulars.text_literal(goal['id']) }} as goal_id,
        {{ regulars.text_literal(goal['name']) }} as goal_name,
        {{ regulars.text_literal(goal['metric']) }} as metric,
        cast({{ goal.get('target') if goal.get('target') is not none else 'null' }} as double) as target,
        {{ regulars.text_literal(goal.get('direction')) }} as direction,
        cast({{ regulars.text_literal(goal.get('deadline')) }} as date) as deadline,
        {{ regulars.text_literal(goal.get('owner')) }} as owner,
        {{ regulars.text_literal(words | join(', ') or none) }} as filter_words
        {%- for name in goal_dimensions() %},
        {{ regulars.text_literal(filter.get(name)) }} as filter_{{ name }}
        {%- endfor %}
    {%- if not var('goals') %}
    where 1 = 0
    {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{% endmacro %}

{#- Whether a row with the goal dimensions belongs to a goal. -#}
{% macro fits_goal(goals, rows) -%}
    1 = 1
    {%- for name in goal_dimensions() %}
    and ({{ goals }}.filter_{{ name }} is null or {{ goals }}.filter_{{ name }} = {{ rows }}.{{ name }})
    {%- endfor %}
{%- endmacro %}

{#- A forecast where there is one: a share stays between 0 and 1, a count does not fall below 0. -#}
{% macro forecast_within_unit(value) -%}
    case
        when forecast_status <> 'forecast' then null
        when unit = 'share' and {{ value }} > 1 then cast(1 as double)
        when unit in ('share', 'count') and {{ value }} < 0 then cast(0 as double)
        else {{ regulars.rounded(value, 10) }}
    end
{%- endmacro %}

{#- Whether what was measured reaches the target; null where nothing was. -#}
{% macro goal_is_met(measured) -%}
    case when direction = 'down' then {{ measured }} <= target else {{ measured }} >= target end
{%- endmacro %}

{#- How much of the target was reached. A share of it means something only where both lie above nothing. -#}
{% macro goal_attainment(measured) -%}
    case
            when {{ measured }} is null or target is null then null
            when target > 0 and {{ measured }} > 0 and direction = 'down' then target / {{ measured }}
            when target > 0 and ({{ measured }} > 0 or direction = 'up') then {{ measured }} / target
            when {{ regulars.goal_is_met(measured) }} then cast(1 as double)
            else cast(0 as double)
        end
{%- endmacro %}

{#- The status that follows; needs near_goal. -#}
{% macro goal_status(is_met, attainment) -%}
    case
        when {{ attainment }} is null then 'unmeasured'
        when {{ is_met }} then 'met'
        when {{ attainment }} >= near_goal.from_attainment then 'near'
        else 'missed'
    end
{%- endmacro %}
