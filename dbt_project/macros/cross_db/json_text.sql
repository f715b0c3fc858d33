{#-
  The value at a path ('$.a.b') of a JSON text, as text: of a text its characters, of an object or list its JSON. Null
  for JSON's null, where the path leads nowhere, and where the text is no JSON.
-#}
{% macro json_text(expression, path) -%}
    {{ return(adapter.dispatch('json_text', 'regulars')(expression, path)) }}
{%- endmacro %}

{#- A field that was an object for years may one day be plain text: that gives null and fails nothing. -#}
{% macro duckdb__json_text(expression, path) -%}
    try(json_extract_string({{ expression }}, '{{ path }}'))
{%- endmacro %}

{% macro spark__json_text(expression, path) -%}
    get_json_object({{ expression }}, '{{ path }}')
{%- endmacro %}
