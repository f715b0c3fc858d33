{{ config(tags=['phase_profiles']) }}

with calls as (

    select * from {{ ref('int_calls') }}

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

cost_rates as (

    select * from {{ ref('int_cost_rates') }} where cost_type = 'call_minute'

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    calls.call_id,
    calls.source,
    customer_records.customer_id,
    calls.direction,
    calls.started_at,
    calls.wait_seconds,
    calls.talk_seconds,
    calls.outcome,
    calls.reason,
    calls.agent_id,
    calls.satisfaction,
    {{ regulars.double_as_money(
        'cast(calls.talk_seconds as double) / 60 * cast(cost_rates.cost_amount as double)'
    ) }} as handling_cost_amount,
    as_of.currency,
    calls.queue,
    calls.recording_url,
    calls.recording_seconds,
    calls.rated_at
from calls
cross join as_of
left join cost_rates on 1 = 1
left join customer_records
    on calls.source = customer_records.source and calls.record_ref = customer_records.source_record_id
