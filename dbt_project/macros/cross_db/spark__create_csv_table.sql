{#-
  dbt's own macro for Spark: an empty table for a seed, of the types that the seed names (a name without type is an
  error of dbt's) and marked as ours, which dbt-spark leaves out.
-#}
{% macro spark__create_csv_table(model, agate_table) -%}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set sql -%}
        create table {{ this.render() }} (
            {%- for name in agate_table.column_names %}
            {{ adapter.quote(name) }} {{ types.get(name, adapter.convert_type(agate_table, loop.index0)) }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        )
        using parquet
        {{ tblproperties_clause() }}
    {%- endset -%}
    {%- call statement('_') -%}{{ sql }}{%- endcall -%}
    {{ return(sql) }}
{%- endmacro %}
