{#-
  A count per day from the days on which it rises and falls, in one pass over the changes instead of one per day.

  changes  name of a CTE: starts_on, ends_on (dates; the thing counts from the first day up to the day before the
           last), `measures` (numbers to add up). Spans may begin and end outside the days asked for.
  days     name of a CTE: day, one row per day without gaps.
  Result:  one row per day: day and each measure, 0 where nothing counts.
-#}
{% macro running_counts(changes, days, measures) %}
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
            select
                case when spans.starts_on < bounds.first_day then bounds.first_day else spans.starts_on end as day
                {%- for measure in measures %},
                spans.{{ measure }}
                {%- endfor %}
            from {{ changes }} as spans
            cross join (select min(day) as first_day, max(day) as last_day from {{ days }}) as bounds
            where
                spans.starts_on <= bounds.last_day
                and spans.ends_on > bounds.first_day
                and spans.ends_on > spans.starts_on
            union all
            select
                spans.ends_on as day
                {%- for measure in measures %},
                -spans.{{ measure }} as {{ measure }}
                {%- endfor %}
            from {{ changes }} as spans
            cross join (select min(day) as first_day, max(day) as last_day from {{ days }}) as bounds
            where
                spans.ends_on <= bounds.last_day
                and spans.ends_on > bounds.first_day
                and spans.ends_on > spans.starts_on
        ) as changes_of_days
        group by day
    ) as by_day
{% endmacro %}
