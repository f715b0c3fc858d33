{#- The measures of a customer's day that a row of metric_definitions may name: the sums of int_customer_days. -#}
{% macro metric_measures() %}
    {{ return(
        day_measures().keys() | reject('equalto', 'estimated_margin_amount') | list + ['estimated_profit_amount']
    ) }}
{% endmacro %}

{#-
  Whether a row of metric_definitions is of orders alone. Then anonymous orders count, too, and source and channel are
  those of each order; any other number is of customers.
-#}
{% macro is_of_orders(definitions) -%}
    {%- set names = order_measures('orders').keys() -%}
    {{ is_one_of(definitions ~ '.numerator', names) }}
    and ({{ definitions }}.denominator is null or {{ is_one_of(definitions ~ '.denominator', names) }})
{%- endmacro %}

{#-
  For how long a happening counts in each window of the metrics: from its day until it leaves the window.

  happenings   name of a CTE: day, customer_id, and the measures.
  measures     names of the measures.
  definitions  name of a CTE: the rows of metric_definitions.
  given        goal dimensions that do not follow from the customer, as for dimensions_of. Needs the CTE customers.
-#}
{% macro window_spans(happenings, measures, definitions, given={}) %}
    select
        {{ happenings }}.day as starts_on,
        case
            when windows.window_months is not null
                then cast({{ regulars.add_months(happenings ~ '.day', 'windows.window_months') }} as date)
            else cast({{ regulars.add_days(happenings ~ '.day', 'windows.window_days') }} as date)
        end as ends_on,
        coalesce(windows.window_months, 0) as window_months,
        coalesce(windows.window_days, 0) as window_days,
        {%- for name in measures %}
        coalesce({{ happenings }}.{{ name }}, 0) as {{ name }},
        {%- endfor %}
        {{ dimensions_of('customers', given) }}
    from {{ happenings }}
    cross join (select distinct window_months, window_days from {{ definitions }}) as windows
    left join customers on {{ happenings }}.customer_id = customers.customer_id
{% endmacro %}

{#-
  Sums over trailing windows as changes per day, for the rows of metric_definitions that are asked for.

  measures     names of the measures that the rows may name.
  definitions  name of a CTE: the rows of metric_definitions.
  Result:      metric, day, the goal dimensions, numerator, denominator. Needs the CTE days, and the CTE spans that
               window_spans makes.
-#}
{% macro sums_over_windows(measures, definitions) %}
    -- Summed up for all measures at once, and only then taken apart by metric: a few rows for each day and group.
    select
        {{ definitions }}.metric,
        changes.day,
        {%- for name in goal_dimensions() %}
        changes.{{ name }},
        {%- endfor %}
        case {{ definitions }}.numerator
            {%- for name in measures %}
            when '{{ name }}' then changes.{{ name }}
            {%- endfor %}
        end as numerator,
        case {{ definitions }}.denominator
            {%- for name in measures %}
            when '{{ name }}' then changes.{{ name }}
            {%- endfor %}
            else cast(0 as decimal(38, 12))
        end as denominator
    from (
        {{ changes_by_group('spans', 'days', measures, also=['window_months', 'window_days']) }}
    ) as changes
    inner join {{ definitions }}
        on
            changes.window_months = coalesce({{ definitions }}.window_months, 0)
            and changes.window_days = coalesce({{ definitions }}.window_days, 0)
{% endmacro %}

{#- Whether a column has one of these values, which are names of our own. -#}
{% macro is_one_of(column, values) -%}
    {{ column }} in ('{{ values | join("', '") }}')
{%- endmacro %}

{#- Says what is wrong in the seed metric_definitions: a measure that is none, a ratio without one, no window. -#}
{% macro check_metric_definitions() %}
    {%- if execute %}
    {%- set measures = metric_measures() %}
    {%- set rows = run_query('select * from ' ~ this) %}
    {%- set problems = [] %}
    {%- for row in rows.rows %}
        {%- set where = "metric " ~ row['metric'] ~ ": " %}
        {%- for column, allowed in {
            'unit': ['share', 'money', 'count'],
            'direction': ['up', 'down'],
            'kind': ['ratio', 'total'],
            'measured': ['daily', 'now'],
        }.items() if row[column] not in allowed %}
            {%- do problems.append(where ~ column ~ " is " ~ row[column] ~ ", and is one of " ~ allowed | join(', ')) %}
        {%- endfor %}
        {%- for column in ['numerator', 'denominator'] if row[column] and row[column] not in measures %}
            {%- do problems.append(
                where ~ column ~ " is " ~ row[column] ~ ", which is no measure. Measures: " ~ measures | join(', ')
            ) %}
        {%- endfor %}
        {%- if row['numerator'] and row['kind'] == 'ratio' and not row['denominator'] %}
            {%- do problems.append(where ~ "a ratio needs a denominator") %}
        {%- endif %}
        {%- if row['denominator'] and (row['kind'] == 'total' or not row['numerator']) %}
            {%- do problems.append(where ~ "a denominator belongs to a ratio with a numerator") %}
        {%- endif %}
        {%- if row['numerator'] and (row['window_months'] is none) == (row['window_days'] is none) %}
            {%- do problems.append(where ~ "give either window_months or window_days") %}
        {%- endif %}
    {%- endfor %}
    {%- if problems %}
        {{ exceptions.raise_compiler_error("seeds/metric_definitions.csv: " ~ problems | join("; ") ~ ".") }}
    {%- endif %}
    {%- endif %}
{% endmacro %}
