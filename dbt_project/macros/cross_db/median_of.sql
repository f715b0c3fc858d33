{#-
  Aggregate: the median of a double, between the two in the middle where their number is even. Null without any value.
  Both engines take half of each of the two, so that they agree to the last digit: Spark's own way of going half of the
  way from one to the other does not.
-#}
{% macro median_of(expression) -%}
    {{ return(adapter.dispatch('median_of', 'regulars')(expression)) }}
{%- endmacro %}

{% macro default__median_of(expression) -%}
    percentile_cont(0.5) within group (order by {{ expression }})
{%- endmacro %}

{% macro spark__median_of(expression) -%}
    (
        0.5D * percentile_disc(0.5) within group (order by {{ expression }})
        + 0.5D * percentile_disc(0.5) within group (order by {{ expression }} desc)
    )
{%- endmacro %}
