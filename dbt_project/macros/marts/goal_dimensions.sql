{#- What goals can be narrowed to, and what their gaps are taken apart by: the columns of int_customer_dimensions. -#}
{% macro goal_dimensions() %}
    {{ return(['value_segment', 'lifecycle_stage', 'behaviour_segment', 'source', 'channel', 'country_code']) }}
{% endmacro %}

{#-
  What spans of time add to numbers and take from them again, per day and group, so that adding up the changes to a day
  gives the number of that day. Only the days asked for matter: what began before counts on the first of them.

  spans     name of a CTE: starts_on, ends_on (dates; a span counts from the first up to the day before the last), the
            goal dimensions, and the measures.
  days      name of a CTE: day, one row per day without gaps.
  measures  names of the numbers.
  also      further columns that a group has.
  Result:   one row per day and group with a change: day, the goal dimensions, and each measure as decimal(38, 12).
-#}
{% macro changes_by_group(spans, days, measures, also=[]) %}
    {%- set dimensions = also + goal_dimensions() %}
    select
        day,
        {%- for name in dimensions %}
        {{ name }},
        {%- endfor %}
        {%- for name in measures %}
        cast(sum({{ name }}) as decimal(38, 12)) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            case when spans.starts_on < bounds.first_day then bounds.first_day else spans.starts_on end as day,
            {%- for name in dimensions %}
            spans.{{ name }},
            {%- endfor %}
            {%- for name in measures %}
            spans.{{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ spans }} as spans
        cross join (select min(day) as first_day, max(day) as last_day from {{ days }}) as bounds
        where
            spans.starts_on <= bounds.last_day
            and spans.ends_on > bounds.first_day
            and spans.ends_on > spans.starts_on

        union all

        select
            spans.ends_on as day,
            {%- for name in dimensions %}
            spans.{{ name }},
            {%- endfor %}
            {%- for name in measures %}
            -spans.{{ name }} as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ spans }} as spans
        cross join (select min(day) as first_day, max(day) as last_day from {{ days }}) as bounds
        where
            spans.ends_on <= bounds.last_day
            and spans.ends_on > bounds.first_day
            and spans.ends_on > spans.starts_on
    ) as changes_of_spans
    group by day, {{ dimensions | join(', ') }}
{% endmacro %}

{#- The goal dimensions as columns of a select, each from the CTE or column that is given for it, else unknown. -#}
{% macro dimensions_of(customers, given={}) %}
    {%- for name in goal_dimensions() %}
        coalesce({{ given.get(name, customers ~ '.' ~ name) }}, 'unknown') as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}
