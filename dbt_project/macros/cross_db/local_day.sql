{#-
  The calendar day (date) of a UTC timestamp in a time zone: "day" in every mart is the company's day.
  Null when either is null.
-#}
{% macro local_day(timestamp_expression, time_zone_expression) -%}
    {{ return(adapter.dispatch('local_day', 'regulars')(timestamp_expression, time_zone_expression)) }}
{%- endmacro %}

{% macro default__local_day(timestamp_expression, time_zone_expression) -%}
    cast({{ regulars.utc_to_local(timestamp_expression, time_zone_expression) }} as date)
{%- endmacro %}
