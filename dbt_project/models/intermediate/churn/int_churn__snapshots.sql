{{ config(tags=['phase_profiles']) }}

{%- set horizon = threshold('churn_days') %}
{%- set few_mails = 'cast(' ~ threshold('open_rate_prior_mails') ~ ' as double)' %}

with snapshots as (

    select * from {{ ref('int_customer_snapshots') }} where orders > 0

),

snapshot_days as (

    select * from {{ ref('int_snapshot_days') }}

),

signals as (

    select * from {{ ref('int_customer_signals') }}

),

order_days as (

    select * from {{ ref('int_customer_order_days') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

grid as (

    select
        customer_id,
        day
    from snapshots

),

sums as (

    {{ trailing_at_snapshots('signals', 'grid', 'snapshot_days', signal_windows()) }}

),

-- An e-mail may be opened in a later window than it came in.
rates as (

    select
        *,
        case when opens_90d > open_tracked_mails_90d then open_tracked_mails_90d else opens_90d end
            as counted_opens_90d,
        case when opens_365d > open_tracked_mails_365d then open_tracked_mails_365d else opens_365d end
        / nullif(open_tracked_mails_365d, 0) as open_rate_365d
    from sums

),

-- The next order day after each snapshot tells whether she stayed away.
last_days as (

    select
        snapshots.customer_id,
        snapshots.day,
        order_days.next_order_day
    from snapshots
    inner join order_days
        on snapshots.customer_id = order_days.customer_id and snapshots.last_ordered_on = order_days.day

)

select
    snapshots.customer_id,
    snapshots.day as snapshot_on,
    snapshots.is_as_of,
    {{ has_stayed_away('snapshots.day', 'last_days.next_order_day', 'as_of.as_of_on') }} as has_stayed_away,
    snapshots.recency_days as silence_days,
    -- Beside her own rhythm: the days between her orders, drawn towards one order in the horizon while there are few.
    cast(snapshots.recency_days as double) / nullif(
        (cast(snapshots.tenure_days - snapshots.recency_days as double) + {{ horizon }})
        / nullif(cast(snapshots.order_days as double), 0),
        0
    ) as silence_in_intervals,
    snapshots.order_days,
    snapshots.tenure_days,
    rates.orders_90d,
    rates.orders_365d,
    rates.returns_365d,
    rates.counted_opens_90d / nullif(rates.open_tracked_mails_90d, 0) as open_rate_90d,
    -- Beside her own rate of the year: the opens that are missing, per e-mail, drawn towards none while there are few.
    case
        when rates.open_tracked_mails_90d > 0
            then
                100 * (rates.open_rate_365d * rates.open_tracked_mails_90d - rates.counted_opens_90d)
                / nullif(rates.open_tracked_mails_90d + {{ few_mails }}, 0)
    end as opens_lost_points,
    rates.clicks_90d,
    rates.unsubscribes_365d,
    rates.contacts_365d,
    rates.unanswered_90d,
    rates.complaints_90d,
    rates.complaints_365d,
    rates.rating_points_365d / nullif(rates.ratings_365d, 0) as rating_points_365d,
    rates.gap_points_365d / nullif(rates.gaps_365d, 0) as gap_points_365d,
    rates.visits_90d
from snapshots
cross join as_of
inner join rates on snapshots.customer_id = rates.customer_id and snapshots.day = rates.day
left join last_days on snapshots.customer_id = last_days.customer_id and snapshots.day = last_days.day
