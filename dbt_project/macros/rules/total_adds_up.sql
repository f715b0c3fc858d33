{#- A total is the sum of its parts. Tax is on top of the prices or inside them, and some totals shrink with a refund.
    Sources write parts with or without a minus, and round line by line and tax by tax: `slack` of money and one
    part in `one_in` of the total are no error. -#}
{% macro total_adds_up(total, gross, discount, shipping, tax, refund, slack, one_in) -%}
    {%- set plain -%}
    abs({{ total }}) - abs({{ gross }}) + coalesce(abs({{ discount }}), 0) - coalesce(abs({{ shipping }}), 0)
    {%- endset -%}
    {%- set with_tax = '- coalesce(abs(' ~ tax ~ '), 0)' -%}
    {%- set with_refund = '+ coalesce(abs(' ~ refund ~ '), 0)' -%}
    {%- for parts in ['', with_tax, with_refund, with_tax ~ ' ' ~ with_refund] -%}
    abs({{ plain }} {{ parts }}) <= {{ slack }} + abs({{ total }}) / {{ one_in }}{{ ' or ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
