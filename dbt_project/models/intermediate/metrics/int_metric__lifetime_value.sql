{{ config(tags=['phase_value']) }}


with customer_value as (

    select * from {{ ref('customer_value') }} where orders > 0 and lifetime_value_amount is not null

),

customers as (

    select * from {{ ref('int_customer_dimensions') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

measured as (

    select
        as_of.as_of_on as day,
        {{ dimensions_of('customers') }},
        customer_value.lifetime_value_amount
    from customer_value
    left join customers on customer_value.customer_id = customers.customer_id
    cross join as_of

)

select
    'lifetime_value' as metric,
    day,
    {{ goal_dimensions() | join(',\n    ') }},
    cast(sum(lifetime_value_amount) as decimal(38, 12)) as numerator,
    cast(count(*) as decimal(38, 12)) as denominator
from measured
group by day, {{ goal_dimensions() | join(', ') }}
