{#-
  The records of a mart that answers to surveys name by the number which the record has at its own source: answer_key
  and the mart's id. `answers` is a CTE with answer_key, source, customer_id and the column `named`; `relation` one with
  source, customer_id, the id and its number. Two sources may use one number: a record of the answer's own source is
  nearest, then one of the same customer, then any; if several are equally near, none is meant for certain.
-#}
{% macro named_records(answers, named, relation, id, number) -%}
    select
        answer_key,
        {{ id }}
    from (
        select
            *,
            min(nearness) over (partition by answer_key) as nearest,
            count(*) over (partition by answer_key, nearness) as equally_near
        from (
            select
                answers.answer_key,
                records.{{ id }},
                case
                    when records.source = answers.source then 0
                    when records.customer_id = answers.customer_id then 1
                    else 2
                end as nearness
            from {{ answers }} as answers
            inner join {{ relation }} as records on answers.{{ named }} = records.{{ number }}
        ) as pairs
    ) as ranked
    where nearness = nearest and equally_near = 1
{%- endmacro %}
