{#-
  A text as SQL, whatever quotes, backslashes or line breaks it holds; none gives a null of type text.
-#}
{% macro text_literal(value) -%}
    {{ return(adapter.dispatch('text_literal', 'regulars')(value)) }}
{%- endmacro %}

{% macro default__text_literal(value) -%}
    {%- if value is none -%}
    cast(null as {{ dbt.type_string() }})
    {%- else -%}
    cast('{{ value | string | replace("'", "''") }}' as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}

{#- Spark reads backslashes as escapes, and puts settings in the place of ${name} before it reads the SQL. -#}
{% macro spark__text_literal(value) -%}
    {%- if value is none -%}
    cast(null as {{ dbt.type_string() }})
    {%- else -%}
    {%- set escaped = value | string | replace("\\", "\\\\") | replace("'", "\\'") | replace("${", "\\u0024{") -%}
    '{{ escaped }}'
    {%- endif -%}
{%- endmacro %}
