{{ config(tags=['phase_profiles']) }}

with links as (

    select * from {{ ref('int_used__partner_links') }} where record_status = 'valid'

),

partners as (

    select * from {{ ref('int_partners') }}

),

roles as (

    select * from {{ ref('partner_roles') }}

),

contact_points as (

    select
        kind,
        value,
        customer_id
    from {{ ref('customer_contact_points') }}
    where kind in ('account', 'email', 'phone') and is_valid

),

products as (

    select product_id from {{ ref('dim_products') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- What links name; of a number or an address that several customers share none is meant for certain.
named_values as (

    select 'account' as kind, account_key as value from links where account_key is not null
    union
    select 'email' as kind, email as value from links where email is not null
    union
    select 'phone' as kind, phone as value from links where phone is not null

),

named_customers as (

    select
        named_values.kind,
        named_values.value,
        case when count(distinct contact_points.customer_id) = 1 then min(contact_points.customer_id) end
            as customer_id
    from named_values
    inner join contact_points on named_values.kind = contact_points.kind and named_values.value = contact_points.value
    group by named_values.kind, named_values.value

),

found as (

    select
        coalesce(links.source || ':' || links.link_id, links.record_key) as link_id,
        links.source,
        partners.partner_id,
        partners.kind as partner_kind,
        roles.role,
        roles.hangs_on,
        roles.carries_value,
        roles.is_owner,
        case
            when roles.hangs_on = 'customer'
                then coalesce(by_account.customer_id, by_email.customer_id, by_phone.customer_id)
        end as customer_id,
        case when roles.hangs_on = 'product' then products.product_id end as product_id,
        coalesce(by_account.value, by_email.value, by_phone.value) is not null as is_shared,
        links.valid_from,
        -- Nobody looks after anything once he has left.
        case
            when links.valid_to is null or partners.ended_at < links.valid_to then partners.ended_at
            else links.valid_to
        end as valid_to,
        coalesce(partners.ended_at <= links.valid_to or links.valid_to is null, false)
        and partners.ended_at is not null as ends_with_partner,
        links.updated_at,
        as_of.as_of
    from links
    cross join as_of
    inner join roles on {{ lower_text('links.role') }} = roles.role
    left join partners on links.partner_key = partners.partner_id
    left join named_customers as by_account
        on by_account.kind = 'account' and links.account_key = by_account.value
    left join named_customers as by_email
        on by_email.kind = 'email' and links.email = by_email.value
    left join named_customers as by_phone
        on by_phone.kind = 'phone' and links.phone = by_phone.value
    left join products on links.product_key = products.product_id

),

placed as (

    select
        *,
        case
            when partner_id is null then 'no_partner'
            when hangs_on = 'product' and product_id is null then 'no_product'
            when hangs_on = 'customer' and customer_id is null and is_shared then 'shared'
            when hangs_on = 'customer' and customer_id is null then 'no_customer'
            else 'linked'
        end as link_status,
        coalesce(valid_from > as_of, false) as is_future,
        coalesce(valid_to <= as_of, false) as has_ended,
        -- A partner who left before the link began never had it.
        coalesce(valid_to < valid_from, false) as is_empty
    from found

),

-- Who holds what hangs on a role, of all whose link runs: the one whose link began last.
holders as (

    select
        link_id,
        row_number() over (
            partition by role, coalesce(customer_id, ''), coalesce(product_id, '')
            order by valid_from desc nulls last, updated_at desc nulls last, link_id asc
        ) as place,
        min(partner_id) over (partition by role, coalesce(customer_id, ''), coalesce(product_id, ''))
        <> max(partner_id) over (partition by role, coalesce(customer_id, ''), coalesce(product_id, ''))
            as is_contested
    from placed
    where link_status = 'linked' and not is_future and not has_ended and not is_empty

)

select
    placed.link_id,
    placed.source,
    placed.partner_id,
    placed.partner_kind,
    placed.role,
    placed.hangs_on,
    placed.carries_value,
    placed.is_owner,
    placed.customer_id,
    placed.product_id,
    placed.link_status,
    placed.valid_from,
    placed.valid_to,
    placed.ends_with_partner,
    placed.updated_at,
    placed.is_future,
    placed.has_ended,
    placed.is_empty,
    holders.link_id is not null as is_current,
    coalesce(holders.place = 1, false) as is_holder,
    coalesce(holders.is_contested, false) as is_contested
from placed
left join holders on placed.link_id = holders.link_id
