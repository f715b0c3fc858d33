{#-
  Whether a row already staged is ranked again, because its key is among those of the CTE `touched_keys`; where whole
  partitions are written, all of their partitions. `alias` is what the rows are called. Never null: record_key is not.
-#}
{% macro is_touched(alias=none) -%}
    {{ return(adapter.dispatch('is_touched', 'regulars')(alias ~ '.' if alias else '')) }}
{%- endmacro %}

{% macro default__is_touched(prefix) -%}
    {{ prefix }}record_key in (select record_key from touched_keys)
{%- endmacro %}

{% macro spark__is_touched(prefix) -%}
    {%- if var('table_format') in ('delta', 'iceberg') -%}
    {{ regulars.default__is_touched(prefix) }}
    {%- else -%}
    {%- set bucket = regulars.storage_columns()[0] -%}
    {{ prefix }}{{ bucket[0] }} in (select distinct {{ bucket[1] }} from touched_keys)
    {%- endif -%}
{%- endmacro %}
