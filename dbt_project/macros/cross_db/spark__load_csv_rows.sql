{#-
  dbt's own macro for Spark: rows of a seed, each value as a text literal cast to the type of its column. dbt-spark puts
  values between quotes as they are, which a quote or a backslash breaks, and sends numbers as floating point. An empty
  cell is null.
-#}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set statements = [] -%}
    {%- for chunk in agate_table.rows | batch(get_batch_size()) -%}
        {%- set sql -%}
            insert into {{ this.render() }} values
            {%- for row in chunk %}
            (
                {%- for name in agate_table.column_names -%}
                    {%- set type = types.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
                    cast({{ regulars.text_literal(row[loop.index0]) }} as {{ type }}){{ ', ' if not loop.last }}
                {%- endfor -%}
            ){{ ',' if not loop.last }}
            {%- endfor %}
        {%- endset -%}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
        {%- do statements.append(sql) -%}
    {%- endfor -%}
    {{ return(statements[0] if statements else '') }}
{%- endmacro %}
