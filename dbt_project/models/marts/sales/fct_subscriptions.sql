{{ config(tags=['phase_profiles']) }}

with subscriptions as (

    select * from {{ ref('int_used__subscriptions') }} where record_status = 'valid'

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

dated as (

    select
        subscriptions.*,
        as_of.as_of_on,
        as_of.currency as company_currency,
        coalesce(subscriptions.currency, as_of.currency) as original_currency,
        {{ regulars.local_day('subscriptions.started_at', 'as_of.time_zone') }} as started_on,
        {{ regulars.local_day('subscriptions.ended_at', 'as_of.time_zone') }} as ended_on
    from subscriptions
    cross join as_of

),

-- The last day on which a renewal counts: whoever leaves on the day it falls due has not renewed.
lasting as (

    select
        *,
        case
            when ended_on <= as_of_on then cast({{ regulars.add_days('ended_on', -1) }} as date)
            else as_of_on
        end as renewed_until,
        started_on <= as_of_on and coalesce(ended_on > as_of_on, true) as is_active
    from dated

),

counted as (

    select
        *,
        cast(floor(
            cast({{ whole_months('started_on', 'renewed_until') }} as double) / nullif(period_months, 0)
        ) as bigint) as periods
    from lasting

),

priced as (

    select
        counted.*,
        {{ rate_of('counted.original_currency', 'counted.company_currency', 'exchange_rates.rate') }} as rate
    from counted
    left join exchange_rates
        on
            {{ capital_letters('counted.original_currency') }} = exchange_rates.currency
            and cast(counted.started_at as date) = exchange_rates.day

)

select
    coalesce(priced.source || ':' || priced.subscription_id, priced.record_key) as subscription_id,
    priced.source,
    customer_records.customer_id,
    priced.plan,
    priced.product_key as product_id,
    {{ lower_text('priced.status') }} as status,
    priced.started_on,
    priced.ended_on,
    priced.is_active,
    priced.period_months,
    case when priced.periods > 0 then priced.periods else 0 end as renewals,
    {{ in_company_currency('priced.price_amount', 'priced.rate') }} as price_amount,
    priced.company_currency as currency,
    priced.price_amount as original_price_amount,
    priced.original_currency
from priced
left join customer_records
    on priced.source = customer_records.source and priced.record_ref = customer_records.source_record_id
