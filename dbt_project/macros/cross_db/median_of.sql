{#-
  Aggregate: the median of a double, between the two in the middle where their number is even. Null without any value.
-#}
{% macro median_of(expression) -%}
    {{ return(adapter.dispatch('median_of', 'regulars')(expression)) }}
{%- endmacro %}

{% macro default__median_of(expression) -%}
    percentile_cont(0.5) within group (order by {{ expression }})
{%- endmacro %}
