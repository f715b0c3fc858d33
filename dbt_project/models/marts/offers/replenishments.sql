{{ config(tags=['phase_value']) }}

{%- set near = threshold('replenishment_near_share') %}
{%- set gone = threshold('replenishment_gone_after') %}
{%- set prior = threshold('replenishment_prior_forecasts') %}

with forecasts as (

    select * from {{ ref('int_product_forecasts') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

known as (

    select * from forecasts where is_hit is not null

),

-- How often a forecast was right, by how much was known of the rhythm: in the whole company, and drawn towards it for
-- each article.
company_rates as (

    select
        intervals_from,
        cast(sum(is_hit) as double) / cast(count(*) as double) as rate
    from known
    group by intervals_from

),

article_rates as (

    select
        known.article_id,
        known.intervals_from,
        (cast(sum(known.is_hit) as double) + {{ prior }} * max(company_rates.rate))
        / (cast(count(*) as double) + {{ prior }}) as rate
    from known
    inner join company_rates on known.intervals_from = company_rates.intervals_from
    group by known.article_id, known.intervals_from

),

-- How much better or worse than this the forecasts for a customer were. The first purchase says nothing about her.
own_hits as (

    select
        known.customer_id,
        known.article_id,
        cast(count(*) as double) as forecasts,
        sum(known.is_hit - article_rates.rate) as surplus,
        sum(article_rates.rate) as expected_hits,
        sum(article_rates.rate * (1 - article_rates.rate)) as chance
    from known
    inner join article_rates
        on known.article_id = article_rates.article_id and known.intervals_from = article_rates.intervals_from
    where known.intervals > 0
    group by known.customer_id, known.article_id

),

-- How far customers differ in it, beyond chance: the further, the more weighs her own record. From the moments of a
-- beta-binomial distribution; `weight` is the number of forecasts that the rate stands for.
spread as (

    select
        sum(expected_hits) / nullif(sum(forecasts), 0) as rate,
        sum(surplus * surplus - chance) / nullif(sum(forecasts * (forecasts - 1)), 0) as variance
    from own_hits
    where forecasts > 1

),

weights as (

    select
        case
            when variance > 0 and rate * (1 - rate) / variance > 2 and rate * (1 - rate) / variance < 1001
                then rate * (1 - rate) / variance - 1
            when variance > 0 and rate * (1 - rate) / variance <= 2 then 1
            else 1000
        end as weight
    from spread

),

-- Whether an article is bought again at all: of the first purchases that are long enough ago, how many were followed by
-- another.
rebought as (

    select
        article_id,
        cast(sum(case when interval_days <= {{ gone }} * expected_days then 1 else 0 end) as double)
        / cast(count(*) as double) as share
    from forecasts
    where intervals = 0 and days_since >= {{ gone }} * expected_days
    group by article_id
    having count(*) >= {{ threshold('replenishment_min_customers') }}

),

own_medians as (

    select
        customer_id,
        article_id,
        {{ regulars.median_of('interval_days') }} as interval_days
    from forecasts
    where interval_days is not null
    group by customer_id, article_id

),

due as (

    select
        forecasts.*,
        {{ regulars.rounded(
            'coalesce(article_rates.rate, company_rates.rate, 0)'
            ~ ' + coalesce(own_hits.surplus / (own_hits.forecasts + weights.weight), 0)',
            6
        ) }} as confidence,
        cast({{ regulars.rounded('forecasts.expected_days', 0) }} as integer) as whole_days,
        forecasts.days_since > {{ gone }} * forecasts.expected_days as is_gone
    from forecasts
    cross join weights
    left join company_rates on forecasts.intervals_from = company_rates.intervals_from
    left join article_rates
        on
            forecasts.article_id = article_rates.article_id
            and forecasts.intervals_from = article_rates.intervals_from
    left join own_hits
        on forecasts.customer_id = own_hits.customer_id and forecasts.article_id = own_hits.article_id
    where forecasts.next_day is null and forecasts.expected_days <= {{ threshold('replenishment_longest_days') }}

),

dated as (

    select
        due.*,
        cast(
            {{ regulars.add_days('due.day', 'case when due.whole_days < 1 then 1 else due.whole_days end') }} as date
        ) as due_on
    from due

)

select
    dated.customer_id,
    dated.product_id,
    own_medians.interval_days as median_interval_days,
    dated.day as last_bought_on,
    dated.due_on,
    case when dated.confidence < 0 then 0 when dated.confidence > 1 then 1 else dated.confidence end as confidence,
    dated.quantity as last_quantity,
    dated.own_quantity as usual_quantity,
    dated.expected_days as expected_interval_days,
    dated.intervals,
    case when dated.intervals > 0 then 'own' else 'product' end as rhythm,
    dated.due_on <= as_of.as_of_on as is_due,
    dated.days_since > (1 + {{ near }}) * dated.expected_days as is_overdue,
    dated.is_gone
from dated
cross join as_of
left join own_medians
    on dated.customer_id = own_medians.customer_id and dated.article_id = own_medians.article_id
left join rebought on dated.article_id = rebought.article_id
-- Of who bought once only the article's rhythm is known: it counts where the article is mostly bought again, and not
-- for ever.
where
    dated.intervals > 0
    or (rebought.share >= {{ threshold('replenishment_rebuy_share') }} and not dated.is_gone)
