{#- The measures of a customer's day that a row of metric_definitions may name: the sums of int_customer_days. -#}
{% macro metric_measures() %}
    {{ return(
        day_measures().keys() | reject('equalto', 'estimated_margin_amount') | list + ['estimated_profit_amount']
    ) }}
{% endmacro %}

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
