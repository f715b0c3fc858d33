{{ config(tags=['phase_value']) }}

with portfolio_groups as (

    select * from {{ ref('int_portfolio_groups') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

rated as (

    select
        *,
        cast(costed_amount as double) / nullif(cast(moved_amount as double), 0) as cost_coverage_rate,
        cast(costed_messages as double) / nullif(cast(messages as double), 0) as contact_cost_coverage_rate,
        cast(costed_service_contacts as double) / nullif(cast(service_contacts as double), 0)
            as service_cost_coverage_rate
    from portfolio_groups

),

-- Where of one kind of cost nothing is known anywhere, there is no profit to speak of in any row. Where something is
-- known, all rows have one, or they would not add up.
whole as (

    select
        revenue_amount,
        coalesce(cost_coverage_rate, 1) > 0
        and coalesce(contact_cost_coverage_rate, 1) > 0
        and coalesce(service_cost_coverage_rate, 1) > 0 as has_profit
    from rated
    where row_kind = 'all'

),

profits as (

    select
        rated.*,
        whole.revenue_amount as whole_revenue_amount,
        case
            when
                whole.has_profit
                and (
                    rated.margin_amount is not null
                    or coalesce(rated.moved_amount, 0) = 0
                    or coalesce(rated.contact_cost_amount, 0) + coalesce(rated.service_cost_amount, 0) <> 0
                )
                then
                    coalesce(rated.margin_amount, 0)
                    - coalesce(rated.contact_cost_amount, 0)
                    - coalesce(rated.service_cost_amount, 0)
        end as profit_amount
    from rated
    cross join whole

),

whole_profit as (

    select profit_amount from profits where row_kind = 'all'

)

select
    profits.dimension,
    profits.row_kind,
    profits.group_id,
    case profits.row_kind
        when 'all' then 'All'
        when 'none' then '(none)'
        when 'anonymous_orders' then '(anonymous orders)'
        when 'unallocated_costs' then '(costs of nobody known)'
        when 'contact_and_service' then '(contact and service)'
        when 'order_corrections' then '(in no line of an order)'
        else coalesce(profits.group_name, profits.group_id)
    end as group_name,
    profits.customers,
    profits.buyers,
    profits.orders,
    profits.gross_amount,
    profits.discount_amount,
    {{ regulars.as_money('profits.gross_amount - profits.discount_amount - profits.revenue_amount') }}
        as returns_amount,
    profits.revenue_amount,
    profits.uncosted_amount as uncosted_revenue_amount,
    {{ regulars.as_money('profits.revenue_amount - profits.uncosted_amount - profits.margin_amount') }}
        as cost_of_goods_amount,
    profits.margin_amount,
    profits.contact_cost_amount,
    case when profits.contact_cost_amount is not null then coalesce(profits.media_cost_amount, 0) end
        as media_cost_amount,
    profits.service_cost_amount,
    {{ regulars.as_money('profits.profit_amount') }} as profit_amount,
    case
        when profits.whole_revenue_amount > 0
            then cast(profits.revenue_amount as double) / cast(profits.whole_revenue_amount as double)
    end as revenue_share,
    case
        when whole_profit.profit_amount > 0
            then cast(profits.profit_amount as double) / cast(whole_profit.profit_amount as double)
    end as profit_share,
    {{ regulars.double_as_money('cast(profits.profit_amount as double) / nullif(profits.customers, 0)') }}
        as average_profit_amount,
    profits.unprofitable_customers,
    profits.unprofitable_amount,
    profits.cost_coverage_rate,
    profits.contact_cost_coverage_rate,
    profits.service_cost_coverage_rate,
    case
        when profits.profit_amount is null then 0
        else {{ lowest_rate([
            'profits.cost_coverage_rate', 'profits.contact_cost_coverage_rate', 'profits.service_cost_coverage_rate',
        ]) }}
    end as profit_coverage_rate,
    as_of.currency,
    as_of.as_of as measured_at
from profits
cross join as_of
cross join whole_profit
