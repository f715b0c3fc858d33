{#- The rate of an amount: 1 in the company's own currency, else the joined rate of its currency, null where there is
    none: no rate, no amount, so currencies never mix. -#}
{% macro rate_of(currency, company_currency, rate) -%}
    case
        when {{ regulars.capital_letters(currency) }} = {{ regulars.capital_letters(company_currency) }}
            then cast(1 as decimal(18, 8))
        else {{ rate }}
    end
{%- endmacro %}
