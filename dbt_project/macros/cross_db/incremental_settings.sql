{#-
  How a model that grows is built, as arguments of config(). It is an error to ask for a table format that no branch
  here knows.
    unique_key    the rows that a new row replaces (column or list)
    row_key       list of columns that name one row, for engines that merge row by row
    partition_by  the column whose partitions an engine without transactions over rows rewrites as a whole: the model
                  must then bring every row that such a partition shall hold
    on_schema_change  as dbt has it, for engines that can drop a column
-#}
{% macro incremental_settings(unique_key, row_key, partition_by, on_schema_change) -%}
    {{ return(adapter.dispatch('incremental_settings', 'regulars')(
        unique_key, row_key, partition_by, on_schema_change
    )) }}
{%- endmacro %}

{% macro default__incremental_settings(unique_key, row_key, partition_by, on_schema_change) -%}
    {{ return({
        'materialized': 'incremental',
        'incremental_strategy': 'delete+insert',
        'unique_key': unique_key,
        'on_schema_change': on_schema_change,
    }) }}
{%- endmacro %}

{#- Columns are never dropped: rebuild_outdated makes a table of other columns anew before rows are written. -#}
{% macro spark__incremental_settings(unique_key, row_key, partition_by, on_schema_change) -%}
    {%- set format = var('table_format') -%}
    {%- if format in ('delta', 'iceberg') -%}
        {{ return({
            'materialized': 'incremental',
            'incremental_strategy': 'merge',
            'file_format': format,
            'unique_key': row_key,
            'on_schema_change': 'append_new_columns',
        }) }}
    {%- elif format != 'parquet' -%}
        {{ exceptions.raise_compiler_error(
            "Unknown table_format '" ~ format ~ "'. Known: parquet, delta, iceberg."
        ) }}
    {%- endif -%}
    {{ return({
        'materialized': 'incremental',
        'incremental_strategy': 'insert_overwrite',
        'file_format': format,
        'partition_by': partition_by,
        'on_schema_change': 'append_new_columns',
    }) }}
{%- endmacro %}
