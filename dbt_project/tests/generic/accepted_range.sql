{#- Fails for each value outside the limits, both of which belong to the range. Null passes: whether a value may be
    missing is another question. -#}
{% test accepted_range(model, column_name, at_least=none, at_most=none) %}

{%- if at_least is none and at_most is none -%}
    {{ exceptions.raise_compiler_error("accepted_range on " ~ column_name ~ " needs at_least or at_most.") }}
{%- endif %}

select {{ column_name }}
from {{ model }}
where
    {%- if at_least is not none %}
    {{ column_name }} < {{ at_least }}
    {%- endif %}
    {%- if at_least is not none and at_most is not none %}
    or
    {%- endif %}
    {%- if at_most is not none %}
    {{ column_name }} > {{ at_most }}
    {%- endif %}

{% endtest %}
