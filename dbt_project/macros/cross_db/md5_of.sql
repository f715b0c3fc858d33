{#-
  One md5 (32 hex digits) over several expressions. A null and an empty text give different results, and so do
  ('ab', 'c') and ('a', 'bc').
-#}
{% macro md5_of(expressions) -%}
    {{ return(adapter.dispatch('md5_of', 'regulars')(expressions)) }}
{%- endmacro %}

{% macro default__md5_of(expressions) -%}
    md5(concat_ws('|'
        {%- for expression in expressions -%}
            {%- set text = "cast(" ~ expression ~ " as " ~ dbt.type_string() ~ ")" -%}
            , coalesce(cast(length({{ text }}) as {{ dbt.type_string() }}) || ':' || {{ text }}, '-')
        {%- endfor -%}
    ))
{%- endmacro %}
