{#-
  dbt's own macro for Spark: a view, its text without the blanks that lines begin with. Spark's embedded catalogue keeps
  32,672 characters of a view; a longer one is an error. No text in our SQL goes over a line's end. Like a table, a view
  says whose it is.
-#}
{% macro spark__create_view_as(relation, sql) -%}
    create or replace view {{ relation }}
    {{ regulars.spark__tblproperties_clause() }}
    as
    {{ modules.re.sub('\\n\\s+', '\n', sql) }}
{%- endmacro %}
