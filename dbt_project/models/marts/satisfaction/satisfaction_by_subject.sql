{{ config(tags=['phase_profiles']) }}
{%- set z = 'cast(' ~ threshold('confidence_z') ~ ' as double)' %}
{%- set prior = 'cast(' ~ threshold('satisfaction_prior_answers') ~ ' as double)' %}

with answers as (

    select * from {{ ref('fct_satisfaction') }} where status = 'counted'

),

order_lines as (

    select distinct
        order_id,
        product_id
    from {{ ref('fct_order_lines') }}
    where order_id is not null and product_id is not null and not is_return

),

products as (

    select
        product_id,
        product_name
    from {{ ref('dim_products') }}

),

companies as (

    select
        customer_id,
        group_id,
        group_name
    from {{ ref('customer_groups') }}
    where kind = 'company'

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- An answer about an order is about each of its products.
product_answers as (

    select
        answers.answer_id,
        coalesce(answers.product_id, order_lines.product_id) as product_id
    from answers
    left join order_lines on answers.order_id = order_lines.order_id and answers.product_id is null

),

subjects as (

    select
        answer_id,
        'all' as subject_kind,
        'all' as subject_id,
        cast(null as {{ dbt.type_string() }}) as subject_name
    from answers

    union all

    select
        answer_id,
        'agent' as subject_kind,
        agent_id as subject_id,
        cast(null as {{ dbt.type_string() }}) as subject_name
    from answers
    where agent_id is not null

    union all

    select
        answer_id,
        'topic' as subject_kind,
        topic as subject_id,
        cast(null as {{ dbt.type_string() }}) as subject_name
    from answers

    union all

    select
        answer_id,
        'channel' as subject_kind,
        channel as subject_id,
        cast(null as {{ dbt.type_string() }}) as subject_name
    from answers
    where channel is not null

    union all

    select
        product_answers.answer_id,
        'product' as subject_kind,
        product_answers.product_id as subject_id,
        products.product_name as subject_name
    from product_answers
    left join products on product_answers.product_id = products.product_id
    where product_answers.product_id is not null

    union all

    select
        answers.answer_id,
        'company' as subject_kind,
        companies.group_id as subject_id,
        companies.group_name as subject_name
    from answers
    inner join companies on answers.customer_id = companies.customer_id

),

months as (

    select
        answers.*,
        'month' as span,
        {{ regulars.local_month('answers.occurred_at', 'as_of.time_zone') }} as starts_on
    from answers
    cross join as_of

),

last_year as (

    select
        answers.*,
        'year' as span,
        cast({{ regulars.add_days('as_of.as_of_on', -364) }} as date) as starts_on
    from answers
    cross join as_of
    where answers.day > {{ regulars.add_days('as_of.as_of_on', -365) }}

),

spans as (

    select * from months
    union all
    select * from last_year

),

-- How much gaps vary around their mean, all answers together; as much as a share can while there are few.
spread as (

    select
        sum(gap_share) as gap_sum,
        sum(gap_share * gap_share) as gap_squares,
        cast(count(gap_share) as double) as gaps
    from answers

),

deviation as (

    select
        power(
            (gap_squares - gap_sum * gap_sum / nullif(gaps, 0) + {{ prior }} * 0.25) / nullif(gaps + {{ prior }}, 0),
            0.5
        ) as gap_deviation
    from spread

),

by_subject as (

    select
        subjects.subject_kind,
        subjects.subject_id,
        max(subjects.subject_name) as subject_name,
        spans.span,
        spans.starts_on,
        count(*) as answers,
        count(distinct spans.customer_id) as customers,
        count(spans.is_satisfied) as csat_answers,
        sum(case when spans.is_satisfied then 1 else 0 end) as satisfied,
        count(spans.nps_group) as nps_answers,
        sum(case when spans.nps_group = 'promoter' then 1 else 0 end) as promoters,
        sum(case when spans.nps_group = 'detractor' then 1 else 0 end) as detractors,
        cast(sum(cast(spans.score_share as decimal(18, 6))) as double) / count(*) as mean_share,
        count(spans.gap_share) as gap_answers,
        -- Exact: the same sum in whatever order it is made.
        cast(sum(cast(spans.gap_share as decimal(18, 6))) as double) as gap_sum
    from subjects
    inner join spans on subjects.answer_id = spans.answer_id
    group by subjects.subject_kind, subjects.subject_id, spans.span, spans.starts_on

),

shares as (

    select
        by_subject.*,
        cast(by_subject.satisfied as double) / nullif(cast(by_subject.csat_answers as double), 0) as csat_rate,
        cast(by_subject.promoters - by_subject.detractors as double)
        / nullif(cast(by_subject.nps_answers as double), 0) as nps,
        by_subject.gap_sum / nullif(cast(by_subject.gap_answers as double), 0) as gap_share,
        {{ z }} * deviation.gap_deviation / nullif(power(cast(by_subject.gap_answers as double), 0.5), 0) as gap_margin
    from by_subject
    cross join deviation

),

-- The score runs from -1 to 1; brought to 0 to 1, it has bounds like any share.
unit_scores as (

    select
        *,
        (nps + 1) / 2 as nps_unit
    from shares

),

bounded as (

    select
        *,
        {{ wilson_bound('csat_rate', 'csat_answers', 'low') }} as csat_low,
        {{ wilson_bound('csat_rate', 'csat_answers', 'high') }} as csat_high,
        {{ wilson_bound('nps_unit', 'nps_answers', 'low') }} as nps_unit_low,
        {{ wilson_bound('nps_unit', 'nps_answers', 'high') }} as nps_unit_high,
        {{ wilson_bound('mean_share', 'answers', 'low') }} as mean_low,
        {{ wilson_bound('mean_share', 'answers', 'high') }} as mean_high
    from unit_scores

)

select
    subject_kind,
    subject_id,
    subject_name,
    span,
    starts_on,
    cast(answers as bigint) as answers,
    cast(customers as bigint) as customers,
    cast(csat_answers as bigint) as csat_answers,
    cast(satisfied as bigint) as satisfied,
    {{ regulars.rounded('csat_rate', 6) }} as csat_rate,
    csat_low,
    csat_high,
    cast(nps_answers as bigint) as nps_answers,
    cast(promoters as bigint) as promoters,
    cast(detractors as bigint) as detractors,
    {{ regulars.rounded('nps', 6) }} as nps,
    {{ regulars.rounded('2 * nps_unit_low - 1', 6) }} as nps_low,
    {{ regulars.rounded('2 * nps_unit_high - 1', 6) }} as nps_high,
    {{ regulars.rounded('mean_share', 6) }} as mean_share,
    mean_low,
    mean_high,
    cast(gap_answers as bigint) as gap_answers,
    {{ regulars.rounded('gap_share', 6) }} as gap_share,
    {{ regulars.rounded('gap_share - gap_margin', 6) }} as gap_low,
    {{ regulars.rounded('gap_share + gap_margin', 6) }} as gap_high,
    case
        when gap_answers < {{ threshold('satisfaction_min_answers') }} then 'none'
        when gap_share - gap_margin > 0 then 'better_than_expected'
        when gap_share + gap_margin < 0 then 'worse_than_expected'
        else 'none'
    end as finding
from bounded
