{#-
  Part of a select list: one row per member of a JSON object, as the columns <name> and <value> (text; JSON of nested
  values). No object, an empty one, or no JSON gives no row. One in a SELECT, without explode_json.
-#}
{% macro explode_json_object(expression, name, value) -%}
    {{ return(adapter.dispatch('explode_json_object', 'regulars')(expression, name, value)) }}
{%- endmacro %}

{% macro duckdb__explode_json_object(expression, name, value) -%}
    {%- set members = "try(from_json(" ~ expression ~ ", '\"MAP(VARCHAR, VARCHAR)\"'))" -%}
    unnest(map_keys({{ members }})) as {{ name }}, unnest(map_values({{ members }})) as {{ value }}
{%- endmacro %}

{% macro spark__explode_json_object(expression, name, value) -%}
    explode(from_json({{ expression }}, 'map<string, string>')) as ({{ name }}, {{ value }})
{%- endmacro %}
