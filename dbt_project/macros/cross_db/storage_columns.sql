{#-
  The columns that a growing staging table has on top of its own for the way it is stored: a list of [name, SQL], no
  entry (never null) where the engine needs none.
  Spark on plain files rewrites whole partitions: the bucket of a record's key is the partition, so that a load rewrites
  the buckets it touches. A table format with `merge` needs what tells two rows of one key and one received row apart.
-#}
{% macro storage_columns() -%}
    {{ return(adapter.dispatch('storage_columns', 'regulars')()) }}
{%- endmacro %}

{% macro default__storage_columns() -%}
    {{ return([]) }}
{%- endmacro %}

{% macro spark__storage_columns() -%}
    {%- if var('table_format') in ('delta', 'iceberg') -%}
        {{ return([[
            'record_copy',
            'row_number() over (partition by batch_id, row_number, record_key order by failed_rules nulls last)'
        ]]) }}
    {%- endif -%}
    {{ return([['record_bucket', 'cast(pmod(crc32(record_key), ' ~ var('staging_buckets') ~ ') as integer)']]) }}
{%- endmacro %}
