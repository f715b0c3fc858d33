{#-
  Sums over the last so many days, for each customer on each snapshot day, in one pass over what happened.

  happenings  name of a CTE: customer_id, day (date), and the measures (numbers, null counts as 0).
  grid        name of a CTE: customer_id, day, one row per customer and snapshot.
  days        name of a CTE: day, previous_day (null for the first), the snapshot days.
  measures    the numbers to add up.
  windows     lengths in days; each measure becomes <measure>_<length>d.
  Result:     one row per row of the grid: customer_id, day and a column for each measure and length.
-#}
{% macro trailing_at_snapshots(happenings, grid, days, measures, windows) %}
    select
        grid.customer_id,
        grid.day
        {%- for window in windows %}{% for measure in measures %},
        coalesce(sum(steps.{{ measure }}_{{ window }}d) over (
            partition by grid.customer_id order by grid.day rows between unbounded preceding and current row
        ), 0) as {{ measure }}_{{ window }}d
        {%- endfor %}{% endfor %}
    from {{ grid }} as grid
    left join (
        select
            moves.customer_id,
            snapshot_days.day
            {%- for window in windows %}{% for measure in measures %},
            sum(moves.{{ measure }}_{{ window }}d) as {{ measure }}_{{ window }}d
            {%- endfor %}{% endfor %}
        from (
            select
                customer_id,
                day
                {%- for window in windows %}{% for measure in measures %},
                {{ measure }} as {{ measure }}_{{ window }}d
                {%- endfor %}{% endfor %}
            from {{ happenings }}
            {%- for window in windows %}
            union all
            select
                customer_id,
                cast({{ regulars.add_days('day', window) }} as date) as day
                {%- for other in windows %}{% for measure in measures %},
                {{ '-' ~ measure if other == window else 0 }} as {{ measure }}_{{ other }}d
                {%- endfor %}{% endfor %}
            from {{ happenings }}
            {%- endfor %}
        ) as moves
        inner join {{ days }} as snapshot_days
            on
                moves.day <= snapshot_days.day
                and moves.day > coalesce(snapshot_days.previous_day, cast('0001-01-01' as date))
        group by moves.customer_id, snapshot_days.day
    ) as steps
        on grid.customer_id = steps.customer_id and grid.day = steps.day
{% endmacro %}
