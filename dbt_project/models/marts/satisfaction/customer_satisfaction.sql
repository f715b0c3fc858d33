{{ config(tags=['phase_profiles']) }}

with answers as (

    select * from {{ ref('fct_satisfaction') }} where customer_id is not null and status = 'counted'

),

contacts as (

    select * from {{ ref('int_service_contacts') }} where customer_id is not null

),

bands as (

    select
        band,
        share_from,
        lead(share_from) over (order by share_from) as share_below
    from {{ ref('satisfaction_bands') }}
    where band_kind = 'rating'

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

placed as (

    select
        answers.*,
        cast(answers.score_share as decimal(18, 6)) as exact_share,
        cast(answers.gap_share as decimal(18, 6)) as exact_gap,
        {{ regulars.days_between('answers.day', 'as_of.as_of_on') }} as age_days,
        row_number() over (
            partition by answers.customer_id order by answers.occurred_at desc, answers.answer_id desc
        ) as place,
        row_number() over (
            partition by answers.customer_id, answers.nps_group is not null
            order by answers.occurred_at desc, answers.answer_id desc
        ) as place_of_kind
    from answers
    cross join as_of

),

by_customer as (

    select
        customer_id,
        count(*) as answers,
        sum(case when age_days < 365 then 1 else 0 end) as answers_365d,
        sum(case when age_days < 365 then exact_share end) as share_sum_365d,
        sum(case when age_days >= 365 and age_days < 730 then exact_share end) as share_sum_before,
        sum(case when age_days >= 365 and age_days < 730 then 1 else 0 end) as answers_before,
        sum(case when age_days < 365 and is_satisfied then 1 else 0 end) as satisfied_365d,
        sum(case when age_days < 365 and is_satisfied is not null then 1 else 0 end) as csat_answers_365d,
        sum(case when age_days < 365 then exact_gap end) as gap_sum_365d,
        count(case when age_days < 365 then gap_share end) as gaps_365d,
        max(occurred_at) as last_answer_at,
        max(case when place = 1 then score_share end) as last_share,
        max(case when place = 1 then expectation_share end) as last_expectation_share,
        max(case when place = 1 then gap_share end) as last_gap_share,
        max(case when place_of_kind = 1 then nps_group end) as nps_group
    from placed
    group by customer_id

),

contacts_by_customer as (

    select
        contacts.customer_id,
        sum(case when contacts.direction = 'in' then 1 else 0 end) as contacts_365d,
        sum(case when contacts.is_complaint then 1 else 0 end) as complaints_365d,
        sum(case when contacts.is_unanswered then 1 else 0 end) as unanswered_calls_365d,
        max(case when contacts.is_complaint then contacts.occurred_at end) as last_complaint_at
    from contacts
    cross join as_of
    where {{ regulars.days_between('contacts.day', 'as_of.as_of_on') }} < 365
    group by contacts.customer_id

),

open_tickets as (

    select
        customer_id,
        sum(case when is_open then 1 else 0 end) as open_tickets
    from contacts
    group by customer_id

),

customers as (

    select customer_id from by_customer
    union
    select customer_id from open_tickets

),

joined as (

    select
        customers.customer_id,
        coalesce(by_customer.answers, 0) as answers,
        coalesce(by_customer.answers_365d, 0) as answers_365d,
        by_customer.last_answer_at,
        by_customer.last_share,
        by_customer.last_expectation_share,
        by_customer.last_gap_share,
        cast(by_customer.share_sum_365d as double)
        / nullif(cast(by_customer.answers_365d as double), 0) as mean_share_365d,
        cast(by_customer.gap_sum_365d as double) / nullif(cast(by_customer.gaps_365d as double), 0) as gap_share_365d,
        cast(by_customer.share_sum_before as double)
        / nullif(cast(by_customer.answers_before as double), 0) as mean_share_before,
        cast(by_customer.satisfied_365d as double)
        / nullif(cast(by_customer.csat_answers_365d as double), 0) as csat_rate_365d,
        by_customer.nps_group,
        coalesce(contacts_by_customer.contacts_365d, 0) as contacts_365d,
        coalesce(contacts_by_customer.complaints_365d, 0) as complaints_365d,
        coalesce(contacts_by_customer.unanswered_calls_365d, 0) as unanswered_calls_365d,
        contacts_by_customer.last_complaint_at,
        coalesce(open_tickets.open_tickets, 0) as open_tickets
    from customers
    left join by_customer on customers.customer_id = by_customer.customer_id
    left join contacts_by_customer on customers.customer_id = contacts_by_customer.customer_id
    left join open_tickets on customers.customer_id = open_tickets.customer_id

)

select
    joined.customer_id,
    cast(joined.answers as bigint) as answers,
    cast(joined.answers_365d as bigint) as answers_365d,
    joined.last_answer_at,
    joined.last_expectation_share as expectation_share,
    joined.last_share as experience_share,
    joined.last_gap_share as gap_share,
    {{ regulars.rounded('joined.mean_share_365d', 6) }} as mean_share_365d,
    {{ regulars.rounded('joined.gap_share_365d', 6) }} as gap_share_365d,
    {{ regulars.rounded('joined.mean_share_365d - joined.mean_share_before', 6) }} as trend_365d,
    {{ regulars.rounded('joined.csat_rate_365d', 6) }} as csat_rate_365d,
    bands.band as satisfaction_band,
    joined.nps_group,
    cast(joined.contacts_365d as bigint) as contacts_365d,
    cast(joined.complaints_365d as bigint) as complaints_365d,
    joined.last_complaint_at,
    cast(joined.unanswered_calls_365d as bigint) as unanswered_calls_365d,
    cast(joined.open_tickets as bigint) as open_tickets
from joined
left join bands
    on
        {{ regulars.rounded('joined.mean_share_365d', 6) }} >= bands.share_from
        and {{ regulars.rounded('joined.mean_share_365d', 6) }} < coalesce(bands.share_below, 2)
