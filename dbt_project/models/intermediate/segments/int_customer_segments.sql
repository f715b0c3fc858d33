{{ config(tags=['phase_value']) }}

with snapshots as (

    select * from {{ ref('int_customer_snapshots') }}

),

rfm_scores as (

    select * from {{ ref('rfm_scores') }}

),

value_tiers as (

    select * from {{ ref('value_tiers') }}

),

behaviour_segments as (

    select * from {{ ref('behaviour_segments') }}

),

lifecycle_stages as (

    select * from {{ ref('lifecycle_stages') }}

),

loyalty_tiers as (

    select * from {{ ref('loyalty_tiers') }}

),

-- The share of buyers who stand lower: equal customers get equal scores, however many they are.
rfm_ranks as (

    select
        customer_id,
        day,
        percent_rank() over (partition by day order by recency_days desc nulls last) as recency_rank,
        percent_rank() over (partition by day order by orders nulls last) as frequency_rank,
        percent_rank() over (partition by day order by revenue_amount nulls last) as monetary_rank
    from snapshots
    where orders > 0

),

rfm_cuts as (

    select
        max(case when score = 2 then from_rank end) as cut_2,
        max(case when score = 3 then from_rank end) as cut_3,
        max(case when score = 4 then from_rank end) as cut_4,
        max(case when score = 5 then from_rank end) as cut_5
    from rfm_scores

),

rfm as (

    select
        {%- for name in ['recency', 'frequency', 'monetary'] %}
        case
            when rfm_ranks.{{ name }}_rank >= rfm_cuts.cut_5 then 5
            when rfm_ranks.{{ name }}_rank >= rfm_cuts.cut_4 then 4
            when rfm_ranks.{{ name }}_rank >= rfm_cuts.cut_3 then 3
            when rfm_ranks.{{ name }}_rank >= rfm_cuts.cut_2 then 2
            else 1
        end as {{ name }}_score,
        {%- endfor %}
        rfm_ranks.customer_id,
        rfm_ranks.day
    from rfm_ranks
    cross join rfm_cuts

),

-- Buyers of the last twelve months by profit; the same order as among key customers.
value_ranks as (

    select
        customer_id,
        day,
        row_number() over (partition by day order by estimated_profit_12m_amount desc, customer_id asc) as place
    from snapshots
    where orders_12m > 0

),

all_buyers as (

    select
        day,
        cast(count(*) as double) as buyers
    from value_ranks
    group by day

),

tier_places as (

    select
        all_buyers.day,
        value_tiers.value_segment,
        ceil(
            {{ rounded(
                'coalesce(lag(value_tiers.upto_share) over ('
                ~ 'partition by all_buyers.day order by value_tiers.upto_share), 0) * all_buyers.buyers', 6
            ) }}
        ) as after_place,
        ceil({{ rounded('value_tiers.upto_share * all_buyers.buyers', 6) }}) as upto_place
    from value_tiers
    cross join all_buyers
    where value_tiers.upto_share is not null

),

customers as (

    select
        snapshots.*,
        coalesce(rfm.recency_score, 0) as recency_score,
        coalesce(rfm.frequency_score, 0) as frequency_score,
        coalesce(rfm.monetary_score, 0) as monetary_score,
        value_ranks.place as value_place
    from snapshots
    left join rfm on snapshots.customer_id = rfm.customer_id and snapshots.day = rfm.day
    left join value_ranks on snapshots.customer_id = value_ranks.customer_id and snapshots.day = value_ranks.day

),

-- Segments are looked up once per combination, not once per customer. The first row of the seed that fits wins.
behaviours as (

    select
        scores.recency_score,
        scores.frequency_score,
        scores.monetary_score,
        behaviour_segments.behaviour_segment,
        row_number() over (
            partition by scores.recency_score, scores.frequency_score, scores.monetary_score
            order by behaviour_segments.priority
        ) as place
    from (select distinct recency_score, frequency_score, monetary_score from customers) as scores
    inner join behaviour_segments
        on
            scores.recency_score between behaviour_segments.recency_from and behaviour_segments.recency_upto
            and scores.frequency_score between behaviour_segments.frequency_from and behaviour_segments.frequency_upto
            and scores.monetary_score between behaviour_segments.monetary_from and behaviour_segments.monetary_upto

),

stages as (

    select
        situations.orders,
        situations.recency_days,
        situations.tenure_days,
        lifecycle_stages.lifecycle_stage,
        row_number() over (
            partition by situations.orders, situations.recency_days, situations.tenure_days
            order by lifecycle_stages.priority
        ) as place
    from (
        select distinct orders, coalesce(recency_days, -1) as recency_days, coalesce(tenure_days, -1) as tenure_days
        from customers
    ) as situations
    inner join lifecycle_stages
        on
            situations.orders >= coalesce(lifecycle_stages.orders_from, situations.orders)
            and situations.orders <= coalesce(lifecycle_stages.orders_upto, situations.orders)
            and situations.recency_days >= coalesce(lifecycle_stages.recency_days_from, situations.recency_days)
            and situations.recency_days <= coalesce(lifecycle_stages.recency_days_upto, situations.recency_days)
            and situations.tenure_days >= coalesce(lifecycle_stages.tenure_days_from, situations.tenure_days)
            and situations.tenure_days <= coalesce(lifecycle_stages.tenure_days_upto, situations.tenure_days)

),

tier_spans as (

    select
        loyalty_tier,
        from_amount,
        coalesce(lead(from_amount) over (order by from_amount), 1000000000000) as below_amount
    from loyalty_tiers

),

lowest_tier as (

    select loyalty_tier from tier_spans
    where from_amount = (select min(loyalty_tiers.from_amount) from loyalty_tiers)

),

inactive_tier as (

    select max(value_segment) as value_segment from value_tiers where upto_share is null

)

select
    customers.customer_id,
    customers.day,
    customers.is_as_of,
    customers.month_number,
    coalesce(tier_places.value_segment, inactive_tier.value_segment) as value_segment,
    behaviours.behaviour_segment,
    stages.lifecycle_stage,
    coalesce(tier_spans.loyalty_tier, lowest_tier.loyalty_tier) as loyalty_tier,
    cast(customers.recency_score as integer) as recency_score,
    cast(customers.frequency_score as integer) as frequency_score,
    cast(customers.monetary_score as integer) as monetary_score
from customers
cross join inactive_tier
left join lowest_tier on 1 = 1
left join tier_places
    on
        customers.day = tier_places.day
        and customers.value_place > tier_places.after_place
        and customers.value_place <= tier_places.upto_place
left join behaviours
    on
        customers.recency_score = behaviours.recency_score
        and customers.frequency_score = behaviours.frequency_score
        and customers.monetary_score = behaviours.monetary_score
        and behaviours.place = 1
left join stages
    on
        customers.orders = stages.orders
        and coalesce(customers.recency_days, -1) = stages.recency_days
        and coalesce(customers.tenure_days, -1) = stages.tenure_days
        and stages.place = 1
left join tier_spans
    on
        customers.revenue_12m_amount >= tier_spans.from_amount
        and customers.revenue_12m_amount < tier_spans.below_amount
