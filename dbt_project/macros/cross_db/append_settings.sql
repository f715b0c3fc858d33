{#-
  How a model is built that only ever gets more rows, as arguments of config(). Its rows are never made anew, not by
  --full-refresh either. It is an error to ask for a table format that no branch here knows.
  A write that is cut off may leave a part of its rows behind where the engine commits file by file: such a model must
  find out for itself which rows are still missing.
-#}
{% macro append_settings() -%}
    {{ return(adapter.dispatch('append_settings', 'regulars')()) }}
{%- endmacro %}

{% macro default__append_settings() -%}
    {{ return({
        'materialized': 'incremental',
        'incremental_strategy': 'append',
        'on_schema_change': 'append_new_columns',
        'full_refresh': false,
    }) }}
{%- endmacro %}

{% macro spark__append_settings() -%}
    {%- set format = var('table_format') -%}
    {%- if format not in ('parquet', 'delta', 'iceberg') -%}
        {{ exceptions.raise_compiler_error(
            "Unknown table_format '" ~ format ~ "'. Known: parquet, delta, iceberg."
        ) }}
    {%- endif -%}
    {%- set settings = regulars.default__append_settings() -%}
    {%- do settings.update({'file_format': format}) -%}
    {{ return(settings) }}
{%- endmacro %}
