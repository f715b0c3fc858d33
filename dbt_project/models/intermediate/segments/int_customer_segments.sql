{{ config(tags=['phase_value']) }}

{%- set scores = ['recency', 'frequency', 'monetary'] %}
{%- set stage_measures = ['orders', 'recency_days', 'tenure_days'] %}
{%- set signals = ['mails', 'tracked_mails', 'opens', 'clicks', 'visits'] %}
{#- Behind the last share at which a segment ends. -#}
{%- set beyond = 1000 %}

with rank_cuts as (

    select * from {{ ref('int_rank_cuts') }}

),

value_tiers as (

    select * from {{ ref('value_tiers') }}

),

strategic_segments as (

    select * from {{ ref('strategic_segments') }}

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

price_segments as (

    select * from {{ ref('price_segments') }}

),

engagement_segments as (

    select * from {{ ref('engagement_segments') }}

),

rfm_cuts as (

    select
        {%- for measure in scores %}
        {%- for score in [2, 3, 4, 5] %}
        max(case when measure = '{{ measure }}' and score = {{ score }} then from_value end)
            as {{ measure }}_{{ score }},
        {%- endfor %}
        {%- endfor %}
        day
    from {{ ref('int_rfm_cuts') }}
    group by day

),

-- From one share to the next: behind the last customer of the one, up to the last of the other.
bands as (

    select
        measure,
        day,
        share,
        amount as upto_amount,
        customer_id as upto_customer_id,
        lag(place) over (partition by measure, day order by share) as after_place,
        lag(amount) over (partition by measure, day order by share) as after_amount,
        lag(customer_id) over (partition by measure, day order by share) as after_customer_id
    from rank_cuts

),

-- Where the share before took in everybody, nobody is left.
used_bands as (

    select * from bands where after_place is null or after_amount is not null

),

loss_limits as (

    select distinct profit_below from strategic_segments where profit_below is not null

),

losses as (

    select
        profit_below,
        row_number() over (order by profit_below) as loss,
        lag(profit_below) over (order by profit_below) as from_amount
    from loss_limits

),

placed as (

    select
        measures.*,
        {%- for measure in scores %}
        {%- set value = {'recency': '-measures.recency_days', 'frequency': 'measures.orders',
                         'monetary': 'measures.revenue_amount'}[measure] %}
        case
            when measures.orders = 0 then 0
            {%- for score in [5, 4, 3, 2] %}
            when {{ value }} >= rfm_cuts.{{ measure }}_{{ score }} then {{ score }}
            {%- endfor %}
            else 1
        end as {{ measure }}_score,
        {%- endfor %}
        case when measures.orders_12m > 0 then coalesce(profit.share, {{ beyond }}) end as profit_share,
        case when measures.expected_value_amount is not null then coalesce(expected.share, {{ beyond }}) end
            as expected_share,
        coalesce(losses.loss, 0) as loss
    from {{ ref('int_customer_measures') }} as measures
    left join rfm_cuts on measures.day = rfm_cuts.day
    {%- for measure, amount in {'profit': 'estimated_profit_12m_amount', 'expected': 'expected_value_amount'}.items() %}
    left join used_bands as {{ measure }}
        on
            {{ measure }}.measure = '{{ measure }}'
            and measures.day = {{ measure }}.day
            and {{ 'measures.orders_12m > 0' if measure == 'profit' else 'measures.expected_value_amount > 0' }}
            and (
                {{ measure }}.upto_amount is null
                or measures.{{ amount }} > {{ measure }}.upto_amount
                or (
                    measures.{{ amount }} = {{ measure }}.upto_amount
                    and measures.customer_id <= {{ measure }}.upto_customer_id
                )
            )
            and (
                {{ measure }}.after_amount is null
                or measures.{{ amount }} < {{ measure }}.after_amount
                or (
                    measures.{{ amount }} = {{ measure }}.after_amount
                    and measures.customer_id > {{ measure }}.after_customer_id
                )
            )
    {%- endfor %}
    left join losses
        on
            measures.estimated_profit_12m_amount < losses.profit_below
            and (losses.from_amount is null or measures.estimated_profit_12m_amount >= losses.from_amount)

),

-- Segments are looked up once per situation, not once per customer.
cut_shares as (

    select distinct share from rank_cuts

),

tiers as (

    select
        cuts.share,
        value_tiers.value_segment,
        row_number() over (partition by cuts.share order by value_tiers.upto_share) as place
    from cut_shares as cuts
    inner join value_tiers on cuts.share <= value_tiers.upto_share

),

inactive_tier as (

    select max(value_segment) as value_segment from value_tiers where upto_share is null

),

known_shares as (

    select distinct
        measure,
        share
    from rank_cuts

),

{%- for measure in ['profit', 'expected'] %}

{{ measure }}_shares as (

    select share from known_shares where measure = '{{ measure }}'
    union all
    select cast({{ beyond }} as double) as share
    union all
    select cast(null as double) as share

),
{%- endfor %}

all_losses as (

    select
        profit_below,
        loss
    from losses
    union all
    select
        cast(null as decimal(18, 4)) as profit_below,
        0 as loss

),

rank_situations as (

    select
        profit_shares.share as profit_share,
        expected_shares.share as expected_share,
        all_losses.profit_below,
        all_losses.loss
    from profit_shares
    cross join expected_shares
    cross join all_losses

),

-- A limit is only kept by those who have a rank: not by who bought nothing, nor where the expected value is unknown.
strategies as (

    select
        situations.*,
        seed.strategic_segment,
        row_number() over (
            partition by situations.profit_share, situations.expected_share, situations.loss
            order by seed.priority
        ) as place
    from rank_situations as situations
    inner join strategic_segments as seed
        on
            (seed.profit_below is null or situations.profit_below <= seed.profit_below)
            {%- for measure in ['profit', 'expected'] %}
            and (seed.{{ measure }}_rank_from is null or situations.{{ measure }}_share > seed.{{ measure }}_rank_from)
            and (seed.{{ measure }}_rank_upto is null or situations.{{ measure }}_share <= seed.{{ measure }}_rank_upto)
            {%- endfor %}

),

all_scores as (

    select score from {{ ref('rfm_scores') }}
    union all
    select 0 as score

),

score_situations as (

    select
        recencies.score as recency,
        frequencies.score as frequency,
        monetaries.score as monetary
    from all_scores as recencies
    cross join all_scores as frequencies
    cross join all_scores as monetaries

),

behaviours as (

    {{ first_fit('score_situations', 'behaviour_segments', 'behaviour_segment', scores) }}

),

stage_limits as (

    {{ limits_of('lifecycle_stages', stage_measures) }}

),

stage_situations as (

    select distinct
        {{ within_limit('customers.orders', 'stage_limits.orders') }} as orders,
        {{ within_limit('customers.recency_days', 'stage_limits.recency_days') }} as recency_days,
        {{ within_limit('customers.tenure_days', 'stage_limits.tenure_days') }} as tenure_days
    from {{ ref('int_customer_measures') }} as customers
    cross join stage_limits

),

stages as (

    {{ first_fit('stage_situations', 'lifecycle_stages', 'lifecycle_stage', stage_measures) }}

),

engagement_limits as (

    {{ limits_of('engagement_segments', signals) }}

),

engagement_situations as (

    select distinct
        {{ within_limit('customers.recent_mails', 'engagement_limits.mails') }} as mails,
        {{ within_limit('customers.recent_tracked_mails', 'engagement_limits.tracked_mails') }} as tracked_mails,
        {{ within_limit('customers.recent_opens', 'engagement_limits.opens') }} as opens,
        {{ within_limit('customers.recent_clicks', 'engagement_limits.clicks') }} as clicks,
        {{ within_limit('customers.recent_visits', 'engagement_limits.visits') }} as visits
    from {{ ref('int_customer_measures') }} as customers
    cross join engagement_limits

),

engagements as (

    {{ first_fit('engagement_situations', 'engagement_segments', 'engagement_segment', signals) }}

),

-- The lowest takes everybody below as well.
loyalty_spans as (

    select
        loyalty_tier,
        case when lag(from_amount) over (order by from_amount) is not null then from_amount end as from_amount,
        lead(from_amount) over (order by from_amount) as below_amount
    from loyalty_tiers

),

price_spans as (

    select
        price_segment,
        case when lag(from_share) over (order by from_share) is not null then from_share end as from_share,
        lead(from_share) over (order by from_share) as below_share
    from price_segments

)

select
    placed.customer_id,
    placed.day,
    placed.is_as_of,
    coalesce(tiers.value_segment, inactive_tier.value_segment) as value_segment,
    strategies.strategic_segment,
    behaviours.behaviour_segment,
    stages.lifecycle_stage,
    loyalty_spans.loyalty_tier,
    placed.category_segment,
    placed.channel_segment,
    price_spans.price_segment,
    engagements.engagement_segment,
    cast(placed.recency_score as integer) as recency_score,
    cast(placed.frequency_score as integer) as frequency_score,
    cast(placed.monetary_score as integer) as monetary_score
from placed
cross join inactive_tier
cross join stage_limits
cross join engagement_limits
left join tiers on placed.profit_share = tiers.share and tiers.place = 1
left join strategies
    on
        coalesce(placed.profit_share, -1) = coalesce(strategies.profit_share, -1)
        and coalesce(placed.expected_share, -1) = coalesce(strategies.expected_share, -1)
        and placed.loss = strategies.loss
        and strategies.place = 1
left join behaviours
    on
        placed.recency_score = behaviours.recency
        and placed.frequency_score = behaviours.frequency
        and placed.monetary_score = behaviours.monetary
left join stages
    on
        stages.orders = {{ within_limit('placed.orders', 'stage_limits.orders') }}
        and stages.recency_days = {{ within_limit('placed.recency_days', 'stage_limits.recency_days') }}
        and stages.tenure_days = {{ within_limit('placed.tenure_days', 'stage_limits.tenure_days') }}
left join engagements
    on
        engagements.mails = {{ within_limit('placed.recent_mails', 'engagement_limits.mails') }}
        and engagements.tracked_mails
        = {{ within_limit('placed.recent_tracked_mails', 'engagement_limits.tracked_mails') }}
        and engagements.opens = {{ within_limit('placed.recent_opens', 'engagement_limits.opens') }}
        and engagements.clicks = {{ within_limit('placed.recent_clicks', 'engagement_limits.clicks') }}
        and engagements.visits = {{ within_limit('placed.recent_visits', 'engagement_limits.visits') }}
left join loyalty_spans
    on
        (loyalty_spans.from_amount is null or placed.revenue_12m_amount >= loyalty_spans.from_amount)
        and (loyalty_spans.below_amount is null or placed.revenue_12m_amount < loyalty_spans.below_amount)
left join price_spans
    on
        placed.discount_share is not null
        and (price_spans.from_share is null or placed.discount_share >= price_spans.from_share)
        and (price_spans.below_share is null or placed.discount_share < price_spans.below_share)
