{#-
  The first day (date) of the calendar month of a UTC timestamp in a time zone. Null when either is null.
-#}
{% macro local_month(timestamp_expression, time_zone_expression) -%}
    {{ return(adapter.dispatch('local_month', 'regulars')(timestamp_expression, time_zone_expression)) }}
{%- endmacro %}

{% macro default__local_month(timestamp_expression, time_zone_expression) -%}
    cast(date_trunc('month', {{ regulars.utc_to_local(timestamp_expression, time_zone_expression) }}) as date)
{%- endmacro %}
