{#-
  Sums over the last so many days, for each customer on each snapshot day. The day of the snapshot belongs to the
  window, and no later one. What happened before a customer's first snapshot is in the windows of that one, too.

  happenings  name of a CTE: customer_id, day (date), and the measures (numbers, null counts as 0).
  grid        name of a CTE: customer_id, day, one row per customer and snapshot.
  days        name of a CTE: day, the snapshot days.
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
        coalesce(sums.{{ pair.name }}, 0) as {{ pair.name }}
        {%- endfor %}
    from {{ grid }} as grid
    left join (
        select
            happenings.customer_id,
            snapshot_days.day
            {%- for pair in pairs %},
            {%- if pair.length == lengths | last %}
            sum(happenings.{{ pair.measure }}) as {{ pair.name }}
            {%- else %}
            sum(
                case
                    when happenings.day > snapshot_days.before_{{ pair.length }}d then happenings.{{ pair.measure }}
                end
            ) as {{ pair.name }}
            {%- endif %}
            {%- endfor %}
        from {{ happenings }} as happenings
        inner join (
            select
                day
                {%- for length in lengths %},
                cast({{ regulars.add_days('day', -length) }} as date) as before_{{ length }}d
                {%- endfor %}
            from {{ days }}
        ) as snapshot_days
            on
                happenings.day <= snapshot_days.day
                and happenings.day > snapshot_days.before_{{ lengths | last }}d
        group by happenings.customer_id, snapshot_days.day
    ) as sums
        on grid.customer_id = sums.customer_id and grid.day = sums.day
{% endmacro %}
