{#-
  A date or timestamp moved by a number of calendar months (an expression; negative goes back); the 31st becomes the
  last day of a shorter month. A date becomes a timestamp on DuckDB and stays a date on Spark: wrap in a cast where a
  date is needed.
  Null when either is null.
-#}
{% macro add_months(expression, months) -%}
    {{ return(adapter.dispatch('add_months', 'regulars')(expression, months)) }}
{%- endmacro %}

{% macro duckdb__add_months(expression, months) -%}
    (({{ expression }}) + to_months(cast({{ months }} as integer)))
{%- endmacro %}

{% macro spark__add_months(expression, months) -%}
    (({{ expression }}) + make_ym_interval(0, cast({{ months }} as integer)))
{%- endmacro %}
