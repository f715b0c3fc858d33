{{ config(tags=['phase_value']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

touchpoints as (

    select
        touchpoints.customer_id,
        touchpoints.kind,
        coalesce({{ regulars.lower_text('touchpoints.channel') }}, 'unknown') as channel,
        touchpoints.direction,
        touchpoints.occurred_at
    from {{ ref('fct_touchpoints') }} as touchpoints
    cross join as_of
    where touchpoints.occurred_at <= as_of.as_of

),

statements as (

    select
        statements.customer_id,
        coalesce(statements.channel, 'unknown') as channel,
        statements.occurred_at
    from {{ ref('int_consent_statements') }} as statements
    cross join as_of
    where statements.status = 'granted' and statements.occurred_at <= as_of.as_of

),

regular_months as (

    select
        customer_id,
        min(month_number) as month_number
    from {{ ref('int_regular_months') }}
    group by customer_id

),

orders as (

    select
        orders.customer_id,
        coalesce({{ regulars.lower_text('orders.channel') }}, 'unknown') as channel,
        orders.ordered_at
    from {{ ref('fct_orders') }} as orders
    cross join as_of
    inner join regular_months
        on
            orders.customer_id = regular_months.customer_id
            and {{ regulars.month_number('orders.ordered_on') }} = regular_months.month_number
    where orders.order_kind = 'sale' and orders.ordered_at <= as_of.as_of

)

-- Millions of e-mails become a few rows a customer here; what follows never looks at them one by one.
select
    customer_id,
    kind,
    channel,
    direction,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at,
    cast(count(*) as bigint) as touches
from touchpoints
group by customer_id, kind, channel, direction

union all

select
    customer_id,
    'consent' as kind,
    channel,
    'in' as direction,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at,
    cast(count(*) as bigint) as touches
from statements
group by customer_id, channel

union all

select
    customer_id,
    'regular_month' as kind,
    channel,
    'in' as direction,
    min(ordered_at) as first_at,
    max(ordered_at) as last_at,
    cast(count(*) as bigint) as touches
from orders
group by customer_id, channel
