{#-
  Seconds since 1970-01-01 UTC (a number, fraction allowed) as a UTC timestamp, to the microsecond. Null for null.
-#}
{% macro epoch_to_utc(seconds_expression) -%}
    {{ return(adapter.dispatch('epoch_to_utc', 'regulars')(seconds_expression)) }}
{%- endmacro %}

{% macro duckdb__epoch_to_utc(seconds_expression) -%}
    make_timestamp(cast(cast({{ seconds_expression }} as decimal(38, 6)) * 1000000 as bigint))
{%- endmacro %}

{% macro spark__epoch_to_utc(seconds_expression) -%}
    timestamp_micros(cast(cast({{ seconds_expression }} as decimal(26, 6)) * 1000000 as bigint))
{%- endmacro %}
