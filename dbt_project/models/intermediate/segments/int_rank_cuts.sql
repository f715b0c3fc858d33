{{ config(tags=['phase_value']) }}

with measures as (

    select * from {{ ref('int_customer_measures') }}

),

buyers as (

    select
        day,
        cast(count(*) as double) as buyers
    from {{ ref('int_customer_measures') }}
    where orders_12m > 0
    group by day

),

-- Every share at which a segment begins or ends.
shares as (

    select
        'profit' as measure,
        upto_share as share
    from {{ ref('value_tiers') }}
    {%- for measure in ['profit', 'expected'] %}
    {%- for end in ['from', 'upto'] %}
    union
    select
        '{{ measure }}' as measure,
        {{ measure }}_rank_{{ end }} as share
    from {{ ref('strategic_segments') }}
    {%- endfor %}
    {%- endfor %}

),

-- The same order as among key customers.
ranked as (

    select
        'profit' as measure,
        day,
        customer_id,
        estimated_profit_12m_amount as amount,
        row_number() over (partition by day order by estimated_profit_12m_amount desc, customer_id asc) as place
    from measures
    where orders_12m > 0

    union all

    select
        'expected' as measure,
        day,
        customer_id,
        expected_value_amount as amount,
        row_number() over (partition by day order by expected_value_amount desc, customer_id asc) as place
    from measures
    where expected_value_amount > 0

),

-- Rounded first: 0.07 × 100 is a little more than 7 for a computer.
places as (

    select
        shares.measure,
        buyers.day,
        shares.share,
        cast(ceil({{ rounded('shares.share * buyers.buyers', 6) }}) as bigint) as place
    from shares
    cross join buyers
    where shares.share > 0

)

select
    places.measure,
    places.day,
    places.share,
    places.place,
    ranked.amount,
    ranked.customer_id
from places
left join ranked
    on places.measure = ranked.measure and places.day = ranked.day and places.place = ranked.place
