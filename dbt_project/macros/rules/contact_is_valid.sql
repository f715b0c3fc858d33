{#- A contact value (e-mail address, phone number …), where there is one, was judged to be right. A value
    without a verdict is not. -#}
{% macro contact_is_valid(column) -%}
    {{ column }}_text is null or coalesce({{ column }}_is_valid, false)
{%- endmacro %}
