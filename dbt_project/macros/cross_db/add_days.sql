{#-
  A date or timestamp moved by a number of days (an expression; negative goes back). The type stays as it was given
  only for timestamps; wrap in a cast where a date is needed. Null when either is null.
-#}
{% macro add_days(expression, days) -%}
    {{ return(adapter.dispatch('add_days', 'regulars')(expression, days)) }}
{%- endmacro %}

{% macro duckdb__add_days(expression, days) -%}
    (({{ expression }}) + to_days(cast({{ days }} as integer)))
{%- endmacro %}

{% macro spark__add_days(expression, days) -%}
    (({{ expression }}) + make_dt_interval(cast({{ days }} as integer)))
{%- endmacro %}
