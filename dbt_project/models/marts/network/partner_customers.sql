{{ config(tags=['phase_value']) }}

with links as (

    select * from {{ ref('int_partner_links') }}
    where hangs_on = 'customer' and link_status = 'linked' and not is_empty

),

purchases as (

    select * from {{ ref('int_partner_purchases') }} where customer_id is not null

),

partners as (

    select
        partner_id,
        partner_name,
        kind
    from {{ ref('int_partners') }}

),

customers as (

    select * from {{ ref('customer_value') }}

),

satisfaction as (

    select
        customer_id,
        open_tickets
    from {{ ref('customer_satisfaction') }}

),

by_role as (

    select
        partner_id,
        customer_id,
        role,
        -- Without a start it has been so ever since, without an end it goes on.
        case when count(valid_from) = count(*) then min(valid_from) end as valid_from,
        case when count(valid_to) = count(*) then max(valid_to) end as valid_to,
        max(case when is_current then 1 else 0 end) = 1 as is_current,
        max(case when is_holder and carries_value then 1 else 0 end) = 1 as is_holder,
        max(case when is_contested then 1 else 0 end) = 1 as is_contested
    from links
    group by partner_id, customer_id, role

),

-- A customer who hangs on one partner in two roles counts once.
held as (

    select
        by_role.*,
        by_role.is_holder
        and row_number() over (
            partition by by_role.partner_id, by_role.customer_id, by_role.is_holder order by by_role.role asc
        ) = 1 as is_counted
    from by_role

),

counted as (

    select
        partner_id,
        customer_id
    from held
    where is_counted

),

related as (

    select
        held.partner_id,
        held.customer_id,
        held.role,
        'link' as linked_by,
        held.valid_from,
        held.valid_to,
        held.is_current,
        held.is_contested,
        held.is_counted,
        customers.orders,
        customers.revenue_amount,
        customers.revenue_12m_amount,
        customers.profit_amount
    from held
    inner join customers on held.customer_id = customers.customer_id

    union all

    select
        purchases.partner_id,
        purchases.customer_id,
        'supplier' as role,
        'products' as linked_by,
        cast(null as timestamp) as valid_from,
        cast(null as timestamp) as valid_to,
        true as is_current,
        false as is_contested,
        counted.customer_id is null as is_counted,
        purchases.orders,
        purchases.revenue_amount,
        purchases.revenue_12m_amount,
        purchases.margin_amount as profit_amount
    from purchases
    left join counted
        on purchases.partner_id = counted.partner_id and purchases.customer_id = counted.customer_id

)

select
    related.partner_id,
    partners.partner_name,
    partners.kind,
    related.customer_id,
    related.role,
    related.linked_by,
    related.valid_from,
    related.valid_to,
    related.is_current,
    related.is_contested,
    related.is_counted,
    cast(related.orders as bigint) as orders,
    {{ regulars.as_money('related.revenue_amount') }} as revenue_amount,
    {{ regulars.as_money('related.revenue_12m_amount') }} as revenue_12m_amount,
    {{ regulars.as_money('related.profit_amount') }} as profit_amount,
    customers.churn_risk,
    coalesce(satisfaction.open_tickets, 0) as open_tickets
from related
inner join partners on related.partner_id = partners.partner_id
inner join customers on related.customer_id = customers.customer_id
left join satisfaction on related.customer_id = satisfaction.customer_id
