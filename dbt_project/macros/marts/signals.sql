{#- What is counted of a customer's days, for engagement and the risk that he leaves: names of the columns of
    int_customer_signals. -#}
{% macro signal_names() %}
    {{ return([
        'orders', 'returns', 'mails', 'tracked_mails', 'opens', 'clicks', 'unsubscribes', 'contacts', 'unanswered',
        'complaints', 'ratings', 'rating_points', 'visits',
    ]) }}
{% endmacro %}

{#- The columns of one kind of happening: what it gives, and nothing of the rest. -#}
{% macro signals_of(given) %}
    {%- for name in signal_names() %}
        cast({{ given.get(name, 0) }} as double) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}
