{#- An amount at a rate; the amount itself, without the arithmetic, in the company's own currency. Null without a rate. -#}
{% macro in_company_currency(amount, rate) -%}
    case when {{ rate }} = 1 then {{ amount }} else {{ regulars.as_money(amount ~ ' * ' ~ rate) }} end
{%- endmacro %}
