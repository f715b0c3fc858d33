{#-
  Window function, to be followed by `over (…)`: the value of the last row of the frame in which it is not null. Null
  when no row of the frame has one.
-#}
{% macro last_known(expression) -%}
    {{ return(adapter.dispatch('last_known', 'regulars')(expression)) }}
{%- endmacro %}

{% macro duckdb__last_known(expression) -%}
    last_value({{ expression }} ignore nulls)
{%- endmacro %}

{% macro spark__last_known(expression) -%}
    last_value({{ expression }}, true)
{%- endmacro %}
