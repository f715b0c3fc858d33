{#-
  What spans of time add to numbers on the day they begin, and take from them on the day they end. Only the days asked
  for matter: what began before counts on the first of them.

  spans     name of a CTE: starts_on, ends_on (dates; a span counts from the first up to the day before the last), the
            columns and the measures.
  days      name of a CTE: day, one row per day without gaps.
  measures  names of the numbers.
  columns   names of what else a change keeps of its span.
  Result:   at most two rows per span: day, the columns, the measures.
-#}
{% macro span_changes(spans, days, measures, columns=[]) %}
    {%- set bounds -%}
        cross join (select min(day) as first_day, max(day) as last_day from {{ days }}) as bounds
    {%- endset %}
    select
        case when spans.starts_on < bounds.first_day then bounds.first_day else spans.starts_on end as day
        {%- for name in columns + measures %},
        spans.{{ name }}
        {%- endfor %}
    from {{ spans }} as spans
    {{ bounds }}
    where
        spans.starts_on <= bounds.last_day
        and spans.ends_on > bounds.first_day
        and spans.ends_on > spans.starts_on

    union all

    select
        spans.ends_on as day
        {%- for name in columns %},
        spans.{{ name }}
        {%- endfor %}
        {%- for name in measures %},
        -spans.{{ name }} as {{ name }}
        {%- endfor %}
    from {{ spans }} as spans
    {{ bounds }}
    where
        spans.ends_on <= bounds.last_day
        and spans.ends_on > bounds.first_day
        and spans.ends_on > spans.starts_on
{% endmacro %}

{#-
  A count per day from the days on which it rises and falls, in one pass over the changes instead of one per day.

  spans, days, measures  as of span_changes.
  Result:                one row per day: day and each measure, 0 where nothing counts.
-#}
{% macro running_counts(spans, days, measures) %}
    select
        by_day.day
        {%- for measure in measures %},
        sum(by_day.{{ measure }}) over (
            order by by_day.day rows between unbounded preceding and current row
        ) as {{ measure }}
        {%- endfor %}
    from (
        select
            day
            {%- for measure in measures %},
            sum({{ measure }}) as {{ measure }}
            {%- endfor %}
        from (
            select day{% for measure in measures %}, 0 as {{ measure }}{% endfor %} from {{ days }}
            union all
            {{ span_changes(spans, days, measures) }}
        ) as changes_of_days
        group by day
    ) as by_day
{% endmacro %}
