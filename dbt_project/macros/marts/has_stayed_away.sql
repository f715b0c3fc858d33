{#-
  Whether a customer left after a day: no order in the churn_days days that follow it. The one definition of leaving.

  day             date.
  next_order_day  date of the first order after it, null for none.
  as_of_on        date of as_of.
  Null while these days have not passed, so that nobody counts as gone who may still come.
-#}
{% macro has_stayed_away(day, next_order_day, as_of_on) -%}
    {%- set deadline = regulars.add_days(day, threshold('churn_days')) -%}
    case
        when {{ deadline }} > {{ as_of_on }} then null
        else coalesce({{ next_order_day }} > {{ deadline }}, true)
    end
{%- endmacro %}
