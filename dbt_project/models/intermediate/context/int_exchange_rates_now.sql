{{ config(tags=['phase_profiles']) }}

with exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- The last one that was known by then; for a currency that has only later ones, the first of them.
ordered as (

    select
        exchange_rates.currency,
        exchange_rates.day,
        exchange_rates.rate,
        row_number() over (
            partition by exchange_rates.currency
            order by
                case when exchange_rates.day <= as_of.as_of_on then exchange_rates.day end desc nulls last,
                exchange_rates.day asc
        ) as place
    from exchange_rates
    cross join as_of

)

select
    currency,
    day,
    rate
from ordered
where place = 1
