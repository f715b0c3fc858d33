{{ config(tags=['phase_profiles']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

exchange_rates as (

    select * from {{ ref('exchange_rates') }}

),

own_currency as (

    select
        currency,
        cast(1 as decimal(18, 8)) as rate,
        cast('0001-01-01' as date) as valid_from
    from as_of

),

foreign_currencies as (

    select
        exchange_rates.from_currency as currency,
        cast(exchange_rates.rate as decimal(18, 8)) as rate,
        exchange_rates.valid_from
    from exchange_rates
    inner join as_of on exchange_rates.to_currency = as_of.currency
    where exchange_rates.from_currency <> exchange_rates.to_currency

),

all_rates as (

    select * from own_currency
    union all
    select * from foreign_currencies

)

select
    currency,
    rate,
    valid_from,
    coalesce(
        lead(valid_from) over (partition by currency order by valid_from), cast('9999-12-31' as date)
    ) as valid_to
from all_rates
