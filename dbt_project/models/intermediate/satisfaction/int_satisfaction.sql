{{ config(tags=['phase_profiles']) }}
{%- set no_text = 'cast(null as ' ~ dbt.type_string() ~ ')' %}

with calls as (

    select * from {{ ref('fct_calls') }} where satisfaction is not null

),

tickets as (

    select * from {{ ref('fct_tickets') }} where satisfaction is not null and stage <> 'deleted'

),

surveys as (

    select * from {{ ref('fct_surveys') }} where score is not null

),

contacts as (

    select * from {{ ref('int_service_contacts') }}

),

scales as (

    select
        *,
        -- Marks may run downwards.
        case when scale_worst < scale_best then scale_worst else scale_best end as scale_min,
        case when scale_worst < scale_best then scale_best else scale_worst end as scale_max,
        nullif(cast(scale_best as double) - cast(scale_worst as double), 0) as scale_length
    from {{ ref('satisfaction_scales') }}

),

channels as (

    select * from {{ ref('contact_channels') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

given as (

    select
        'call:' || call_id as answer_id,
        'call' as origin,
        source,
        {{ no_text }} as kind,
        customer_id,
        call_id,
        {{ no_text }} as ticket_id,
        {{ no_text }} as order_id,
        {{ no_text }} as product_id,
        agent_id,
        'phone' as channel,
        'call' as subject,
        -- A rating counts from when it was given, or else from the call.
        coalesce(rated_at, started_at) as occurred_at,
        satisfaction as score,
        cast(null as decimal(18, 4)) as stated_min,
        cast(null as decimal(18, 4)) as stated_max
    from calls

    union all

    select
        'ticket:' || ticket_id as answer_id,
        'ticket' as origin,
        source,
        {{ no_text }} as kind,
        customer_id,
        {{ no_text }} as call_id,
        ticket_id,
        {{ no_text }} as order_id,
        {{ no_text }} as product_id,
        agent_id,
        channel,
        'ticket' as subject,
        coalesce(rated_at, solved_at, created_at) as occurred_at,
        satisfaction as score,
        cast(null as decimal(18, 4)) as stated_min,
        cast(null as decimal(18, 4)) as stated_max
    from tickets

    union all

    select
        'survey:' || response_id as answer_id,
        'survey' as origin,
        source,
        kind,
        customer_id,
        call_id,
        ticket_id,
        order_id,
        product_id,
        agent_id,
        channel,
        subject,
        responded_at as occurred_at,
        score,
        scale_min as stated_min,
        scale_max as stated_max
    from surveys

),

fitting as (

    select
        given.answer_id,
        scales.kind,
        scales.scale_worst,
        scales.scale_best,
        scales.satisfied_from,
        scales.promoter_from,
        scales.detractor_upto,
        scales.scale_length,
        row_number() over (partition by given.answer_id order by scales.priority) as place
    from given
    inner join scales
        on
            given.origin = scales.origin
            and coalesce(scales.source, given.source) = given.source
            and coalesce(given.kind, scales.kind) = scales.kind
            and coalesce(given.stated_min, scales.scale_min) = scales.scale_min
            and coalesce(given.stated_max, scales.scale_max) = scales.scale_max

),

-- What the answer is about: the contact that the call or the ticket belongs to.
about as (

    select
        given.*,
        coalesce(fitting.kind, given.kind) as known_kind,
        fitting.scale_worst,
        fitting.scale_best,
        fitting.satisfied_from,
        fitting.promoter_from,
        fitting.detractor_upto,
        fitting.scale_length,
        fitting.answer_id is not null as has_scale,
        coalesce(of_call.contact_id, of_ticket.contact_id) as contact_id,
        coalesce(of_call.customer_id, of_ticket.customer_id) as contact_customer_id,
        coalesce(of_call.agent_id, of_ticket.agent_id) as contact_agent_id,
        coalesce(of_call.channel, of_ticket.channel) as contact_channel,
        coalesce(of_call.reason_group, of_ticket.reason_group) as reason_group
    from given
    left join fitting on given.answer_id = fitting.answer_id and fitting.place = 1
    left join contacts as of_call on given.call_id = of_call.call_id
    left join contacts as of_ticket on given.ticket_id = of_ticket.ticket_id

),

measured as (

    select
        *,
        (cast(score as double) - cast(scale_worst as double)) / scale_length as score_share,
        (cast(satisfied_from as double) - cast(scale_worst as double)) / scale_length as satisfied_share,
        (cast(promoter_from as double) - cast(scale_worst as double)) / scale_length as promoter_share,
        (cast(detractor_upto as double) - cast(scale_worst as double)) / scale_length as detractor_share
    from about

),

placed as (

    select
        *,
        row_number() over (
            partition by contact_id, promoter_share is not null, score_share >= 0 and score_share <= 1
            order by case when origin = 'survey' then 0 else 1 end asc, occurred_at desc, answer_id desc
        ) as place
    from measured

),

judged as (

    select
        *,
        case
            when not has_scale or score_share is null then 'unknown_scale'
            when score_share < 0 or score_share > 1 then 'outside_scale'
            -- What a survey asked about a call or a ticket may also stand in it, and one contact in two systems may
            -- have been rated in both: the survey holds, then the later word.
            when contact_id is not null and origin <> 'survey' and place > 1 then 'told_twice'
            else 'counted'
        end as status
    from placed

)

select
    judged.answer_id,
    judged.known_kind as kind,
    judged.origin,
    judged.source,
    coalesce(judged.customer_id, judged.contact_customer_id) as customer_id,
    judged.contact_id,
    coalesce(judged.agent_id, judged.contact_agent_id) as agent_id,
    judged.order_id,
    judged.product_id,
    coalesce(judged.contact_channel, channels.contact_channel, {{ regulars.lower_text('judged.channel') }}) as channel,
    coalesce(
        judged.reason_group, case when judged.subject in ('call', 'ticket') then 'other' else judged.subject end
    ) as topic,
    judged.occurred_at,
    {{ regulars.local_day('judged.occurred_at', 'as_of.time_zone') }} as day,
    judged.score,
    judged.scale_worst,
    judged.scale_best,
    case when judged.status = 'counted' then {{ regulars.rounded('judged.score_share', 6) }} end as score_share,
    case
        when judged.status = 'counted' and judged.satisfied_share is not null
            then judged.score_share >= judged.satisfied_share
    end as is_satisfied,
    case
        when judged.status <> 'counted' or judged.promoter_share is null then {{ no_text }}
        when judged.score_share >= judged.promoter_share then 'promoter'
        when judged.score_share <= judged.detractor_share then 'detractor'
        else 'passive'
    end as nps_group,
    judged.status
from judged
cross join as_of
left join channels on {{ regulars.lower_text('judged.channel') }} = channels.channel
where judged.occurred_at <= as_of.as_of
