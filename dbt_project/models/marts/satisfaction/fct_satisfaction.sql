{{ config(tags=['phase_profiles']) }}
{%- set prior = 'cast(' ~ threshold('satisfaction_prior_answers') ~ ' as double)' %}

with answers as (

    select * from {{ ref('int_satisfaction') }}

),

counted as (

    select
        *,
        -- Of decimals the same sum comes out in whatever order it is made.
        cast(score_share as decimal(18, 6)) as exact_share
    from answers
    where status = 'counted'

),

-- Everything up to an answer less what was said in the same moment: what had been said before.
before_kind as (

    select
        *,
        cast(sum(exact_share) over (
            partition by kind order by occurred_at range between unbounded preceding and current row
        ) - sum(exact_share) over (partition by kind, occurred_at) as double) as kind_sum,
        count(*) over (
            partition by kind order by occurred_at range between unbounded preceding and current row
        ) - count(*) over (partition by kind, occurred_at) as kind_answers,
        cast(sum(exact_share) over (
            partition by kind, topic order by occurred_at range between unbounded preceding and current row
        ) - sum(exact_share) over (partition by kind, topic, occurred_at) as double) as topic_sum,
        count(*) over (
            partition by kind, topic order by occurred_at range between unbounded preceding and current row
        ) - count(*) over (partition by kind, topic, occurred_at) as topic_answers
    from counted

),

-- What is usual for such a question about such a matter; while there are few answers, what is usual for the question.
usual as (

    select
        *,
        (topic_sum + {{ prior }} * kind_sum / nullif(cast(kind_answers as double), 0))
        / nullif(cast(topic_answers as double) + {{ prior }}, 0) as usual_share
    from before_kind

),

deviations as (

    select
        *,
        case when customer_id is not null then score_share - usual_share end as deviation
    from usual

),

before_own as (

    select
        *,
        coalesce(sum(deviation) over (
            partition by customer_id order by occurred_at range between unbounded preceding and current row
        ), 0) - coalesce(sum(deviation) over (partition by customer_id, occurred_at), 0) as own_sum,
        count(deviation) over (
            partition by customer_id order by occurred_at range between unbounded preceding and current row
        ) - count(deviation) over (partition by customer_id, occurred_at) as own_answers
    from deviations

),

-- How far the customer used to be above or below what is usual, drawn towards nothing while there are few answers.
expected as (

    select
        answer_id,
        topic_answers,
        own_answers,
        usual_share,
        usual_share + case
            when own_answers > 0 then own_sum / (cast(own_answers as double) + {{ prior }})
            else 0
        end as expectation_share
    from before_own

),

limited as (

    select
        *,
        case
            when expectation_share < 0 then 0.0
            when expectation_share > 1 then 1.0
            else expectation_share
        end as limited_share
    from expected

)

select
    answers.answer_id,
    answers.kind,
    answers.origin,
    answers.source,
    answers.customer_id,
    answers.contact_id,
    answers.agent_id,
    answers.order_id,
    answers.product_id,
    answers.channel,
    answers.topic,
    answers.occurred_at,
    answers.day,
    answers.score,
    answers.scale_worst,
    answers.scale_best,
    answers.score_share,
    answers.is_satisfied,
    answers.nps_group,
    {{ regulars.rounded('limited.limited_share', 6) }} as expectation_share,
    {{ regulars.rounded('answers.score_share - limited.limited_share', 6) }} as gap_share,
    case
        when limited.usual_share is null then cast(null as {{ dbt.type_string() }})
        when limited.own_answers > 0 then 'own_answers'
        when limited.topic_answers > 0 then 'same_topic'
        else 'same_kind'
    end as expectation_basis,
    answers.status
from answers
left join limited on answers.answer_id = limited.answer_id
