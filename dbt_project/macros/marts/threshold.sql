{#- One number of the company's thresholds (`thresholds:` in the company file, defaults in dbt_project.yml). -#}
{% macro threshold(name) -%}
    {%- set known = var('thresholds') -%}
    {%- if name not in known -%}
        {{ exceptions.raise_compiler_error(
            "Unknown threshold '" ~ name ~ "'. Known: " ~ known.keys() | join(', ') ~ "."
        ) }}
    {%- endif -%}
    {{ return(known[name]) }}
{%- endmacro %}
