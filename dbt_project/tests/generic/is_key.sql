{#- A column that names each row: fails for each value that more than one row has, and for rows without one. -#}
{% test is_key(model, column_name) %}

select
    {{ column_name }},
    count(*) as rows_found
from {{ model }}
group by {{ column_name }}
having count(*) > 1 or {{ column_name }} is null

{% endtest %}
