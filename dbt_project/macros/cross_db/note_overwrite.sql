{#-
  Before and after rows of a growing table are replaced: SQL that remembers in the table itself that a write has begun
  or ended, so that is_half_written can tell. Nothing (an empty text, never null) where the engine writes all or none.
-#}
{% macro note_overwrite(has_begun) -%}
    {{ return(adapter.dispatch('note_overwrite', 'regulars')(has_begun)) }}
{%- endmacro %}

{% macro default__note_overwrite(has_begun) -%}
{%- endmacro %}

{% macro spark__note_overwrite(has_begun) -%}
    {%- if execute and is_incremental() and var('table_format') not in ('delta', 'iceberg') -%}
    alter table {{ this }} set tblproperties ('regulars.half_written' = '{{ 'yes' if has_begun else 'no' }}')
    {%- endif -%}
{%- endmacro %}
