{{ config(tags=['phase_profiles']) }}

with campaigns as (

    select * from {{ ref('int_used__campaigns') }} where record_status = 'valid' and campaign_key is not null

),

messages as (

    select
        campaign_id,
        count(*) as messages
    from {{ ref('int_email_deliveries') }}
    where campaign_id is not null
    group by campaign_id

),

cost_rates as (

    select * from {{ ref('int_cost_rates') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

exchange_rates_now as (

    select * from {{ ref('int_exchange_rates_now') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

described as (

    select
        campaigns.campaign_key as campaign_id,
        campaigns.campaign_name,
        {{ lower_text('campaigns.channel') }} as channel,
        campaigns.started_at,
        {{ regulars.as_money(product_of(
            'campaigns.cost_amount',
            rate_of(
                'coalesce(campaigns.currency, as_of.currency)',
                'as_of.currency',
                'case when campaigns.started_at is null then exchange_rates_now.rate else exchange_rates.rate end'
            )
        )) }} as stated_cost_amount,
        campaigns.cost_amount is not null as states_cost
    from campaigns
    cross join as_of
    left join exchange_rates
        on
            {{ capital_letters('campaigns.currency') }} = exchange_rates.currency
            and cast(campaigns.started_at as date) = exchange_rates.day
    left join exchange_rates_now on {{ capital_letters('campaigns.currency') }} = exchange_rates_now.currency

),

known_campaigns as (

    select campaign_id from described
    union
    select campaign_id from messages

),

joined as (

    select
        known_campaigns.campaign_id,
        described.campaign_name,
        coalesce(described.channel, case when messages.messages > 0 then 'email' end) as channel,
        described.started_at,
        coalesce(messages.messages, 0) as messages,
        coalesce(described.states_cost, false) as states_cost,
        described.stated_cost_amount
    from known_campaigns
    left join described on known_campaigns.campaign_id = described.campaign_id
    left join messages on known_campaigns.campaign_id = messages.campaign_id

)

select
    joined.campaign_id,
    joined.campaign_name,
    joined.channel,
    joined.started_at,
    {{ regulars.local_day('joined.started_at', 'as_of.time_zone') }} as started_on,
    joined.messages,
    joined.states_cost,
    case when not joined.states_cost then cost_rates.cost_amount end as message_cost_amount,
    -- What the campaign states, else what its messages cost to send: never both, a stated sum may include sending.
    case
        when joined.states_cost then joined.stated_cost_amount
        when joined.messages > 0 then {{ regulars.as_money('joined.messages * cost_rates.cost_amount') }}
    end as cost_amount
from joined
cross join as_of
left join cost_rates on joined.channel || '_sent' = cost_rates.cost_type
