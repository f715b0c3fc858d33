{#-
  Aggregate: the smallest of the values that at least this share of them do not exceed (a number that occurs, never one
  between two). The share is a literal from 0 to 1. Null without any value.
-#}
{% macro percentile_of(expression, share) -%}
    {{ return(adapter.dispatch('percentile_of', 'regulars')(expression, share)) }}
{%- endmacro %}

{% macro default__percentile_of(expression, share) -%}
    percentile_disc({{ share }}) within group (order by {{ expression }})
{%- endmacro %}
