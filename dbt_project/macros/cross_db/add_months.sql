{#-
  A date or timestamp moved by a number of calendar months (an expression; negative goes back); the 31st becomes the
  last day of a shorter month. The result is a timestamp on DuckDB: wrap in a cast where a date is needed.
  Null when either is null.
-#}
{% macro add_months(expression, months) -%}
    {{ return(adapter.dispatch('add_months', 'regulars')(expression, months)) }}
{%- endmacro %}

{% macro duckdb__add_months(expression, months) -%}
    (({{ expression }}) + to_months(cast({{ months }} as integer)))
{%- endmacro %}
