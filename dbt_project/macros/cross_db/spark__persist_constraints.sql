{#-
  dbt's own macro for Spark, called when a table of the contract stands: plain files know no NOT NULL, so the rows are
  asked. A null in a column that the contract says has none is an error, as it is where the engine enforces it.
-#}
{% macro spark__persist_constraints(relation, model) -%}
    {%- set required = [] -%}
    {%- for column in model.columns.values() -%}
        {%- for constraint in column.constraints if constraint.type == 'not_null' -%}
            {%- do required.append(column.name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if required -%}
        {%- set counts = run_query(
            'select ' ~ ('count_if(' ~ required | join(' is null), count_if(') ~ ' is null)') ~ ' from ' ~ relation
        ) -%}
        {%- for name in required -%}
            {%- if counts.rows[0][loop.index0] > 0 -%}
                {{ exceptions.raise_compiler_error(
                    relation ~ ' has rows without ' ~ name ~ ', which the contract says is never null.'
                ) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
