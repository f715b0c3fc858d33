{#-
  The whole SQL of one staging model. Every received row of the entity comes out once, none is dropped:

    received  rows of mapped.<entity> and of the vendors' models; in an incremental run those of batches not staged yet
    typed     texts become values (typing.sql); the text stays beside each as <column>_text
    looked_up what rules ask of other records, such as whether a rate of the day is known (lookups.sql)
    checked   one boolean ok_<rule> per rule; a rule that answers null has nothing to object to
    judged    ids of the failed rules, values that a rule of severity `field` rejects set to null
    staged    the columns of the model, without the record's status
    ranked    of all rows with one record_key the first is the record, the rest are duplicates

  In an incremental run the rows already staged under a touched key are ranked again together with the new ones, and
  replace themselves. They are taken as they were judged: staged_with proves that mapping, types and rules are the
  same, and when they are not, everything is staged anew (is_outdated, and forget_outdated_rows as the pre-hook).
  Except for what is looked up: a row that failed because another record was not there is judged again, with its key,
  as soon as that record is there.
-#}
{% macro staged_entity(entity) %}
{%- set fingerprint = regulars.staging_fingerprint(entity) -%}
{%- set only_new = is_incremental() and not regulars.is_outdated(fingerprint) -%}
{{ regulars.staging_sql(entity, only_new, fingerprint, regulars.batches_not_staged() if only_new else none) }}
{% endmacro %}

{#- The SQL itself. `batches` are the batches to take when only_new is set; none leaves it to the database to find
    them. -#}
{% macro staging_sql(entity, only_new, fingerprint, batches=none) %}
{%- set definition = regulars.entity_definition(entity) -%}
{%- set columns = definition['columns'] -%}
{%- set renamed = definition['renamed'] -%}
{%- set rules = regulars.rules_of(entity) -%}
{%- set country = regulars.country_column(entity) -%}
{%- set key = renamed.get(definition['key'], definition['key']) -%}
{%- set outputs = regulars.staged_columns(entity) -%}
{%- set storage = regulars.storage_columns() if definition['grows'] else [] -%}
{%- set looking = regulars.rules_that_look_up(entity) -%}
{%- set nulled = {} -%}
{%- for rule in rules if rule['severity'] == 'field' -%}
    {%- if rule['field'] not in columns -%}
        {{ exceptions.raise_compiler_error(
            "Rule '" ~ rule['id'] ~ "' has severity field, but '" ~ rule['field'] ~ "' is no column of " ~ entity ~ "."
        ) }}
    {%- endif -%}
    {%- set name = renamed.get(rule['field'], rule['field']) -%}
    {%- do nulled.update({name: nulled.get(name, []) + ['ok_' ~ rule['id']]}) -%}
{%- endfor -%}
with received as (

    {%- for part in regulars.received_parts(entity) %}
    select {{ regulars.mapped_columns(entity, 'm') }}
    from {{ part }} as m
    {%- if only_new and batches is none %}
    where m._batch_id not in (select distinct batch_id from {{ this }})
    {%- elif only_new and batches %}
    where m._batch_id in (
        {%- for batch in batches %}{{ regulars.text_literal(batch) }}{{ ', ' if not loop.last }}{% endfor -%}
    )
    {%- elif only_new %}
    where 1 = 0
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

typed as (

    select
        r._source as source,
        r._channel as source_channel,
        r._dataset as dataset,
        r._batch_id as batch_id,
        r._load_id as load_id,
        r._row as row_number,
        r._loaded_at as loaded_at,
        r._accounts_of as accounts_of,
        r._products_of as products_of,
        r._reject_reason as reject_reason
        {%- for column, type in columns.items() %},
        {% if type in regulars.judged_types() -%}
        {{ regulars.judged_columns(column, type, renamed.get(column, column), country) }}
        {%- else -%}
        {{ regulars.typed_columns(column, type, renamed.get(column, column), definition['defaults'].get(column)) }}
        {%- endif -%}
        {%- endfor %}
    from received as r
    {{- regulars.judged_joins(entity) }}

),

{%- if looking %}
looked_up as (

    select
        t.*
        {{- regulars.lookup_columns(entity, false) }}
    from typed as t
    {{- regulars.lookup_joins(entity, false) }}

),
{%- endif %}

checked as (

    select
        *
        {%- for rule in rules %},
        coalesce(({{ rule['sql'] }}), true) as ok_{{ rule['id'] }}
        {%- endfor %}
    from {{ 'looked_up' if looking else 'typed' }}

),

judged as (

    select
        source, source_channel, dataset, batch_id, load_id, row_number, loaded_at, accounts_of, products_of,
        reject_reason,
        coalesce(
            source || '|' || {{ key }}, batch_id || '|' || cast(row_number as {{ dbt.type_string() }})
        ) as record_key,
        {{ regulars.failed_rule_ids(rules | selectattr('severity', 'equalto', 'record') | list) }} as invalid_reasons,
        {{ regulars.failed_rule_ids(rules) }} as failed_rules
        {%- for column, type in columns.items() %}
        {%- set name = renamed.get(column, column) %}
        {%- if name in nulled %},
        case when {{ nulled[name] | join(' and ') }} then {{ name }} end as {{ name }}
        {%- else %},
        {{ name }}
        {%- endif %}
        {%- if type != 'text' %},
        {{ name }}_text
        {%- endif %}
        {%- for flag in regulars.judged_flags(type) %},
        {{ name }}_{{ flag }}
        {%- endfor %}
        {%- endfor %}
        {%- for rule in rules %},
        ok_{{ rule['id'] }}
        {%- endfor %}
    from checked

),

staged as (

    select
        source, source_channel, dataset, batch_id, load_id, row_number, loaded_at, record_key,
        invalid_reasons is null as is_valid,
        invalid_reasons, failed_rules, reject_reason
        {%- for column in outputs['values'] %},
        {{ column }}
        {%- endfor %}
        {%- for made, parts in definition['keys'].items() %},
        {{ parts[0] }} || ':' || {{ parts[1] }} as {{ made }}
        {%- endfor %}
        {%- if definition['record_ref'] %},
        coalesce(
            {%- for prefix, column in definition['record_ref'] -%}
            '{{ prefix }}:' || {{ column }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        ) as record_ref
        {%- endif %}
        {%- for rule in rules %},
        ok_{{ rule['id'] }}
        {%- endfor %},
        '{{ fingerprint }}' as staged_with
    from judged

),
{%- if only_new and looking %}

-- Rows that waited for a record which has come.
released as (

    select record_key
    from (
        select
            t.{{ outputs['all'] | join(', t.') }}
            {{- regulars.lookup_columns(entity, true) }}
        from {{ this }} as t
        {{- regulars.lookup_joins(entity, true) }}
        where not ({% for rule in looking %}t.ok_{{ rule['id'] }}{{ ' and ' if not loop.last }}{% endfor %})
    ) as waiting
    {%- set come = [] -%}
    {%- for rule in looking -%}
        {%- do come.append('not ok_' ~ rule['id'] ~ ' and coalesce((' ~ rule['sql'] ~ '), true)') -%}
    {%- endfor %}
    where {{ come | join(' or ') }}

),
{%- endif %}
{%- if only_new %}

touched_keys as (

    select record_key from staged
    {%- if looking %}
    union all
    select record_key from released
    {%- endif %}

),

{%- if looking %}

held as (

    select
        t.{{ outputs['all'] | join(', t.') }}
        {{- regulars.lookup_columns(entity, true) }}
    from {{ this }} as t
    {{- regulars.lookup_joins(entity, true) }}
    where {{ regulars.is_touched('t') }}

),

held_again as (

    select
        {%- set asked = [] -%}
        {%- for rule in looking -%}{%- do asked.append('ok_' ~ rule['id']) -%}{%- endfor -%}
        {%- for column in outputs['all'] if column not in asked and column not in outputs['verdict'] %}
        {{ column }},
        {%- endfor %}
        {%- for rule in looking %}
        ok_{{ rule['id'] }} or coalesce(({{ rule['sql'] }}), true) as ok_{{ rule['id'] }}{{ ',' if not loop.last }}
        {%- endfor %}
    from held

),

held_verdicts as (

    select
        *,
        {{ regulars.failed_rule_ids(rules | selectattr('severity', 'equalto', 'record') | list) }} as invalid_reasons,
        {{ regulars.failed_rule_ids(rules) }} as failed_rules
    from held_again

),
{%- endif %}

touched as (

    select {{ outputs['all'] | join(', ') }} from staged
    union all
    {%- if looking %}
    select
        {%- for column in outputs['all'] %}
        {{ 'invalid_reasons is null as is_valid' if column == 'is_valid' else column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from held_verdicts
    {%- else %}
    select {{ outputs['all'] | join(', ') }} from {{ this }}
    where {{ regulars.is_touched() }}
    {%- endif %}

),
{%- endif %}

ranked as (

    select
        *,
        {{ regulars.place_in_record(entity) }} as place_in_record
    from {{ 'touched' if only_new else 'staged' }}

)

select
    source, source_channel, dataset, batch_id, load_id, row_number, loaded_at, record_key,
    {{ regulars.record_status() }} as record_status
    {%- for column in outputs['all'] if column not in outputs['technical'] %},
    {{ column }}
    {%- endfor %}
    {%- for name, expression in storage %},
    {{ expression }} as {{ name }}
    {%- endfor %}
from ranked
{% endmacro %}

{#- A row's place among those of its record_key: valid before invalid, newer before older. -#}
{% macro place_in_record(entity) -%}
    {%- set updated_at = regulars.entity_definition(entity)['updated_at'] -%}
    row_number() over (
        partition by record_key
        order by
            is_valid desc,
            {%- if updated_at %}
            {{ updated_at }} desc nulls last,
            {%- endif %}
            loaded_at desc,
            row_number desc,
            batch_id
    )
{%- endmacro %}

{#- What a row is, by its place: of all rows with one key the first is the record, the others are duplicates. -#}
{% macro record_status() -%}
    case
        when place_in_record > 1 then 'duplicate'
        when is_valid then 'valid'
        else 'quarantined'
    end
{%- endmacro %}

{#- One column of the mapping (r.<column>) as the columns of staging: the value, and where it is no text, the text.
    Contact values are in judged.sql. A default is a technical column of the mapping ('_currency') or a literal. -#}
{% macro typed_columns(column, type, name, default=none) -%}
    {%- set received = 'r.' ~ column -%}
    {%- set text = regulars.typed_text(received) -%}
    {%- if type == 'text' and default is none -%}
        {{ text }} as {{ name }}
    {%- elif type == 'text' -%}
        coalesce({{ text }}, {{ 'r.' ~ default if default.startswith('_') else default }}) as {{ name }}
    {%- else -%}
        {{ text }} as {{ name }}_text,
        {{ 'case when ' ~ text ~ ' is null then ' ~ default ~ ' else ' if default is not none }}
        {%- if type == 'timestamp' -%} {{ regulars.typed_timestamp(received, 'r._time_zone') }}
        {%- elif type == 'date' -%} {{ regulars.typed_date(received) }}
        {%- elif type == 'decimal' -%} {{ regulars.typed_decimal(received) }}
        {%- elif type == 'rate' -%} {{ regulars.typed_decimal(received, 'decimal(18, 8)') }}
        {%- elif type == 'integer' -%} {{ regulars.typed_integer(received) }}
        {%- elif type == 'boolean' -%} {{ regulars.typed_boolean(received) }}
        {%- else -%} {{ exceptions.raise_compiler_error("Column '" ~ column ~ "' has unknown type '" ~ type ~ "'.") }}
        {%- endif %}{{ ' end' if default is not none }} as {{ name }}
    {%- endif -%}
{%- endmacro %}

{#- The ids of the failed ones among some rules, joined by ', '; null when none failed. -#}
{% macro failed_rule_ids(rules) -%}
    {%- if rules -%}
    nullif(concat_ws(', '
        {%- for rule in rules -%}
            , case when not ok_{{ rule['id'] }} then '{{ rule['id'] }}' end
        {%- endfor -%}
    ), '')
    {%- else -%}
    cast(null as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}

{#- The columns of a staging model without record_status: technical ones, typed values, all in order. -#}
{% macro staged_columns(entity) %}
    {%- set definition = regulars.entity_definition(entity) -%}
    {%- set technical = [
        'source', 'source_channel', 'dataset', 'batch_id', 'load_id', 'row_number', 'loaded_at', 'record_key',
    ] -%}
    {%- set values = [] -%}
    {%- for column, type in definition['columns'].items() -%}
        {%- set name = definition['renamed'].get(column, column) -%}
        {%- do values.append(name) -%}
        {%- if type != 'text' -%}{%- do values.append(name ~ '_text') -%}{%- endif -%}
        {%- for flag in regulars.judged_flags(type) -%}{%- do values.append(name ~ '_' ~ flag) -%}{%- endfor -%}
    {%- endfor -%}
    {%- set made = definition['keys'].keys() | list -%}
    {%- if definition['record_ref'] -%}{%- do made.append('record_ref') -%}{%- endif -%}
    {%- set flags = [] -%}
    {%- for rule in regulars.rules_of(entity) -%}{%- do flags.append('ok_' ~ rule['id']) -%}{%- endfor -%}
    {%- set verdict = ['is_valid', 'invalid_reasons', 'failed_rules'] -%}
    {{ return({
        'technical': technical,
        'values': values,
        'verdict': verdict,
        'all': technical + verdict + ['reject_reason'] + values + made + flags + ['staged_with'],
    }) }}
{% endmacro %}

{#- What a row's judgement rests on besides the row itself, as one md5: the mapping (the views' texts), and the SQL of a
    complete build with all its types and rules. -#}
{% macro staging_fingerprint(entity) %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set texts = [regulars.staging_sql(entity, false, '')] -%}
    {%- for part in regulars.received_parts(entity) -%}
        {%- do texts.append(regulars.view_fingerprint(part)) -%}
    {%- endfor -%}
    {{ return(local_md5(texts | join)) }}
{% endmacro %}

{#- Runs queries: true when this model holds rows staged with another mapping, other types or other rules, or when a
    write into it was cut off. -#}
{% macro is_outdated(fingerprint) %}
    {%- set names = adapter.get_columns_in_relation(this) | map(attribute='name') | list -%}
    {%- if 'staged_with' not in names or regulars.is_half_written() -%}{{ return(true) }}{%- endif -%}
    {%- set found = run_query("select 1 from " ~ this ~ " where staged_with <> '" ~ fingerprint ~ "' limit 1") -%}
    {{ return(found.rows | length > 0) }}
{% endmacro %}

{#- Runs a query: the batches of the ledger that this model has no row of; none when they are many. Named in the SQL,
    they are the only rows of the mapped view that the database reads and maps; a comparison it would make after
    mapping all. A batch that brought no row for this entity is among them every time and costs nothing. -#}
{% macro batches_not_staged(at_most=200) %}
    {%- set found = run_query(
        "select batches.batch_id from " ~ source('ledger', 'batches') ~ " as batches"
        ~ " left join (select distinct batch_id from " ~ this ~ ") as staged on batches.batch_id = staged.batch_id"
        ~ " where staged.batch_id is null order by 1 limit " ~ (at_most + 1)
    ) -%}
    {{ return(found.columns[0].values() | list if found.rows | length <= at_most else none) }}
{% endmacro %}

{#- The settings of the incremental staging models. -#}
{% macro staging_settings() %}
    {%- set settings = regulars.incremental_settings(
        unique_key='record_key',
        row_key=['batch_id', 'row_number', 'record_key', 'record_copy'],
        partition_by='record_bucket',
        on_schema_change='sync_all_columns'
    ) -%}
    {%- do settings.update({
        'pre_hook': ['{{ forget_outdated_rows() }}', '{{ note_overwrite(true) }}'],
        'post_hook': '{{ note_overwrite(false) }}',
    }) -%}
    {{ return(settings) }}
{% endmacro %}

{#- Pre-hook of the incremental staging models: an outdated table is emptied before it is filled again (on DuckDB in the
    same transaction), so that keys which no longer exist do not stay behind. -#}
{% macro forget_outdated_rows() %}
    {%- if execute and is_incremental() -%}
        {%- set entity = model['name'].split('__')[1] -%}
        {%- if regulars.is_outdated(regulars.staging_fingerprint(entity)) -%}
            {{ regulars.forget_rows(regulars.staging_sql(entity, false, '')) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
