{#-
  Before partitions of a table are rewritten that nothing could make anew: SQL for a copy of it. Nothing (an empty text,
  never null) where the engine writes all or none. The copy of a write that was cut off stays: it is whole, the table
  is not.
-#}
{% macro copy_before_overwrite() -%}
    {{ return(adapter.dispatch('copy_before_overwrite', 'regulars')()) }}
{%- endmacro %}

{% macro default__copy_before_overwrite() -%}
{%- endmacro %}

{% macro spark__copy_before_overwrite() -%}
    {%- if execute and is_incremental() and var('table_format') not in ('delta', 'iceberg')
        and not regulars.is_half_written() -%}
        {%- do run_query('drop table if exists ' ~ this ~ '__before') -%}
        create table {{ this }}__before using parquet {{ tblproperties_clause() }} as select * from {{ this }}
    {%- endif -%}
{%- endmacro %}
