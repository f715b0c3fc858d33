{#-
  Whether a row already staged is ranked again with the rows of the CTE `staged`: those of their keys, and where whole
  partitions are written, all of their partitions. Never null: record_key is not.
-#}
{% macro is_touched() -%}
    {{ return(adapter.dispatch('is_touched', 'regulars')()) }}
{%- endmacro %}

{% macro default__is_touched() -%}
    record_key in (select record_key from staged)
{%- endmacro %}

{% macro spark__is_touched() -%}
    {%- if var('table_format') in ('delta', 'iceberg') -%}
    {{ regulars.default__is_touched() }}
    {%- else -%}
    {%- set bucket = regulars.storage_columns()[0] -%}
    {{ bucket[0] }} in (select distinct {{ bucket[1] }} from staged)
    {%- endif -%}
{%- endmacro %}
