{#-
  A UTC timestamp as the wall clock of a time zone shows it (a timestamp without zone). Null when either is null.
-#}
{% macro utc_to_local(timestamp_expression, time_zone_expression) -%}
    {{ return(adapter.dispatch('utc_to_local', 'regulars')(timestamp_expression, time_zone_expression)) }}
{%- endmacro %}

{% macro duckdb__utc_to_local(timestamp_expression, time_zone_expression) -%}
    (({{ timestamp_expression }}) at time zone 'UTC' at time zone ({{ time_zone_expression }}))
{%- endmacro %}

{% macro spark__utc_to_local(timestamp_expression, time_zone_expression) -%}
    from_utc_timestamp({{ timestamp_expression }}, {{ time_zone_expression }})
{%- endmacro %}
