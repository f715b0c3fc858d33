{#-
  What stands at the first place of a text where the pattern is found, in the pattern's only group. Null for a null
  text, where the pattern is not found, and where the group is empty. Patterns as for `matches`.
-#}
{% macro matched_part(expression, pattern) -%}
    {{ return(adapter.dispatch('matched_part', 'regulars')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__matched_part(expression, pattern) -%}
    nullif(regexp_extract({{ expression }}, '{{ pattern }}', 1), '')
{%- endmacro %}

{% macro spark__matched_part(expression, pattern) -%}
    nullif(regexp_extract({{ expression }}, '(?d){{ pattern | replace("$", "\\\\z") }}', 1), '')
{%- endmacro %}
