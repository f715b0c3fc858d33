{{ config(tags=['phase_profiles']) }}

{#- How a customer's outcome is read as a number: 1 or 0 of those that he did or did not. -#}
{%- set measures = {
    'visited': 'case when customers.has_visited then 1 else 0 end',
    'responded': 'case when customers.has_responded then 1 else 0 end',
    'converted': 'case when customers.has_ordered then 1 else 0 end',
    'revenue': 'customers.revenue_amount',
} -%}

with customers as (

    select * from {{ ref('int_experiments__customers') }}

),

arms as (

    select experiment_id, arm, customers from {{ ref('int_experiments__arms') }}

),

outcomes as (

    select * from {{ ref('experiment_outcomes') }}

),

choices as (

    {{ experiment_choices() }}

),

choosing as (

    select distinct experiment_id from choices

),

measured as (
    {%- for outcome, measure in measures.items() %}

    select
        customers.experiment_id,
        customers.arm,
        {{ regulars.text_literal(outcome) }} as outcome,
        cast({{ measure }} as decimal(18, 4)) as amount
    from customers
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- Exact, so that no digit hangs on the order in which customers are added.
summed as (

    select
        experiment_id,
        arm,
        outcome,
        sum(case when amount <> 0 then 1 else 0 end) as customers_with,
        sum(cast(amount as decimal(38, 8))) as total,
        sum(cast({{ regulars.wide_product('amount', 'amount') }} as decimal(38, 8))) as squares
    from measured
    group by experiment_id, arm, outcome

)

select
    arms.experiment_id,
    arms.arm,
    outcomes.outcome,
    outcomes.unit,
    outcomes.needs_contact,
    arms.customers,
    cast(coalesce(summed.customers_with, 0) as bigint) as customers_with,
    cast(coalesce(summed.total, 0) as decimal(38, 8)) as total,
    cast(coalesce(summed.squares, 0) as decimal(38, 8)) as squares
from arms
cross join outcomes
left join choosing on arms.experiment_id = choosing.experiment_id
left join choices on arms.experiment_id = choices.experiment_id and outcomes.outcome = choices.outcome
left join summed
    on arms.experiment_id = summed.experiment_id and arms.arm = summed.arm and outcomes.outcome = summed.outcome
where choosing.experiment_id is null or choices.outcome is not null
