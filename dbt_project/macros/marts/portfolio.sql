{#- The segments by which the portfolio is cut: columns of customer_segments. -#}
{% macro portfolio_segments() %}
    {{ return(['value_segment', 'strategic_segment', 'behaviour_segment', 'lifecycle_stage', 'loyalty_tier']) }}
{% endmacro %}

{#- What each customer is one of, so that all he brings and costs belongs there: dimensions of portfolio_profit. -#}
{% macro customer_dimensions() %}
    {{ return(portfolio_segments() + ['main_channel', 'cohort', 'country', 'unprofitable_reason']) }}
{% endmacro %}

{#- What each order, or each of its lines, is one of. -#}
{% macro order_dimensions() %}
    {{ return(['channel', 'product', 'category']) }}
{% endmacro %}

{#- What is added up per group. Null where nothing of its kind is known, or belongs there. -#}
{% macro portfolio_measures() %}
    {{ return({
        'customers': 'bigint',
        'buyers': 'bigint',
        'orders': 'bigint',
        'gross_amount': 'decimal(18, 4)',
        'discount_amount': 'decimal(18, 4)',
        'revenue_amount': 'decimal(18, 4)',
        'uncosted_amount': 'decimal(18, 4)',
        'margin_amount': 'decimal(18, 4)',
        'moved_amount': 'decimal(18, 4)',
        'costed_amount': 'decimal(18, 4)',
        'messages': 'bigint',
        'costed_messages': 'bigint',
        'contact_cost_amount': 'decimal(18, 4)',
        'media_cost_amount': 'decimal(18, 4)',
        'service_contacts': 'bigint',
        'costed_service_contacts': 'bigint',
        'service_cost_amount': 'decimal(18, 4)',
        'unprofitable_customers': 'bigint',
        'unprofitable_amount': 'decimal(18, 4)',
    }) }}
{% endmacro %}

{#- The measures as columns: what is given, by name; the others null. -#}
{% macro portfolio_columns(given) %}
    {%- for name, type in portfolio_measures().items() %}
        {%- if name in given and type != 'bigint' %}
        {{ regulars.as_money(given[name]) }} as {{ name }}
        {%- else %}
        cast({{ given.get(name, 'null') }} as {{ type }}) as {{ name }}
        {%- endif %}
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{#- The measures of orders, from rows with the columns of int_orders_to_date. These are orders, or parts of them: then
    an order is counted once, which takes a while. -#}
{% macro portfolio_columns_of_orders(are_parts=false) %}
    {%- set sales = "case when order_kind = 'sale' then order_id end" -%}
    {{- portfolio_columns({
        'customers': 'count(distinct customer_id)',
        'orders': 'count(' ~ ('distinct ' if are_parts else '') ~ sales ~ ')',
        'gross_amount': 'sum(gross_amount)',
        'discount_amount': 'sum(discount_amount)',
        'revenue_amount': 'sum(net_amount)',
        'uncosted_amount': 'sum(uncosted_amount)',
        'margin_amount': 'sum(margin_amount)',
        'moved_amount': 'sum(abs(net_amount))',
        'costed_amount': 'sum(case when margin_amount is not null then abs(net_amount) else 0 end)',
    }) }}
{% endmacro %}

{#- The measures of contacts and service, from rows with customer_id, is_message, is_media and cost_amount. -#}
{% macro portfolio_columns_of_costs() %}
    {{- portfolio_columns({
        'messages': 'count(case when is_message then 1 end)',
        'costed_messages': 'count(case when is_message then cost_amount end)',
        'contact_cost_amount': 'case when count(case when is_message then 1 end) = 0 then 0 '
            ~ 'else sum(case when is_message then cost_amount end) end',
        'media_cost_amount': 'sum(case when is_media then cost_amount end)',
        'service_contacts': 'count(case when not is_message then 1 end)',
        'costed_service_contacts': 'count(case when not is_message then cost_amount end)',
        'service_cost_amount': 'case when count(case when not is_message then 1 end) = 0 then 0 '
            ~ 'else sum(case when not is_message then cost_amount end) end',
    }) }}
{% endmacro %}

{#- The measures, added up. -#}
{% macro portfolio_sums() %}
    {%- set sums = {} -%}
    {%- for name in portfolio_measures() -%}
        {%- do sums.update({name: 'sum(' ~ name ~ ')'}) -%}
    {%- endfor -%}
    {{- portfolio_columns(sums) }}
{% endmacro %}
