{#-
  What each day of a source looked like, as counts that add up: records, nulls by column, values of watched columns,
  sizes of watched numbers. Entities say under `watch` what is counted (see entities.sql). Duplicates are left out.

  Two selects per entity, each one pass over its staging table. A value is only kept by name when it comes often and
  is short, so that a slip which puts a person's name into a column does not stay there as a category.
-#}

{#- Values kept by name per column of a source; a value of fewer records, or longer, is one of the others. -#}
{% macro named_values() %}{{ return(30) }}{% endmacro %}
{% macro named_from_records() %}{{ return(5) }}{% endmacro %}
{% macro longest_named_value() %}{{ return(40) }}{% endmacro %}

{#- The rows of an entity that count, with their day: source, day, profiled_at, and the columns asked for. -#}
{% macro profiled_rows(entity, columns) %}
    {%- set definition = regulars.entity_definition(entity) -%}
    {%- set watch = definition['watch'] -%}
    {%- set time = watch['time'] if 'time' in watch else definition['time'] -%}
    {%- set time = 'loaded_at' if time is none else time -%}
    {%- set parent = watch.get('time_of') %}
        select
            staged.source,
            {% if watch.get('on') -%} staged.profiled_on {%- else -%}
            {{ regulars.local_day('staged.profiled_at', 'context.time_zone') }} {%- endif %} as day,
            staged.profiled_at
            {%- for name, expression in columns.items() %},
            staged.{{ name }}
            {%- endfor %}
        from (
            select
                child.source,
                child.loaded_at,
                {% if parent -%} coalesce(child.{{ time }}, parent.{{ parent[2] }}) {%- else -%} {{ time }} {%- endif %}
                    as profiled_at
                {%- if watch.get('on') %},
                child.{{ watch['on'] }} as profiled_on
                {%- endif %}
                {%- for name, expression in columns.items() %},
                {{ expression }} as {{ name }}
                {%- endfor %}
            from {{ ref('stg_all__' ~ entity) }} as child
            {%- if parent %}
            left join (
                select {{ parent[1] }} as parent_key, {{ parent[2] }}
                from {{ ref('stg_all__' ~ parent[0]) }}
                where record_status <> 'duplicate'
            ) as parent on child.{{ parent[1] }} = parent.parent_key
            {%- endif %}
            where child.record_status <> 'duplicate'
        ) as staged
        cross join context
        -- A time ahead of its loading is a mistake, and would make the present look like the past.
        where staged.profiled_at <= staged.loaded_at
{%- endmacro %}

{#- Records and nulls of one entity per source and day: source, entity, day, kind, field, bucket, records, newest_at. A
    column without a null on a day has no row for it. -#}
{% macro profile_of_records(entity) %}
    {%- set definition = regulars.entity_definition(entity) -%}
    {%- set columns = {} -%}
    {%- for column in definition['columns'] -%}
        {%- if column not in definition['watch'].get('settles', []) -%}
            {%- set name = definition['renamed'].get(column, column) -%}
            {%- do columns.update({'is_null_' ~ name: 'case when child.' ~ name ~ ' is null then 1 else 0 end'}) -%}
        {%- endif -%}
    {%- endfor %}
    select
        counted.source,
        '{{ entity }}' as entity,
        counted.day,
        fields.kind,
        fields.field,
        '' as bucket,
        case fields.field
            {%- for column in columns %}
            when '{{ column[8:] }}' then counted.{{ column }}
            {%- endfor %}
            else counted.records
        end as records,
        case when fields.kind = 'records' then counted.newest_at end as newest_at
    from (
        select
            source,
            day,
            count(*) as records,
            max(profiled_at) as newest_at
            {%- for column in columns %},
            sum({{ column }}) as {{ column }}
            {%- endfor %}
        from (
            {{- regulars.profiled_rows(entity, columns) }}
        ) as one
        group by 1, 2
    ) as counted
    cross join (
        select 'records' as kind, '' as field
        {%- for column in columns %}
        union all
        select 'nulls' as kind, '{{ column[8:] }}' as field
        {%- endfor %}
    ) as fields
{%- endmacro %}

{#- Values and sizes of the watched columns of one entity: the same columns. -#}
{% macro profile_of_values(entity) %}
    {%- set definition = regulars.entity_definition(entity) -%}
    {%- set watch = definition['watch'] -%}
    {%- set columns = {} -%}
    {%- for column in watch['categories'] | default([]) -%}
        {%- set name = definition['renamed'].get(column, column) -%}
        {%- do columns.update({'category_' ~ name: 'cast(child.' ~ name ~ ' as ' ~ dbt.type_string() ~ ')'}) -%}
    {%- endfor -%}
    {%- for column in watch['numbers'] | default([]) -%}
        {%- set name = definition['renamed'].get(column, column) -%}
        {%- do columns.update({'number_' ~ name: regulars.size_bucket('child.' ~ name)}) -%}
    {%- endfor -%}
    {%- set sets = [] -%}
    {%- for column in columns -%}{%- do sets.append('(source, day, ' ~ column ~ ')') -%}{%- endfor %}
    select
        source,
        '{{ entity }}' as entity,
        day,
        case
            {%- for column in columns %}
            when {{ column }} is not null then '{{ column.split('_')[0] }}'
            {%- endfor %}
        end as kind,
        case
            {%- for column in columns %}
            when {{ column }} is not null then '{{ column.split('_')[1:] | join('_') }}'
            {%- endfor %}
        end as field,
        coalesce({{ columns | join(', ') }}{{ ', cast(null as ' ~ dbt.type_string() ~ ')' if columns | length == 1 }})
            as bucket,
        records,
        cast(null as timestamp) as newest_at
    from (
        select source, day, {{ columns | join(', ') }}, count(*) as records
        from (
            {{- regulars.profiled_rows(entity, columns) }}
        ) as one
        group by grouping sets ({{ sets | join(', ') }})
    ) as counted
    -- A null is counted among the nulls.
    where not ({% for column in columns %}{{ column }} is null{{ ' and ' if not loop.last }}{% endfor %})
{%- endmacro %}

{#- The size of a number as text: '0', or its sign and k with |x| from 2^(k/2) up to 2^((k+1)/2). Fixed sizes add up
    over days, which quantiles do not. The tiny addend puts powers of two, where logarithms of engines may differ in
    the last bit, on the same side. -#}
{% macro size_bucket(column) -%}
    case
        when {{ column }} is null then null
        when {{ column }} = 0 then '0'
        else (case when {{ column }} < 0 then '-' else '+' end) || cast(
            cast(floor(ln(abs(cast({{ column }} as double))) * 2.885390081777927 + 0.000000001) as integer)
            as {{ dbt.type_string() }}
        )
    end
{%- endmacro %}
