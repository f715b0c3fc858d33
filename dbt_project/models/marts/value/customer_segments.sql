{{ config(tags=['phase_value']) }}

with segments as (

    select * from {{ ref('int_customer_segments') }} where is_as_of

),

own_sets as (

    select * from {{ ref('int_own_segment_sets') }}

),

key_customers as (

    select key_customers.customer_id
    from {{ ref('int_key_customers') }} as key_customers
    inner join {{ ref('int_days') }} as days on key_customers.day = days.day and days.is_as_of

),

regular_months as (

    select * from {{ ref('int_regular_months') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    segments.customer_id,
    segments.value_segment,
    segments.behaviour_segment,
    segments.lifecycle_stage,
    cast(segments.recency_score as {{ dbt.type_string() }})
    || cast(segments.frequency_score as {{ dbt.type_string() }})
    || cast(segments.monetary_score as {{ dbt.type_string() }}) as rfm_score,
    segments.loyalty_tier,
    key_customers.customer_id is not null as is_key_customer,
    regular_months.customer_id is not null as is_regular,
    as_of.as_of as assigned_at,
    segments.recency_score,
    segments.frequency_score,
    segments.monetary_score,
    segments.strategic_segment,
    segments.category_segment,
    segments.channel_segment,
    segments.price_segment,
    segments.engagement_segment,
    own_sets.own_segments
from segments
cross join as_of
left join own_sets on segments.customer_id = own_sets.customer_id and segments.day = own_sets.day
left join key_customers on segments.customer_id = key_customers.customer_id
left join regular_months
    on
        segments.customer_id = regular_months.customer_id
        and regular_months.month_number
        = {{ regulars.month_number('cast(' ~ regulars.add_days('as_of.as_of_on', 1) ~ ' as date)') }} - 1
