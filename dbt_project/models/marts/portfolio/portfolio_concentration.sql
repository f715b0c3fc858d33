{{ config(tags=['phase_value']) }}

with buyers as (

    select
        customer_id,
        revenue_amount,
        profit_amount
    from {{ ref('customer_value') }}
    where orders + returns > 0

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

numbers as (

    {{ dbt.generate_series(101) }}

),

measured as (

    {% for measure in ['revenue', 'profit'] %}
    select
        customer_id,
        '{{ measure }}' as measure,
        {{ measure }}_amount as amount
    from buyers
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

totals as (

    {% for measure in ['revenue', 'profit'] %}
    select
        '{{ measure }}' as measure,
        count({{ measure }}_amount) as customers,
        count(*) - count({{ measure }}_amount) as unknown_customers,
        sum({{ measure }}_amount) as amount
    from buyers
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

placed as (

    select
        measure,
        amount,
        row_number() over (partition by measure order by amount desc, customer_id asc) as place,
        count(*) over (partition by measure) as customers
    from measured
    where amount is not null

),

-- The top percent is rounded up to whole customers: who is in it is in the first percent that reaches his place.
stepped as (

    select
        measure,
        cast(floor(100 * cast(place - 1 as double) / cast(customers as double)) as integer) + 1 as top_percent,
        count(*) as customers,
        sum(amount) as amount,
        sum(case when amount < 0 then 1 else 0 end) as losing_customers,
        sum(case when amount < 0 then amount else 0 end) as losing_amount
    from placed
    group by 1, 2

),

grid as (

    select
        totals.measure,
        cast(numbers.generated_number - 1 as integer) as top_percent,
        totals.customers as all_customers,
        totals.unknown_customers,
        totals.amount as whole_amount
    from totals
    cross join numbers
    where totals.customers + totals.unknown_customers > 0

),

running as (

    select
        grid.*,
        {%- for name in ['customers', 'amount', 'losing_customers', 'losing_amount'] %}
        coalesce(sum(stepped.{{ name }}) over (
            partition by grid.measure order by grid.top_percent rows between unbounded preceding and current row
        ), 0) as {{ name }},
        {%- endfor %}
        coalesce(stepped.customers, 0) as step_customers,
        coalesce(stepped.amount, 0) as step_amount
    from grid
    left join stepped on grid.measure = stepped.measure and grid.top_percent = stepped.top_percent

)

select
    running.measure,
    running.top_percent,
    cast(running.customers as bigint) as customers,
    cast(running.customers as double) / nullif(cast(running.all_customers as double), 0) as customer_share,
    {{ regulars.as_money('running.amount') }} as amount,
    case
        when running.whole_amount > 0 then cast(running.amount as double) / cast(running.whole_amount as double)
    end as cumulative_share,
    cast(running.step_customers as bigint) as step_customers,
    {{ regulars.as_money('running.step_amount') }} as step_amount,
    cast(running.losing_customers as bigint) as losing_customers,
    {{ regulars.as_money('running.losing_amount') }} as losing_amount,
    cast(running.unknown_customers as bigint) as unknown_customers,
    as_of.currency,
    as_of.as_of as measured_at
from running
cross join as_of
