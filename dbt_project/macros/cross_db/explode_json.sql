{#-
  Part of a select list: one row per element of a JSON list, as the columns <element> (the element's JSON; of a text its
  characters) and <number> (from 1). No list, an empty one, or no JSON gives no row. One in a SELECT.
-#}
{% macro explode_json(expression, element, number) -%}
    {{ return(adapter.dispatch('explode_json', 'regulars')(expression, element, number)) }}
{%- endmacro %}

{% macro duckdb__explode_json(expression, element, number) -%}
    {%- set elements = "coalesce(try(json_extract_string(" ~ expression ~ ", '$[*]')), [])" -%}
    unnest({{ elements }}) as {{ element }}, unnest(range(1, len({{ elements }}) + 1)) as {{ number }}
{%- endmacro %}

{% macro spark__explode_json(expression, element, number) -%}
    inline(transform(
        from_json({{ expression }}, 'array<string>'),
        (value, place) -> named_struct('{{ number }}', place + 1, '{{ element }}', value)
    )) as ({{ number }}, {{ element }})
{%- endmacro %}
