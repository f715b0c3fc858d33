{#-
  Sums over the last so many days, for each customer on each snapshot day, in one pass over what happened. The day of
  the snapshot belongs to the window, and no later one.

  happenings  name of a CTE: customer_id, day (date), and the measures (numbers, null counts as 0).
  grid        name of a CTE: customer_id, day, one row per customer and snapshot.
  days        name of a CTE: day, previous_day (null for the first), the snapshot days.
  windows     measure -> lengths in days; each becomes <measure>_<length>d.
  Result:     one row per row of the grid: customer_id, day and a column for each measure and length.
-#}
{% macro trailing_at_snapshots(happenings, grid, days, windows) %}
    {%- set lengths = windows.values() | sum(start=[]) | unique | sort %}
    {%- set pairs = [] %}
    {%- for measure, own in windows.items() %}{% for length in own %}
        {%- do pairs.append({'measure': measure, 'length': length, 'name': measure ~ '_' ~ length ~ 'd'}) %}
    {%- endfor %}{% endfor %}
    select
        grid.customer_id,
        grid.day
        {%- for pair in pairs %},
        coalesce(sum(steps.{{ pair.name }}) over (
            partition by grid.customer_id order by grid.day rows between unbounded preceding and current row
        ), 0) as {{ pair.name }}
        {%- endfor %}
    from {{ grid }} as grid
    left join (
        select
            moves.customer_id,
            snapshot_days.day
            {%- for pair in pairs %},
            sum(moves.{{ pair.name }}) as {{ pair.name }}
            {%- endfor %}
        from (
            select
                customer_id,
                day
                {%- for pair in pairs %},
                {{ pair.measure }} as {{ pair.name }}
                {%- endfor %}
            from {{ happenings }}
            {%- for length in lengths %}
            union all
            select
                customer_id,
                cast({{ regulars.add_days('day', length) }} as date) as day
                {%- for pair in pairs %},
                {{ '-' ~ pair.measure if pair.length == length else 0 }} as {{ pair.name }}
                {%- endfor %}
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
