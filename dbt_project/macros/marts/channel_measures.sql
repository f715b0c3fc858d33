{#- What is added up per channel, customer and span: names of the columns and their types. -#}
{% macro channel_measures() %}
    {{ return({
        'contacts': 'bigint',
        'contacts_out': 'bigint',
        'ripe_contacts': 'bigint',
        'responses': 'bigint',
        'orders': 'bigint',
        'sales_amount': 'decimal(18, 4)',
        'attributed_orders': 'decimal(18, 4)',
        'attributed_revenue_amount': 'decimal(18, 4)',
        'attributed_margin_amount': 'decimal(18, 4)',
        'uncosted_revenue_amount': 'decimal(18, 4)',
        'costed': 'bigint',
        'costs': 'bigint',
        'cost_amount': 'decimal(18, 4)',
    }) }}
{% endmacro %}

{#- The measures as columns of one kind of happening: what it gives, by name; counts of the rest 0, amounts null. -#}
{% macro channel_columns(given) %}
    {%- for name, type in channel_measures().items() %}
        cast({{ given.get(name, '0' if type == 'bigint' else 'null') }} as {{ type }}) as {{ name }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{#- Sums of the measures, of the type of each. -#}
{% macro channel_sums() %}
    {%- for name, type in channel_measures().items() %}
        {%- if type == 'bigint' %}
        cast(sum({{ name }}) as bigint) as {{ name }}
        {%- else %}
        {{ regulars.as_money('sum(' ~ name ~ ')') }} as {{ name }}
        {%- endif %}
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}
