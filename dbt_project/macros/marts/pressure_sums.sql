{#- What is added up over a customer's weeks in contact_pressure, as columns of the form given: `{}` stands for the
    name. -#}
{% macro pressure_sums(form) %}
    {%- for name in [
        'weeks', 'contacts', 'unsubscribes', 'complaints', 'responding_weeks', 'click_weeks', 'visit_weeks',
        'order_weeks', 'orders', 'revenue_amount',
    ] %}
        {{ form.replace('{}', name) }}{{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}
