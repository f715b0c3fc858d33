{#-
  Aggregate: the distinct texts of a group joined in alphabetical order, so that the result is the same each run.
  Null when the group has no text.
-#}
{% macro joined_texts(expression, separator=', ') -%}
    {{ return(adapter.dispatch('joined_texts', 'regulars')(expression, separator)) }}
{%- endmacro %}

{% macro duckdb__joined_texts(expression, separator) -%}
    string_agg(distinct {{ expression }}, '{{ separator }}' order by {{ expression }})
{%- endmacro %}

{% macro spark__joined_texts(expression, separator) -%}
    case
        when count({{ expression }}) > 0
            then array_join(array_sort(collect_set({{ expression }})), {{ regulars.text_literal(separator) }})
    end
{%- endmacro %}
