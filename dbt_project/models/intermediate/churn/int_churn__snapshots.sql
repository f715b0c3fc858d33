{{ config(tags=['phase_profiles']) }}

{%- set horizon = threshold('churn_days') %}

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

    {{ trailing_at_snapshots('signals', 'grid', 'snapshot_days', signal_names(), [90, 365]) }}

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
    case
        when {{ regulars.add_days('snapshots.day', horizon) }} > as_of.as_of_on then null
        else coalesce(last_days.next_order_day > {{ regulars.add_days('snapshots.day', horizon) }}, true)
    end as has_stayed_away,
    snapshots.recency_days as silence_days,
    -- Beside her own rhythm: the days between her orders, drawn towards one in half a year while there are few.
    cast(snapshots.recency_days as double) / (
        (cast(snapshots.tenure_days - snapshots.recency_days as double) + 180) / snapshots.order_days
    ) as silence_in_intervals,
    snapshots.order_days,
    snapshots.tenure_days,
    sums.orders_90d,
    sums.orders_365d,
    sums.returns_365d,
    cast(sums.opens_90d as double) / nullif(cast(sums.mails_90d as double), 0) as open_rate_90d,
    sums.unsubscribes_365d,
    sums.contacts_365d,
    sums.unanswered_90d,
    sums.complaints_90d,
    sums.complaints_365d,
    cast(sums.rating_points_365d as double) / nullif(cast(sums.ratings_365d as double), 0) as rating_365d,
    sums.visits_90d
from snapshots
cross join as_of
inner join sums on snapshots.customer_id = sums.customer_id and snapshots.day = sums.day
left join last_days on snapshots.customer_id = last_days.customer_id and snapshots.day = last_days.day
