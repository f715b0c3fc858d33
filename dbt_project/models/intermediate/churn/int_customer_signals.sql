{{ config(tags=['phase_profiles']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

contacts as (

    select * from {{ ref('int_service_contacts') }} where customer_id is not null and direction = 'in'

),

answers as (

    select * from {{ ref('fct_satisfaction') }} where customer_id is not null and status = 'counted'

),

deliveries as (

    select * from {{ ref('int_email_deliveries') }} where customer_id is not null

),

-- Everything stands on the day from which it was known, never on the day of what it belongs to.
happenings as (

    select customer_id, day, {{ signals_of({'orders': 'orders', 'returns': 'returns'}) }}
    from {{ ref('int_customer_days') }}
    where orders > 0 or returns > 0

    union all

    -- Where a source reports no opens, whether a mail was opened is unknown.
    select
        customer_id,
        delivered_on as day,
        {{ signals_of({
            'mails': 1,
            'tracked_mails': 'case when is_open_tracked or is_click_tracked then 1 else 0 end',
            'open_tracked_mails': 'case when is_open_tracked then 1 else 0 end',
        }) }}
    from deliveries
    where delivered_on is not null

    union all

    select customer_id, human_opened_on as day, {{ signals_of({'opens': 1}) }}
    from deliveries
    where human_opened_on is not null

    union all

    select customer_id, human_clicked_on as day, {{ signals_of({'clicks': 1}) }}
    from deliveries
    where human_clicked_on is not null

    union all

    select
        deliveries.customer_id,
        {{ regulars.local_day('deliveries.unsubscribed_at', 'as_of.time_zone') }} as day,
        {{ signals_of({'unsubscribes': 1}) }}
    from deliveries
    cross join as_of
    where deliveries.unsubscribed_at is not null

    union all

    select
        contacts.customer_id,
        contacts.day,
        {{ signals_of({
            'contacts': 1,
            'unanswered': 'case when contacts.is_unanswered then 1 else 0 end',
            'complaints': 'case when contacts.is_complaint then 1 else 0 end',
        }) }}
    from contacts

    union all

    select
        answers.customer_id,
        answers.day,
        {{ signals_of({
            'ratings': 1,
            'rating_points': '100 * answers.score_share',
            'gaps': 'case when answers.gap_share is not null then 1 else 0 end',
            'gap_points': 'coalesce(100 * answers.gap_share, 0)',
        }) }}
    from answers

    union all

    select
        sessions.customer_id,
        {{ regulars.local_day('sessions.started_at', 'as_of.time_zone') }} as day,
        {{ signals_of({'visits': 1}) }}
    from {{ ref('fct_web_sessions') }} as sessions
    cross join as_of
    where sessions.customer_id is not null and not sessions.is_bot and sessions.started_at <= as_of.as_of

)

select
    customer_id,
    {%- for name in signal_names() %}
    sum({{ name }}) as {{ name }},
    {%- endfor %}
    day
from happenings
group by customer_id, day
