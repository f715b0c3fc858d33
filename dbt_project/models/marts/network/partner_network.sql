{{ config(tags=['phase_value']) }}

with partners as (

    select * from {{ ref('int_partners') }}

),

kinds as (

    select * from {{ ref('partner_kinds') }}

),

links as (

    select * from {{ ref('int_partner_links') }} where partner_id is not null

),

related as (

    select * from {{ ref('partner_customers') }}

),

-- Whoever bought without being known has paid all the same.
anonymous as (

    select
        partner_id,
        revenue_amount,
        revenue_12m_amount,
        margin_amount
    from {{ ref('int_partner_purchases') }}
    where customer_id is null

),

contacts as (

    select * from {{ ref('int_partner_last_contacts') }}

),

orders as (

    select
        ordered_on,
        net_amount
    from {{ ref('int_orders_to_date') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric = 'key_customers_regular'

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

company as (

    select
        sum(
            case
                when
                    as_of.as_of_on
                    < cast({{ regulars.add_months('orders.ordered_on', 'metric_definitions.window_months') }} as date)
                    then orders.net_amount
                else 0
            end
        ) as revenue_12m_amount
    from orders
    cross join as_of
    cross join metric_definitions

),

by_link as (

    select
        partner_id,
        count(distinct case when hangs_on = 'product' and is_holder then product_id end) as products,
        sum(case when link_status <> 'linked' then 1 else 0 end) as unresolved_links
    from links
    group by partner_id

),

by_customer as (

    select
        partner_id,
        sum(case when is_counted then 1 else 0 end) as related_customers,
        count(distinct case when is_contested then customer_id end) as contested_customers,
        sum(case when is_counted then revenue_amount else 0 end) as revenue_amount,
        sum(case when is_counted then revenue_12m_amount else 0 end) as revenue_12m_amount,
        sum(
            case
                when is_counted and churn_risk >= {{ threshold('handover_churn_risk') }} then revenue_12m_amount
                else 0
            end
        ) as revenue_at_risk_12m_amount,
        sum(case when is_counted then profit_amount end) as profit_amount,
        sum(case when is_counted and linked_by = 'link' then open_tickets else 0 end) as open_tickets
    from related
    group by partner_id

),

joined as (

    select
        partners.*,
        kinds.contact_within_days,
        by_customer.related_customers,
        by_customer.contested_customers,
        by_customer.revenue_at_risk_12m_amount,
        by_customer.open_tickets,
        coalesce(by_customer.revenue_amount, 0) + coalesce(anonymous.revenue_amount, 0) as revenue_amount,
        coalesce(by_customer.revenue_12m_amount, 0) + coalesce(anonymous.revenue_12m_amount, 0) as revenue_12m_amount,
        -- Unknown only where no part of it is known.
        case
            when by_customer.profit_amount is null then anonymous.margin_amount
            else by_customer.profit_amount + coalesce(anonymous.margin_amount, 0)
        end as profit_amount,
        by_link.products,
        by_link.unresolved_links,
        contacts.last_contact_at,
        contacts.last_contact_on,
        contacts.contacts_365d,
        contacts.next_step_on,
        company.revenue_12m_amount as company_revenue_12m_amount,
        as_of.as_of,
        as_of.as_of_on,
        as_of.currency
    from partners
    cross join company
    cross join as_of
    left join kinds on partners.kind = kinds.kind
    left join by_customer on partners.partner_id = by_customer.partner_id
    left join by_link on partners.partner_id = by_link.partner_id
    left join anonymous on partners.partner_id = anonymous.partner_id
    left join contacts on partners.partner_id = contacts.partner_id

)

select
    partner_id,
    partner_name,
    kind,
    cast(coalesce(related_customers, 0) as bigint) as related_customers,
    {{ regulars.as_money('revenue_amount') }} as related_revenue_amount,
    last_contact_at,
    coalesce(owner_name, owner_stated) as owner,
    source,
    email,
    phone,
    country_code,
    started_at,
    ended_at,
    is_active,
    owner_id,
    owner_status,
    {{ regulars.as_money('revenue_12m_amount') }} as related_revenue_12m_amount,
    {{ regulars.rounded(
        'cast(revenue_12m_amount as double) / nullif(cast(company_revenue_12m_amount as double), 0)', 6
    ) }} as revenue_share_rate,
    {{ regulars.as_money('coalesce(revenue_at_risk_12m_amount, 0)') }} as revenue_at_risk_12m_amount,
    {{ regulars.as_money('profit_amount') }} as related_profit_amount,
    cast(coalesce(products, 0) as bigint) as products,
    cast(coalesce(open_tickets, 0) as bigint) as open_tickets,
    cast(coalesce(contacts_365d, 0) as bigint) as contacts_365d,
    cast({{ regulars.days_between('last_contact_on', 'as_of_on') }} as bigint) as days_since_contact,
    is_active
    and coalesce({{ regulars.days_between('last_contact_on', 'as_of_on') }} > contact_within_days, true)
        as is_contact_due,
    next_step_on,
    coalesce(next_step_on < as_of_on, false) as is_next_step_overdue,
    cast(coalesce(contested_customers, 0) as bigint) as contested_customers,
    cast(coalesce(unresolved_links, 0) as bigint) as unresolved_links,
    currency,
    as_of as measured_at
from joined
