{{ config(tags=['phase_profiles']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

cost_rates as (

    select * from {{ ref('cost_rates') }}

)

select
    max(case when cost_rates.cost_type = 'email_sent' then cost_rates.cost_amount end) as email_sent_amount,
    max(case when cost_rates.cost_type = 'call_minute' then cost_rates.cost_amount end) as call_minute_amount
from cost_rates
inner join as_of on cost_rates.currency = as_of.currency
