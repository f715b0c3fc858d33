{#-
  A double rounded to a number of decimals, a half away from zero. Null for null. Engines round doubles in different
  ways: here it is the product with a power of ten that is rounded, on each.
-#}
{% macro rounded(expression, decimals) -%}
    {{ return(adapter.dispatch('rounded', 'regulars')(expression, decimals)) }}
{%- endmacro %}

{% macro default__rounded(expression, decimals) -%}
    round({{ expression }}, {{ decimals }})
{%- endmacro %}

{% macro spark__rounded(expression, decimals) -%}
    {%- set number = 'cast(' ~ expression ~ ' as double)' -%}
    case
        when abs({{ number }}) < 1e200D then round({{ number }} * 1e{{ decimals }}D) / 1e{{ decimals }}D
        else {{ number }}
    end
{%- endmacro %}
