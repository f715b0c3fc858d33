{#-
  What a growing model adds to its new rows, so that those it does not replace stay: nothing (an empty text) where an
  engine replaces row by row. Where whole partitions are rewritten, a `union all` with the rows of the touched
  partitions; after a write that was cut off, with all rows of the copy made before it. No row stays twice.
    new_rows   name of the CTE with the new rows
    columns    all columns in their order
    keys       columns that name a row, never null
    partition  the column of the partitions
-#}
{% macro rows_kept(new_rows, columns, keys, partition) -%}
    {{ return(adapter.dispatch('rows_kept', 'regulars')(new_rows, columns, keys, partition)) }}
{%- endmacro %}

{% macro default__rows_kept(new_rows, columns, keys, partition) -%}
{%- endmacro %}

{% macro spark__rows_kept(new_rows, columns, keys, partition) -%}
    {%- if execute and is_incremental() and var('table_format') not in ('delta', 'iceberg') -%}
    {%- set is_half_written = regulars.is_half_written() -%}
    union all
    select kept.{{ columns | join(', kept.') }}
    from {{ this }}{{ '__before' if is_half_written }} as kept
    left anti join {{ new_rows }} as new_rows
        on {% for key in keys %}kept.{{ key }} = new_rows.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    {%- if not is_half_written %}
    where kept.{{ partition }} in (select {{ partition }} from {{ new_rows }})
    {%- endif %}
    {%- endif -%}
{%- endmacro %}
