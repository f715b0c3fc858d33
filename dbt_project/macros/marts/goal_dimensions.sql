{#- What goals can be narrowed to, and what their gaps are taken apart by: the columns of int_customer_dimensions. -#}
{% macro goal_dimensions() %}
    {{ return(['value_segment', 'lifecycle_stage', 'behaviour_segment', 'source', 'channel', 'country_code']) }}
{% endmacro %}

{#-
  What spans of time change per day and group, so that adding up the changes to a day gives the number of that day.

  spans, days, measures  as of span_changes; the spans have the goal dimensions.
  also                   further columns that a group has.
  Result:                one row per day and group with a change: day, the group's columns, and each measure as
                         decimal(38, 12).
-#}
{% macro changes_by_group(spans, days, measures, also=[]) %}
    {%- set columns = also + goal_dimensions() %}
    select
        day,
        {%- for name in columns %}
        {{ name }},
        {%- endfor %}
        {%- for name in measures %}
        cast(sum({{ name }}) as decimal(38, 12)) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        {{ span_changes(spans, days, measures, columns) }}
    ) as changes_of_spans
    group by day, {{ columns | join(', ') }}
{% endmacro %}

{#- The goal dimensions as columns of a select, each from the CTE or column that is given for it, else unknown. -#}
{% macro dimensions_of(customers, given={}) %}
    {%- for name in goal_dimensions() %}
        coalesce({{ given.get(name, customers ~ '.' ~ name) }}, 'unknown') as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}
