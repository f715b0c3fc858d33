{#- The grain of spans of time: fails for each span that is empty, or that ends after the next one of its keys begins. A
    span without an end must be the last one; no two of the same keys begin on one day. -#}
{% test no_overlapping_spans(model, keys, begins, ends) %}

select *
from (
    select
        {{ keys | join(', ') }},
        {{ begins }},
        {{ ends }},
        lead({{ begins }}) over (partition by {{ keys | join(', ') }} order by {{ begins }}) as next_one
    from {{ model }}
) as spans
where
    {{ ends }} <= {{ begins }}
    or next_one = {{ begins }}
    or coalesce({{ ends }}, cast('9999-12-31' as date)) > next_one

{% endtest %}
