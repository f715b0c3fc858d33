{{ config(tags=['phase_value']) }}

with contacts as (

    select * from {{ ref('int_leaving_contacts') }}

),

bands as (

    select
        band_kind,
        band,
        begins_at,
        lead(begins_at) over (partition by band_kind order by begins_at) as ends_at
    from {{ ref('leaving_bands') }}

),

placed as (

    select
        contacts.*,
        coalesce(orders.band, 'other') as buyer_group,
        coalesce(silence.band, 'other') as silence_band
    from contacts
    left join bands as orders
        on
            orders.band_kind = 'orders'
            and contacts.order_days >= orders.begins_at
            and (orders.ends_at is null or contacts.order_days < orders.ends_at)
    left join bands as silence
        on
            silence.band_kind = 'silence'
            and contacts.silence_days >= silence.begins_at
            and (silence.ends_at is null or contacts.silence_days < silence.ends_at)

),

cells as (

    select
        reason_group,
        channel,
        buyer_group,
        silence_band,
        sum(case when has_stayed_away is null then 1 else 0 end) as still_open_customers,
        sum(case when has_stayed_away is not null then 1 else 0 end) as customers,
        sum(case when has_stayed_away then 1 else 0 end) as customers_left,
        sum(case when has_stayed_away then revenue_365d_amount else 0 end) as lost_revenue_amount
    from placed
    group by reason_group, channel, buyer_group, silence_band

),

-- Those who are alike and turned to us about something else.
peers as (

    select
        *,
        sum(customers) over (partition by channel, buyer_group, silence_band) - customers as peers,
        sum(customers_left) over (partition by channel, buyer_group, silence_band) - customers_left as peers_left,
        sum(customers) over (partition by channel)
        - sum(customers) over (partition by channel, reason_group) as all_peers,
        sum(customers_left) over (partition by channel)
        - sum(customers_left) over (partition by channel, reason_group) as all_peers_left
    from cells

),

-- In parts of a billion, since whole numbers add up to the same in any order. Where nobody is alike, all others stand
-- in.
expected as (

    select
        *,
        cast(
            {{ regulars.rounded(
                '1000000000 * coalesce('
                ~ 'cast(peers_left as double) / nullif(cast(peers as double), 0), '
                ~ 'cast(all_peers_left as double) / nullif(cast(all_peers as double), 0))', 0
            ) }} as bigint
        )
        * customers as expected_billionths
    from peers

),

levels as (

    select
        expected.*,
        'all' as level_group
    from expected

    union all

    select
        expected.*,
        expected.buyer_group as level_group
    from expected

),

reasons as (

    select
        reason_group,
        channel,
        level_group,
        sum(still_open_customers) as still_open_customers,
        sum(customers) as customers,
        sum(customers_left) as customers_left,
        sum(lost_revenue_amount) as lost_revenue_amount,
        case
            when sum(customers) > 0 then cast(sum(expected_billionths) as double) / 1000000000
        end as expected_left
    from levels
    group by reason_group, channel, level_group

),

rates as (

    select
        *,
        cast(customers_left as double) / nullif(cast(customers as double), 0) as left_rate,
        expected_left / nullif(cast(customers as double), 0) as expected_rate
    from reasons

),

bounded as (

    select
        *,
        {{ wilson_bound('left_rate', 'customers', 'low') }} as left_rate_low,
        {{ wilson_bound('left_rate', 'customers', 'high') }} as left_rate_high
    from rates

)

select
    reason_group as reason,
    channel,
    level_group as buyer_group,
    cast(customers as bigint) as customers,
    cast(still_open_customers as bigint) as still_open_customers,
    cast(customers_left as bigint) as customers_left,
    {{ regulars.rounded('left_rate', 6) }} as left_rate,
    left_rate_low,
    left_rate_high,
    {{ regulars.rounded('expected_rate', 6) }} as expected_rate,
    {{ regulars.rounded('left_rate / nullif(expected_rate, 0)', 6) }} as lift,
    {{ regulars.rounded('left_rate_low / nullif(expected_rate, 0)', 6) }} as lift_low,
    {{ regulars.rounded('left_rate_high / nullif(expected_rate, 0)', 6) }} as lift_high,
    {{ regulars.rounded('customers_left - expected_left', 6) }} as excess_left,
    {{ regulars.as_money('lost_revenue_amount') }} as lost_revenue_amount,
    case
        when customers < {{ threshold('finding_min_customers') }} then 'too_few'
        when expected_rate is null then 'none'
        when left_rate_low > expected_rate then 'leaves_more'
        when left_rate_high < expected_rate then 'leaves_less'
        else 'none'
    end as finding
from bounded
