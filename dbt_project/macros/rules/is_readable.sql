{#- Of each column, what was sent, if anything, could be read as its type. -#}
{% macro is_readable() -%}
    {%- set parts = [] -%}
    {%- for column in varargs -%}
        {%- do parts.append('(' ~ column ~ ' is not null or ' ~ column ~ '_text is null)') -%}
    {%- endfor -%}
    {{ parts | join(' and ') }}
{%- endmacro %}
