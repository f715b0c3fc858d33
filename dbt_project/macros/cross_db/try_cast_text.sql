{#-
  A text read as another type; null when it cannot be read, so that one bad value never stops a load.
  `type` is a dbt type expression, e.g. 'decimal(18, 4)', 'timestamp', 'date', 'bigint'.
-#}
{% macro try_cast_text(expression, type) -%}
    {{ return(adapter.dispatch('try_cast_text', 'regulars')(expression, type)) }}
{%- endmacro %}

{% macro default__try_cast_text(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}
