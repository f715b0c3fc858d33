{#- Whatever customers and orders are cut by, the rows add up to what the whole is worth and costs. The whole is
    taken from orders, messages and service and not from the groups. A row of this test is a dimension that does not
    add up. -#}
{{ config(tags=['phase_value']) }}

{%- set amounts = [
    'gross_amount', 'discount_amount', 'returns_amount', 'revenue_amount', 'uncosted_revenue_amount', 'margin_amount',
    'contact_cost_amount', 'service_cost_amount', 'profit_amount',
] %}

with rows_of_portfolio as (

    select * from {{ ref('portfolio_profit') }}

),

dimensions as (

    {% for dimension in customer_dimensions() + order_dimensions() %}
    select '{{ dimension }}' as dimension
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- The whole stands against each dimension with a minus: what adds up is zero.
sides as (

    select
        {%- for name in amounts %}
        {{ name }},
        {%- endfor %}
        dimension
    from rows_of_portfolio
    where row_kind <> 'all'

    union all

    select
        {%- for name in amounts %}
        -whole.{{ name }} as {{ name }},
        {%- endfor %}
        dimensions.dimension
    from dimensions
    inner join rows_of_portfolio as whole on whole.row_kind = 'all'

)

select
    dimension,
    sum(revenue_amount) as revenue_difference,
    sum(profit_amount) as profit_difference
from sides
group by dimension
having
    sum(profit_amount) <> 0
    {%- for name in amounts if name != 'profit_amount' %}
    or sum({{ name }}) <> 0
    {%- endfor %}
