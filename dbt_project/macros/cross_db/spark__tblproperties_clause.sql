{#-
  dbt's own macro for Spark: what is written beside a table. Each of ours says whose it is (never null), so that a table
  which somebody else made is not taken for one of ours.
-#}
{% macro spark__tblproperties_clause() -%}
    {%- set properties = {'regulars.owner': 'regulars'} -%}
    {%- do properties.update(config.get('tblproperties') or {}) -%}
    tblproperties (
        {%- for name, value in properties.items() -%}
        '{{ name }}' = '{{ value }}'{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}
