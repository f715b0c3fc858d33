{#-
  The Monday (date) of the calendar week of a UTC timestamp in a time zone. Null when either is null.
-#}
{% macro local_week(timestamp_expression, time_zone_expression) -%}
    {{ return(adapter.dispatch('local_week', 'regulars')(timestamp_expression, time_zone_expression)) }}
{%- endmacro %}

{% macro default__local_week(timestamp_expression, time_zone_expression) -%}
    cast(date_trunc('week', {{ regulars.utc_to_local(timestamp_expression, time_zone_expression) }}) as date)
{%- endmacro %}
