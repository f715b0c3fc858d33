{#-
  SQL that empties the model's own table before it is filled anew with rows of other columns; no row is left of it, and
  where the engine drops no column of a table that stays, the table is made anew from the model's SQL, with no row.
-#}
{% macro forget_rows(model_sql) -%}
    {{ return(adapter.dispatch('forget_rows', 'regulars')(model_sql)) }}
{%- endmacro %}

{% macro default__forget_rows(model_sql) -%}
    delete from {{ this }}
{%- endmacro %}

{% macro spark__forget_rows(model_sql) -%}
    {%- do run_query('drop table if exists ' ~ this) -%}
    {{ create_table_as(false, this, 'select * from (' ~ model_sql ~ ') as emptied where 1 = 0') }}
{%- endmacro %}
