{#-
  The exact product of two decimals of up to 18 digits and 8 decimals, whatever its size; null when either is null or
  the product has more than 38 digits, so that one absurd record never stops a run.
  DuckDB gives the product of two decimals of 18 digits 18 digits too, and fails on what does not fit: a price of two
  million at a rate of 1.05 already. So one of them is made wider first.
-#}
{% macro wide_product(one, other) -%}
    {{ return(adapter.dispatch('wide_product', 'regulars')(one, other)) }}
{%- endmacro %}

{% macro default__wide_product(one, other) -%}
    (({{ one }}) * ({{ other }}))
{%- endmacro %}

{% macro duckdb__wide_product(one, other) -%}
    try(cast({{ one }} as decimal(26, 8)) * ({{ other }}))
{%- endmacro %}
