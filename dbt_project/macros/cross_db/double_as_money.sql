{#-
  A double as money: decimal(18, 4), a half away from zero. Null when it is too large for that type or no number.
  Engines round doubles in different ways: some round the decimal digits that they would print, some the product with
  10000. Here it is the product on each.
-#}
{% macro double_as_money(expression) -%}
    {{ return(adapter.dispatch('double_as_money', 'regulars')(expression)) }}
{%- endmacro %}

{% macro default__double_as_money(expression) -%}
    {{ regulars.try_cast_text('cast(' ~ expression ~ ' as double)', 'decimal(18, 4)') }}
{%- endmacro %}

{% macro spark__double_as_money(expression) -%}
    {%- set units = 'round(cast(' ~ expression ~ ' as double) * 10000D)' -%}
    try_cast(
        cast(case when abs({{ units }}) < 1e18D then {{ units }} end as bigint) * cast(0.0001 as decimal(4, 4))
        as decimal(18, 4)
    )
{%- endmacro %}
