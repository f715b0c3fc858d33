with latest as (

    select * from (
        select
            *,
            row_number() over (partition by source, entity, record_id order by event_number desc) as place
        from {{ ref('quarantine_log') }}
    ) as numbered
    where place = 1 and event in ('quarantined', 'changed', 'released')

),

-- A million records fail in some dozens of ways.
ways_to_fail as (

    select entity, reasons, {{ reasons_in_words('entity', 'reasons') }} as reasons_text
    from (select distinct entity, reasons from latest) as ways

),

raw_json as (

    select source, dataset, batch_id, row_number, raw from {{ source('mapped', 'raw_json') }}

)

select
    latest.source,
    latest.entity,
    latest.record_id,
    latest.load_id,
    latest.reasons,
    raw_json.raw,
    latest.quarantined_at,
    case when latest.event = 'released' then latest.happened_at end as released_at,
    latest.reject_reason,
    latest.dataset,
    latest.batch_id,
    latest.row_number,
    ways_to_fail.reasons_text,
    latest.other_failed_rules,
    latest.release_reason,
    case when latest.event = 'released' then latest.run_id end as released_by_run
from latest
inner join ways_to_fail on latest.entity = ways_to_fail.entity and latest.reasons = ways_to_fail.reasons
left join raw_json
    on
        latest.source = raw_json.source
        and latest.dataset = raw_json.dataset
        and latest.batch_id = raw_json.batch_id
        and latest.row_number = raw_json.row_number
-- Of a source that left the company file nothing is held, and what it sent can no longer be read.
where latest.event <> 'released' or raw_json.raw is not null
