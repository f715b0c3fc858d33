{#- An amount at a rate; in the company's own currency the amount itself, without the arithmetic. Null without a
    rate. -#}
{% macro in_company_currency(amount, rate) -%}
    case when {{ rate }} = 1 then {{ amount }} else {{ regulars.as_money(regulars.wide_product(amount, rate)) }} end
{%- endmacro %}
