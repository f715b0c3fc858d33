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

-- Each customer is in one band of each kind. Who says nothing buys less, so that he is a band of his own.
placed as (

    select
        snapshots.snapshot_on,
        'rating' as band_kind,
        coalesce(bands.band, 'unknown') as band,
        bands.band is null as is_silent,
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
        bands.band is null as is_silent,
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
        case
            when complaints_365d > 0 then 'complained'
            when contacts_365d > 0 then 'no_complaint'
            else 'no_contact'
        end as band,
        not contacts_365d > 0 as is_silent,
        has_stayed_away
    from snapshots

    union all

    select
        snapshot_on,
        'calls' as band_kind,
        case
            when unanswered_90d > 0 then 'unanswered'
            when contacts_365d > 0 then 'none_unanswered'
            else 'no_contact'
        end as band,
        not contacts_365d > 0 as is_silent,
        has_stayed_away
    from snapshots

),

by_band as (

    select
        snapshot_on,
        band_kind,
        band,
        is_silent,
        count(*) as customers,
        sum(case when has_stayed_away then 1 else 0 end) as stayed_away
    from placed
    group by snapshot_on, band_kind, band, is_silent

),

totals as (

    select
        snapshot_on,
        band_kind,
        cast(sum(stayed_away) as double) / nullif(cast(sum(customers) as double), 0) as all_stayed_away_rate,
        cast(sum(case when not is_silent then stayed_away end) as double)
        / nullif(cast(sum(case when not is_silent then customers end) as double), 0) as peer_stayed_away_rate
    from by_band
    group by snapshot_on, band_kind

),

shares as (

    select
        by_band.*,
        cast(by_band.stayed_away as double) / nullif(cast(by_band.customers as double), 0) as stayed_away_rate,
        totals.all_stayed_away_rate,
        totals.peer_stayed_away_rate,
        case when by_band.is_silent then totals.all_stayed_away_rate else totals.peer_stayed_away_rate end as usual_rate
    from by_band
    inner join totals on by_band.snapshot_on = totals.snapshot_on and by_band.band_kind = totals.band_kind

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
    {{ regulars.rounded('bounded.peer_stayed_away_rate', 6) }} as peer_stayed_away_rate,
    {{ regulars.rounded('bounded.stayed_away_rate / nullif(bounded.peer_stayed_away_rate, 0)', 6) }} as peer_lift,
    case
        when bounded.rate_low > bounded.usual_rate then 'leaves_more'
        when bounded.rate_high < bounded.usual_rate then 'leaves_less'
        else 'none'
    end as finding
from bounded
cross join newest
