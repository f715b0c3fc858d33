{#-
  A JSON list of keys with typed values, as Google writes parameters ([{"key": …, "value": {"string_value": …}}]),
  read once so that `keyed_value` finds keys in it quickly. Null for anything else.
-#}
{% macro keyed_values(expression) -%}
    {{ return(adapter.dispatch('keyed_values', 'regulars')(expression)) }}
{%- endmacro %}

{% macro duckdb__keyed_values(expression) -%}
    try(from_json({{ expression }}, '[{"key": "VARCHAR", "value": {
        "string_value": "VARCHAR", "int_value": "VARCHAR", "float_value": "VARCHAR", "double_value": "VARCHAR"
    }}]'))
{%- endmacro %}

{% macro spark__keyed_values(expression) -%}
    from_json({{ expression }}, 'array<struct<key: string, value: struct<
        string_value: string, int_value: string, float_value: string, double_value: string
    >>>')
{%- endmacro %}
