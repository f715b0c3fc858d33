{#- The square root as a double; null for null and for a negative number, which is an error on DuckDB only. -#}
{% macro square_root_of(expression) -%}
    {{ return(adapter.dispatch('square_root_of', 'regulars')(expression)) }}
{%- endmacro %}

{% macro default__square_root_of(expression) -%}
    case when {{ expression }} >= 0 then sqrt({{ expression }}) end
{%- endmacro %}
