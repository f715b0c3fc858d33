{#-
  A number as money: decimal(18, 4). Null when it is too large for that type, so that one absurd record never stops
  a run.
-#}
{% macro as_money(expression) -%}
    {{ return(adapter.dispatch('as_money', 'regulars')(expression)) }}
{%- endmacro %}

{% macro default__as_money(expression) -%}
    {{ regulars.try_cast_text(expression, 'decimal(18, 4)') }}
{%- endmacro %}
