{{ config(tags=['phase_value']) }}

with customer_value as (

    select * from {{ ref('customer_value') }} where orders > 0 and lifetime_value_amount is not null

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

sums as (

    select
        cast(sum(lifetime_value_amount) as double) as numerator,
        cast(count(*) as double) as denominator
    from customer_value

)

select
    'lifetime_value' as metric,
    as_of.as_of_on as day,
    sums.numerator,
    sums.denominator,
    sums.numerator / nullif(sums.denominator, 0) as actual
from sums
cross join as_of
