{#-
  Runs a query: the md5 of a view's own text, '' (never null) where the relation is no view. Staging is rebuilt when
  the mapping behind it changed, and the mapping is the view's text.
-#}
{% macro view_fingerprint(relation) -%}
    {{ return(adapter.dispatch('view_fingerprint', 'regulars')(relation)) }}
{%- endmacro %}

{% macro duckdb__view_fingerprint(relation) -%}
    {%- set found = run_query(
        "select md5(sql) from duckdb_views() where database_name = current_database() and schema_name = '"
        ~ relation.schema ~ "' and view_name = '" ~ relation.identifier ~ "'"
    ) -%}
    {{ return(found.rows[0][0] if found is not none and found.rows | length else '') }}
{%- endmacro %}

{#- In dbt's unit tests the relation is a CTE, which nothing can describe. -#}
{% macro spark__view_fingerprint(relation) -%}
    {%- if relation.identifier.startswith('__dbt__cte__') -%}{{ return('') }}{%- endif -%}
    {%- set found = run_query("describe table extended " ~ relation) -%}
    {%- set about = namespace(text='') -%}
    {%- for row in found.rows if row[0] == 'View Text' -%}{%- set about.text = row[1] -%}{%- endfor -%}
    {{ return(local_md5(about.text) if about.text else '') }}
{%- endmacro %}
