{#-
  True when the pattern is found anywhere in the text: anchor it with ^ and $. Null for a null text.
  Patterns keep to what every engine reads alike: [0-9] and [.] instead of backslashes.
-#}
{% macro matches(expression, pattern) -%}
    {{ return(adapter.dispatch('matches', 'regulars')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(expression, pattern) -%}
    regexp_matches({{ expression }}, '{{ pattern }}')
{%- endmacro %}
