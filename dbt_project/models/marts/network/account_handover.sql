{{ config(tags=['phase_value']) }}
{%- set reasons = [
    'no_owner', 'open_ticket', 'complaint', 'key_customer', 'churn_risk', 'subscription_ends', 'replenishment',
] %}

with links as (

    select * from {{ ref('int_partner_links') }} where is_owner and link_status = 'linked' and not is_empty

),

employees as (

    select
        partner_id,
        partner_name
    from {{ ref('int_partners') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

customer_value as (

    select * from {{ ref('customer_value') }}

),

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

satisfaction as (

    select * from {{ ref('customer_satisfaction') }}

),

service_contacts as (

    select * from {{ ref('int_service_contacts') }}

),

replenishments as (

    select * from {{ ref('replenishments') }}

),

next_offers as (

    select * from {{ ref('next_offers') }} where rank = 1

),

subscriptions as (

    select * from {{ ref('fct_subscriptions') }} where is_active

),

products as (

    select
        product_id,
        product_name
    from {{ ref('dim_products') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

reasons as (

    select
        {%- for reason in reasons %}
        max(case when reason = '{{ reason }}' then points end) as {{ reason }}_points,
        max(case when reason = '{{ reason }}' then words end) as {{ reason }}_words,
        {%- endfor %}
        count(*) as reasons
    from {{ ref('handover_reasons') }}

),

-- Whose customer it is: of who looks after him, or where nobody does, of the last one who did.
owned as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by
                case when is_holder then 0 when is_current then 1 else 2 end asc,
                valid_to desc nulls last,
                valid_from desc nulls last,
                link_id asc
        ) as place
    from links
    where not is_future

),

owners as (

    select * from owned where place = 1

),

-- Who has been named to follow.
followers as (

    select
        customer_id,
        partner_id,
        valid_from,
        row_number() over (partition by customer_id order by valid_from asc, link_id asc) as place
    from links
    where is_future and coalesce(not has_ended, true)

),

own_contacts as (

    select service_contacts.*
    from service_contacts
    inner join owners on service_contacts.customer_id = owners.customer_id

),

placed_contacts as (

    select
        *,
        row_number() over (partition by customer_id order by occurred_at desc, contact_id desc) as place
    from own_contacts

),

last_contacts as (

    select * from placed_contacts where place = 1

),

open_contacts as (

    select
        customer_id,
        count(*) as open_tickets,
        min(day) as oldest_open_on
    from own_contacts
    where is_open
    group by customer_id

),

complaints as (

    select
        customer_id,
        max(occurred_at) as last_complaint_at,
        max(day) as last_complaint_on
    from own_contacts
    where is_complaint
    group by customer_id

),

-- How the customer usually gets in touch: the way he took most often, of equal ones the latest.
ways as (

    select
        own_contacts.customer_id,
        own_contacts.channel,
        row_number() over (
            partition by own_contacts.customer_id
            order by count(*) desc, max(own_contacts.occurred_at) desc, own_contacts.channel asc
        ) as place
    from own_contacts
    cross join as_of
    where
        own_contacts.direction = 'in'
        and own_contacts.channel is not null
        and {{ regulars.days_between('own_contacts.day', 'as_of.as_of_on') }} < 365
    group by own_contacts.customer_id, own_contacts.channel

),

due as (

    select
        replenishments.customer_id,
        replenishments.product_id,
        replenishments.due_on,
        count(*) over (partition by replenishments.customer_id) as due_replenishments,
        row_number() over (
            partition by replenishments.customer_id
            order by replenishments.due_on asc, replenishments.product_id asc
        ) as place
    from replenishments
    cross join as_of
    where
        not replenishments.is_gone
        and {{ regulars.days_between('as_of.as_of_on', 'replenishments.due_on') }} <= {{ threshold('handover_days') }}

),

contracts as (

    select
        customer_id,
        count(*) as active_subscriptions,
        min(ended_on) as subscription_ends_on
    from subscriptions
    group by customer_id

),

gathered as (

    select
        owners.partner_id as employee_id,
        employees.partner_name as employee_name,
        owners.customer_id,
        customers.display_name,
        not owners.is_current as is_orphaned,
        owners.valid_from as owned_since,
        owners.valid_to as owned_until,
        owners.is_contested,
        followers.partner_id as successor_id,
        successors.partner_name as successor_name,
        followers.valid_from as successor_from,
        coalesce(open_contacts.open_tickets, 0) as open_tickets,
        {{ regulars.days_between('open_contacts.oldest_open_on', 'as_of.as_of_on') }} as oldest_ticket_days,
        last_contacts.occurred_at as last_contact_at,
        last_contacts.channel as last_contact_channel,
        last_contacts.reason_group as last_contact_reason,
        last_contacts.agent_id as last_contact_agent_id,
        complaints.last_complaint_at,
        {{ regulars.days_between('complaints.last_complaint_on', 'as_of.as_of_on') }} as complaint_days,
        satisfaction.satisfaction_band,
        satisfaction.nps_group,
        coalesce(due.due_replenishments, 0) as due_replenishments,
        due.due_on as next_due_on,
        due_products.product_name as next_due_product,
        next_offers.product_id as next_offer_product_id,
        offer_products.product_name as next_offer,
        next_offers.reason as next_offer_reason,
        customer_value.churn_risk,
        customer_value.churn_reasons,
        coalesce(contracts.active_subscriptions, 0) as active_subscriptions,
        contracts.subscription_ends_on,
        {{ regulars.days_between('as_of.as_of_on', 'contracts.subscription_ends_on') }} as subscription_days,
        customer_segments.value_segment,
        customer_segments.lifecycle_stage,
        coalesce(customer_segments.is_key_customer, false) as is_key_customer,
        customer_value.revenue_amount,
        customer_value.revenue_12m_amount,
        customer_value.profit_amount,
        customer_value.last_ordered_on,
        customers.email_consent,
        customers.phone_consent,
        customers.sms_consent,
        customers.language,
        ways.channel as preferred_channel,
        as_of.as_of,
        as_of.currency
    from owners
    cross join as_of
    inner join customers on owners.customer_id = customers.customer_id
    inner join customer_value on owners.customer_id = customer_value.customer_id
    left join customer_segments on owners.customer_id = customer_segments.customer_id
    left join employees on owners.partner_id = employees.partner_id
    left join followers on owners.customer_id = followers.customer_id and followers.place = 1
    left join employees as successors on followers.partner_id = successors.partner_id
    left join open_contacts on owners.customer_id = open_contacts.customer_id
    left join last_contacts on owners.customer_id = last_contacts.customer_id
    left join complaints on owners.customer_id = complaints.customer_id
    left join satisfaction on owners.customer_id = satisfaction.customer_id
    left join due on owners.customer_id = due.customer_id and due.place = 1
    left join products as due_products on due.product_id = due_products.product_id
    left join next_offers on owners.customer_id = next_offers.customer_id
    left join products as offer_products on next_offers.product_id = offer_products.product_id
    left join contracts on owners.customer_id = contracts.customer_id
    left join ways on owners.customer_id = ways.customer_id and ways.place = 1

),

judged as (

    select
        gathered.*,
        gathered.is_orphaned and gathered.successor_id is null as has_no_owner,
        gathered.open_tickets > 0 as has_open_ticket,
        coalesce(gathered.complaint_days < {{ threshold('handover_complaint_days') }}, false) as has_complaint,
        gathered.is_key_customer as has_key_customer,
        coalesce(gathered.churn_risk >= {{ threshold('handover_churn_risk') }}, false) as has_churn_risk,
        coalesce(gathered.subscription_days <= {{ threshold('handover_days') }}, false) as has_subscription_ends,
        gathered.due_replenishments > 0 as has_replenishment
    from gathered

),

{%- set numbers = {
    'no_owner': "''",
    'open_ticket': 'cast(judged.open_tickets as ' ~ dbt.type_string() ~ ')',
    'complaint': 'cast(judged.complaint_days as ' ~ dbt.type_string() ~ ')',
    'key_customer': "''",
    'churn_risk': 'cast(cast(' ~ regulars.rounded('judged.churn_risk * 100', 0) ~ ' as integer) as '
        ~ dbt.type_string() ~ ')',
    'subscription_ends': 'cast(judged.subscription_days as ' ~ dbt.type_string() ~ ')',
    'replenishment': 'cast(judged.due_replenishments as ' ~ dbt.type_string() ~ ')',
} %}

weighed as (

    select
        judged.*,
        {% for reason in reasons -%}
        case when judged.has_{{ reason }} then coalesce(reasons.{{ reason }}_points, 0) else 0 end
        {{- ' + ' if not loop.last }}
        {%- endfor %} as priority_points,
        nullif(concat_ws(
            '; '
            {%- for reason in reasons %},
            case
                when judged.has_{{ reason }}
                    then replace(reasons.{{ reason }}_words, '{n}', {{ numbers[reason] }})
            end
            {%- endfor %}
        ), '') as priority_reason
    from judged
    cross join reasons

)

select
    employee_id,
    employee_name,
    customer_id,
    display_name,
    cast(row_number() over (
        partition by employee_id order by priority_points desc, revenue_12m_amount desc, customer_id asc
    ) as bigint) as priority_rank,
    cast(priority_points as bigint) as priority_points,
    priority_reason,
    is_orphaned,
    is_contested,
    owned_since,
    owned_until,
    successor_id,
    successor_name,
    successor_from,
    cast(open_tickets as bigint) as open_tickets,
    cast(oldest_ticket_days as bigint) as oldest_ticket_days,
    last_contact_at,
    last_contact_channel,
    last_contact_reason,
    last_contact_agent_id,
    last_complaint_at,
    satisfaction_band,
    nps_group,
    cast(due_replenishments as bigint) as due_replenishments,
    next_due_on,
    next_due_product,
    next_offer_product_id,
    next_offer,
    next_offer_reason,
    churn_risk,
    churn_reasons,
    cast(active_subscriptions as bigint) as active_subscriptions,
    subscription_ends_on,
    value_segment,
    lifecycle_stage,
    is_key_customer,
    revenue_amount,
    revenue_12m_amount,
    profit_amount,
    last_ordered_on,
    email_consent,
    phone_consent,
    sms_consent,
    language,
    preferred_channel,
    currency,
    as_of as measured_at
from weighed
