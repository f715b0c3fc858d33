{#- The numbers of the snapshot days, from 1: int_snapshot_days has as many. -#}
{% macro snapshot_numbers() %}
    {%- set numbers = [] -%}
    {%- for _ in 'x' * (threshold('segment_history_months') + 1) -%}
        {%- do numbers.append(loop.index) -%}
    {%- endfor -%}
    {{ return(numbers) }}
{% endmacro %}
