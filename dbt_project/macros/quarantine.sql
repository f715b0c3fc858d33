{#- The quarantine and its log: which rows are set aside, what became of those that no longer are, and why. -#}

{#- A select with the records that staging holds in quarantine, of all entities. -#}
{% macro quarantined_rows() %}
    {% for entity, definition in regulars.entities().items() %}
    select
        source,
        '{{ entity }}' as entity,
        coalesce({{ definition['key'] }}, record_key) as record_id,
        record_key,
        load_id,
        dataset,
        batch_id,
        cast(row_number as bigint) as row_number,
        cast(loaded_at as timestamp) as loaded_at,
        invalid_reasons as reasons,
        {{ regulars.failed_rule_ids(regulars.rules_of(entity) | rejectattr('severity', 'equalto', 'record') | list) }}
            as other_failed_rules,
        reject_reason,
        '{{ regulars.mapping_fingerprint(entity) }}' as mapped_with
    from {{ ref('stg_all__' ~ entity) }}
    where record_status = 'quarantined'
    {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}

{#- A select with what staging now says of records that left quarantine: one row per staged row of the same key, and one
    per staged row that was made of the same received row. `gone` is the CTE with the records that left. -#}
{% macro rows_of_gone(gone) %}
    {% for entity in regulars.entities() %}
    select
        {{ gone }}.source,
        {{ gone }}.entity,
        {{ gone }}.record_id,
        staged.is_valid,
        true as has_same_key,
        staged.batch_id = {{ gone }}.batch_id and staged.row_number = {{ gone }}.row_number as is_same_row
    from {{ ref('stg_all__' ~ entity) }} as staged
    inner join {{ gone }} on {{ gone }}.entity = '{{ entity }}' and staged.record_key = {{ gone }}.record_key
    union all
    select
        {{ gone }}.source,
        {{ gone }}.entity,
        {{ gone }}.record_id,
        staged.is_valid,
        false as has_same_key,
        true as is_same_row
    from {{ ref('stg_all__' ~ entity) }} as staged
    inner join {{ gone }}
        on
            {{ gone }}.entity = '{{ entity }}'
            and staged.batch_id = {{ gone }}.batch_id
            and staged.row_number = {{ gone }}.row_number
    where staged.record_key <> {{ gone }}.record_key
    {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}

{#- Whether a text of rule ids joined by ', ' names one of them. -#}
{% macro names_rule(reasons, id) -%}
    position(', {{ id }}, ' in ', ' || {{ reasons }} || ', ') > 0
{%- endmacro %}

{#- The rules that are named in `reasons` as they are worded today, as a text that differs when one of them has changed
    or is gone. `entity` is SQL for the entity. -#}
{% macro rules_today(entity, reasons) -%}
    {%- set by_entity = regulars.rules_by_entity() -%}
    {%- if by_entity -%}
    case {{ entity }}
        {%- for name, rules in by_entity.items() %}
        when '{{ name }}' then concat_ws(' '
            {%- for rule in rules | sort(attribute='id') -%}
            {%- set worded = local_md5(rule['id'] ~ '|' ~ rule['severity'] ~ '|' ~ rule['sql'])[:8] %},
            case when {{ regulars.names_rule(reasons, rule['id']) }} then '{{ worded }}' end
            {%- endfor %}
        )
        {%- endfor %}
        else ''
    end
    {%- else -%}
    ''
    {%- endif -%}
{%- endmacro %}

{#- Those of the rules named in `reasons` that ask something of other records, in the same form as `reasons`. -#}
{% macro waiting_reasons(entity, reasons) -%}
    {%- set found = {} -%}
    {%- for name in regulars.rules_by_entity() -%}
        {%- set looking = regulars.rules_that_look_up(name) -%}
        {%- if looking -%}{%- do found.update({name: looking}) -%}{%- endif -%}
    {%- endfor -%}
    {%- if found -%}
    case {{ entity }}
        {%- for name, rules in found.items() %}
        when '{{ name }}' then concat_ws(', '
            {%- for rule in rules %},
            case when {{ regulars.names_rule(reasons, rule['id']) }} then '{{ rule['id'] }}' end
            {%- endfor %}
        )
        {%- endfor %}
        else ''
    end
    {%- else -%}
    ''
    {%- endif -%}
{%- endmacro %}

{#- The rules named in `reasons` as sentences; a rule that is gone is left as its id. -#}
{% macro reasons_in_words(entity, reasons) -%}
    {%- set by_entity = regulars.rules_by_entity() -%}
    {%- if by_entity -%}
    coalesce(
        nullif(
            case {{ entity }}
                {%- for name, rules in by_entity.items() %}
                when '{{ name }}' then concat_ws(' '
                    {%- for rule in rules %},
                    case
                        when {{ regulars.names_rule(reasons, rule['id']) }}
                            then {{ regulars.text_literal(rule.get('says') or rule['id']) }}
                    end
                    {%- endfor %}
                )
                {%- endfor %}
            end,
            ''
        ),
        {{ reasons }}
    )
    {%- else -%}
    {{ reasons }}
    {%- endif -%}
{%- endmacro %}

{#- Entity -> its rules of severity record, in their order; entities without one are left out. -#}
{% macro rules_by_entity() %}
    {%- set found = {} -%}
    {%- for entity in regulars.entities() -%}
        {%- set rules = regulars.rules_of(entity) | selectattr('severity', 'equalto', 'record') | list -%}
        {%- if rules -%}{%- do found.update({entity: rules}) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- Runs queries: what an entity's records are mapped with, as one md5 over the views' own texts. -#}
{% macro mapping_fingerprint(entity) %}
    {#- Named before the query, because dbt learns what a model reads while it parses. -#}
    {%- set parts = regulars.received_parts(entity) -%}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set texts = [] -%}
    {%- for part in parts -%}
        {%- do texts.append(regulars.view_fingerprint(part)) -%}
    {%- endfor -%}
    {{ return(local_md5(texts | join)) }}
{% endmacro %}
