{{ config(tags=['phase_value']) }}

{%- set dimensions = ['first_channel', 'first_source', 'first_campaign'] %}
{%- set to_date -%}
    over (
        partition by dimension, group_name, cohort_number
        order by months_later rows between unbounded preceding and current row
    )
{%- endset %}

with cohort_months as (

    select * from {{ ref('int_cohort_months') }}

),

as_of as (

    select
        *,
        {{ regulars.month_number('as_of_on') }} as month_number,
        -- The last day of a month completes it.
        {{ regulars.month_number('cast(' ~ regulars.add_days('as_of_on', 1) ~ ' as date)') }} - 1
            as complete_month_number
    from {{ ref('int_as_of') }}

),

-- Two hundred years: an order is after 1970.
numbers as (

    {{ dbt.generate_series(2400) }}

),

grouped_months as (

    select
        'all' as dimension,
        'all' as group_name,
        cohort_months.*
    from cohort_months
    {%- for dimension in dimensions %}

    union all

    select
        '{{ dimension }}' as dimension,
        {{ dimension }} as group_name,
        cohort_months.*
    from cohort_months
    {%- endfor %}

),

summed as (

    select
        dimension,
        group_name,
        cohort_number,
        months_later,
        sum(active_customers) as active_customers,
        sum(orders) as orders,
        {{ regulars.as_money('sum(sales_amount)') }} as sales_amount,
        {{ regulars.as_money('sum(revenue_amount)') }} as revenue_amount,
        {{ regulars.as_money('sum(uncosted_amount)') }} as uncosted_amount,
        {{ regulars.as_money('sum(margin_amount)') }} as margin_amount
    from grouped_months
    group by dimension, group_name, cohort_number, months_later

),

-- In the month of the first order everybody is there.
cohorts as (

    select
        dimension,
        group_name,
        cohort_number,
        active_customers as customers
    from summed
    where months_later = 0

),

-- A month in which nobody came is a row, too.
grid as (

    select
        cohorts.dimension,
        cohorts.group_name,
        cohorts.cohort_number,
        cohorts.customers,
        cast(numbers.generated_number - 1 as integer) as months_later,
        cohorts.cohort_number + numbers.generated_number - 1 <= as_of.complete_month_number as is_complete,
        cast({{ regulars.add_months(
            'cast(' ~ dbt.date_trunc('month', 'as_of.as_of_on') ~ ' as date)',
            'cohorts.cohort_number - as_of.month_number'
        ) }} as date) as cohort_month,
        cast({{ regulars.add_months(
            'cast(' ~ dbt.date_trunc('month', 'as_of.as_of_on') ~ ' as date)',
            'cohorts.cohort_number + numbers.generated_number - 1 - as_of.month_number'
        ) }} as date) as month
    from cohorts
    cross join as_of
    inner join numbers on cohorts.cohort_number + numbers.generated_number - 1 <= as_of.month_number

),

filled as (

    select
        grid.*,
        coalesce(summed.active_customers, 0) as active_customers,
        coalesce(summed.orders, 0) as orders,
        coalesce(summed.sales_amount, 0) as sales_amount,
        coalesce(summed.revenue_amount, 0) as revenue_amount,
        coalesce(summed.uncosted_amount, 0) as uncosted_amount,
        summed.margin_amount
    from grid
    left join summed
        on
            grid.dimension = summed.dimension
            and grid.group_name = summed.group_name
            and grid.cohort_number = summed.cohort_number
            and grid.months_later = summed.months_later

),

running as (

    select
        *,
        sum(orders) {{ to_date }} as cumulative_orders,
        sum(revenue_amount) {{ to_date }} as cumulative_revenue_amount,
        sum(margin_amount) {{ to_date }} as cumulative_margin_amount
    from filled

)

select
    dimension,
    group_name,
    cohort_month,
    months_later as month_number,
    month,
    is_complete,
    cast(customers as bigint) as customers,
    cast(active_customers as bigint) as active_customers,
    cast(active_customers as double) / nullif(cast(customers as double), 0) as retention_rate,
    cast(orders as bigint) as orders,
    {{ regulars.as_money('revenue_amount') }} as revenue_amount,
    {{ regulars.as_money('uncosted_amount') }} as uncosted_revenue_amount,
    {{ regulars.as_money('margin_amount') }} as margin_amount,
    {{ regulars.double_as_money('cast(sales_amount as double) / nullif(cast(orders as double), 0)') }}
        as average_order_amount,
    cast(cumulative_orders as bigint) as cumulative_orders,
    {{ regulars.as_money('cumulative_revenue_amount') }} as cumulative_revenue_amount,
    {{ regulars.as_money('cumulative_margin_amount') }} as cumulative_margin_amount,
    {{ regulars.double_as_money('cast(cumulative_revenue_amount as double) / nullif(cast(customers as double), 0)') }}
        as revenue_per_customer_amount
from running
