{{ config(tags=['phase_profiles']) }}

with responses as (

    select * from {{ ref('int_used__surveys') }} where record_status = 'valid'

),

survey_kinds as (

    select * from {{ ref('survey_kinds') }}

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

orders as (

    select source, customer_id, order_id, order_number from {{ ref('fct_orders') }}

),

calls as (

    select source, customer_id, call_id, substr(call_id, length(source) + 2) as call_number from {{ ref('fct_calls') }}

),

tickets as (

    select source, customer_id, ticket_id, substr(ticket_id, length(source) + 2) as ticket_number
    from {{ ref('fct_tickets') }}

),

answers as (

    select
        responses.*,
        responses.record_key as answer_key,
        customer_records.customer_id,
        coalesce(survey_kinds.kind, 'rating') as known_kind
    from responses
    left join survey_kinds on {{ lower_text('responses.kind') }} = survey_kinds.kind
    left join customer_records
        on responses.source = customer_records.source and responses.record_ref = customer_records.source_record_id

),

named_orders as (

    {{ named_records('answers', 'order_id', 'orders', 'order_id', 'order_number') }}

),

named_calls as (

    {{ named_records('answers', 'call_id', 'calls', 'call_id', 'call_number') }}

),

named_tickets as (

    {{ named_records('answers', 'ticket_id', 'tickets', 'ticket_id', 'ticket_number') }}

),

-- The scale that is stated, or else the usual one of the kind, unless the score shows that it was another.
scaled as (

    select
        answers.*,
        coalesce(
            answers.scale_min,
            case
                when
                    answers.score between survey_kinds.scale_min and survey_kinds.scale_max
                    and coalesce(answers.scale_max > survey_kinds.scale_min, true)
                    then survey_kinds.scale_min
            end
        ) as known_scale_min,
        coalesce(
            answers.scale_max,
            case
                when
                    answers.score between survey_kinds.scale_min and survey_kinds.scale_max
                    and coalesce(answers.scale_min < survey_kinds.scale_max, true)
                    then survey_kinds.scale_max
            end
        ) as known_scale_max
    from answers
    left join survey_kinds on answers.known_kind = survey_kinds.kind

)

select
    coalesce(scaled.source || ':' || scaled.response_id, scaled.record_key) as response_id,
    scaled.source,
    scaled.customer_id,
    scaled.known_kind as kind,
    case
        when scaled.ticket_id is not null then 'ticket'
        when scaled.call_id is not null then 'call'
        when scaled.product_id is not null then 'product'
        when scaled.order_id is not null then 'order'
        when scaled.agent_id is not null then 'agent'
        else 'company'
    end as subject,
    scaled.score,
    scaled.known_scale_min as scale_min,
    scaled.known_scale_max as scale_max,
    scaled.asked_at,
    scaled.responded_at,
    named_orders.order_id,
    named_calls.call_id,
    named_tickets.ticket_id,
    scaled.product_key as product_id,
    scaled.agent_id,
    {{ lower_text('scaled.channel') }} as channel
from scaled
left join named_orders on scaled.answer_key = named_orders.answer_key
left join named_calls on scaled.answer_key = named_calls.answer_key
left join named_tickets on scaled.answer_key = named_tickets.answer_key
