{#- The numbers of the snapshots, 1 for as_of and one for each complete month before it. -#}
{% macro snapshot_numbers() %}
    {%- set numbers = [] -%}
    {%- for _ in 'x' * (threshold('segment_history_months') + 1) -%}{%- do numbers.append(loop.index) -%}{%- endfor -%}
    {{ return(numbers) }}
{% endmacro %}
