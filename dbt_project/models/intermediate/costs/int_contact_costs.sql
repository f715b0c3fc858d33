{{ config(tags=['phase_profiles']) }}

with messages as (

    select
        delivery_id,
        campaign_id,
        customer_id,
        -- Whoever reacted to a message was sent it, even if nobody tells of that.
        coalesce(sent_on, delivered_on) as day
    from {{ ref('int_email_deliveries') }}

),

campaign_costs as (

    select * from {{ ref('int_campaign_costs') }}

),

cost_rates as (

    select * from {{ ref('int_cost_rates') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- What is left after rounding goes to one message after the other, so that the shares add up to the campaign's cost.
placed as (

    select
        messages.*,
        campaign_costs.channel,
        campaign_costs.cost_amount as campaign_amount,
        cast(campaign_costs.messages as double) as campaign_messages,
        row_number() over (partition by messages.campaign_id order by messages.delivery_id) as place
    from messages
    inner join campaign_costs on messages.campaign_id = campaign_costs.campaign_id
    where campaign_costs.states_cost

)

select
    delivery_id as contact_id,
    'message' as kind,
    campaign_id,
    customer_id,
    channel,
    day,
    true as is_media,
    {{ regulars.double_as_money('cast(campaign_amount as double) * place / campaign_messages') }}
    - {{ regulars.double_as_money('cast(campaign_amount as double) * (place - 1) / campaign_messages') }}
        as cost_amount
from placed

union all

select
    messages.delivery_id as contact_id,
    'message' as kind,
    messages.campaign_id,
    messages.customer_id,
    coalesce(campaign_costs.channel, 'email') as channel,
    messages.day,
    false as is_media,
    cost_rates.cost_amount
from messages
left join campaign_costs on messages.campaign_id = campaign_costs.campaign_id
left join cost_rates on coalesce(campaign_costs.channel, 'email') || '_sent' = cost_rates.cost_type
where not coalesce(campaign_costs.states_cost, false)

union all

select
    campaign_costs.campaign_id as contact_id,
    'campaign' as kind,
    campaign_costs.campaign_id,
    cast(null as {{ dbt.type_string() }}) as customer_id,
    campaign_costs.channel,
    campaign_costs.started_on as day,
    true as is_media,
    campaign_costs.cost_amount
from campaign_costs
cross join as_of
where
    campaign_costs.states_cost
    and campaign_costs.messages = 0
    and coalesce(campaign_costs.started_at <= as_of.as_of, true)
