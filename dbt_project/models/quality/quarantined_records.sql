with quarantined as (
    {% for entity, definition in entities().items() %}
    select
        source,
        dataset,
        batch_id,
        row_number,
        '{{ entity }}' as entity,
        coalesce({{ definition['key'] }}, record_key) as record_id,
        load_id,
        invalid_reasons,
        reject_reason,
        loaded_at
    from {{ ref('stg_all__' ~ entity) }}
    where record_status = 'quarantined'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

raw_json as (

    select source, dataset, batch_id, row_number, raw from {{ source('mapped', 'raw_json') }}

)

select
    quarantined.source,
    quarantined.entity,
    quarantined.record_id,
    quarantined.load_id,
    quarantined.invalid_reasons as reasons,
    raw_json.raw,
    cast(quarantined.loaded_at as timestamp) as quarantined_at,
    cast(null as timestamp) as released_at,
    quarantined.reject_reason,
    quarantined.dataset,
    quarantined.batch_id,
    cast(quarantined.row_number as bigint) as row_number
from quarantined
left join raw_json
    on
        quarantined.source = raw_json.source
        and quarantined.dataset = raw_json.dataset
        and quarantined.batch_id = raw_json.batch_id
        and quarantined.row_number = raw_json.row_number
