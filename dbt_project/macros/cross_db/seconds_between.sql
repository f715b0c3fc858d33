{#-
  Seconds from one timestamp to a later one, with their fraction (double); negative when the order is reversed.
  Null when either is null.
-#}
{% macro seconds_between(first_timestamp, last_timestamp) -%}
    {{ return(adapter.dispatch('seconds_between', 'regulars')(first_timestamp, last_timestamp)) }}
{%- endmacro %}

{% macro duckdb__seconds_between(first_timestamp, last_timestamp) -%}
    (cast(epoch_us({{ last_timestamp }}) - epoch_us({{ first_timestamp }}) as double) / 1000000)
{%- endmacro %}

{% macro spark__seconds_between(first_timestamp, last_timestamp) -%}
    (cast(unix_micros({{ last_timestamp }}) - unix_micros({{ first_timestamp }}) as double) / 1000000)
{%- endmacro %}
