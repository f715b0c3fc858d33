{#- Fails for each row in which a whole is not the sum of its parts. A null on either side fails: it stands for rows
    that nobody counted. -#}
{% test adds_up(model, whole, parts) %}

select *
from {{ model }}
where
    {{ whole }} is null
    {%- for part in parts %}
    or {{ part }} is null
    {%- endfor %}
    or {{ whole }} <> {{ parts | join(' + ') }}

{% endtest %}
