{#-
  What is added up of a customer's days: the columns of int_customer_days and what each is. A count and an amount are 0
  on a day without any; what may be unknown is null where nothing of its kind is known.
-#}
{% macro day_measures() %}
    {{ return({
        'orders': 'count',
        'returns': 'count',
        'gross_amount': 'amount',
        'discount_amount': 'amount',
        'sales_amount': 'amount',
        'revenue_amount': 'amount',
        'uncosted_amount': 'amount',
        'margin_amount': 'known amount',
        'moved_amount': 'amount',
        'costed_amount': 'amount',
        'estimated_margin_amount': 'amount',
        'messages': 'count',
        'emails': 'count',
        'costed_messages': 'count',
        'contact_cost_amount': 'known amount',
        'media_cost_amount': 'known amount',
        'calls': 'count',
        'tickets': 'count',
        'costed_service_contacts': 'count',
        'service_cost_amount': 'known amount',
    }) }}
{% endmacro %}

{#- What an order adds to its day, from a row of int_orders_to_date; an estimated margin is the customer's affair. -#}
{% macro order_measures(orders) %}
    {%- set sale = orders ~ ".order_kind = 'sale'" %}
    {%- set net = orders ~ '.net_amount' %}
    {{ return({
        'orders': 'case when ' ~ sale ~ ' then 1 else 0 end',
        'returns': 'case when ' ~ orders ~ ".order_kind = 'return' then 1 else 0 end",
        'gross_amount': orders ~ '.gross_amount',
        'discount_amount': orders ~ '.discount_amount',
        'sales_amount': 'case when ' ~ sale ~ ' then ' ~ net ~ ' else 0 end',
        'revenue_amount': net,
        'uncosted_amount': orders ~ '.uncosted_amount',
        'margin_amount': orders ~ '.margin_amount',
        'moved_amount': 'abs(' ~ net ~ ')',
        'costed_amount': 'case when ' ~ orders ~ '.margin_amount is not null then abs(' ~ net ~ ') else 0 end',
    }) }}
{% endmacro %}

{#- The columns of one kind of happening: what it gives, and nothing of the rest. -#}
{% macro parts_of_day(given) %}
    {%- for name, kind in day_measures().items() %}
        {%- set nothing = 'null' if kind == 'known amount' else 0 %}
        cast({{ given.get(name, nothing) }} as {{ 'bigint' if kind == 'count' else 'decimal(18, 4)' }}) as {{ name }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{#- What a day comes to: the measures added up. A margin that is estimated is only part of the estimated profit. -#}
{% macro sums_of_day() %}
    {%- for name, kind in day_measures().items() if name != 'estimated_margin_amount' %}
        {%- if kind == 'count' %}
        cast(sum({{ name }}) as bigint) as {{ name }}
        {%- else %}
        {{ regulars.as_money('sum(' ~ name ~ ')') }} as {{ name }}
        {%- endif %}
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}
