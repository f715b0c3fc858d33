{{ config(tags=['phase_value']) }}

with customers as (

    select * from {{ ref('int_portfolio_customers') }}

),

orders as (

    select * from {{ ref('int_orders_to_date') }}

),

order_lines as (

    select * from {{ ref('fct_order_lines') }} where line_kind = 'product'

),

products as (

    select * from {{ ref('dim_products') }}

),

costs as (

    select
        customer_id,
        true as is_message,
        is_media,
        cost_amount
    from {{ ref('int_contact_costs') }}

    union all

    select
        customer_id,
        false as is_message,
        false as is_media,
        cost_amount
    from {{ ref('int_service_costs') }}

),

-- The goods of the orders. Their margin counts where that of the whole order is known, so that the two add up.
goods as (

    select
        orders.order_id,
        orders.customer_id,
        orders.order_kind,
        order_lines.product_id,
        coalesce(products.product_name, products.sku, order_lines.product_id) as product_name,
        products.category,
        case
            when order_lines.is_return then 0
            else order_lines.net_amount + coalesce(order_lines.discount_amount, 0)
        end as gross_amount,
        case when order_lines.is_return then 0 else coalesce(order_lines.discount_amount, 0) end as discount_amount,
        order_lines.net_amount,
        case when orders.margin_amount is null then order_lines.net_amount else 0 end as uncosted_amount,
        case
            when orders.margin_amount is not null then coalesce(order_lines.net_amount, 0) - order_lines.cost_amount
        end as margin_amount
    from orders
    inner join order_lines on orders.order_id = order_lines.order_id
    left join products on order_lines.product_id = products.product_id

),

customer_dimensions as (

    {% for dimension in customer_dimensions() %}
    select '{{ dimension }}' as dimension
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- What every customer is one of: all that he brings and costs belongs to the group.
of_customers as (

    {% for dimension in customer_dimensions() %}
    select
        '{{ dimension }}' as dimension,
        case when {{ dimension }} is null then 'none' else 'group' end as row_kind,
        {{ dimension }} as group_id,
        {{ dimension }} as group_name,
        {{ portfolio_columns({
            'customers': 'count(*)',
            'buyers': 'count(case when orders > 0 then 1 end)',
            'orders': 'sum(orders)',
            'gross_amount': 'sum(gross_amount)',
            'discount_amount': 'sum(discount_amount)',
            'revenue_amount': 'sum(revenue_amount)',
            'uncosted_amount': 'sum(uncosted_amount)',
            'margin_amount': 'sum(margin_amount)',
            'moved_amount': 'sum(moved_amount)',
            'costed_amount': 'sum(costed_amount)',
            'messages': 'sum(messages)',
            'costed_messages': 'sum(costed_messages)',
            'contact_cost_amount': 'sum(contact_cost_amount)',
            'media_cost_amount': 'sum(media_cost_amount)',
            'service_contacts': 'sum(service_contacts)',
            'costed_service_contacts': 'sum(costed_service_contacts)',
            'service_cost_amount': 'sum(service_cost_amount)',
            'unprofitable_customers': 'count(unprofitable_reason)',
            'unprofitable_amount': 'coalesce(sum(case when unprofitable_reason is not null then profit_amount end), 0)',
        }) }}
    from customers
    group by {{ dimension }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

of_channels as (

    select
        'channel' as dimension,
        case when channel is null then 'none' else 'group' end as row_kind,
        channel as group_id,
        channel as group_name,
        {{ portfolio_columns_of_orders() }}
    from orders
    group by channel

),

of_products as (

    select
        'product' as dimension,
        case when product_id is null then 'none' else 'group' end as row_kind,
        product_id as group_id,
        max(product_name) as group_name,
        {{ portfolio_columns_of_orders(are_parts=true) }}
    from goods
    group by product_id

),

of_categories as (

    select
        'category' as dimension,
        case when category is null then 'none' else 'group' end as row_kind,
        category as group_id,
        category as group_name,
        {{ portfolio_columns_of_orders(are_parts=true) }}
    from goods
    group by category

),

-- What an order states and its goods do not: discounts and refunds of the whole, corrections, lost lines.
order_corrections as (

    {% for name, sign in {'orders': '', 'goods': '-'}.items() %}
    select
        {{ portfolio_columns({
            'gross_amount': sign ~ 'sum(gross_amount)',
            'discount_amount': sign ~ 'sum(discount_amount)',
            'revenue_amount': sign ~ 'sum(net_amount)',
            'uncosted_amount': sign ~ 'sum(uncosted_amount)',
            'margin_amount': sign ~ 'sum(margin_amount)',
        }) }}
    from {{ name }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

anonymous_orders as (

    select
        {{ portfolio_columns_of_orders() }}
    from orders
    where customer_id is null

),

all_costs as (

    select
        {{ portfolio_columns_of_costs() }}
    from costs

),

unallocated_costs as (

    select
        {{ portfolio_columns_of_costs() }}
    from costs
    where customer_id is null

),

-- The whole is taken from what happened and not from the groups, which must add up to it.
whole as (

    select
        {{ portfolio_columns({
            'customers': 'count(*)',
            'buyers': 'count(case when orders > 0 then 1 end)',
            'unprofitable_customers': 'count(unprofitable_reason)',
            'unprofitable_amount': 'coalesce(sum(case when unprofitable_reason is not null then profit_amount end), 0)',
        }) }}
    from customers

    union all

    select
        {{ portfolio_columns({
            'orders': "count(case when order_kind = 'sale' then 1 end)",
            'gross_amount': 'coalesce(sum(gross_amount), 0)',
            'discount_amount': 'coalesce(sum(discount_amount), 0)',
            'revenue_amount': 'coalesce(sum(net_amount), 0)',
            'uncosted_amount': 'coalesce(sum(uncosted_amount), 0)',
            'margin_amount': 'case when count(*) = 0 then 0 else sum(margin_amount) end',
            'moved_amount': 'coalesce(sum(abs(net_amount)), 0)',
            'costed_amount': 'coalesce(sum(case when margin_amount is not null then abs(net_amount) end), 0)',
        }) }}
    from orders

    union all

    select * from all_costs

),

parts as (

    select * from of_customers
    union all
    select * from of_channels
    union all
    select * from of_products
    union all
    select * from of_categories
    {%- for relation, kind, dimensions in [
        ('whole', 'all', "(select 'all' as dimension)"),
        ('anonymous_orders', 'anonymous_orders', 'customer_dimensions'),
        ('unallocated_costs', 'unallocated_costs', 'customer_dimensions'),
        ('order_corrections', 'order_corrections', "(select 'product' as dimension union all select 'category')"),
        ('all_costs', 'contact_and_service',
            "(select 'channel' as dimension union all select 'product' union all select 'category')"),
    ] %}
    union all
    select
        dimensions.dimension,
        '{{ kind }}' as row_kind,
        cast(null as {{ dbt.type_string() }}) as group_id,
        cast(null as {{ dbt.type_string() }}) as group_name,
        {{ relation }}.*
    from {{ relation }}
    cross join {{ dimensions }} as dimensions
    {%- endfor %}

),

added as (

    select
        dimension,
        row_kind,
        group_id,
        max(group_name) as group_name,
        {{ portfolio_sums() }}
    from parts
    group by dimension, row_kind, group_id

)

select *
from added
where
    row_kind in ('all', 'group', 'none')
    or orders > 0
    or messages > 0
    or service_contacts > 0
    or gross_amount <> 0
    or discount_amount <> 0
    or revenue_amount <> 0
    or uncosted_amount <> 0
    or margin_amount <> 0
