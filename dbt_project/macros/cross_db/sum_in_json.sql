{#-
  The sum of a number over the elements of a JSON list: decimal(18, 4). Null for no list, where no element has the
  number, and where the sum does not fit. `element` names an element inside `number`, an expression that gives
  decimal(18, 4) (number_in_json). Sums may stand in sums, with elements of different names.
-#}
{% macro sum_in_json(expression, element, number) -%}
    {{ return(adapter.dispatch('sum_in_json', 'regulars')(expression, element, number)) }}
{%- endmacro %}

{% macro duckdb__sum_in_json(expression, element, number) -%}
    try_cast(list_sum(list_transform(
        try(json_extract_string({{ expression }}, '$[*]')), lambda {{ element }}: {{ number }}
    )) as decimal(18, 4))
{%- endmacro %}

{#- What is added is worked out first, so that its text stands here once: sums in sums would double it each time. -#}
{% macro spark__sum_in_json(expression, element, number) -%}
    aggregate(
        transform(
            from_json({{ expression }}, 'array<string>'), {{ element }} -> try_cast({{ number }} as decimal(18, 4))
        ),
        cast(null as decimal(38, 4)),
        (sum_{{ element }}, one_{{ element }}) -> coalesce(
            try_cast(sum_{{ element }} + one_{{ element }} as decimal(38, 4)), sum_{{ element }}, one_{{ element }}
        ),
        sum_{{ element }} -> try_cast(sum_{{ element }} as decimal(18, 4))
    )
{%- endmacro %}
