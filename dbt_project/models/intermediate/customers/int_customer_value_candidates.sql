{{ config(tags=['phase_profiles']) }}

{%- set fields = survivorship_fields() -%}
{%- set places = survivorship_places() -%}

with customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

profile_records as (

    select * from {{ ref('int_customer_profile_records') }}

),

identifiers as (

    select * from {{ ref('int_identity__identifiers') }}

),

rules as (

    select * from {{ ref('survivorship_rules') }}

),

ranks as (

    select * from {{ ref('survivorship_source_ranks') }}

),

-- The criteria of a field side by side, whatever numbers their places have.
placed_rules as (

    select
        field,
        criterion,
        row_number() over (partition by field order by place, criterion) as place
    from rules

),

rules_of_fields as (

    select
        {%- for place in places %}
        max(case when place = {{ place }} then criterion end) as criterion_{{ place }},
        {%- endfor %}
        field
    from placed_rules
    group by field

),

sources as (

    select distinct source from customer_records

),

fields as (

    {%- for field in fields %}
    select '{{ field }}' as field
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

fitting_ranks as (

    select
        sources.source,
        fields.field,
        ranks.rank,
        row_number() over (
            partition by sources.source, fields.field
            order by
                case when ranks.field = 'all' then 1 else 0 end,
                case when ranks.source = sources.source then 0 else 1 end,
                length(ranks.source) desc,
                ranks.rank
        ) as place
    from ranks
    inner join sources
        on
            ranks.source = sources.source
            or (
                substr(ranks.source, length(ranks.source), 1) = '*'
                and substr(ranks.source, 1, length(ranks.source) - 1)
                = substr(sources.source, 1, length(ranks.source) - 1)
            )
    inner join fields on ranks.field = fields.field or ranks.field = 'all'

),

ranks_of_sources as (

    select
        source,
        field,
        rank as source_rank
    from fitting_ranks
    where place = 1

),

of_records as (

    {%- for field, definition in fields.items() if definition.get('value') %}
    select
        customer_id,
        '{{ field }}' as field,
        {{ definition['value'] }} as value,
        source,
        record_ref as source_record_id,
        stated_at,
        place as record_place,
        true as is_valid,
        position('|{{ field }}|' in doubtful_fields) > 0 as is_doubtful,
        true as is_own_record,
        1 as records
    from profile_records
    where {{ definition.get('says', definition['value'] ~ ' is not null') }}
    {%- if definition.get('refused') %}
    {%- set text, flag = definition['refused'] %}

    union all

    select
        customer_id,
        '{{ field }}' as field,
        {{ trimmed(text) }} as value,
        source,
        record_ref as source_record_id,
        stated_at,
        place as record_place,
        false as is_valid,
        true as is_doubtful,
        true as is_own_record,
        1 as records
    from profile_records
    where {{ definition['value'] }} is null and nullif({{ trimmed(text) }}, '') is not null and not {{ flag }}
    {%- endif %}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

named_customers as (

    select distinct customer_id from profile_records where {{ fields['display_name']['value'] }} is not null

),

said_by_records as (

    {%- for field, definition in fields.items() if definition.get('value') and definition.get('event') %}
    select
        source,
        record_ref as source_record_id,
        '{{ definition['event'] }}' as kind,
        {{ definition['value'] }} as value,
        max(stated_at) as stated_at
    from profile_records
    where {{ definition['value'] }} is not null
    group by source, record_ref, {{ definition['value'] }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

fields_of_events as (

    {%- for field, definition in fields.items() if definition.get('event') %}
    select '{{ definition['event'] }}' as kind, '{{ field }}' as field
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- Events know addresses and numbers, too. What a record states itself is taken from its events only if they are later,
-- and it stays one record that says so. An account stands for a name, so it is asked for only where no name is known.
of_events as (

    select
        customer_records.customer_id,
        fields_of_events.field,
        identifiers.value,
        identifiers.source,
        identifiers.source_record_id,
        identifiers.last_seen_at as stated_at,
        cast(null as bigint) as record_place,
        true as is_valid,
        false as is_doubtful,
        false as is_own_record,
        case when said_by_records.source is null then 1 else 0 end as records
    from identifiers
    inner join fields_of_events on identifiers.kind = fields_of_events.kind
    inner join customer_records
        on
            identifiers.source = customer_records.source
            and identifiers.source_record_id = customer_records.source_record_id
    left join said_by_records
        on
            identifiers.source = said_by_records.source
            and identifiers.source_record_id = said_by_records.source_record_id
            and identifiers.kind = said_by_records.kind
            and identifiers.value = said_by_records.value
    left join named_customers
        on customer_records.customer_id = named_customers.customer_id and identifiers.kind = 'account'
    where
        named_customers.customer_id is null
        and (
            said_by_records.source is null
            or identifiers.last_seen_at > said_by_records.stated_at
            or (identifiers.last_seen_at is not null and said_by_records.stated_at is null)
        )

),

candidates as (

    select * from of_records
    union all
    select * from of_events

),

-- Most customers have one record, and most records of a customer agree: only what differs is sorted by the rules.
told_by_many as (

    select
        customer_id,
        field,
        min(value) <> max(value) as is_contested
    from candidates
    group by customer_id, field
    having count(*) > 1

),

judged as (

    select
        candidates.*,
        {%- for place in places %}
        rules_of_fields.criterion_{{ place }},
        {%- endfor %}
        ranks_of_sources.source_rank,
        told_by_many.is_contested
    from candidates
    left join told_by_many
        on candidates.customer_id = told_by_many.customer_id and candidates.field = told_by_many.field
    left join rules_of_fields on candidates.field = rules_of_fields.field
    left join ranks_of_sources
        on candidates.source = ranks_of_sources.source and candidates.field = ranks_of_sources.field

),

-- Who says a value best. How often it is said, and whether it is doubted, is the same for all who say it.
said as (

    select
        customer_id,
        field,
        value,
        source,
        source_record_id,
        stated_at,
        record_place,
        is_valid,
        is_own_record,
        source_rank,
        is_contested,
        {%- for place in places %}
        criterion_{{ place }},
        {%- endfor %}
        max(case when is_doubtful then 1 else 0 end) over (partition by customer_id, field, value) = 1 as is_doubtful,
        sum(records) over (partition by customer_id, field, value) as records,
        row_number() over (
            partition by customer_id, field, value
            order by
                is_valid desc,
                {%- for place in places %}
                {{ survivorship_key(place, within_value=true) }} desc,
                {%- endfor %}
                record_place desc nulls last,
                source asc,
                source_record_id asc
        ) as place_of_record
    from judged
    where is_contested is not null

),

keyed as (

    select
        {%- for place in places %}
        {{ survivorship_key(place) }} as key_{{ place }},
        {%- endfor %}
        *
    from said
    where is_contested and place_of_record = 1

),

ranked as (

    select
        *,
        {%- for place in places %}
        lead(key_{{ place }}) over (partition by customer_id, field order by {{ survivorship_order(places) }})
            as next_key_{{ place }},
        max(case when is_valid then key_{{ place }} end) over (partition by customer_id, field)
            as best_key_{{ place }},
        {%- endfor %}
        lead(is_valid) over (partition by customer_id, field order by {{ survivorship_order(places) }})
            as next_is_valid,
        row_number() over (partition by customer_id, field order by {{ survivorship_order(places) }}) as place,
        count(*) over (partition by customer_id, field) as values_known,
        sum(case when is_valid then 1 else 0 end) over (partition by customer_id, field) as valid_values
    from keyed

),

placed as (

    select
        customer_id,
        field,
        value,
        source,
        source_record_id,
        stated_at,
        record_place,
        is_valid,
        is_own_record,
        source_rank,
        is_doubtful,
        records,
        place,
        values_known,
        valid_values,
        case
            when next_is_valid is null then null
            when is_valid and not next_is_valid then 'only_valid'
            {%- for place in places %}
            when key_{{ place }} <> next_key_{{ place }} then criterion_{{ place }}
            {%- endfor %}
            else 'none'
        end as decided_by,
        case
            when next_is_valid is null then true
            when is_valid and not next_is_valid then true
            {%- for place in places %}
            when key_{{ place }} <> next_key_{{ place }} then key_{{ place }} = best_key_{{ place }}
            {%- endfor %}
            else false
        end as is_best_of_all
    from ranked

    union all

    select
        customer_id,
        field,
        value,
        source,
        source_record_id,
        stated_at,
        record_place,
        is_valid,
        is_own_record,
        source_rank,
        is_doubtful,
        records,
        1 as place,
        1 as values_known,
        case when is_valid then 1 else 0 end as valid_values,
        cast(null as {{ dbt.type_string() }}) as decided_by,
        true as is_best_of_all
    from said
    where not is_contested and place_of_record = 1

    union all

    select
        customer_id,
        field,
        value,
        source,
        source_record_id,
        stated_at,
        record_place,
        is_valid,
        is_own_record,
        source_rank,
        is_doubtful,
        records,
        1 as place,
        1 as values_known,
        case when is_valid then 1 else 0 end as valid_values,
        cast(null as {{ dbt.type_string() }}) as decided_by,
        true as is_best_of_all
    from judged
    where is_contested is null

)

select
    customer_id,
    field,
    value,
    source,
    source_record_id,
    stated_at,
    record_place,
    is_valid,
    is_doubtful,
    is_own_record,
    source_rank,
    cast(records as bigint) as records,
    cast(place as bigint) as place,
    cast(values_known as bigint) as values_known,
    cast(valid_values as bigint) as valid_values,
    decided_by,
    is_best_of_all
from placed
