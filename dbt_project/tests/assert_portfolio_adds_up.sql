{#- Whatever the customers and orders are cut by, the rows add up to what the whole is worth and costs. The whole is taken
    from orders, messages and service and not from the groups. A row of this test is a dimension that does not add up. -#}
{{ config(tags=['phase_value']) }}

{%- set amounts = [
    'gross_amount', 'discount_amount', 'returns_amount', 'revenue_amount', 'uncosted_revenue_amount', 'margin_amount',
    'contact_cost_amount', 'service_cost_amount', 'profit_amount',
] %}

with sums as (

    select
        case when row_kind = 'all' then 'whole' else 'groups' end as side,
        dimension
        {%- for name in amounts %},
        coalesce(sum({{ name }}), 0) as {{ name }}
        {%- endfor %}
    from {{ ref('portfolio_profit') }}
    group by 1, 2

),

dimensions as (

    {%- for dimension in customer_dimensions() + order_dimensions() %}
    select '{{ dimension }}' as dimension
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select
    dimensions.dimension,
    whole.revenue_amount as whole_revenue_amount,
    dimension_sums.revenue_amount,
    whole.profit_amount as whole_profit_amount,
    dimension_sums.profit_amount
from dimensions
cross join (select * from sums where side = 'whole') as whole
left join sums as dimension_sums
    on dimensions.dimension = dimension_sums.dimension and dimension_sums.side = 'groups'
where
    {%- for name in amounts %}
    {{ 'or' if not loop.first }} whole.{{ name }} <> coalesce(dimension_sums.{{ name }}, 0)
    {%- endfor %}
