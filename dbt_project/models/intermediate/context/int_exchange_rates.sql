{{ config(tags=['phase_staging']) }}

{#- Ahead of staging's orders, because a foreign amount without a rate on its day makes its record invalid. -#}

with run_context as (

    select
        {{ capital_letters('currency') }} as company_currency,
        cast({{ add_days('started_at', 1) }} as date) as last_day
    from {{ source('meta', 'run_context') }}

),

-- Days, counted back from tomorrow: 44 years of them.
days as (

    select cast({{ regulars.add_days('run_context.last_day', '1 - numbers.generated_number') }} as date) as day
    from ({{ dbt.generate_series(16384) }}) as numbers
    cross join run_context

),

ages as (

    {{ dbt.generate_series(threshold('exchange_rate_days')) }}

),

seed as (

    select
        {{ capital_letters('from_currency') }} as from_currency,
        {{ capital_letters('to_currency') }} as to_currency,
        valid_from as day,
        cast(rate as decimal(18, 8)) as rate,
        lead(valid_from) over (partition by from_currency, to_currency order by valid_from) as next_day
    from {{ ref('exchange_rates') }}

),

-- Two sources may state one pair and day: the newer statement, and of two of one age that of the first name.
received as (

    select
        {{ capital_letters('from_currency') }} as from_currency,
        {{ capital_letters('to_currency') }} as to_currency,
        day,
        rate,
        row_number() over (
            partition by {{ capital_letters('from_currency') }}, {{ capital_letters('to_currency') }}, day
            order by updated_at desc nulls last, source asc, record_key asc
        ) as place
    from {{ ref('stg_all__exchange_rates') }}
    where record_status = 'valid'

),

dated as (

    select
        from_currency,
        to_currency,
        day,
        rate,
        lead(day) over (partition by from_currency, to_currency order by day) as next_day
    from received
    where place = 1

),

-- A row of the seed holds until the next one of its pair, a received rate so many days and no longer than that.
by_day as (

    select
        seed.from_currency,
        seed.to_currency,
        days.day,
        seed.rate,
        2 as origin
    from seed
    inner join days on seed.day <= days.day and days.day < coalesce(seed.next_day, cast('9999-12-31' as date))
    union all
    select
        dated.from_currency,
        dated.to_currency,
        cast({{ add_days('dated.day', 'ages.generated_number - 1') }} as date) as day,
        dated.rate,
        1 as origin
    from dated
    inner join ages
        on
            dated.next_day is null
            or ages.generated_number <= {{ days_between('dated.day', 'dated.next_day') }}

),

-- Each rate is one the other way round, too.
both_ways as (

    select
        from_currency,
        to_currency,
        day,
        rate,
        origin,
        1 as way
    from by_day
    union all
    select
        to_currency as from_currency,
        from_currency as to_currency,
        day,
        {{ try_cast_text('1 / cast(rate as double)', 'decimal(18, 8)') }} as rate,
        origin,
        2 as way
    from by_day
    where rate > 0

),

-- Received before seed, as stated before turned round.
chosen as (

    select
        *,
        row_number() over (partition by from_currency, to_currency, day order by origin, way) as place
    from both_ways
    where rate > 0 and from_currency <> to_currency

),

legs as (

    select
        from_currency,
        to_currency,
        day,
        rate
    from chosen
    where place = 1

),

to_company as (

    select legs.*
    from legs
    inner join run_context on legs.to_currency = run_context.company_currency

),

-- Straight to the company's currency, or over one that both have a rate with, such as the euro.
found as (

    select
        from_currency as currency,
        day,
        rate,
        1 as hops,
        to_currency as base
    from to_company
    union all
    select
        legs.from_currency as currency,
        legs.day,
        {{ try_cast_text(wide_product('legs.rate', 'to_company.rate'), 'decimal(18, 8)') }} as rate,
        2 as hops,
        legs.to_currency as base
    from legs
    inner join to_company on legs.to_currency = to_company.from_currency and legs.day = to_company.day
    inner join run_context on legs.from_currency <> run_context.company_currency

),

ordered as (

    select
        *,
        row_number() over (partition by currency, day order by hops, base) as place
    from found
    where rate > 0

)

select
    currency,
    day,
    rate
from ordered
where place = 1
