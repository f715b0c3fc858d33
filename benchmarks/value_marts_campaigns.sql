-- The marts of campaigns, channels and contacts, by hand; value_marts.sql comes first, and its tables are there.
-- part: campaigns
CREATE TABLE purposes AS
SELECT campaigns.campaign_id, coalesce(arg_min(patterns.purpose, patterns.priority), 'marketing') AS purpose
FROM campaign_costs AS campaigns
LEFT JOIN reference.campaign_purposes AS patterns
    ON lower(
        substr(campaigns.campaign_id, position(':' IN campaigns.campaign_id) + 1)
        || ' ' || coalesce(campaigns.campaign_name, '')
    ) LIKE patterns.pattern
GROUP BY campaigns.campaign_id;

-- Opens are left out: they are many, and nothing here counts them.
CREATE TABLE touches_of_all AS
WITH marketing AS (
    SELECT campaign_id FROM purposes WHERE purpose = 'marketing'
),

touches AS (
    SELECT
        'order:' || order_id AS touchpoint_id,
        customer_id,
        ordered_at AS occurred_at,
        channel,
        CASE order_kind WHEN 'sale' THEN 'order' ELSE 'return' END AS kind,
        false AS is_outbound,
        NULL AS campaign_id,
        CASE order_kind WHEN 'sale' THEN net_amount END AS net_amount
    FROM marts.fct_orders
    WHERE order_kind IN ('sale', 'return')
    UNION ALL BY NAME
    SELECT
        'delivery:' || delivery_id AS touchpoint_id,
        customer_id,
        delivered_at AS occurred_at,
        'email' AS channel,
        'email_delivered' AS kind,
        true AS is_outbound,
        campaign_id
    FROM intermediate.int_email_deliveries
    UNION ALL BY NAME
    SELECT
        'email_event:' || event_id AS touchpoint_id,
        customer_id,
        occurred_at,
        'email' AS channel,
        'email_' || event AS kind,
        false AS is_outbound,
        campaign_id
    FROM marts.fct_email_events
    WHERE event IN ('click', 'unsubscribe', 'complaint') AND NOT is_machine
    UNION ALL BY NAME
    SELECT
        'call:' || call_id AS touchpoint_id,
        customer_id,
        started_at AS occurred_at,
        'phone' AS channel,
        'call' AS kind,
        coalesce(direction IN ('out', 'outbound'), false) AS is_outbound
    FROM marts.fct_calls
    UNION ALL BY NAME
    SELECT
        'ticket:' || ticket_id AS touchpoint_id,
        customer_id,
        created_at AS occurred_at,
        channel,
        'ticket' AS kind,
        false AS is_outbound
    FROM marts.fct_tickets
    WHERE stage <> 'deleted'
    UNION ALL BY NAME
    SELECT
        'survey:' || response_id AS touchpoint_id,
        customer_id,
        responded_at AS occurred_at,
        channel,
        'survey' AS kind,
        false AS is_outbound
    FROM marts.fct_surveys
    UNION ALL BY NAME
    SELECT
        'session:' || session_id AS touchpoint_id,
        customer_id,
        started_at AS occurred_at,
        'web' AS channel,
        'web_session' AS kind,
        false AS is_outbound
    FROM marts.fct_web_sessions
    WHERE NOT is_bot
)

SELECT touches.* EXCLUDE (campaign_id), marketing.campaign_id IS NOT NULL AS is_marketing
FROM touches
LEFT JOIN marketing USING (campaign_id)
WHERE touches.customer_id IS NOT NULL AND touches.occurred_at <= getvariable('now');

-- What a touch gets of an order, in ten-thousandths: cut and not rounded, so that what is left for the last is small.
CREATE MACRO cut(units, weight, weights) AS CAST(trunc(CAST(units AS DOUBLE) * weight / weights) AS BIGINT);
CREATE MACRO as_money(units) AS CAST(units * CAST(0.0001 AS DECIMAL(4, 4)) AS DECIMAL(18, 4));

CREATE TABLE attributed_orders AS
-- Of all touches only clicks count, in mails of a campaign.
WITH touches AS (
    SELECT
        'email_event:' || event_id AS touchpoint_id,
        customer_id,
        occurred_at AS touched_at,
        'email_click' AS kind,
        'email' AS channel,
        campaign_id
    FROM marts.fct_email_events
    WHERE event = 'click' AND NOT is_machine AND campaign_id IS NOT NULL AND customer_id IS NOT NULL
),

orders AS (
    SELECT
        order_id,
        customer_id,
        ordered_at,
        CAST(date_trunc('month', ordered_on) AS DATE) AS month,
        net_amount,
        margin_amount,
        date_trunc('week', ordered_at) AS week
    FROM marts.fct_orders
    WHERE order_kind = 'sale' AND ordered_at <= getvariable('now')
),

-- An order up to seven days after a click is of the same week or of the next: only those are paired, and not a whole
-- customer's clicks with all her orders.
followed AS (
    SELECT
        orders.* EXCLUDE (week),
        touches.* EXCLUDE (customer_id, week),
        lead(touches.touched_at) OVER next_touch AS next_at,
        lead(touches.campaign_id) OVER next_touch AS next_campaign_id
    FROM orders
    INNER JOIN (
        SELECT
            *,
            unnest([date_trunc('week', touched_at), date_trunc('week', touched_at) + INTERVAL 7 DAY]) AS week
        FROM touches
    ) AS touches
        ON
            orders.customer_id = touches.customer_id
            AND orders.week = touches.week
            AND touches.touched_at BETWEEN orders.ordered_at - INTERVAL 7 DAY AND orders.ordered_at
    WINDOW next_touch AS (PARTITION BY orders.order_id ORDER BY touches.touched_at, touches.touchpoint_id)
),

-- Of clicks in one campaign within half an hour the last stands for all.
placed AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY order_id ORDER BY touched_at, touchpoint_id) AS touch_number,
        count(*) OVER (PARTITION BY order_id) AS touches,
        max(touched_at) OVER (PARTITION BY order_id) AS last_touched_at
    FROM followed
    WHERE
        next_at IS NULL
        OR campaign_id <> next_campaign_id
        OR next_at >= touched_at + INTERVAL 30 MINUTE
),

weighed AS (
    SELECT
        *,
        CAST(net_amount * 10000 AS BIGINT) AS revenue_units,
        CAST(margin_amount * 10000 AS BIGINT) AS margin_units,
        -- Two fifths for the first and for the last, the rest for those between.
        CASE
            WHEN touches <= 2 THEN 1
            WHEN touch_number IN (1, touches) THEN 2 * (touches - 2)
            ELSE 1
        END AS position,
        -- Half as much for each week before the last touch.
        1 + CAST(floor(
            999999 * pow(0.5, (epoch_us(last_touched_at) - epoch_us(touched_at)) / 1000000 / (7 * 86400))
        ) AS BIGINT) AS decay
    FROM placed
),

totalled AS (
    SELECT
        *,
        touch_number = touches AS is_last,
        sum(position) OVER (PARTITION BY order_id) AS positions,
        sum(decay) OVER (PARTITION BY order_id) AS decays
    FROM weighed
),

shared AS (
    SELECT
        *,
        cut(10000, 1, touches) AS linear_orders,
        cut(revenue_units, 1, touches) AS linear_revenue,
        cut(margin_units, 1, touches) AS linear_margin,
        cut(10000, position, positions) AS position_orders,
        cut(revenue_units, position, positions) AS position_revenue,
        cut(margin_units, position, positions) AS position_margin,
        cut(10000, decay, decays) AS decay_orders,
        cut(revenue_units, decay, decays) AS decay_revenue,
        cut(margin_units, decay, decays) AS decay_margin
    FROM totalled
),

-- The last has what the others leave.
whole AS (
    SELECT
        * EXCLUDE (position, decay, positions, decays) REPLACE (
            CASE WHEN is_last THEN 10000 - coalesce(sum(linear_orders) OVER others, 0) ELSE linear_orders END
                AS linear_orders,
            CASE WHEN is_last THEN revenue_units - coalesce(sum(linear_revenue) OVER others, 0) ELSE linear_revenue END
                AS linear_revenue,
            CASE WHEN is_last THEN margin_units - coalesce(sum(linear_margin) OVER others, 0) ELSE linear_margin END
                AS linear_margin,
            CASE WHEN is_last THEN 10000 - coalesce(sum(position_orders) OVER others, 0) ELSE position_orders END
                AS position_orders,
            CASE WHEN is_last THEN revenue_units - coalesce(sum(position_revenue) OVER others, 0) ELSE position_revenue
            END AS position_revenue,
            CASE WHEN is_last THEN margin_units - coalesce(sum(position_margin) OVER others, 0) ELSE position_margin END
                AS position_margin,
            CASE WHEN is_last THEN 10000 - coalesce(sum(decay_orders) OVER others, 0) ELSE decay_orders END
                AS decay_orders,
            CASE WHEN is_last THEN revenue_units - coalesce(sum(decay_revenue) OVER others, 0) ELSE decay_revenue END
                AS decay_revenue,
            CASE WHEN is_last THEN margin_units - coalesce(sum(decay_margin) OVER others, 0) ELSE decay_margin END
                AS decay_margin
        )
    FROM shared
    WINDOW others AS (
        PARTITION BY order_id ORDER BY touch_number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)

SELECT
    order_id,
    touch_number,
    touches,
    touchpoint_id,
    kind,
    channel,
    campaign_id,
    customer_id,
    touched_at,
    ordered_at,
    month,
    money(CAST(touch_number = 1 AS INTEGER)) AS first_orders,
    as_money(revenue_units * CAST(touch_number = 1 AS INTEGER)) AS first_revenue_amount,
    as_money(margin_units * CAST(touch_number = 1 AS INTEGER)) AS first_margin_amount,
    money(CAST(is_last AS INTEGER)) AS last_orders,
    as_money(revenue_units * CAST(is_last AS INTEGER)) AS last_revenue_amount,
    as_money(margin_units * CAST(is_last AS INTEGER)) AS last_margin_amount,
    as_money(linear_orders) AS linear_orders,
    as_money(linear_revenue) AS linear_revenue_amount,
    as_money(linear_margin) AS linear_margin_amount,
    as_money(position_orders) AS position_orders,
    as_money(position_revenue) AS position_revenue_amount,
    as_money(position_margin) AS position_margin_amount,
    as_money(decay_orders) AS time_decay_orders,
    as_money(decay_revenue) AS time_decay_revenue_amount,
    as_money(decay_margin) AS time_decay_margin_amount,
    'EUR' AS currency
FROM whole;

CREATE TABLE attributed_revenue AS
WITH shares AS (
    SELECT
        month,
        channel,
        campaign_id,
        unnest([
            {'model': 'first', 'orders': first_orders, 'revenue': first_revenue_amount, 'margin': first_margin_amount},
            {'model': 'last', 'orders': last_orders, 'revenue': last_revenue_amount, 'margin': last_margin_amount},
            {
                'model': 'linear',
                'orders': linear_orders,
                'revenue': linear_revenue_amount,
                'margin': linear_margin_amount
            },
            {
                'model': 'position',
                'orders': position_orders,
                'revenue': position_revenue_amount,
                'margin': position_margin_amount
            },
            {
                'model': 'time_decay',
                'orders': time_decay_orders,
                'revenue': time_decay_revenue_amount,
                'margin': time_decay_margin_amount
            }
        ], recursive := true)
    FROM attributed_orders
),

untouched AS (
    SELECT
        CAST(date_trunc('month', ordered_on) AS DATE) AS month,
        CASE WHEN customer_id IS NULL THEN 'anonymous' ELSE 'untouched' END AS row_kind,
        count(*) AS orders,
        sum(net_amount) AS revenue,
        sum(margin_amount) AS margin,
        sum(net_amount) FILTER (WHERE margin_amount IS NULL) AS uncosted
    FROM marts.fct_orders
    ANTI JOIN attributed_orders USING (order_id)
    WHERE order_kind = 'sale' AND ordered_at <= getvariable('now')
    GROUP BY ALL
),

summed AS (
    SELECT
        model,
        month,
        'attributed' AS row_kind,
        channel,
        campaign_id,
        sum(orders) AS orders,
        sum(revenue) AS revenue,
        sum(margin) AS margin,
        sum(revenue) FILTER (WHERE margin IS NULL) AS uncosted
    FROM shares
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT untouched.*, unnest(['first', 'last', 'linear', 'position', 'time_decay']) AS model
    FROM untouched
)

SELECT
    model,
    model = 'last' AS is_declared,
    month,
    row_kind,
    channel,
    campaign_id,
    money(orders) AS orders,
    money(revenue) AS revenue_amount,
    money(margin) AS margin_amount,
    money(coalesce(uncosted, 0)) AS uncosted_revenue_amount,
    'EUR' AS currency
FROM summed;

-- Who has no part of an order knows nothing of its margin either.
CREATE TABLE attributed_parts AS
SELECT
    campaign_id,
    channel,
    customer_id,
    ordered_at,
    last_orders > 0 OR coalesce(last_revenue_amount, 0) <> 0 AS has_part,
    CASE WHEN has_part THEN order_id END AS order_id,
    last_orders AS orders,
    last_revenue_amount AS revenue,
    last_margin_amount IS NULL AS is_uncosted,
    CASE WHEN has_part THEN last_margin_amount END AS margin
FROM attributed_orders;

CREATE TABLE campaign_performance AS
WITH counts AS (
    SELECT
        campaign_id,
        count(sent_at) AS sent,
        count(delivered_at) AS delivered,
        count(bounced_at) AS bounces,
        count(opened_at) AS unique_opens,
        count(human_opened_at) AS unique_opens_human,
        count(clicked_at) AS unique_clicks,
        count(human_clicked_at) AS unique_clicks_human,
        count(unsubscribed_at) AS unsubscribes,
        count(human_unsubscribed_at) AS unsubscribes_human,
        count(complained_at) AS complaints,
        count(human_complained_at) AS complaints_human,
        bool_or(is_open_tracked) AS is_open_tracked,
        bool_or(is_click_tracked) AS is_click_tracked
    FROM intermediate.int_email_deliveries
    WHERE campaign_id IS NOT NULL
    GROUP BY campaign_id
),

attributed AS (
    SELECT
        campaign_id,
        min(channel) AS channel,
        count(DISTINCT order_id) AS orders,
        count(DISTINCT CASE WHEN has_part THEN customer_id END) AS customers,
        sum(parts.orders) AS order_shares,
        sum(revenue) AS revenue,
        sum(margin) AS margin,
        coalesce(sum(revenue) FILTER (WHERE margin IS NULL), 0) AS uncosted
    FROM attributed_parts AS parts
    WHERE campaign_id IS NOT NULL
    GROUP BY campaign_id
),

-- Of a campaign that nobody lists and nothing was sent of, only its clicks are known.
joined AS (
    SELECT
        campaign_id,
        costs.campaign_name,
        coalesce(costs.channel, attributed.channel) AS channel,
        coalesce(purposes.purpose, 'marketing') AS purpose,
        costs.started_at,
        counts.is_open_tracked,
        counts.is_click_tracked,
        coalesce(counts.sent, 0) AS sent,
        coalesce(counts.delivered, 0) AS delivered,
        coalesce(counts.bounces, 0) AS bounces,
        coalesce(counts.unique_opens, 0) AS unique_opens,
        coalesce(counts.unique_opens_human, 0) AS unique_opens_human,
        coalesce(counts.unique_clicks, 0) AS unique_clicks,
        coalesce(counts.unique_clicks_human, 0) AS unique_clicks_human,
        coalesce(counts.unsubscribes, 0) AS unsubscribes,
        coalesce(counts.unsubscribes_human, 0) AS unsubscribes_human,
        coalesce(counts.complaints, 0) AS complaints,
        coalesce(counts.complaints_human, 0) AS complaints_human,
        coalesce(attributed.orders, 0) AS orders,
        coalesce(attributed.customers, 0) AS customers,
        CASE WHEN attributed.orders > 0 THEN attributed.order_shares ELSE 0 END AS order_shares,
        CASE WHEN attributed.orders > 0 THEN attributed.revenue ELSE 0 END AS revenue,
        CASE WHEN attributed.orders > 0 THEN attributed.margin ELSE 0 END AS margin,
        CASE WHEN attributed.orders > 0 THEN attributed.uncosted ELSE 0 END AS uncosted,
        costs.cost_amount
    FROM campaign_costs AS costs
    FULL JOIN attributed USING (campaign_id)
    LEFT JOIN purposes USING (campaign_id)
    LEFT JOIN counts USING (campaign_id)
)

SELECT
    campaign_id,
    campaign_name,
    channel,
    purpose,
    started_at,
    sent,
    delivered,
    bounces,
    unique_opens,
    unique_opens_human,
    unique_opens - unique_opens_human AS unique_opens_machine,
    unique_clicks,
    unique_clicks_human,
    unique_clicks - unique_clicks_human AS unique_clicks_machine,
    unsubscribes,
    unsubscribes_human,
    complaints,
    complaints_human,
    share(delivered, sent) AS delivery_rate,
    share(bounces, sent) AS bounce_rate,
    CASE WHEN is_open_tracked THEN share(unique_opens_human, delivered) END AS open_rate,
    CASE WHEN is_open_tracked THEN share(unique_opens, delivered) END AS open_rate_high,
    CASE WHEN is_click_tracked THEN share(unique_clicks_human, delivered) END AS click_rate,
    CASE WHEN is_click_tracked THEN share(unique_clicks, delivered) END AS click_rate_high,
    share(unsubscribes_human, delivered) AS unsubscribe_rate,
    share(unsubscribes, delivered) AS unsubscribe_rate_high,
    share(complaints_human, delivered) AS complaint_rate,
    share(complaints, delivered) AS complaint_rate_high,
    orders AS attributed_orders,
    customers AS attributed_customers,
    money(order_shares) AS attributed_order_shares,
    money(revenue) AS attributed_revenue_amount,
    money(margin) AS attributed_margin_amount,
    money(uncosted) AS uncosted_revenue_amount,
    cost_amount,
    money(margin - cost_amount) AS profit_amount,
    share(margin - cost_amount, cost_amount) AS return_on_cost,
    'EUR' AS currency
FROM joined;

-- Each contact is looked at once: what comes after it, in its customer's time.
CREATE TABLE channel_contacts AS
WITH followed AS (
    SELECT
        customer_id,
        channel,
        kind,
        is_outbound,
        occurred_at,
        CASE
            WHEN is_outbound
                THEN lead(
                    CASE WHEN kind IN ('email_click', 'web_session', 'order') THEN occurred_at END IGNORE NULLS
                ) OVER in_time
            ELSE lead(CASE WHEN kind = 'order' THEN occurred_at END IGNORE NULLS) OVER in_time
        END AS next_response_at
    FROM touches_of_all
    WHERE kind NOT IN ('email_unsubscribe', 'email_complaint')
    WINDOW in_time AS (PARTITION BY customer_id ORDER BY occurred_at, touchpoint_id)
),

contacts AS (
    SELECT
        customer_id,
        channel,
        is_outbound,
        occurred_at <= getvariable('now') - INTERVAL 7 DAY AS is_ripe,
        is_ripe AND next_response_at <= occurred_at + INTERVAL 7 DAY AS is_answered,
        occurred_at > getvariable('now') - INTERVAL 365 DAY AS is_of_year
    FROM followed
    WHERE kind <> 'email_click'
)

SELECT
    customer_id,
    channel,
    count(*) AS contacts,
    count_if(is_outbound) AS contacts_out,
    count_if(is_ripe) AS ripe_contacts,
    count_if(is_answered) AS responses,
    count_if(is_of_year) AS year_contacts,
    count_if(is_of_year AND is_outbound) AS year_contacts_out,
    count_if(is_of_year AND is_ripe) AS year_ripe_contacts,
    count_if(is_of_year AND is_answered) AS year_responses
FROM contacts
GROUP BY ALL;

CREATE TABLE channel_effectiveness AS
WITH segments AS (
    SELECT customer_id, value_segment FROM customer_segments
),

contacts AS (
    SELECT
        touched.channel,
        segments.value_segment,
        count(*) AS reached,
        count_if(touched.year_contacts > 0) AS year_reached,
        sum(COLUMNS('contacts|responses'))
    FROM channel_contacts AS touched
    LEFT JOIN segments USING (customer_id)
    GROUP BY ALL
),

calls AS (
    SELECT customer_id, local_day(started_at) AS day, handling_cost_amount
    FROM marts.fct_calls
    WHERE started_at <= getvariable('now')
),

tickets AS (
    SELECT customer_id, channel, local_day(created_at) AS day
    FROM marts.fct_tickets
    WHERE stage <> 'deleted' AND created_at <= getvariable('now')
),

media AS (
    SELECT
        deliveries.customer_id,
        campaign_costs.channel,
        coalesce(deliveries.sent_on, deliveries.delivered_on) AS day,
        row_number() OVER (PARTITION BY deliveries.campaign_id ORDER BY deliveries.delivery_id) AS place,
        CAST(campaign_costs.cost_amount AS DOUBLE) AS cost,
        campaign_costs.messages
    FROM intermediate.int_email_deliveries AS deliveries
    INNER JOIN campaign_costs ON deliveries.campaign_id = campaign_costs.campaign_id AND campaign_costs.states_cost
),

costs AS (
    SELECT
        deliveries.customer_id,
        coalesce(campaign_costs.channel, 'email') AS channel,
        coalesce(deliveries.sent_on, deliveries.delivered_on) AS day,
        -- A message of no campaign is an e-mail like any other.
        CASE WHEN campaign_costs.campaign_id IS NULL THEN 0.001 ELSE campaign_costs.message_cost END AS cost
    FROM intermediate.int_email_deliveries AS deliveries
    LEFT JOIN campaign_costs USING (campaign_id)
    WHERE campaign_costs.states_cost IS NOT true
    UNION ALL
    SELECT customer_id, channel, day, money(cost * place / messages) - money(cost * (place - 1) / messages)
    FROM media
    UNION ALL
    SELECT NULL, channel, local_day(started_at), cost_amount
    FROM campaign_costs
    WHERE states_cost AND messages = 0 AND coalesce(started_at <= getvariable('now'), true)
    UNION ALL
    SELECT customer_id, 'phone', day, handling_cost_amount
    FROM calls
    UNION ALL
    SELECT tickets.customer_id, coalesce(tickets.channel, 'phone'), tickets.day, 4.8
    FROM tickets
    ANTI JOIN calls
        ON tickets.channel = 'phone' AND tickets.customer_id = calls.customer_id AND tickets.day = calls.day
),

-- Small enough, by segment, to be taken twice: for all time and for the year.
happenings AS (
    SELECT
        orders.channel,
        segments.value_segment,
        orders.ordered_at > getvariable('now') - INTERVAL 365 DAY AS is_of_year,
        count(*) AS orders,
        sum(orders.net_amount) AS sales
    FROM marts.fct_orders AS orders
    LEFT JOIN segments USING (customer_id)
    WHERE orders.order_kind = 'sale' AND orders.ordered_at <= getvariable('now')
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT
        parts.channel,
        segments.value_segment,
        parts.ordered_at > getvariable('now') - INTERVAL 365 DAY AS is_of_year,
        sum(parts.orders) AS attributed_orders,
        sum(parts.revenue) AS attributed_revenue,
        sum(parts.margin) AS attributed_margin,
        sum(parts.revenue) FILTER (WHERE parts.is_uncosted) AS uncosted
    FROM attributed_parts AS parts
    LEFT JOIN segments USING (customer_id)
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT
        costs.channel,
        segments.value_segment,
        coalesce(getvariable('today') - costs.day < 365, false) AS is_of_year,
        count(*) AS costs,
        count(costs.cost) AS costed,
        sum(costs.cost) AS cost
    FROM costs
    LEFT JOIN segments USING (customer_id)
    GROUP BY ALL
),

spans AS (
    SELECT 'all' AS span, * EXCLUDE (is_of_year) FROM happenings
    UNION ALL
    SELECT 'year', * EXCLUDE (is_of_year) FROM happenings WHERE is_of_year
    UNION ALL BY NAME
    SELECT 'all' AS span, channel, value_segment, reached, contacts, contacts_out, ripe_contacts, responses
    FROM contacts
    UNION ALL BY NAME
    SELECT
        'year' AS span,
        channel,
        value_segment,
        year_reached AS reached,
        year_contacts AS contacts,
        year_contacts_out AS contacts_out,
        year_ripe_contacts AS ripe_contacts,
        year_responses AS responses
    FROM contacts
    WHERE year_contacts > 0
),

summed AS (
    SELECT
        span,
        coalesce(channel, 'unknown') AS channel,
        coalesce(value_segment, 'unknown') AS value_segment,
        coalesce(sum(contacts), 0) AS contacts,
        coalesce(sum(contacts_out), 0) AS contacts_out,
        coalesce(sum(reached), 0) AS reached,
        coalesce(sum(ripe_contacts), 0) AS ripe,
        coalesce(sum(responses), 0) AS responses,
        coalesce(sum(orders), 0) AS orders,
        CASE WHEN sum(orders) > 0 THEN sum(sales) ELSE 0 END AS sales,
        coalesce(sum(attributed_orders), 0) AS attributed,
        CASE WHEN attributed = 0 THEN 0 ELSE sum(attributed_revenue) END AS revenue,
        CASE WHEN attributed = 0 THEN 0 ELSE sum(attributed_margin) END AS margin,
        coalesce(sum(uncosted), 0) AS uncosted,
        sum(costs) AS costs,
        sum(costed) AS costed,
        sum(cost) AS cost
    FROM spans
    GROUP BY ALL
)

SELECT
    span,
    channel,
    value_segment,
    CAST(contacts AS BIGINT) AS contacts,
    CAST(contacts_out AS BIGINT) AS contacts_out,
    CAST(contacts - contacts_out AS BIGINT) AS contacts_in,
    CAST(reached AS BIGINT) AS customers_reached,
    CAST(ripe AS BIGINT) AS ripe_contacts,
    CAST(summed.responses AS BIGINT) AS responses,
    share(summed.responses, ripe) AS response_rate,
    wilson(response_rate, nullif(ripe, 0), -1) AS response_low,
    wilson(response_rate, nullif(ripe, 0), 1) AS response_high,
    CAST(orders AS BIGINT) AS orders,
    money(sales) AS sales_amount,
    money(attributed) AS attributed_orders,
    money(revenue) AS attributed_revenue_amount,
    money(margin) AS attributed_margin_amount,
    money(uncosted) AS uncosted_revenue_amount,
    money(cost) AS cost_amount,
    share(costed, costs) AS cost_coverage_rate,
    money(margin - cost) AS profit_amount,
    money(share(margin - cost, contacts)) AS profit_per_contact_amount,
    'EUR' AS currency,
    getvariable('now') AS measured_at
FROM summed;

-- The Monday after the last whole week; 52 weeks before it count.
SET VARIABLE this_week = CAST(date_trunc('week', getvariable('today') + 1) AS DATE);

CREATE TABLE contact_weeks AS
WITH touches AS (
    SELECT customer_id, kind, net_amount, CAST(date_trunc('week', local_day(occurred_at)) AS DATE) AS week
    FROM touches_of_all
    WHERE
        -- A day more on each side: the zone decides.
        occurred_at >= getvariable('this_week') - 365
        AND occurred_at < getvariable('this_week') + 1
        AND CASE kind
            WHEN 'email_delivered' THEN is_marketing
            WHEN 'email_click' THEN is_marketing
            WHEN 'call' THEN is_outbound
            ELSE kind IN ('web_session', 'order', 'email_unsubscribe', 'email_complaint')
        END
)

SELECT
    customer_id,
    week,
    count_if(kind = 'email_delivered') AS emails,
    count_if(kind = 'call') AS calls,
    count_if(kind = 'email_unsubscribe') AS unsubscribes,
    count_if(kind = 'email_complaint') AS complaints,
    count_if(kind = 'order') AS orders,
    sum(net_amount) AS revenue,
    CAST(bool_or(kind = 'email_click') AS INTEGER) AS has_click,
    CAST(bool_or(kind = 'web_session') AS INTEGER) AS has_visit,
    CAST(orders > 0 AS INTEGER) AS has_order,
    greatest(has_click, has_visit, has_order) AS has_response
FROM touches
WHERE week >= getvariable('this_week') - 364 AND week < getvariable('this_week')
GROUP BY ALL;

CREATE TABLE contact_pressure AS
WITH firsts AS (
    SELECT
        customer_id,
        min(week) FILTER (WHERE emails > 0) AS first_email_week,
        min(week) FILTER (WHERE calls > 0) AS first_call_week,
        least(first_email_week, first_call_week) AS first_week,
        count_if(emails > 0) AS email_weeks,
        count_if(calls > 0) AS call_weeks,
        count_if(emails + calls > 0) AS weeks
    FROM contact_weeks
    GROUP BY customer_id
    HAVING first_week IS NOT NULL
),

-- A customer counts from her first contact on, also in the weeks without one.
joined AS (
    SELECT * FROM contact_weeks INNER JOIN firsts USING (customer_id) WHERE week >= first_week
),

channel_weeks AS (
    SELECT 'email' AS channel, emails AS contacts, * EXCLUDE (emails, calls)
    FROM joined
    WHERE week >= first_email_week
    UNION ALL
    SELECT 'phone', calls, * EXCLUDE (emails, calls) REPLACE (0 AS unsubscribes, 0 AS complaints)
    FROM joined
    WHERE week >= first_call_week
    UNION ALL
    SELECT 'all', emails + calls, * EXCLUDE (emails, calls)
    FROM joined
),

-- Weeks in which nothing happened are not listed: they are those since the first contact without the weeks of contacts.
quiet AS (
    SELECT 'email' AS channel, (getvariable('this_week') - first_email_week) // 7 - email_weeks AS weeks FROM firsts
    UNION ALL
    SELECT 'phone', (getvariable('this_week') - first_call_week) // 7 - call_weeks FROM firsts
    UNION ALL
    SELECT 'all', (getvariable('this_week') - first_week) // 7 - weeks FROM firsts
),

counted AS (
    SELECT
        channel,
        CASE
            WHEN contacts >= 10 THEN 10
            WHEN contacts >= 6 THEN 6
            WHEN contacts >= 4 THEN 4
            ELSE contacts
        END AS contacts_from,
        count_if(contacts > 0) AS weeks,
        count(DISTINCT CASE WHEN contacts > 0 THEN customer_id END) AS customers,
        sum(contacts) AS contacts,
        sum(has_response) AS responding_weeks,
        sum(has_click) AS click_weeks,
        sum(has_visit) AS visit_weeks,
        sum(has_order) AS order_weeks,
        sum(orders) AS orders,
        sum(revenue) AS revenue,
        sum(unsubscribes) AS unsubscribes,
        sum(complaints) AS complaints
    FROM channel_weeks
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT channel, 0 AS contacts_from, sum(weeks) AS weeks, count(*) AS customers
    FROM quiet
    WHERE weeks > 0
    GROUP BY channel
),

summed AS (
    SELECT channel, contacts_from, coalesce(sum(COLUMNS(* EXCLUDE (channel, contacts_from))), 0)
    FROM counted
    GROUP BY ALL
)

SELECT
    summed.channel,
    bands.band,
    bands.contacts_from,
    bands.contacts_upto,
    CAST(summed.weeks AS BIGINT) AS customer_weeks,
    CAST(summed.customers AS BIGINT) AS customers,
    CAST(summed.contacts AS BIGINT) AS contacts,
    CAST(summed.responding_weeks AS BIGINT) AS responding_weeks,
    share(summed.responding_weeks, summed.weeks) AS response_rate,
    wilson(response_rate, summed.weeks, -1) AS response_low,
    wilson(response_rate, summed.weeks, 1) AS response_high,
    CAST(summed.click_weeks AS BIGINT) AS click_weeks,
    CAST(summed.visit_weeks AS BIGINT) AS visit_weeks,
    CAST(summed.order_weeks AS BIGINT) AS order_weeks,
    share(summed.order_weeks, summed.weeks) AS order_rate,
    wilson(order_rate, summed.weeks, -1) AS order_low,
    wilson(order_rate, summed.weeks, 1) AS order_high,
    CAST(summed.orders AS BIGINT) AS orders,
    money(summed.revenue) AS revenue_amount,
    money(share(summed.revenue, summed.weeks)) AS revenue_per_week_amount,
    CAST(summed.unsubscribes AS BIGINT) AS unsubscribes,
    share(summed.unsubscribes, summed.contacts) AS unsubscribe_rate,
    CAST(summed.complaints AS BIGINT) AS complaints,
    share(summed.complaints, summed.contacts) AS complaint_rate,
    'EUR' AS currency,
    getvariable('now') AS measured_at
FROM summed
INNER JOIN reference.contact_pressure_bands AS bands USING (contacts_from)
WHERE summed.weeks > 0;
