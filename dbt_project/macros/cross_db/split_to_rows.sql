{#-
  A select with one row per part of a separated text: the given columns and `part` (trimmed). A null or empty text, and
  empty parts, give no row.
-#}
{% macro split_to_rows(relation, text_column, separator, columns) -%}
    {{ return(adapter.dispatch('split_to_rows', 'regulars')(relation, text_column, separator, columns)) }}
{%- endmacro %}

{% macro duckdb__split_to_rows(relation, text_column, separator, columns) -%}
    select {{ columns | join(', ') }}, {{ regulars.trimmed('part') }} as part
    from (
        select {{ columns | join(', ') }}, unnest(string_split({{ text_column }}, '{{ separator }}')) as part
        from {{ relation }}
    ) as parts
    where {{ regulars.trimmed('part') }} <> ''
{%- endmacro %}

{% macro spark__split_to_rows(relation, text_column, separator, columns) -%}
    select {{ columns | join(', ') }}, {{ regulars.trimmed('part') }} as part
    from (
        select
            {{ columns | join(', ') }},
            explode(split({{ text_column }}, {{ regulars.text_literal('\\Q' ~ separator ~ '\\E') }})) as part
        from {{ relation }}
    ) as parts
    where {{ regulars.trimmed('part') }} <> ''
{%- endmacro %}
