{#- The grain of a table that others take by cross join: fails unless it has exactly one row. -#}
{% test one_row(model) %}

select count(*) as rows_found
from {{ model }}
having count(*) <> 1

{% endtest %}
