{#-
  Aggregate: the value of the row with the highest order among the rows where the value is not null. The order must be
  unique within the group, so that the result is the same each run. Null when no row has a value.
-#}
{% macro latest_of(expression, order_expression) -%}
    {{ return(adapter.dispatch('latest_of', 'regulars')(expression, order_expression)) }}
{%- endmacro %}

{% macro default__latest_of(expression, order_expression) -%}
    max_by({{ expression }}, case when {{ expression }} is not null then {{ order_expression }} end)
{%- endmacro %}
