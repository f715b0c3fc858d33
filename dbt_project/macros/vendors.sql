{#- How vendors' records become entities: the small vocabulary of models/staging/<vendor>/. -#}

{#- Where an entity's records come from: the view made from the company file, and a model of each vendor that the
    company has a source of. -#}
{% macro received_parts(entity) %}
    {%- set parts = [source('mapped', entity)] -%}
    {%- for vendor, objects in var('vendors', {}).items() if entity in objects.values() | sum(start=[]) -%}
        {%- do parts.append(ref('stg_' ~ vendor ~ '__' ~ entity)) -%}
    {%- endfor -%}
    {{ return(parts) }}
{% endmacro %}

{#- The columns that say which received row this is, in order. -#}
{% macro technical_names() %}
    {{ return([
        '_source', '_channel', '_dataset', '_batch_id', '_load_id', '_row', '_loaded_at', '_time_zone', '_currency',
        '_country', '_accounts_of', '_products_of', '_reject_reason',
    ]) }}
{% endmacro %}

{#- The columns of an entity as mapped, then the technical ones, all of one relation. -#}
{% macro mapped_columns(entity, relation) -%}
    {%- set names = regulars.entity_definition(entity)['columns'].keys() | list + regulars.technical_names() -%}
    {%- for name in names -%}{{ relation }}.{{ name }}{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{#- In a vendor's model: the technical columns of a received row, handed on; `reject_reason` is an expression that sets
    a reason of the vendor's own where the row has none. -#}
{% macro passed_on(relation, reject_reason=none) -%}
    {%- for name in regulars.technical_names() -%}
        {%- if name == '_reject_reason' and reject_reason is not none -%}
            coalesce({{ relation }}._reject_reason, {{ reject_reason }}) as _reject_reason
        {%- else -%}
            {{ relation }}.{{ name }}
        {%- endif -%}
        {{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The last SELECT of a vendor's model: every column of the entity in order, those not given as null, then the
    technical ones. -#}
{% macro as_entity(entity, relation, given) -%}
    {%- set columns = regulars.entity_definition(entity)['columns'] -%}
    {%- for name in given if name not in columns -%}
        {{ exceptions.raise_compiler_error("'" ~ name ~ "' is no column of " ~ entity ~ ".") }}
    {%- endfor -%}
select
    {%- for name in columns %}
    {% if name in given -%}
    cast({{ relation }}.{{ name }} as {{ dbt.type_string() }}) as {{ name }},
    {%- else -%}
    cast(null as {{ dbt.type_string() }}) as {{ name }},
    {%- endif -%}
    {%- endfor %}
    {{ regulars.passed_on(relation) }}
from {{ relation }}
{%- endmacro %}

{#- A number since 1970 (unit: second, millisecond or microsecond) as ISO 8601 text in UTC; null for anything else. -#}
{% macro epoch_text(expression, unit='second') -%}
    {%- set divisors = {'second': '1', 'millisecond': '1000', 'microsecond': '1000000'} -%}
    case
        when {{ regulars.matches(expression, '^[0-9]{1,17}([.][0-9]{1,9})?$') }}
            then cast({{ regulars.epoch_to_utc(
                regulars.try_cast_text(expression, 'decimal(28, 9)') ~ ' / ' ~ divisors[unit]
            ) }} as {{ dbt.type_string() }}) || '+00:00'
    end
{%- endmacro %}
