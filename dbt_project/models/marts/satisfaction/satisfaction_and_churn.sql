{{ config(tags=['phase_profiles']) }}

with snapshots as (

    select * from {{ ref('int_churn__snapshots') }} where has_stayed_away is not null

),

bands as (

    select
        band_kind,
        band,
        100 * cast(share_from as double) as points_from,
        100 * cast(lead(share_from) over (partition by band_kind order by share_from) as double) as points_below
    from {{ ref('satisfaction_bands') }}

),

newest as (

    select max(snapshot_on) as snapshot_on from snapshots

),

-- Each customer is in one band of each kind.
placed as (

    select
        snapshots.snapshot_on,
        'rating' as band_kind,
        coalesce(bands.band, 'unknown') as band,
        snapshots.has_stayed_away
    from snapshots
    left join bands
        on
            bands.band_kind = 'rating'
            and {{ regulars.rounded('snapshots.rating_points_365d', 4) }} >= bands.points_from
            and {{ regulars.rounded('snapshots.rating_points_365d', 4) }} < coalesce(bands.points_below, 1000)

    union all

    select
        snapshots.snapshot_on,
        'gap' as band_kind,
        coalesce(bands.band, 'unknown') as band,
        snapshots.has_stayed_away
    from snapshots
    left join bands
        on
            bands.band_kind = 'gap'
            and {{ regulars.rounded('snapshots.gap_points_365d', 4) }} >= bands.points_from
            and {{ regulars.rounded('snapshots.gap_points_365d', 4) }} < coalesce(bands.points_below, 1000)

    union all

    select
        snapshot_on,
        'complaint' as band_kind,
        case when complaints_365d > 0 then 'complained' else 'no_complaint' end as band,
        has_stayed_away
    from snapshots

    union all

    select
        snapshot_on,
        'calls' as band_kind,
        case when unanswered_90d > 0 then 'unanswered' else 'none_unanswered' end as band,
        has_stayed_away
    from snapshots

),

by_band as (

    select
        snapshot_on,
        band_kind,
        band,
        count(*) as customers,
        sum(case when has_stayed_away then 1 else 0 end) as stayed_away
    from placed
    group by snapshot_on, band_kind, band

),

shares as (

    select
        *,
        cast(stayed_away as double) / nullif(cast(customers as double), 0) as stayed_away_rate,
        cast(sum(stayed_away) over (partition by snapshot_on, band_kind) as double)
        / nullif(cast(sum(customers) over (partition by snapshot_on, band_kind) as double), 0) as all_stayed_away_rate
    from by_band

),

bounded as (

    select
        *,
        {{ wilson_bound('stayed_away_rate', 'customers', 'low') }} as rate_low,
        {{ wilson_bound('stayed_away_rate', 'customers', 'high') }} as rate_high
    from shares

)

select
    bounded.snapshot_on,
    bounded.snapshot_on = newest.snapshot_on as is_newest,
    bounded.band_kind,
    bounded.band,
    cast(bounded.customers as bigint) as customers,
    cast(bounded.stayed_away as bigint) as stayed_away,
    {{ regulars.rounded('bounded.stayed_away_rate', 6) }} as stayed_away_rate,
    bounded.rate_low,
    bounded.rate_high,
    {{ regulars.rounded('bounded.all_stayed_away_rate', 6) }} as all_stayed_away_rate,
    {{ regulars.rounded('bounded.stayed_away_rate / nullif(bounded.all_stayed_away_rate, 0)', 6) }} as lift,
    case
        when bounded.rate_low > bounded.all_stayed_away_rate then 'leaves_more'
        when bounded.rate_high < bounded.all_stayed_away_rate then 'leaves_less'
        else 'none'
    end as finding
from bounded
cross join newest
