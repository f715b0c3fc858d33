{{ config(tags=['phase_value']) }}


with customer_value as (

    select * from {{ ref('customer_value') }} where churn_risk is not null

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
        case when customer_value.churn_risk >= {{ threshold('handover_churn_risk') }} then 1 else 0 end as at_risk
    from customer_value
    left join customers on customer_value.customer_id = customers.customer_id
    cross join as_of

)

select
    'at_risk_rate' as metric,
    day,
    {{ goal_dimensions() | join(',\n    ') }},
    cast(sum(at_risk) as decimal(38, 12)) as numerator,
    cast(count(*) as decimal(38, 12)) as denominator
from measured
group by day, {{ goal_dimensions() | join(', ') }}
