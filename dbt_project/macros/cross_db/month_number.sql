{#-
  Months since the year 0 as one whole number: the numbers of neighbouring calendar months differ by one.
  Null for null.
-#}
{% macro month_number(date_expression) -%}
    {{ return(adapter.dispatch('month_number', 'regulars')(date_expression)) }}
{%- endmacro %}

{% macro default__month_number(date_expression) -%}
    cast(extract(year from {{ date_expression }}) * 12 + extract(month from {{ date_expression }}) as integer)
{%- endmacro %}
