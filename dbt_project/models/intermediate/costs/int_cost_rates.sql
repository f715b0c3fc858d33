{{ config(tags=['phase_profiles']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

cost_rates as (

    select * from {{ ref('cost_rates') }}

)

select
    cost_rates.cost_type,
    cost_rates.cost_amount
from cost_rates
inner join as_of on cost_rates.currency = as_of.currency
