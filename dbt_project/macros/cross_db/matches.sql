{#-
  True when the pattern is found anywhere in the text: anchor it with ^ and $. Null for a null text.
  Patterns keep to what every engine reads alike: [0-9] and [.] instead of backslashes, and $ only for the end.
-#}
{% macro matches(expression, pattern) -%}
    {{ return(adapter.dispatch('matches', 'regulars')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(expression, pattern) -%}
    regexp_matches({{ expression }}, '{{ pattern }}')
{%- endmacro %}

{#- Java's $ also stands before a last line break, and its dot stops at more kinds of line break than RE2's: \z and the
    flag d make both alike. -#}
{% macro spark__matches(expression, pattern) -%}
    regexp_like({{ expression }}, '(?d){{ pattern | replace("$", "\\\\z") }}')
{%- endmacro %}
