{#-
  Seconds from one timestamp to a later one, with their fraction (double); negative when the order is reversed.
  Null when either is null.
-#}
{% macro seconds_between(first_timestamp, last_timestamp) -%}
    {{ return(adapter.dispatch('seconds_between', 'regulars')(first_timestamp, last_timestamp)) }}
{%- endmacro %}

{% macro duckdb__seconds_between(first_timestamp, last_timestamp) -%}
    (epoch({{ last_timestamp }}) - epoch({{ first_timestamp }}))
{%- endmacro %}
