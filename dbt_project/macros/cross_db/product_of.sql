{#-
  The exact product of an amount (a decimal with up to 8 decimals) and a rate (decimal(18, 8)), to be rounded once by
  as_money. Null when either is null or the product has more than 38 digits; on Spark already when it is too large for
  money.
  Spark drops decimals of a product that would have more than 38 digits, and rounding twice is not rounding once: so it
  multiplies what stands before and behind the point apart.
-#}
{% macro product_of(amount, rate) -%}
    {{ return(adapter.dispatch('product_of', 'regulars')(amount, rate)) }}
{%- endmacro %}

{% macro duckdb__product_of(amount, rate) -%}
    {#- Made wider first: see wide_product. -#}
    try(cast({{ amount }} as decimal(26, 8)) * ({{ rate }}))
{%- endmacro %}

{% macro spark__product_of(amount, rate) -%}
    {%- set amount = 'try_cast(' ~ amount ~ ' as decimal(26, 8))' -%}
    {%- set rate = 'cast(' ~ rate ~ ' as decimal(18, 8))' -%}
    {%- set whole = 'cast(' ~ amount ~ ' - ' ~ amount ~ ' % 1 as decimal(18, 0))' -%}
    (
        try_cast({{ whole }} * {{ rate }} as decimal(22, 8))
        + cast({{ amount }} % 1 as decimal(8, 8)) * {{ rate }}
    )
{%- endmacro %}
