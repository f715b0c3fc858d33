{#-
  A text without the blanks at both ends: the space and every other character that Unicode calls a space separator, but
  no tab and no line break. Null for null.
-#}
{% macro trimmed(expression) -%}
    {{ return(adapter.dispatch('trimmed', 'regulars')(expression)) }}
{%- endmacro %}

{% macro duckdb__trimmed(expression) -%}
    trim({{ expression }})
{%- endmacro %}

{#- Spark's own trim() takes the space away and nothing else. -#}
{% macro spark__trimmed(expression) -%}
    {%- set blanks = ' \\u00a0\\u1680\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005\\u2006\\u2007\\u2008\\u2009\\u200a'
        ~ '\\u202f\\u205f\\u3000' -%}
    trim(both '{{ blanks }}' from {{ expression }})
{%- endmacro %}
