{#-
  Runs a query where the engine needs one: true when a write into this model's table was cut off in the middle, so that
  some partitions are new, some old and one may be gone. Never null.
-#}
{% macro is_half_written() -%}
    {{ return(adapter.dispatch('is_half_written', 'regulars')()) }}
{%- endmacro %}

{% macro default__is_half_written() -%}
    {{ return(false) }}
{%- endmacro %}

{% macro spark__is_half_written() -%}
    {%- set found = run_query('show tblproperties ' ~ this) -%}
    {%- for row in found.rows if row[0] == 'regulars.half_written' and row[1] == 'yes' -%}
        {{ return(true) }}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
