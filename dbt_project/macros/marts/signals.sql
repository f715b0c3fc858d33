{#- What is counted of a customer's days, for engagement and the risk that he leaves: names of the columns of
    int_customer_signals, each with the lengths in days over which int_churn__snapshots looks back at it. -#}
{% macro signal_windows() %}
    {{ return({
        'orders': [90, 365],
        'returns': [365],
        'mails': [],
        'tracked_mails': [],
        'open_tracked_mails': [90, 365],
        'opens': [90, 365],
        'clicks': [90],
        'unsubscribes': [365],
        'contacts': [365],
        'unanswered': [90],
        'complaints': [90, 365],
        'ratings': [365],
        'rating_points': [365],
        'gaps': [365],
        'gap_points': [365],
        'visits': [90],
    }) }}
{% endmacro %}

{% macro signal_names() %}
    {{ return(signal_windows().keys() | list) }}
{% endmacro %}

{#- The columns of one kind of happening: what it gives, and nothing of the rest. -#}
{% macro signals_of(given) %}
    {%- for name in signal_names() %}
        cast({{ given.get(name, 0) }} as double) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}
