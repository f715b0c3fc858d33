-- The marts of value as one script, as an analyst would write it for one company on DuckDB: no contracts, no tests, no
-- other currency, thresholds written where they are used.
-- part: value
SET VARIABLE today = (SELECT as_of_on FROM intermediate.int_as_of);
SET VARIABLE now = (SELECT as_of FROM intermediate.int_as_of);
CREATE MACRO local_day(moment) AS CAST(moment AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin' AS DATE);
CREATE MACRO share(part, whole) AS CAST(part AS DOUBLE) / nullif(CAST(whole AS DOUBLE), 0);
CREATE MACRO money(amount) AS CAST(amount AS DECIMAL(18, 4));

CREATE TABLE campaign_costs AS
SELECT
    coalesce(campaigns.campaign_key, messages.campaign_id) AS campaign_id,
    campaigns.campaign_name,
    coalesce(lower(campaigns.channel), 'email') AS channel,
    campaigns.started_at,
    coalesce(messages.messages, 0) AS messages,
    campaigns.cost_amount IS NOT NULL AS states_cost,
    rates.cost_amount AS message_cost,
    CASE
        WHEN campaigns.cost_amount IS NOT NULL THEN campaigns.cost_amount
        WHEN messages.messages > 0 THEN money(messages.messages * rates.cost_amount)
    END AS cost_amount
FROM (FROM intermediate.int_used__campaigns WHERE record_status = 'valid') AS campaigns
FULL JOIN (
    SELECT campaign_id, count(*) AS messages
    FROM intermediate.int_email_deliveries
    WHERE campaign_id IS NOT NULL
    GROUP BY campaign_id
) AS messages ON campaigns.campaign_key = messages.campaign_id
LEFT JOIN reference.cost_rates AS rates
    ON coalesce(lower(campaigns.channel), 'email') || '_sent' = rates.cost_type AND rates.currency = 'EUR';

CREATE TABLE sales AS
SELECT
    order_id,
    customer_id,
    channel,
    ordered_on,
    order_kind = 'sale' AS is_sale,
    gross_amount,
    discount_amount,
    net_amount,
    margin_amount
FROM marts.fct_orders
WHERE order_kind IN ('sale', 'return') AND ordered_on <= getvariable('today');

SET VARIABLE margin_rate = (
    SELECT share(sum(margin_amount), sum(net_amount)) FROM sales WHERE margin_amount IS NOT NULL
);

-- Whoever is not known has days, too: his orders and his costs belong to nobody.
CREATE TABLE customer_days AS
WITH media AS (
    SELECT
        deliveries.customer_id,
        deliveries.campaign_id,
        coalesce(deliveries.sent_on, deliveries.delivered_on) AS day,
        row_number() OVER (PARTITION BY deliveries.campaign_id ORDER BY deliveries.delivery_id) AS place,
        CAST(campaign_costs.cost_amount AS DOUBLE) AS cost,
        campaign_costs.messages
    FROM intermediate.int_email_deliveries AS deliveries
    INNER JOIN campaign_costs ON deliveries.campaign_id = campaign_costs.campaign_id AND campaign_costs.states_cost
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

happened AS (
    SELECT
        customer_id,
        ordered_on AS day,
        CAST(is_sale AS INTEGER) AS orders,
        CAST(NOT is_sale AS INTEGER) AS returns,
        gross_amount,
        discount_amount,
        CASE WHEN is_sale THEN net_amount ELSE 0 END AS sales_amount,
        net_amount AS revenue_amount,
        CASE WHEN margin_amount IS NULL THEN net_amount ELSE 0 END AS uncosted_amount,
        margin_amount,
        abs(net_amount) AS moved_amount,
        CASE WHEN margin_amount IS NULL THEN 0 ELSE abs(net_amount) END AS costed_amount,
        coalesce(margin_amount, money(CAST(net_amount AS DOUBLE) * getvariable('margin_rate'))) AS profit_amount
    FROM sales
    UNION ALL BY NAME
    SELECT
        deliveries.customer_id,
        coalesce(deliveries.sent_on, deliveries.delivered_on) AS day,
        1 AS messages,
        CAST(campaign_costs.message_cost IS NOT NULL AS INTEGER) AS costed_messages,
        campaign_costs.message_cost AS contact_cost_amount,
        -campaign_costs.message_cost AS profit_amount
    FROM intermediate.int_email_deliveries AS deliveries
    INNER JOIN campaign_costs ON deliveries.campaign_id = campaign_costs.campaign_id AND NOT campaign_costs.states_cost
    UNION ALL BY NAME
    SELECT
        customer_id,
        day,
        1 AS messages,
        1 AS costed_messages,
        money(cost * place / messages) - money(cost * (place - 1) / messages) AS contact_cost_amount,
        contact_cost_amount AS media_cost_amount,
        -contact_cost_amount AS profit_amount
    FROM media
    UNION ALL BY NAME
    SELECT
        NULL AS customer_id,
        local_day(started_at) AS day,
        1 AS messages,
        1 AS costed_messages,
        cost_amount AS contact_cost_amount,
        cost_amount AS media_cost_amount,
        -cost_amount AS profit_amount
    FROM campaign_costs
    WHERE states_cost AND messages = 0 AND started_at <= getvariable('now')
    UNION ALL BY NAME
    SELECT
        customer_id,
        day,
        1 AS calls,
        CAST(handling_cost_amount IS NOT NULL AS INTEGER) AS costed_service_contacts,
        handling_cost_amount AS service_cost_amount,
        -handling_cost_amount AS profit_amount
    FROM calls
    UNION ALL BY NAME
    SELECT
        customer_id,
        day,
        1 AS tickets,
        1 AS costed_service_contacts,
        4.8 AS service_cost_amount,
        -4.8 AS profit_amount
    FROM tickets
    ANTI JOIN calls
        ON tickets.channel = 'phone' AND tickets.customer_id = calls.customer_id AND tickets.day = calls.day
)

SELECT
    customer_id,
    day,
    coalesce(sum(orders), 0) AS orders,
    coalesce(sum(returns), 0) AS returns,
    coalesce(money(sum(gross_amount)), 0) AS gross_amount,
    coalesce(money(sum(discount_amount)), 0) AS discount_amount,
    coalesce(money(sum(sales_amount)), 0) AS sales_amount,
    coalesce(money(sum(revenue_amount)), 0) AS revenue_amount,
    coalesce(money(sum(uncosted_amount)), 0) AS uncosted_amount,
    money(sum(margin_amount)) AS margin_amount,
    coalesce(money(sum(moved_amount)), 0) AS moved_amount,
    coalesce(money(sum(costed_amount)), 0) AS costed_amount,
    coalesce(sum(messages), 0) AS messages,
    coalesce(sum(costed_messages), 0) AS costed_messages,
    money(sum(contact_cost_amount)) AS contact_cost_amount,
    money(sum(media_cost_amount)) AS media_cost_amount,
    coalesce(sum(calls), 0) AS calls,
    coalesce(sum(tickets), 0) AS tickets,
    coalesce(sum(costed_service_contacts), 0) AS costed_service_contacts,
    money(sum(service_cost_amount)) AS service_cost_amount,
    coalesce(money(sum(profit_amount)), 0) AS profit_amount
FROM happened
GROUP BY ALL;

CREATE TABLE order_days AS
SELECT
    customer_id,
    day,
    lead(day) OVER (PARTITION BY customer_id ORDER BY day) AS next_order_day
FROM customer_days
WHERE orders > 0 AND customer_id IS NOT NULL;

-- What the forecasts are fitted to and made from.
CREATE TABLE int_lifetime_value__input AS
WITH numbered AS (
    SELECT
        customer_id,
        day,
        orders,
        revenue_amount,
        count_if(orders > 0) OVER (PARTITION BY customer_id ORDER BY day) AS order_day_number
    FROM customer_days
    WHERE orders + returns > 0 AND customer_id IS NOT NULL
)

SELECT
    customer_id,
    count_if(orders > 0) - 1 AS frequency,
    max(day) FILTER (WHERE orders > 0) - min(day) FILTER (WHERE orders > 0) AS recency_days,
    getvariable('today') - min(day) FILTER (WHERE orders > 0) AS tenure_days,
    CASE WHEN frequency > 0 THEN
        greatest(CAST(sum(revenue_amount) FILTER (WHERE order_day_number > 1) AS DOUBLE), 0) / frequency
    END AS average_order_amount,
    CAST(sum(revenue_amount) AS DOUBLE) AS revenue_amount
FROM numbered
WHERE order_day_number > 0
GROUP BY customer_id;

CREATE TABLE int_lifetime_value__past AS
WITH customers AS (
    SELECT
        count_if(day <= getvariable('today') - 365) - 1 AS frequency,
        max(day) FILTER (WHERE day <= getvariable('today') - 365) - min(day) AS recency_days,
        getvariable('today') - 365 - min(day) AS tenure_days,
        count_if(day > getvariable('today') - 365) AS later_orders
    FROM order_days
    GROUP BY customer_id
    HAVING min(day) <= getvariable('today') - 365
)

SELECT frequency, recency_days, tenure_days, later_orders, count(*) AS customers
FROM customers
GROUP BY ALL;

CREATE TABLE customer_sums AS
SELECT
    customer_id,
    sum(orders) AS orders,
    sum(returns) AS returns,
    count_if(orders > 0) AS order_days,
    min(day) FILTER (WHERE orders > 0) AS first_ordered_on,
    max(day) FILTER (WHERE orders > 0) AS last_ordered_on,
    sum(gross_amount) AS gross_amount,
    sum(discount_amount) AS discount_amount,
    sum(sales_amount) AS sales_amount,
    sum(revenue_amount) AS revenue_amount,
    sum(uncosted_amount) AS uncosted_amount,
    CASE WHEN sum(orders + returns) = 0 THEN 0 ELSE sum(margin_amount) END AS margin_amount,
    sum(moved_amount) AS moved_amount,
    sum(costed_amount) AS costed_amount,
    sum(messages) AS messages,
    sum(costed_messages) AS costed_messages,
    CASE WHEN sum(messages) = 0 THEN 0 ELSE sum(contact_cost_amount) END AS contact_cost_amount,
    sum(media_cost_amount) AS media_cost_amount,
    sum(calls) AS calls,
    sum(tickets) AS tickets,
    sum(costed_service_contacts) AS costed_service_contacts,
    CASE WHEN sum(calls + tickets) = 0 THEN 0 ELSE sum(service_cost_amount) END AS service_cost_amount,
    coalesce(sum(orders) FILTER (WHERE getvariable('today') < day + INTERVAL 12 MONTH), 0) AS orders_12m,
    coalesce(sum(revenue_amount) FILTER (WHERE getvariable('today') < day + INTERVAL 12 MONTH), 0)
        AS revenue_12m_amount,
    coalesce(sum(profit_amount) FILTER (WHERE getvariable('today') < day + INTERVAL 12 MONTH), 0)
        AS profit_12m_amount
FROM customer_days
GROUP BY customer_id;

CREATE TABLE customer_value AS
WITH contracts AS (
    SELECT
        subscriptions.customer_id,
        count(*) AS active_subscriptions,
        CASE WHEN count(scores.residual_amount) = count(*) THEN sum(scores.residual_amount) END AS residual_amount
    FROM marts.fct_subscriptions AS subscriptions
    LEFT JOIN scores.subscriptions AS scores USING (subscription_id)
    WHERE subscriptions.is_active AND subscriptions.started_on <= getvariable('today')
    GROUP BY subscriptions.customer_id
),

counted AS (
    SELECT
        golden.customer_id,
        coalesce(sums.orders, 0) AS orders,
        coalesce(sums.returns, 0) AS returns,
        coalesce(greatest(sums.order_days - 1, 0), 0) AS frequency,
        sums.first_ordered_on,
        sums.last_ordered_on,
        getvariable('today') - sums.last_ordered_on AS recency_days,
        getvariable('today') - sums.first_ordered_on AS tenure_days,
        coalesce(sums.gross_amount, 0) AS gross_amount,
        coalesce(sums.discount_amount, 0) AS discount_amount,
        coalesce(sums.gross_amount - sums.discount_amount - sums.revenue_amount, 0) AS returns_amount,
        coalesce(sums.revenue_amount, 0) AS revenue_amount,
        coalesce(sums.uncosted_amount, 0) AS uncosted_revenue_amount,
        CASE WHEN sums.customer_id IS NULL THEN 0 ELSE sums.margin_amount END AS margin_amount,
        CASE WHEN sums.customer_id IS NULL THEN 0 ELSE sums.contact_cost_amount END AS contact_cost_amount,
        CASE WHEN sums.customer_id IS NULL THEN 0 ELSE sums.service_cost_amount END AS service_cost_amount,
        share(sums.costed_amount, sums.moved_amount) AS cost_coverage_rate,
        share(sums.costed_messages, sums.messages) AS contact_cost_coverage_rate,
        share(sums.costed_service_contacts, sums.calls + sums.tickets) AS service_cost_coverage_rate,
        coalesce(sums.moved_amount - sums.costed_amount, 0) AS unknown_amount,
        coalesce(sums.messages, 0) AS messages,
        coalesce(sums.calls, 0) AS calls,
        coalesce(sums.tickets, 0) AS tickets,
        money(share(sums.sales_amount, sums.orders)) AS average_order_amount,
        coalesce(sums.orders_12m, 0) AS orders_12m,
        coalesce(sums.revenue_12m_amount, 0) AS revenue_12m_amount,
        coalesce(sums.profit_12m_amount, 0) AS estimated_profit_12m_amount,
        forecasts.* EXCLUDE (customer_id, status, probability_silent),
        forecasts.status AS lifetime_value_status,
        churn.churn_risk,
        churn.reasons AS churn_reasons,
        churn.status AS churn_status,
        coalesce(contracts.active_subscriptions, 0) AS active_subscriptions,
        CASE WHEN contracts.customer_id IS NULL THEN 0 ELSE contracts.residual_amount END
            AS subscription_residual_amount
    FROM intermediate.int_customer_golden AS golden
    LEFT JOIN customer_sums AS sums USING (customer_id)
    LEFT JOIN scores.lifetime_value AS forecasts USING (customer_id)
    LEFT JOIN scores.churn AS churn USING (customer_id)
    LEFT JOIN contracts USING (customer_id)
),

profits AS (
    SELECT
        *,
        revenue_amount - uncosted_revenue_amount - margin_amount AS cost_of_goods_amount,
        margin_amount - contact_cost_amount - service_cost_amount AS profit_amount
    FROM counted
)

SELECT
    * EXCLUDE (residual_amount, unknown_amount) REPLACE (
        CAST(expected_orders_12m_lower AS BIGINT) AS expected_orders_12m_lower,
        CAST(expected_orders_12m_upper AS BIGINT) AS expected_orders_12m_upper,
        money(expected_revenue_12m) AS expected_revenue_12m,
        money(expected_revenue_12m_lower) AS expected_revenue_12m_lower,
        money(expected_revenue_12m_upper) AS expected_revenue_12m_upper,
        money(subscription_residual_amount) AS subscription_residual_amount
    ),
    money(CAST(revenue_amount AS DOUBLE) + residual_amount) AS lifetime_value_amount,
    CASE
        WHEN profit_amount IS NULL THEN 0
        ELSE least(cost_coverage_rate, contact_cost_coverage_rate, service_cost_coverage_rate)
    END AS profit_coverage_rate,
    CASE
        WHEN profit_amount IS NULL OR profit_amount + unknown_amount >= 0 THEN NULL
        WHEN orders + returns = 0 THEN 'no_purchase'
        WHEN profit_amount + returns_amount + discount_amount + service_cost_amount + contact_cost_amount < 0
            THEN 'cost_of_goods'
        WHEN returns_amount >= greatest(discount_amount, service_cost_amount, contact_cost_amount) THEN 'returns'
        WHEN discount_amount >= greatest(service_cost_amount, contact_cost_amount) THEN 'discounts'
        WHEN service_cost_amount >= contact_cost_amount THEN 'service'
        ELSE 'contact'
    END AS unprofitable_reason,
    'EUR' AS currency,
    getvariable('now') AS measured_at
FROM profits;

-- part: satisfaction
CREATE TABLE int_service_contacts AS
WITH tickets AS (
    SELECT * REPLACE (coalesce(channels.contact_channel, tickets.channel) AS channel)
    FROM marts.fct_tickets AS tickets
    LEFT JOIN (SELECT channel AS said_channel, contact_channel FROM reference.contact_channels) AS channels
        ON tickets.channel = channels.said_channel
    WHERE stage <> 'deleted'
),

near AS (
    SELECT
        calls.call_id,
        tickets.ticket_id,
        abs(epoch(tickets.created_at) - epoch(calls.started_at)) AS seconds
    FROM tickets
    INNER JOIN marts.fct_calls AS calls USING (customer_id)
    WHERE tickets.channel = 'phone' AND abs(epoch(tickets.created_at) - epoch(calls.started_at)) <= 1800
),

pairs AS (
    SELECT call_id, ticket_id
    FROM near
    QUALIFY
        row_number() OVER (PARTITION BY ticket_id ORDER BY seconds, call_id) = 1
        AND row_number() OVER (PARTITION BY call_id ORDER BY seconds, ticket_id) = 1
),

reasons AS (
    SELECT
        wordings.said,
        arg_min(rules.reason_group, rules.priority) AS reason_group,
        arg_min(rules.is_complaint, rules.priority) AS is_complaint
    FROM (
        SELECT reason AS said FROM marts.fct_calls UNION SELECT subject FROM tickets
    ) AS wordings
    INNER JOIN reference.contact_reasons AS rules ON lower(wordings.said) LIKE rules.pattern
    GROUP BY wordings.said
),

contacts AS (
    SELECT
        'call:' || calls.call_id AS contact_id,
        'call' AS kind,
        calls.call_id,
        pairs.ticket_id,
        calls.customer_id,
        CASE WHEN calls.direction IN ('out', 'outbound') THEN 'out' ELSE 'in' END AS direction,
        'phone' AS channel,
        calls.started_at AS occurred_at,
        coalesce(calls.agent_id, tickets.agent_id) AS agent_id,
        calls.reason AS said,
        tickets.subject AS also_said,
        coalesce(NOT outcomes.is_answered, false) OR coalesce(calls.talk_seconds = 0 AND calls.wait_seconds >= 0, false)
            AS is_unanswered,
        coalesce(tickets.stage IN ('open', 'waiting'), false) AS is_open
    FROM marts.fct_calls AS calls
    LEFT JOIN reference.call_outcomes AS outcomes ON lower(calls.outcome) = outcomes.outcome
    LEFT JOIN pairs USING (call_id)
    LEFT JOIN tickets ON pairs.ticket_id = tickets.ticket_id
    UNION ALL BY NAME
    SELECT
        'ticket:' || ticket_id AS contact_id,
        'ticket' AS kind,
        ticket_id,
        customer_id,
        'in' AS direction,
        channel,
        created_at AS occurred_at,
        agent_id,
        subject AS also_said,
        false AS is_unanswered,
        stage IN ('open', 'waiting') AS is_open
    FROM tickets
    ANTI JOIN pairs USING (ticket_id)
)

SELECT
    contacts.contact_id,
    contacts.kind,
    contacts.call_id,
    contacts.ticket_id,
    contacts.customer_id,
    contacts.direction,
    contacts.channel,
    contacts.occurred_at,
    local_day(contacts.occurred_at) AS day,
    contacts.agent_id,
    coalesce(reasons.reason_group, others.reason_group, 'other') AS reason_group,
    coalesce(reasons.is_complaint, false) OR coalesce(others.is_complaint, false) AS is_complaint,
    contacts.is_unanswered AND contacts.direction = 'in' AS is_unanswered,
    contacts.is_open
FROM contacts
LEFT JOIN reasons ON contacts.said = reasons.said
LEFT JOIN reasons AS others ON contacts.also_said = others.said
WHERE contacts.occurred_at <= getvariable('now');

CREATE TABLE fct_satisfaction AS
WITH given AS (
    SELECT
        'call:' || call_id AS answer_id, 'call' AS origin, source, customer_id, call_id, agent_id, 'phone' AS channel,
        'call' AS subject, coalesce(rated_at, started_at) AS occurred_at, satisfaction AS score
    FROM marts.fct_calls
    WHERE satisfaction IS NOT NULL
    UNION ALL BY NAME
    SELECT
        'ticket:' || ticket_id AS answer_id, 'ticket' AS origin, source, customer_id, ticket_id, agent_id, channel,
        'ticket' AS subject, coalesce(rated_at, solved_at, created_at) AS occurred_at, satisfaction AS score
    FROM marts.fct_tickets
    WHERE satisfaction IS NOT NULL AND stage <> 'deleted'
    UNION ALL BY NAME
    SELECT
        'survey:' || response_id AS answer_id, 'survey' AS origin, source, kind, customer_id, call_id, ticket_id,
        order_id, product_id, agent_id, channel, subject, responded_at AS occurred_at, score, scale_min, scale_max
    FROM marts.fct_surveys
    WHERE score IS NOT NULL
),

-- A scale for each way of asking.
scales AS (
    SELECT asked.*, rules.kind AS known_kind, rules.scale_worst, rules.scale_best, rules.satisfied_from,
        rules.promoter_from, rules.detractor_upto
    FROM (SELECT DISTINCT origin, source, kind, scale_min, scale_max FROM given) AS asked
    INNER JOIN reference.satisfaction_scales AS rules
        ON
            asked.origin = rules.origin
            AND asked.source = coalesce(rules.source, asked.source)
            AND rules.kind = coalesce(asked.kind, rules.kind)
            AND coalesce(asked.scale_min, least(rules.scale_worst, rules.scale_best))
            = least(rules.scale_worst, rules.scale_best)
            AND coalesce(asked.scale_max, greatest(rules.scale_worst, rules.scale_best))
            = greatest(rules.scale_worst, rules.scale_best)
    QUALIFY row_number() OVER (
        PARTITION BY asked.origin, asked.source, asked.kind, asked.scale_min, asked.scale_max ORDER BY rules.priority
    ) = 1
),

measured AS (
    SELECT
        given.*,
        coalesce(scales.known_kind, given.kind) AS known_kind,
        scales.scale_worst,
        scales.scale_best,
        coalesce(of_call.contact_id, of_ticket.contact_id) AS contact_id,
        coalesce(given.customer_id, of_call.customer_id, of_ticket.customer_id) AS known_customer_id,
        coalesce(given.agent_id, of_call.agent_id, of_ticket.agent_id) AS known_agent_id,
        coalesce(of_call.channel, of_ticket.channel) AS contact_channel,
        coalesce(of_call.reason_group, of_ticket.reason_group) AS reason_group,
        share(given.score - scales.scale_worst, scales.scale_best - scales.scale_worst) AS score_share,
        share(scales.satisfied_from - scales.scale_worst, scales.scale_best - scales.scale_worst) AS satisfied_share,
        share(scales.promoter_from - scales.scale_worst, scales.scale_best - scales.scale_worst) AS promoter_share,
        share(scales.detractor_upto - scales.scale_worst, scales.scale_best - scales.scale_worst) AS detractor_share
    FROM given
    LEFT JOIN scales
        ON
            given.origin = scales.origin
            AND given.source = scales.source
            AND given.kind IS NOT DISTINCT FROM scales.kind
            AND given.scale_min IS NOT DISTINCT FROM scales.scale_min
            AND given.scale_max IS NOT DISTINCT FROM scales.scale_max
    LEFT JOIN int_service_contacts AS of_call ON given.call_id = of_call.call_id
    LEFT JOIN int_service_contacts AS of_ticket ON given.ticket_id = of_ticket.ticket_id
),

answers AS (
    SELECT
        answer_id,
        known_kind AS kind,
        origin,
        source,
        known_customer_id AS customer_id,
        contact_id,
        known_agent_id AS agent_id,
        order_id,
        product_id,
        coalesce(measured.contact_channel, channels.contact_channel, lower(measured.channel)) AS channel,
        coalesce(reason_group, CASE WHEN subject IN ('call', 'ticket') THEN 'other' ELSE subject END) AS topic,
        occurred_at,
        local_day(occurred_at) AS day,
        score,
        scale_worst,
        scale_best,
        CASE
            WHEN score_share IS NULL THEN 'unknown_scale'
            WHEN score_share NOT BETWEEN 0 AND 1 THEN 'outside_scale'
            WHEN contact_id IS NOT NULL AND origin <> 'survey' AND row_number() OVER (
                PARTITION BY contact_id, promoter_share IS NOT NULL, score_share BETWEEN 0 AND 1
                ORDER BY origin <> 'survey', occurred_at DESC, answer_id DESC
            ) > 1 THEN 'told_twice'
            ELSE 'counted'
        END AS status,
        CASE WHEN status = 'counted' THEN round(measured.score_share, 6) END AS score_share,
        CASE WHEN status = 'counted' THEN measured.score_share >= satisfied_share END AS is_satisfied,
        CASE
            WHEN status <> 'counted' OR promoter_share IS NULL THEN NULL
            WHEN measured.score_share >= promoter_share THEN 'promoter'
            WHEN measured.score_share <= detractor_share THEN 'detractor'
            ELSE 'passive'
        END AS nps_group
    FROM measured
    LEFT JOIN reference.contact_channels AS channels ON lower(measured.channel) = channels.channel
    WHERE occurred_at <= getvariable('now')
),

-- What was usual before each answer, by what was asked and by what it was about.
before AS (
    SELECT
        answer_id,
        customer_id,
        occurred_at,
        score_share,
        avg(score_share) OVER earlier_kind AS kind_share,
        count(*) OVER earlier_topic AS topic_answers,
        coalesce(sum(score_share) OVER earlier_topic, 0) AS topic_sum,
        (topic_sum + 2 * kind_share) / (topic_answers + 2) AS usual_share,
        CASE WHEN customer_id IS NOT NULL THEN score_share - usual_share END AS deviation
    FROM answers
    WHERE status = 'counted'
    WINDOW
        earlier_kind AS (
            PARTITION BY kind ORDER BY occurred_at
            RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
        ),
        earlier_topic AS (
            PARTITION BY kind, topic ORDER BY occurred_at
            RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
        )
),

expected AS (
    SELECT
        answer_id,
        usual_share,
        topic_answers,
        count(deviation) OVER earlier AS own_answers,
        least(greatest(usual_share + coalesce(
            sum(deviation) OVER earlier / (count(deviation) OVER earlier + 2), 0
        ), 0), 1) AS limited_share
    FROM before
    WINDOW earlier AS (
        PARTITION BY customer_id ORDER BY occurred_at
        RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
    )
)

SELECT
    answers.*,
    round(CASE WHEN expected.usual_share IS NOT NULL THEN expected.limited_share END, 6) AS expectation_share,
    round(answers.score_share - CASE WHEN expected.usual_share IS NOT NULL THEN expected.limited_share END, 6)
        AS gap_share,
    CASE
        WHEN expected.usual_share IS NULL THEN NULL
        WHEN expected.own_answers > 0 THEN 'own_answers'
        WHEN expected.topic_answers > 0 THEN 'same_topic'
        ELSE 'same_kind'
    END AS expectation_basis
FROM answers
LEFT JOIN expected USING (answer_id);

CREATE TABLE customer_satisfaction AS
WITH answered AS (
    SELECT
        customer_id,
        count(*) AS answers,
        count_if(age < 365) AS answers_365d,
        max(occurred_at) AS last_answer_at,
        arg_max(expectation_share, (occurred_at, answer_id)) AS expectation_share,
        arg_max(score_share, (occurred_at, answer_id)) AS experience_share,
        arg_max(gap_share, (occurred_at, answer_id)) AS gap_share,
        round(avg(score_share) FILTER (WHERE age < 365), 6) AS mean_share_365d,
        round(avg(gap_share) FILTER (WHERE age < 365), 6) AS gap_share_365d,
        round(
            avg(score_share) FILTER (WHERE age < 365) - avg(score_share) FILTER (WHERE age BETWEEN 365 AND 729), 6
        ) AS trend_365d,
        round(avg(CAST(is_satisfied AS INTEGER)) FILTER (WHERE age < 365), 6) AS csat_rate_365d,
        arg_max(nps_group, (occurred_at, answer_id)) FILTER (WHERE nps_group IS NOT NULL) AS nps_group
    FROM (SELECT *, getvariable('today') - day AS age FROM fct_satisfaction WHERE status = 'counted') AS counted
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

contacted AS (
    SELECT
        customer_id,
        count_if(direction = 'in' AND day > getvariable('today') - 365) AS contacts_365d,
        count_if(is_complaint AND day > getvariable('today') - 365) AS complaints_365d,
        max(occurred_at) FILTER (WHERE is_complaint AND day > getvariable('today') - 365) AS last_complaint_at,
        count_if(is_unanswered AND day > getvariable('today') - 365) AS unanswered_calls_365d,
        count_if(is_open) AS open_tickets
    FROM int_service_contacts
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
)

SELECT
    customer_id,
    coalesce(answers, 0) AS answers,
    coalesce(answers_365d, 0) AS answers_365d,
    answered.* EXCLUDE (customer_id, answers, answers_365d),
    CASE
        WHEN mean_share_365d >= 0.75 THEN 'happy' WHEN mean_share_365d >= 0.5 THEN 'mixed'
        WHEN mean_share_365d >= 0 THEN 'unhappy'
    END AS satisfaction_band,
    coalesce(contacts_365d, 0) AS contacts_365d,
    coalesce(complaints_365d, 0) AS complaints_365d,
    last_complaint_at,
    coalesce(unanswered_calls_365d, 0) AS unanswered_calls_365d,
    coalesce(open_tickets, 0) AS open_tickets
FROM answered
FULL JOIN contacted USING (customer_id);

CREATE MACRO wilson(rate, n, sign) AS round(
    (rate + 3.8416 / (2 * n) + sign * 1.96 * sqrt(rate * (1 - rate) / n + 3.8416 / (4 * n * n))) / (1 + 3.8416 / n), 6
);

CREATE TABLE satisfaction_by_subject AS
WITH answers AS (
    SELECT *, local_day(occurred_at) AS local_date FROM fct_satisfaction WHERE status = 'counted'
),

bought AS (
    SELECT DISTINCT order_id, product_id FROM marts.fct_order_lines WHERE product_id IS NOT NULL AND NOT is_return
),

about AS (
    SELECT answer_id, 'all' AS subject_kind, 'all' AS subject_id, NULL AS subject_name FROM answers
    UNION ALL
    SELECT answer_id, 'agent', agent_id, NULL FROM answers WHERE agent_id IS NOT NULL
    UNION ALL
    SELECT answer_id, 'topic', topic, NULL FROM answers
    UNION ALL
    SELECT answer_id, 'channel', channel, NULL FROM answers WHERE channel IS NOT NULL
    UNION ALL
    SELECT answers.answer_id, 'product', products.product_id, products.product_name
    FROM answers
    LEFT JOIN bought ON answers.order_id = bought.order_id AND answers.product_id IS NULL
    INNER JOIN marts.dim_products AS products ON coalesce(answers.product_id, bought.product_id) = products.product_id
    UNION ALL
    SELECT answers.answer_id, 'company', companies.group_id, companies.group_name
    FROM answers
    INNER JOIN marts.customer_groups AS companies USING (customer_id)
    WHERE companies.kind = 'company'
),

spans AS (
    SELECT *, 'month' AS span, CAST(date_trunc('month', local_date) AS DATE) AS starts_on FROM answers
    UNION ALL
    SELECT *, 'year', getvariable('today') - 364 FROM answers WHERE day > getvariable('today') - 365
),

deviation AS (
    SELECT sqrt(
        (sum(gap_share * gap_share) - sum(gap_share) ** 2 / count(gap_share) + 2 * 0.25) / (count(gap_share) + 2)
    ) AS gap_deviation
    FROM answers
),

counted AS (
    SELECT
        about.subject_kind,
        about.subject_id,
        max(about.subject_name) AS subject_name,
        spans.span,
        spans.starts_on,
        count(*) AS answers,
        count(DISTINCT spans.customer_id) AS customers,
        count(spans.is_satisfied) AS csat_answers,
        count(*) FILTER (WHERE spans.is_satisfied) AS satisfied,
        share(satisfied, csat_answers) AS csat,
        count(spans.nps_group) AS nps_answers,
        count(*) FILTER (WHERE spans.nps_group = 'promoter') AS promoters,
        count(*) FILTER (WHERE spans.nps_group = 'detractor') AS detractors,
        share(promoters - detractors, nps_answers) AS score,
        avg(CAST(spans.score_share AS DECIMAL(18, 6))) AS mean,
        count(spans.gap_share) AS gap_answers,
        avg(CAST(spans.gap_share AS DECIMAL(18, 6))) AS gap
    FROM about
    INNER JOIN spans USING (answer_id)
    GROUP BY about.subject_kind, about.subject_id, spans.span, spans.starts_on
)

SELECT
    counted.* EXCLUDE (csat, score, mean, gap),
    round(csat, 6) AS csat_rate,
    wilson(csat, nullif(csat_answers, 0), -1) AS csat_low,
    wilson(csat, nullif(csat_answers, 0), 1) AS csat_high,
    round(score, 6) AS nps,
    round(2 * wilson((score + 1) / 2, nullif(nps_answers, 0), -1) - 1, 6) AS nps_low,
    round(2 * wilson((score + 1) / 2, nullif(nps_answers, 0), 1) - 1, 6) AS nps_high,
    round(mean, 6) AS mean_share,
    wilson(mean, answers, -1) AS mean_low,
    wilson(mean, answers, 1) AS mean_high,
    round(gap, 6) AS gap_share,
    round(gap - 1.96 * gap_deviation / sqrt(nullif(gap_answers, 0)), 6) AS gap_low,
    round(gap + 1.96 * gap_deviation / sqrt(nullif(gap_answers, 0)), 6) AS gap_high,
    CASE
        WHEN gap_answers < 5 THEN 'none'
        WHEN gap - 1.96 * gap_deviation / sqrt(gap_answers) > 0 THEN 'better_than_expected'
        WHEN gap + 1.96 * gap_deviation / sqrt(gap_answers) < 0 THEN 'worse_than_expected'
        ELSE 'none'
    END AS finding
FROM counted
CROSS JOIN deviation;

-- part: churn
CREATE TABLE snapshot_days AS
SELECT
    CASE
        WHEN n = 0 THEN getvariable('today')
        ELSE CAST(date_trunc('month', getvariable('today')) + INTERVAL (1 - n) MONTH - INTERVAL 1 DAY AS DATE)
    END AS day,
    n = 0 AS is_as_of,
    day = last_day(day) AS is_complete_month
FROM range(13) AS numbers (n);

CREATE TABLE snapshots AS
WITH known AS (
    SELECT customer_id, day, orders, revenue_amount, profit_amount FROM customer_days WHERE customer_id IS NOT NULL
    UNION ALL BY NAME
    SELECT customer_id, least(local_day(first_seen_at), getvariable('today')) AS day FROM intermediate.int_customer_golden
)

SELECT
    known.customer_id,
    snapshot_days.day,
    snapshot_days.is_as_of,
    coalesce(sum(known.orders), 0) AS orders,
    count_if(known.orders > 0) AS order_days,
    min(known.day) FILTER (WHERE known.orders > 0) AS first_ordered_on,
    max(known.day) FILTER (WHERE known.orders > 0) AS last_ordered_on,
    coalesce(sum(known.revenue_amount), 0) AS revenue_amount,
    coalesce(sum(known.orders) FILTER (WHERE known.day + INTERVAL 12 MONTH > snapshot_days.day), 0) AS orders_12m,
    coalesce(sum(known.revenue_amount) FILTER (WHERE known.day + INTERVAL 12 MONTH > snapshot_days.day), 0)
        AS revenue_12m_amount,
    coalesce(sum(known.profit_amount) FILTER (WHERE known.day + INTERVAL 12 MONTH > snapshot_days.day), 0)
        AS profit_12m_amount
FROM known
INNER JOIN snapshot_days ON known.day <= snapshot_days.day
GROUP BY ALL;

CREATE TABLE signals AS
WITH happened AS (
    SELECT customer_id, day, orders, returns FROM customer_days WHERE orders + returns > 0
    UNION ALL BY NAME
    SELECT
        customer_id,
        delivered_on AS day,
        1 AS mails,
        CAST(is_open_tracked OR is_click_tracked AS INTEGER) AS tracked_mails,
        CAST(is_open_tracked AS INTEGER) AS open_tracked_mails
    FROM intermediate.int_email_deliveries
    UNION ALL BY NAME
    SELECT customer_id, human_opened_on AS day, 1 AS opens FROM intermediate.int_email_deliveries
    UNION ALL BY NAME
    SELECT customer_id, human_clicked_on AS day, 1 AS clicks FROM intermediate.int_email_deliveries
    UNION ALL BY NAME
    SELECT customer_id, local_day(unsubscribed_at) AS day, 1 AS unsubscribes FROM intermediate.int_email_deliveries
    WHERE unsubscribed_at IS NOT NULL
    UNION ALL BY NAME
    SELECT
        customer_id,
        day,
        1 AS contacts,
        CAST(is_unanswered AS INTEGER) AS unanswered,
        CAST(is_complaint AS INTEGER) AS complaints
    FROM int_service_contacts
    WHERE direction = 'in'
    UNION ALL BY NAME
    SELECT customer_id, day, 100 * score_share AS rating_points, 100 * gap_share AS gap_points
    FROM fct_satisfaction
    WHERE status = 'counted'
    UNION ALL BY NAME
    SELECT customer_id, local_day(started_at) AS day, 1 AS visits
    FROM marts.fct_web_sessions
    WHERE NOT is_bot AND started_at <= getvariable('now')
)

SELECT
    happened.customer_id,
    snapshot_days.day AS snapshot_on,
    coalesce(sum(orders) FILTER (WHERE happened.day > snapshot_on - 90), 0) AS orders_90d,
    coalesce(sum(orders), 0) AS orders_365d,
    coalesce(sum(returns), 0) AS returns_365d,
    coalesce(sum(mails) FILTER (WHERE happened.day > snapshot_on - 90), 0) AS mails_90d,
    coalesce(sum(tracked_mails) FILTER (WHERE happened.day > snapshot_on - 90), 0) AS tracked_mails_90d,
    coalesce(sum(open_tracked_mails) FILTER (WHERE happened.day > snapshot_on - 90), 0) AS open_tracked_mails_90d,
    coalesce(sum(open_tracked_mails), 0) AS open_tracked_mails_365d,
    coalesce(sum(opens) FILTER (WHERE happened.day > snapshot_on - 90), 0) AS opens_90d,
    coalesce(sum(opens), 0) AS opens_365d,
    coalesce(sum(clicks) FILTER (WHERE happened.day > snapshot_on - 90), 0) AS clicks_90d,
    coalesce(sum(unsubscribes), 0) AS unsubscribes_365d,
    coalesce(sum(contacts), 0) AS contacts_365d,
    coalesce(sum(unanswered) FILTER (WHERE happened.day > snapshot_on - 90), 0) AS unanswered_90d,
    coalesce(sum(complaints) FILTER (WHERE happened.day > snapshot_on - 90), 0) AS complaints_90d,
    coalesce(sum(complaints), 0) AS complaints_365d,
    avg(rating_points) AS rating_points_365d,
    avg(gap_points) AS gap_points_365d,
    coalesce(sum(visits) FILTER (WHERE happened.day > snapshot_on - 90), 0) AS visits_90d
FROM happened
INNER JOIN snapshot_days ON happened.day <= snapshot_days.day AND happened.day > snapshot_days.day - 365
WHERE happened.customer_id IS NOT NULL
GROUP BY ALL;

CREATE TABLE int_churn__snapshots AS
SELECT
    snapshots.customer_id,
    snapshots.day AS snapshot_on,
    snapshots.is_as_of,
    CASE
        WHEN snapshots.day + 180 <= getvariable('today')
            THEN coalesce(order_days.next_order_day > snapshots.day + 180, true)
    END AS has_stayed_away,
    snapshots.day - snapshots.last_ordered_on AS silence_days,
    share(
        silence_days, (snapshots.last_ordered_on - snapshots.first_ordered_on + 180) / snapshots.order_days
    ) AS silence_in_intervals,
    snapshots.order_days,
    snapshots.day - snapshots.first_ordered_on AS tenure_days,
    coalesce(orders_90d, 0) AS orders_90d,
    coalesce(orders_365d, 0) AS orders_365d,
    coalesce(returns_365d, 0) AS returns_365d,
    share(least(coalesce(opens_90d, 0), open_tracked_mails_90d), open_tracked_mails_90d) AS open_rate_90d,
    CASE WHEN open_tracked_mails_90d > 0 THEN 100 * (
        share(least(coalesce(opens_365d, 0), open_tracked_mails_365d), open_tracked_mails_365d) * open_tracked_mails_90d
        - least(coalesce(opens_90d, 0), open_tracked_mails_90d)
    ) / (open_tracked_mails_90d + 5) END AS opens_lost_points,
    coalesce(clicks_90d, 0) AS clicks_90d,
    coalesce(unsubscribes_365d, 0) AS unsubscribes_365d,
    coalesce(contacts_365d, 0) AS contacts_365d,
    coalesce(unanswered_90d, 0) AS unanswered_90d,
    coalesce(complaints_90d, 0) AS complaints_90d,
    coalesce(complaints_365d, 0) AS complaints_365d,
    rating_points_365d,
    gap_points_365d,
    coalesce(visits_90d, 0) AS visits_90d
FROM snapshots
LEFT JOIN signals ON snapshots.customer_id = signals.customer_id AND snapshots.day = signals.snapshot_on
LEFT JOIN order_days ON snapshots.customer_id = order_days.customer_id AND snapshots.last_ordered_on = order_days.day
WHERE snapshots.orders > 0;

CREATE TABLE satisfaction_and_churn AS
WITH bands AS (
    SELECT
        snapshot_on,
        has_stayed_away,
        unnest([
            {
                'kind': 'rating', 'band': CASE
                    WHEN rating_points_365d IS NULL THEN 'unknown' WHEN round(rating_points_365d, 4) >= 75 THEN 'happy'
                    WHEN round(rating_points_365d, 4) >= 50 THEN 'mixed' ELSE 'unhappy'
                END
            },
            {
                'kind': 'gap', 'band': CASE
                    WHEN gap_points_365d IS NULL THEN 'unknown' WHEN round(gap_points_365d, 4) >= 10 THEN 'delighted'
                    WHEN round(gap_points_365d, 4) >= -10 THEN 'as_expected' ELSE 'disappointed'
                END
            },
            {
                'kind': 'complaint', 'band': CASE
                    WHEN complaints_365d > 0 THEN 'complained' WHEN contacts_365d > 0 THEN 'no_complaint'
                    ELSE 'no_contact'
                END
            },
            {
                'kind': 'calls', 'band': CASE
                    WHEN unanswered_90d > 0 THEN 'unanswered' WHEN contacts_365d > 0 THEN 'none_unanswered'
                    ELSE 'no_contact'
                END
            }
        ]) AS one
    FROM int_churn__snapshots
    WHERE has_stayed_away IS NOT NULL
),

counted AS (
    SELECT
        snapshot_on,
        one.kind AS band_kind,
        one.band AS band,
        one.band IN ('unknown', 'no_contact') AS is_silent,
        count(*) AS customers,
        count_if(has_stayed_away) AS stayed_away
    FROM bands
    GROUP BY ALL
),

shares AS (
    SELECT
        *,
        share(stayed_away, customers) AS own,
        share(
            sum(stayed_away) OVER (PARTITION BY snapshot_on, band_kind),
            sum(customers) OVER (PARTITION BY snapshot_on, band_kind)
        ) AS whole,
        share(
            sum(stayed_away) FILTER (WHERE NOT is_silent) OVER (PARTITION BY snapshot_on, band_kind),
            sum(customers) FILTER (WHERE NOT is_silent) OVER (PARTITION BY snapshot_on, band_kind)
        ) AS peers
    FROM counted
)

SELECT
    shares.* EXCLUDE (is_silent, own, whole, peers),
    snapshot_on = max(snapshot_on) OVER () AS is_newest,
    round(own, 6) AS stayed_away_rate,
    wilson(own, customers, -1) AS rate_low,
    wilson(own, customers, 1) AS rate_high,
    round(whole, 6) AS all_stayed_away_rate,
    round(own / nullif(whole, 0), 6) AS lift,
    round(peers, 6) AS peer_stayed_away_rate,
    round(own / nullif(peers, 0), 6) AS peer_lift,
    CASE
        WHEN rate_low > CASE WHEN is_silent THEN whole ELSE peers END THEN 'leaves_more'
        WHEN rate_high < CASE WHEN is_silent THEN whole ELSE peers END THEN 'leaves_less'
        ELSE 'none'
    END AS finding
FROM shares;

-- part: segments
-- Category and channel: where most of the money of twelve months went, if enough of it.
CREATE TABLE habits AS
WITH days AS (
    SELECT customer_id, ordered_on, channel, order_id, net_amount, gross_amount, discount_amount, is_sale
    FROM sales
    WHERE customer_id IS NOT NULL
),

largest AS (
    SELECT products.category
    FROM marts.fct_order_lines AS lines
    INNER JOIN marts.dim_products AS products USING (product_id)
    WHERE products.category IS NOT NULL
    GROUP BY products.category
    ORDER BY sum(lines.net_amount) DESC, products.category
    LIMIT 20
),

bought AS (
    SELECT
        days.customer_id,
        days.ordered_on,
        CASE
            WHEN products.category IS NULL THEN 'unknown'
            WHEN products.category IN (FROM largest) THEN products.category
            ELSE 'other'
        END AS category,
        sum(lines.net_amount) AS net_amount
    FROM days
    INNER JOIN marts.fct_order_lines AS lines ON days.order_id = lines.order_id AND lines.line_kind = 'product'
    LEFT JOIN marts.dim_products AS products ON lines.product_id = products.product_id
    GROUP BY ALL
),

spent AS (
    SELECT 'category' AS kind, customer_id, ordered_on, category AS choice, net_amount FROM bought
    UNION ALL
    SELECT 'channel' AS kind, customer_id, ordered_on, channel AS choice, net_amount FROM days
),

sums AS (
    SELECT spent.kind, spent.customer_id, snapshot_days.day, spent.choice, sum(spent.net_amount) AS amount
    FROM spent
    INNER JOIN snapshot_days
        ON spent.ordered_on <= snapshot_days.day AND spent.ordered_on + INTERVAL 12 MONTH > snapshot_days.day
    GROUP BY ALL
    HAVING sum(spent.net_amount) > 0
),

mains AS (
    SELECT
        kind,
        customer_id,
        day,
        arg_min(choice, (-amount, choice)) AS choice,
        share(max(amount), sum(amount)) AS part
    FROM sums
    GROUP BY kind, customer_id, day
),

prices AS (
    SELECT
        days.customer_id,
        snapshot_days.day,
        share(sum(days.discount_amount), nullif(greatest(sum(days.gross_amount), 0), 0)) AS discount_share
    FROM days
    INNER JOIN snapshot_days
        ON days.ordered_on <= snapshot_days.day AND days.ordered_on + INTERVAL 12 MONTH > snapshot_days.day
    WHERE days.is_sale
    GROUP BY ALL
)

SELECT
    customer_id,
    day,
    CASE WHEN categories.part < 0.4 THEN 'mixed' ELSE categories.choice END AS category_segment,
    CASE WHEN channels.part < 0.75 THEN 'several' ELSE channels.choice END AS channel_segment,
    prices.discount_share
FROM (FROM mains WHERE kind = 'category') AS categories
FULL JOIN (FROM mains WHERE kind = 'channel') AS channels USING (customer_id, day)
FULL JOIN prices USING (customer_id, day);

CREATE TABLE segments AS
WITH measured AS (
    SELECT
        snapshots.*,
        snapshots.day - snapshots.last_ordered_on AS recency_days,
        snapshots.day - snapshots.first_ordered_on AS tenure_days,
        money(
            expected.expected_orders_12m * greatest(share(snapshots.revenue_amount, snapshots.orders), 0)
        ) AS expected_amount,
        habits.category_segment,
        habits.channel_segment,
        habits.discount_share,
        coalesce(signals.mails_90d, 0) AS mails,
        coalesce(signals.tracked_mails_90d, 0) AS tracked_mails,
        coalesce(signals.opens_90d, 0) AS opens,
        coalesce(signals.clicks_90d, 0) AS clicks,
        coalesce(signals.visits_90d, 0) AS visits
    FROM snapshots
    LEFT JOIN scores.expected_orders AS expected
        ON
            snapshots.order_days - 1 = expected.frequency
            AND snapshots.last_ordered_on - snapshots.first_ordered_on = expected.recency_days
            AND snapshots.day - snapshots.first_ordered_on = expected.tenure_days
    LEFT JOIN habits ON snapshots.customer_id = habits.customer_id AND snapshots.day = habits.day
    LEFT JOIN signals ON snapshots.customer_id = signals.customer_id AND snapshots.day = signals.snapshot_on
),

ranked AS (
    SELECT
        *,
        CASE WHEN orders > 0 THEN
            1 + floor(5 * least(percent_rank() OVER (PARTITION BY day, orders > 0 ORDER BY recency_days DESC), 0.8))
        ELSE 0 END AS recency_score,
        CASE WHEN orders > 0 THEN
            1 + floor(5 * least(percent_rank() OVER (PARTITION BY day, orders > 0 ORDER BY orders), 0.8))
        ELSE 0 END AS frequency_score,
        CASE WHEN orders > 0 THEN
            1 + floor(5 * least(percent_rank() OVER (PARTITION BY day, orders > 0 ORDER BY revenue_amount), 0.8))
        ELSE 0 END AS monetary_score,
        count_if(orders_12m > 0) OVER (PARTITION BY day) AS buyers,
        CASE WHEN orders_12m > 0 THEN row_number() OVER (
            PARTITION BY day, orders_12m > 0 ORDER BY profit_12m_amount DESC, customer_id
        ) END AS value_place,
        CASE WHEN expected_amount > 0 THEN row_number() OVER (
            PARTITION BY day, expected_amount > 0 ORDER BY expected_amount DESC, customer_id
        ) WHEN expected_amount <= 0 THEN buyers + 1 END AS expected_place
    FROM measured
),

judged AS (
    SELECT
        *,
        value_place <= ceil(round(0.2 * buyers, 6)) AS is_best,
        expected_place <= ceil(round(0.2 * buyers, 6)) AS is_best_expected
    FROM ranked
)

SELECT
    customer_id,
    day,
    is_as_of,
    CASE
        WHEN value_place IS NULL THEN 'none'
        WHEN value_place <= ceil(round(0.05 * buyers, 6)) THEN 'top'
        WHEN value_place <= ceil(round(0.2 * buyers, 6)) THEN 'high'
        WHEN value_place <= ceil(round(0.5 * buyers, 6)) THEN 'middle'
        ELSE 'low'
    END AS value_segment,
    CASE
        WHEN value_place IS NOT NULL AND profit_12m_amount < 0 THEN 'tail'
        WHEN is_best AND is_best_expected THEN 'core'
        WHEN is_best_expected THEN 'growth'
        WHEN is_best AND expected_place IS NOT NULL THEN 'at_stake'
        WHEN value_place IS NOT NULL AND NOT is_best AND expected_place IS NOT NULL THEN 'standard'
        WHEN is_best THEN 'core'
        WHEN value_place IS NOT NULL THEN 'standard'
        ELSE 'none'
    END AS strategic_segment,
    CASE
        WHEN recency_score = 0 THEN 'no_purchase'
        WHEN recency_score >= 4 AND frequency_score >= 4 AND monetary_score >= 4 THEN 'champion'
        WHEN recency_score >= 3 AND frequency_score >= 4 THEN 'loyal'
        WHEN recency_score >= 3 AND frequency_score <= 3 AND monetary_score = 5 THEN 'big_spender'
        WHEN recency_score <= 2 AND frequency_score >= 4 AND monetary_score >= 4 THEN 'cannot_lose'
        WHEN recency_score >= 4 AND frequency_score BETWEEN 2 AND 3 AND monetary_score <= 4 THEN 'promising'
        WHEN recency_score >= 4 AND frequency_score = 1 AND monetary_score <= 4 THEN 'newcomer'
        WHEN recency_score = 3 AND frequency_score <= 3 AND monetary_score <= 4 THEN 'needs_attention'
        WHEN recency_score <= 2 AND frequency_score >= 3 THEN 'at_risk'
        WHEN recency_score = 2 THEN 'asleep'
        ELSE 'lost'
    END AS behaviour_segment,
    CASE
        WHEN orders = 0 THEN 'prospect'
        WHEN recency_days >= 366 THEN 'lost'
        WHEN recency_days >= 181 THEN 'lapsing'
        WHEN orders = 1 THEN 'new'
        WHEN orders >= 10 AND recency_days <= 90 AND tenure_days >= 365 THEN 'advocate'
        WHEN orders >= 4 THEN 'established'
        ELSE 'growing'
    END AS lifecycle_stage,
    CASE
        WHEN revenue_12m_amount >= 1000 THEN 'gold'
        WHEN revenue_12m_amount >= 300 THEN 'silver'
        WHEN revenue_12m_amount >= 100 THEN 'bronze'
        ELSE 'basic'
    END AS loyalty_tier,
    category_segment,
    channel_segment,
    CASE
        WHEN discount_share >= 0.1 THEN 'bargain_hunter'
        WHEN discount_share >= 0.03 THEN 'discount_taker'
        WHEN discount_share IS NOT NULL THEN 'full_price'
    END AS price_segment,
    CASE
        WHEN clicks >= 1 OR visits >= 3 THEN 'active'
        WHEN opens >= 1 OR visits >= 1 THEN 'occasional'
        WHEN tracked_mails >= 1 THEN 'silent'
        WHEN mails >= 1 THEN 'unmeasured'
        ELSE 'unreachable'
    END AS engagement_segment,
    CAST(recency_score AS INTEGER) AS recency_score,
    CAST(frequency_score AS INTEGER) AS frequency_score,
    CAST(monetary_score AS INTEGER) AS monetary_score,
    coalesce(is_best, false) AS is_key_customer
FROM judged;

CREATE TABLE customer_segments AS
WITH regulars AS (
    SELECT customer_id
    FROM order_days
    WHERE
        day >= date_trunc('month', getvariable('today') + 1) - INTERVAL 3 MONTH
        AND day < date_trunc('month', getvariable('today') + 1)
    GROUP BY customer_id
    HAVING count(DISTINCT date_trunc('month', day)) = 3
)

SELECT
    segments.* EXCLUDE (day, is_as_of),
    recency_score || '' || frequency_score || '' || monetary_score AS rfm_score,
    regulars.customer_id IS NOT NULL AS is_regular,
    getvariable('now') AS assigned_at
FROM segments
LEFT JOIN regulars USING (customer_id)
WHERE segments.is_as_of;

CREATE TABLE steps AS
SELECT
    customer_id,
    day,
    row_number() OVER upto = 1 AS is_new,
    coalesce(value_segment, '(none)') AS value,
    coalesce(strategic_segment, '(none)') AS strategic,
    coalesce(behaviour_segment, '(none)') AS behaviour,
    coalesce(lifecycle_stage, '(none)') AS lifecycle,
    coalesce(loyalty_tier, '(none)') AS loyalty,
    coalesce(category_segment, '(none)') AS category,
    coalesce(channel_segment, '(none)') AS channel,
    coalesce(price_segment, '(none)') AS price,
    coalesce(engagement_segment, '(none)') AS engagement,
    lag(value, 1, '(new)') OVER upto AS from_value,
    lag(strategic, 1, '(new)') OVER upto AS from_strategic,
    lag(behaviour, 1, '(new)') OVER upto AS from_behaviour,
    lag(lifecycle, 1, '(new)') OVER upto AS from_lifecycle,
    lag(loyalty, 1, '(new)') OVER upto AS from_loyalty,
    lag(category, 1, '(new)') OVER upto AS from_category,
    lag(channel, 1, '(new)') OVER upto AS from_channel,
    lag(price, 1, '(new)') OVER upto AS from_price,
    lag(engagement, 1, '(new)') OVER upto AS from_engagement
FROM segments
WINDOW upto AS (PARTITION BY customer_id ORDER BY day);

CREATE TABLE customer_segment_history AS
WITH changes AS (
    SELECT customer_id, 'value' AS segment_kind, day, from_value AS previous, value AS segment FROM steps
    WHERE value <> from_value
    UNION ALL
    SELECT customer_id, 'strategic', day, from_strategic, strategic FROM steps WHERE strategic <> from_strategic
    UNION ALL
    SELECT customer_id, 'behaviour', day, from_behaviour, behaviour FROM steps WHERE behaviour <> from_behaviour
    UNION ALL
    SELECT customer_id, 'lifecycle', day, from_lifecycle, lifecycle FROM steps WHERE lifecycle <> from_lifecycle
    UNION ALL
    SELECT customer_id, 'loyalty', day, from_loyalty, loyalty FROM steps WHERE loyalty <> from_loyalty
    UNION ALL
    SELECT customer_id, 'category', day, from_category, category FROM steps WHERE category <> from_category
    UNION ALL
    SELECT customer_id, 'channel', day, from_channel, channel FROM steps WHERE channel <> from_channel
    UNION ALL
    SELECT customer_id, 'price', day, from_price, price FROM steps WHERE price <> from_price
    UNION ALL
    SELECT customer_id, 'engagement', day, from_engagement, engagement FROM steps WHERE engagement <> from_engagement
)

SELECT
    customer_id,
    segment_kind,
    segment,
    day AS valid_from,
    lead(day) OVER (PARTITION BY customer_id, segment_kind ORDER BY day) AS valid_to,
    CASE WHEN previous NOT IN ('(new)', '(none)') THEN previous END AS previous_segment
FROM changes
QUALIFY segment <> '(none)';

CREATE TABLE moves AS
WITH counted AS (
    SELECT day, 'value' AS segment_kind, from_value AS from_segment, value AS to_segment, count(*) AS customers
    FROM steps GROUP BY ALL
    UNION ALL
    SELECT day, 'strategic', from_strategic, strategic, count(*) FROM steps GROUP BY ALL
    UNION ALL
    SELECT day, 'behaviour', from_behaviour, behaviour, count(*) FROM steps GROUP BY ALL
    UNION ALL
    SELECT day, 'lifecycle', from_lifecycle, lifecycle, count(*) FROM steps GROUP BY ALL
    UNION ALL
    SELECT day, 'loyalty', from_loyalty, loyalty, count(*) FROM steps GROUP BY ALL
    UNION ALL
    SELECT day, 'category', from_category, category, count(*) FROM steps GROUP BY ALL
    UNION ALL
    SELECT day, 'channel', from_channel, channel, count(*) FROM steps GROUP BY ALL
    UNION ALL
    SELECT day, 'price', from_price, price, count(*) FROM steps GROUP BY ALL
    UNION ALL
    SELECT day, 'engagement', from_engagement, engagement, count(*) FROM steps GROUP BY ALL
)

SELECT
    counted.*,
    CAST(date_trunc('month', counted.day) AS DATE) AS month,
    snapshot_days.is_complete_month,
    counted.day = (SELECT min(day) FROM snapshot_days) AS is_first_day,
    counted.from_segment IN ('(new)', '(none)') OR coalesce(from_ranks.rank, 1) = 0 AS was_outside,
    counted.to_segment = '(none)' OR coalesce(to_ranks.rank, 1) = 0 AS is_outside,
    CASE
        WHEN was_outside AND is_outside THEN 'outside'
        WHEN was_outside THEN 'came'
        WHEN is_outside THEN 'left'
        WHEN counted.from_segment = counted.to_segment THEN 'stayed'
        WHEN to_ranks.rank > from_ranks.rank THEN 'up'
        WHEN to_ranks.rank < from_ranks.rank THEN 'down'
        ELSE 'changed'
    END AS movement
FROM counted
INNER JOIN snapshot_days USING (day)
LEFT JOIN reference.segment_ranks AS from_ranks
    ON counted.segment_kind = from_ranks.segment_kind AND counted.from_segment = from_ranks.segment
LEFT JOIN reference.segment_ranks AS to_ranks
    ON counted.segment_kind = to_ranks.segment_kind AND counted.to_segment = to_ranks.segment;

CREATE TABLE segment_transitions AS
SELECT
    month,
    segment_kind,
    from_segment,
    to_segment,
    customers,
    share(customers, sum(customers) OVER (PARTITION BY month, segment_kind, from_segment)) AS share,
    movement,
    is_complete_month
FROM moves
WHERE NOT is_first_day;

CREATE TABLE segment_counts AS
SELECT
    day,
    segment_kind,
    to_segment AS segment,
    sum(customers) AS customers,
    share(sum(customers), sum(sum(customers)) OVER (PARTITION BY day, segment_kind)) AS share
FROM moves
GROUP BY day, segment_kind, to_segment;

CREATE TABLE segment_movements AS
SELECT
    month,
    segment_kind,
    is_complete_month,
    coalesce(sum(customers) FILTER (WHERE movement IN ('up', 'down', 'changed', 'stayed', 'left')), 0)
        AS customers_at_start,
    coalesce(sum(customers) FILTER (WHERE movement = 'up'), 0) AS up_customers,
    coalesce(sum(customers) FILTER (WHERE movement = 'down'), 0) AS down_customers,
    coalesce(sum(customers) FILTER (WHERE movement = 'changed'), 0) AS changed_customers,
    coalesce(sum(customers) FILTER (WHERE movement = 'stayed'), 0) AS stayed_customers,
    coalesce(sum(customers) FILTER (WHERE movement = 'left'), 0) AS left_customers,
    coalesce(sum(customers) FILTER (WHERE movement = 'came'), 0) AS came_customers,
    coalesce(sum(customers) FILTER (WHERE movement IN ('up', 'down', 'changed', 'stayed', 'came')), 0)
        AS customers_at_end,
    share(up_customers, customers_at_start) AS up_share,
    share(down_customers, customers_at_start) AS down_share,
    share(changed_customers, customers_at_start) AS changed_share,
    share(stayed_customers, customers_at_start) AS stayed_share,
    share(left_customers, customers_at_start) AS left_share,
    share(came_customers, customers_at_start) AS came_share
FROM moves
WHERE NOT is_first_day
GROUP BY month, segment_kind, is_complete_month;

CREATE TABLE tactical_uplift AS
WITH situations AS (
    SELECT
        steps.day,
        steps.from_value,
        steps.value,
        steps.from_strategic,
        steps.strategic,
        unnest([
            {'kind': 'behaviour', 'segment': from_behaviour}, {'kind': 'category', 'segment': from_category},
            {'kind': 'channel', 'segment': from_channel}, {'kind': 'price', 'segment': from_price},
            {'kind': 'engagement', 'segment': from_engagement}
        ]) AS tactic,
        customers
    FROM (
        SELECT
            day, from_value, value, from_strategic, strategic, from_behaviour, from_category, from_channel, from_price,
            from_engagement, count(*) AS customers
        FROM steps
        WHERE NOT is_new
        GROUP BY ALL
    ) AS steps
    INNER JOIN snapshot_days ON steps.day = snapshot_days.day AND snapshot_days.is_complete_month
),

climbed AS (
    SELECT
        ladders.ladder,
        ladders.day,
        ladders.tactic.kind AS segment_kind,
        ladders.tactic.segment AS segment,
        from_ranks.rank,
        sum(ladders.customers) AS customers,
        coalesce(sum(ladders.customers) FILTER (WHERE coalesce(to_ranks.rank, 0) > from_ranks.rank), 0) AS moved_up
    FROM (
        SELECT 'value' AS ladder, from_value AS from_rung, value AS to_rung, day, tactic, customers FROM situations
        UNION ALL
        SELECT 'strategic', from_strategic, strategic, day, tactic, customers FROM situations
    ) AS ladders
    INNER JOIN reference.segment_ranks AS from_ranks
        ON ladders.ladder = from_ranks.segment_kind AND ladders.from_rung = from_ranks.segment
    LEFT JOIN reference.segment_ranks AS to_ranks
        ON ladders.ladder = to_ranks.segment_kind AND ladders.to_rung = to_ranks.segment
    WHERE from_ranks.rank > 0
    GROUP BY ALL
),

-- Every customer is in each kind once, so one kind stands for all.
usual AS (
    SELECT ladder, rank, share(sum(moved_up), sum(customers)) AS moved_up_share
    FROM climbed
    WHERE segment_kind = 'behaviour'
    GROUP BY ladder, rank
),

by_month AS (
    SELECT
        ladder,
        segment_kind,
        segment,
        day,
        sum(customers) AS customers,
        sum(moved_up) AS moved_up,
        sum(customers * moved_up_share) AS expected_up
    FROM climbed
    INNER JOIN usual USING (ladder, rank)
    WHERE segment <> '(none)'
    GROUP BY ALL
),

summed AS (
    SELECT
        ladder,
        segment_kind,
        segment,
        max(by_month.customers) AS customers,
        sum(by_month.customers) AS customer_months,
        sum(by_month.moved_up) AS moved_up,
        share(sum(by_month.moved_up), customer_months) AS moved_up_share,
        share(sum(by_month.expected_up), customer_months) AS expected_share
    FROM by_month
    GROUP BY ALL
),

-- Months count for less where few people went up again and again.
risen AS (
    SELECT
        'value' AS ladder, customer_id, from_value AS from_rung, value AS to_rung, from_behaviour, from_category,
        from_channel, from_price, from_engagement
    FROM steps
    INNER JOIN snapshot_days ON steps.day = snapshot_days.day AND snapshot_days.is_complete_month
    WHERE NOT is_new AND from_value <> value
    UNION ALL
    SELECT
        'strategic', customer_id, from_strategic, strategic, from_behaviour, from_category, from_channel, from_price,
        from_engagement
    FROM steps
    INNER JOIN snapshot_days ON steps.day = snapshot_days.day AND snapshot_days.is_complete_month
    WHERE NOT is_new AND from_strategic <> strategic
),

repeats AS (
    SELECT ladder, segment_kind, segment, share(sum(moves * moves), sum(moves)) AS moves_per_mover
    FROM (
        SELECT ladder, tactic.kind AS segment_kind, tactic.segment, customer_id, count(*) AS moves
        FROM (
            SELECT
                risen.ladder,
                risen.customer_id,
                unnest([
                    {'kind': 'behaviour', 'segment': from_behaviour}, {'kind': 'category', 'segment': from_category},
                    {'kind': 'channel', 'segment': from_channel}, {'kind': 'price', 'segment': from_price},
                    {'kind': 'engagement', 'segment': from_engagement}
                ]) AS tactic
            FROM risen
            INNER JOIN reference.segment_ranks AS from_ranks
                ON risen.ladder = from_ranks.segment_kind AND risen.from_rung = from_ranks.segment
            INNER JOIN reference.segment_ranks AS to_ranks
                ON risen.ladder = to_ranks.segment_kind AND risen.to_rung = to_ranks.segment
            WHERE from_ranks.rank > 0 AND to_ranks.rank > from_ranks.rank
        ) AS moved
        GROUP BY ALL
    ) AS movers
    GROUP BY ALL
),

observed AS (
    SELECT
        summed.*,
        coalesce(repeats.moves_per_mover, 1) AS moves_per_mover,
        summed.customer_months / coalesce(repeats.moves_per_mover, 1) AS n
    FROM summed
    LEFT JOIN repeats USING (ladder, segment_kind, segment)
)

SELECT
    * EXCLUDE (n),
    moved_up_share / nullif(expected_share, 0) AS lift,
    greatest(
        (moved_up_share + 6.76 / (2 * n)) / (1 + 6.76 / n)
        - 2.6 * sqrt(moved_up_share * (1 - moved_up_share) / n + 6.76 / (4 * n * n)) / (1 + 6.76 / n), 0
    ) / nullif(expected_share, 0) AS lift_lower,
    (
        (moved_up_share + 6.76 / (2 * n)) / (1 + 6.76 / n)
        + 2.6 * sqrt(moved_up_share * (1 - moved_up_share) / n + 6.76 / (4 * n * n)) / (1 + 6.76 / n)
    ) / nullif(expected_share, 0) AS lift_upper,
    CASE
        WHEN customers < 30 THEN 'too_few'
        WHEN lift_lower > 1 THEN 'raises'
        WHEN lift_upper < 1 THEN 'lowers'
        ELSE 'not_shown'
    END AS finding
FROM observed;

CREATE TABLE dim_customers AS
WITH consents AS (
    SELECT
        customer_id,
        max(status) FILTER (WHERE channel = 'email') = 'granted' AS email_consent,
        max(status) FILTER (WHERE channel = 'sms') = 'granted' AS sms_consent,
        max(status) FILTER (WHERE channel = 'phone') = 'granted' AS phone_consent
    FROM marts.customer_consents
    WHERE purpose = 'marketing'
    GROUP BY customer_id
)

SELECT
    golden.* EXCLUDE (street),
    consents.* EXCLUDE (customer_id),
    false AS is_erased,
    segments.lifecycle_stage,
    segments.value_segment,
    segments.behaviour_segment,
    segments.loyalty_tier
FROM intermediate.int_customer_golden AS golden
LEFT JOIN consents USING (customer_id)
LEFT JOIN customer_segments AS segments USING (customer_id);

-- part: portfolio
CREATE TABLE portfolio_customers AS
WITH channels AS (
    SELECT customer_id, channel
    FROM sales
    WHERE is_sale AND customer_id IS NOT NULL
    GROUP BY customer_id, channel
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY sum(net_amount) DESC, count(*) DESC, channel) = 1
)

SELECT
    values.*,
    segments.value_segment,
    segments.strategic_segment,
    segments.behaviour_segment,
    segments.lifecycle_stage,
    segments.loyalty_tier,
    channels.channel AS main_channel,
    strftime(values.first_ordered_on, '%Y-%m') AS cohort,
    golden.country_code AS country,
    coalesce(sums.moved_amount, 0) AS moved_amount,
    coalesce(sums.costed_amount, 0) AS costed_amount,
    coalesce(sums.costed_messages, 0) AS costed_messages,
    sums.media_cost_amount,
    coalesce(sums.costed_service_contacts, 0) AS costed_service_contacts
FROM customer_value AS values
INNER JOIN intermediate.int_customer_golden AS golden USING (customer_id)
LEFT JOIN customer_sums AS sums USING (customer_id)
LEFT JOIN customer_segments AS segments USING (customer_id)
LEFT JOIN channels USING (customer_id);

CREATE TABLE goods AS
SELECT
    sales.order_id,
    sales.customer_id,
    sales.is_sale,
    lines.product_id,
    coalesce(products.product_name, products.sku, lines.product_id) AS product_name,
    products.category,
    CASE WHEN lines.is_return THEN 0 ELSE lines.net_amount + coalesce(lines.discount_amount, 0) END AS gross_amount,
    CASE WHEN lines.is_return THEN 0 ELSE coalesce(lines.discount_amount, 0) END AS discount_amount,
    lines.net_amount,
    CASE WHEN sales.margin_amount IS NULL THEN lines.net_amount ELSE 0 END AS uncosted_amount,
    CASE WHEN sales.margin_amount IS NOT NULL THEN lines.net_amount - lines.cost_amount END AS margin_amount
FROM sales
INNER JOIN marts.fct_order_lines AS lines ON sales.order_id = lines.order_id AND lines.line_kind = 'product'
LEFT JOIN marts.dim_products AS products ON lines.product_id = products.product_id;

CREATE TABLE portfolio_profit AS
WITH of_customers AS (
    SELECT
        CASE
            WHEN grouping(value_segment) = 0 THEN 'value_segment'
            WHEN grouping(strategic_segment) = 0 THEN 'strategic_segment'
            WHEN grouping(behaviour_segment) = 0 THEN 'behaviour_segment'
            WHEN grouping(lifecycle_stage) = 0 THEN 'lifecycle_stage'
            WHEN grouping(loyalty_tier) = 0 THEN 'loyalty_tier'
            WHEN grouping(main_channel) = 0 THEN 'main_channel'
            WHEN grouping(cohort) = 0 THEN 'cohort'
            WHEN grouping(country) = 0 THEN 'country'
            ELSE 'unprofitable_reason'
        END AS dimension,
        coalesce(
            value_segment, strategic_segment, behaviour_segment, lifecycle_stage, loyalty_tier, main_channel, cohort,
            country, unprofitable_reason
        ) AS group_id,
        group_id AS group_name,
        count(*) AS customers,
        count(*) FILTER (WHERE orders > 0) AS buyers,
        sum(orders) AS orders,
        sum(gross_amount) AS gross_amount,
        sum(discount_amount) AS discount_amount,
        sum(revenue_amount) AS revenue_amount,
        sum(uncosted_revenue_amount) AS uncosted_revenue_amount,
        sum(margin_amount) AS margin_amount,
        sum(moved_amount) AS moved_amount,
        sum(costed_amount) AS costed_amount,
        sum(messages) AS messages,
        sum(costed_messages) AS costed_messages,
        sum(contact_cost_amount) AS contact_cost_amount,
        sum(media_cost_amount) AS media_cost_amount,
        sum(calls + tickets) AS service_contacts,
        sum(costed_service_contacts) AS costed_service_contacts,
        sum(service_cost_amount) AS service_cost_amount,
        count(unprofitable_reason) AS unprofitable_customers,
        coalesce(sum(profit_amount) FILTER (WHERE unprofitable_reason IS NOT NULL), 0) AS unprofitable_amount
    FROM portfolio_customers
    GROUP BY GROUPING SETS (
        value_segment, strategic_segment, behaviour_segment, lifecycle_stage, loyalty_tier, main_channel, cohort,
        country, unprofitable_reason
    )
),

of_channels AS (
    SELECT
        'channel' AS dimension,
        channel AS group_id,
        channel AS group_name,
        count(DISTINCT customer_id) AS customers,
        count(*) FILTER (WHERE is_sale) AS orders,
        sum(gross_amount) AS gross_amount,
        sum(discount_amount) AS discount_amount,
        sum(net_amount) AS revenue_amount,
        coalesce(sum(net_amount) FILTER (WHERE margin_amount IS NULL), 0) AS uncosted_revenue_amount,
        sum(margin_amount) AS margin_amount,
        sum(abs(net_amount)) AS moved_amount,
        coalesce(sum(abs(net_amount)) FILTER (WHERE margin_amount IS NOT NULL), 0) AS costed_amount
    FROM sales
    GROUP BY channel
),

of_goods AS (
    SELECT
        CASE WHEN grouping(product_id) = 0 THEN 'product' ELSE 'category' END AS dimension,
        coalesce(product_id, category) AS group_id,
        CASE WHEN grouping(product_id) = 0 THEN max(product_name) ELSE category END AS group_name,
        count(DISTINCT customer_id) AS customers,
        count(DISTINCT order_id) FILTER (WHERE is_sale) AS orders,
        sum(gross_amount) AS gross_amount,
        sum(discount_amount) AS discount_amount,
        sum(net_amount) AS revenue_amount,
        sum(uncosted_amount) AS uncosted_revenue_amount,
        sum(margin_amount) AS margin_amount,
        sum(abs(net_amount)) AS moved_amount,
        coalesce(sum(abs(net_amount)) FILTER (WHERE margin_amount IS NOT NULL), 0) AS costed_amount
    FROM goods
    GROUP BY GROUPING SETS (product_id, category)
),

whole AS (
    SELECT
        sum(orders) AS orders,
        sum(gross_amount) AS gross_amount,
        sum(discount_amount) AS discount_amount,
        sum(revenue_amount) AS revenue_amount,
        sum(uncosted_amount) AS uncosted_revenue_amount,
        sum(margin_amount) AS margin_amount,
        sum(moved_amount) AS moved_amount,
        sum(costed_amount) AS costed_amount,
        sum(messages) AS messages,
        sum(costed_messages) AS costed_messages,
        sum(contact_cost_amount) AS contact_cost_amount,
        sum(media_cost_amount) AS media_cost_amount,
        sum(calls + tickets) AS service_contacts,
        sum(costed_service_contacts) AS costed_service_contacts,
        sum(service_cost_amount) AS service_cost_amount
    FROM customer_sums
),

corrections AS (
    SELECT
        any_value(whole.gross_amount) - sum(goods.gross_amount) AS gross_amount,
        any_value(whole.discount_amount) - sum(goods.discount_amount) AS discount_amount,
        any_value(whole.revenue_amount) - sum(goods.net_amount) AS revenue_amount,
        any_value(whole.uncosted_revenue_amount) - sum(goods.uncosted_amount) AS uncosted_revenue_amount,
        any_value(whole.margin_amount) - sum(goods.margin_amount) AS margin_amount
    FROM goods
    CROSS JOIN whole
),

customer_dimensions AS (
    SELECT DISTINCT dimension FROM of_customers
),

parts AS (
    SELECT CASE WHEN group_id IS NULL THEN 'none' ELSE 'group' END AS row_kind, * FROM of_customers
    UNION ALL BY NAME
    SELECT CASE WHEN group_id IS NULL THEN 'none' ELSE 'group' END AS row_kind, * FROM of_channels
    UNION ALL BY NAME
    SELECT CASE WHEN group_id IS NULL THEN 'none' ELSE 'group' END AS row_kind, * FROM of_goods
    UNION ALL BY NAME
    SELECT
        'all' AS row_kind,
        'all' AS dimension,
        whole.*,
        people.*
    FROM whole
    CROSS JOIN (
        SELECT
            count(*) AS customers,
            count(*) FILTER (WHERE orders > 0) AS buyers,
            count(unprofitable_reason) AS unprofitable_customers,
            coalesce(sum(profit_amount) FILTER (WHERE unprofitable_reason IS NOT NULL), 0) AS unprofitable_amount
        FROM customer_value
    ) AS people
    UNION ALL BY NAME
    SELECT
        'anonymous_orders' AS row_kind,
        dimension,
        0 AS customers,
        orders,
        gross_amount,
        discount_amount,
        revenue_amount,
        uncosted_amount AS uncosted_revenue_amount,
        margin_amount,
        moved_amount,
        costed_amount
    FROM customer_sums
    CROSS JOIN customer_dimensions
    WHERE customer_id IS NULL
    UNION ALL BY NAME
    SELECT
        'unallocated_costs' AS row_kind,
        dimension,
        messages,
        costed_messages,
        contact_cost_amount,
        media_cost_amount,
        calls + tickets AS service_contacts,
        costed_service_contacts,
        service_cost_amount
    FROM customer_sums
    CROSS JOIN customer_dimensions
    WHERE customer_id IS NULL AND messages + calls + tickets > 0
    UNION ALL BY NAME
    SELECT 'order_corrections' AS row_kind, unnest(['product', 'category']) AS dimension, * FROM corrections
    UNION ALL BY NAME
    SELECT
        'contact_and_service' AS row_kind,
        unnest(['channel', 'product', 'category']) AS dimension,
        messages,
        costed_messages,
        contact_cost_amount,
        media_cost_amount,
        service_contacts,
        costed_service_contacts,
        service_cost_amount
    FROM whole
),

profits AS (
    SELECT
        *,
        share(costed_amount, moved_amount) AS cost_coverage_rate,
        share(costed_messages, messages) AS contact_cost_coverage_rate,
        share(costed_service_contacts, service_contacts) AS service_cost_coverage_rate,
        CASE
            WHEN
                margin_amount IS NOT NULL
                OR coalesce(moved_amount, 0) = 0
                OR coalesce(contact_cost_amount, 0) + coalesce(service_cost_amount, 0) <> 0
                THEN
                    coalesce(margin_amount, 0) - coalesce(contact_cost_amount, 0) - coalesce(service_cost_amount, 0)
        END AS profit_amount
    FROM parts
)

SELECT
    dimension,
    row_kind,
    group_id,
    CASE row_kind
        WHEN 'all' THEN 'All'
        WHEN 'none' THEN '(none)'
        WHEN 'anonymous_orders' THEN '(anonymous orders)'
        WHEN 'unallocated_costs' THEN '(costs of nobody known)'
        WHEN 'contact_and_service' THEN '(contact and service)'
        WHEN 'order_corrections' THEN '(in no line of an order)'
        ELSE group_name
    END AS group_name,
    customers,
    buyers,
    orders,
    gross_amount,
    discount_amount,
    gross_amount - discount_amount - revenue_amount AS returns_amount,
    revenue_amount,
    uncosted_revenue_amount,
    revenue_amount - uncosted_revenue_amount - margin_amount AS cost_of_goods_amount,
    margin_amount,
    contact_cost_amount,
    CASE WHEN contact_cost_amount IS NOT NULL THEN coalesce(media_cost_amount, 0) END AS media_cost_amount,
    service_cost_amount,
    profit_amount,
    share(revenue_amount, max(revenue_amount) FILTER (WHERE row_kind = 'all') OVER ()) AS revenue_share,
    share(profit_amount, max(profit_amount) FILTER (WHERE row_kind = 'all') OVER ()) AS profit_share,
    money(share(profit_amount, customers)) AS average_profit_amount,
    unprofitable_customers,
    unprofitable_amount,
    cost_coverage_rate,
    contact_cost_coverage_rate,
    service_cost_coverage_rate,
    CASE
        WHEN profit_amount IS NULL THEN 0
        ELSE least(cost_coverage_rate, contact_cost_coverage_rate, service_cost_coverage_rate)
    END AS profit_coverage_rate,
    'EUR' AS currency,
    getvariable('now') AS measured_at
FROM profits;

CREATE TABLE portfolio_bridge AS
SELECT
    unnest(range(1, 12)) AS step_number,
    unnest([
        {'step': 'gross', 'kind': 'total', 'amount': gross_amount, 'coverage_rate': NULL},
        {'step': 'discounts', 'kind': 'change', 'amount': -discount_amount, 'coverage_rate': NULL},
        {'step': 'returns', 'kind': 'change', 'amount': -returns_amount, 'coverage_rate': NULL},
        {'step': 'revenue', 'kind': 'total', 'amount': revenue_amount, 'coverage_rate': NULL},
        {'step': 'uncosted_revenue', 'kind': 'change', 'amount': -uncosted_revenue_amount, 'coverage_rate': NULL},
        {
            'step': 'cost_of_goods', 'kind': 'change', 'amount': -cost_of_goods_amount,
            'coverage_rate': cost_coverage_rate
        },
        {'step': 'margin', 'kind': 'total', 'amount': margin_amount, 'coverage_rate': cost_coverage_rate},
        {
            'step': 'messages', 'kind': 'change', 'amount': media_cost_amount - contact_cost_amount,
            'coverage_rate': contact_cost_coverage_rate
        },
        {
            'step': 'media', 'kind': 'change', 'amount': -media_cost_amount,
            'coverage_rate': contact_cost_coverage_rate
        },
        {
            'step': 'service', 'kind': 'change', 'amount': -service_cost_amount,
            'coverage_rate': service_cost_coverage_rate
        },
        {'step': 'profit', 'kind': 'total', 'amount': profit_amount, 'coverage_rate': profit_coverage_rate}
    ], recursive := true),
    currency,
    measured_at
FROM portfolio_profit
WHERE row_kind = 'all';

CREATE TABLE portfolio_concentration AS
WITH measured AS (
    UNPIVOT (
        SELECT
            revenue_amount AS revenue,
            profit_amount AS profit,
            customer_id
        FROM customer_value
        WHERE orders + returns > 0
    ) ON revenue, profit INTO NAME measure VALUE amount
),

placed AS (
    SELECT
        measure,
        amount,
        CAST(100 * (row_number() OVER (PARTITION BY measure ORDER BY amount DESC, customer_id) - 1)
        // count(*) OVER (PARTITION BY measure) AS INTEGER) + 1 AS top_percent
    FROM measured
),

steps AS (
    SELECT
        measure,
        top_percent,
        count(*) AS step_customers,
        sum(amount) AS step_amount,
        count(*) FILTER (WHERE amount < 0) AS step_losing,
        coalesce(sum(amount) FILTER (WHERE amount < 0), 0) AS step_loss
    FROM placed
    GROUP BY ALL
    UNION ALL
    SELECT unnest(['revenue', 'profit']), 0, 0, 0, 0, 0
)

SELECT
    measure,
    top_percent,
    sum(step_customers) OVER upto AS customers,
    share(customers, sum(step_customers) OVER whole) AS customer_share,
    sum(step_amount) OVER upto AS amount,
    share(amount, sum(step_amount) OVER whole) AS cumulative_share,
    step_customers,
    step_amount,
    sum(step_losing) OVER upto AS losing_customers,
    sum(step_loss) OVER upto AS losing_amount,
    (SELECT count(*) FROM customer_value WHERE orders + returns > 0) - sum(step_customers) OVER whole
        AS unknown_customers,
    'EUR' AS currency,
    getvariable('now') AS measured_at
FROM steps
WINDOW upto AS (PARTITION BY measure ORDER BY top_percent), whole AS (PARTITION BY measure);

-- part: offers
CREATE TABLE articles AS
WITH skus AS (
    SELECT upper(sku) AS sku, min(product_id) AS article_id
    FROM marts.dim_products
    WHERE sku IS NOT NULL
    GROUP BY upper(sku)
    HAVING
        count(DISTINCT product_id) FILTER (WHERE split_part(product_id, ':', 2) <> 'sku')
        = count(DISTINCT split_part(product_id, ':', 1)) FILTER (WHERE split_part(product_id, ':', 2) <> 'sku')
),

named AS (
    SELECT products.*, coalesce(skus.article_id, products.product_id) AS article_id
    FROM marts.dim_products AS products
    LEFT JOIN skus ON upper(products.sku) = skus.sku
)

SELECT
    named.product_id,
    named.article_id,
    coalesce(
        max(named.product_name) FILTER (WHERE named.product_id = named.article_id) OVER article,
        min(named.product_name) OVER article
    ) AS article_name,
    coalesce(
        max(named.category) FILTER (WHERE named.product_id = named.article_id) OVER article,
        min(named.category) OVER article
    ) AS category,
    bool_or(coalesce(uses.is_gift, false)) OVER article AS is_gift,
    NOT bool_or(coalesce(uses.is_not_offered, false)) OVER article AS is_offered
FROM named
LEFT JOIN (
    SELECT
        named.product_id,
        bool_or(uses.product_use = 'gift') AS is_gift,
        bool_or(uses.product_use = 'not_offered') AS is_not_offered
    FROM named
    INNER JOIN reference.product_uses AS uses
        ON contains(
            lower(CASE uses.field WHEN 'product_name' THEN product_name WHEN 'category' THEN category ELSE sku END),
            uses.pattern
        )
    GROUP BY named.product_id
) AS uses USING (product_id)
WINDOW article AS (PARTITION BY named.article_id);

-- What came back is taken from the purchases before it, the newest first.
CREATE TABLE purchases AS
WITH lines AS (
    SELECT
        orders.customer_id,
        articles.article_id,
        lines.product_id,
        orders.ordered_on AS day,
        abs(coalesce(lines.quantity, 1)) AS quantity,
        lines.is_return,
        orders.order_kind = 'return' AS is_return_order,
        orders.original_net_amount < 0 AS is_note,
        CASE WHEN is_return_order THEN bool_or(lines.is_return) OVER (PARTITION BY orders.order_id) END AS names_returns
    FROM marts.fct_orders AS orders
    INNER JOIN marts.fct_order_lines AS lines USING (order_id)
    INNER JOIN articles ON lines.product_id = articles.product_id
    WHERE
        orders.customer_id IS NOT NULL
        AND orders.order_kind IN ('sale', 'return')
        AND orders.ordered_at <= getvariable('now')
        AND lines.line_kind = 'product'
        AND lines.quantity <> 0
),

judged AS (
    SELECT
        *,
        CASE WHEN is_return_order AND is_note THEN names_returns AND NOT is_return ELSE NOT is_return END AS is_bought,
        CASE
            WHEN NOT is_return_order THEN is_return
            WHEN is_note THEN is_return OR NOT names_returns
            ELSE NOT is_return
        END AS is_returned
    FROM lines
),

days AS (
    SELECT
        customer_id,
        article_id,
        day,
        max(product_id) AS product_id,
        coalesce(sum(quantity) FILTER (WHERE is_bought), 0) AS bought,
        coalesce(sum(quantity) FILTER (WHERE is_returned), 0) AS returned
    FROM judged
    WHERE is_bought OR is_returned
    GROUP BY customer_id, article_id, day
),

came_back AS (
    SELECT *, sum(returned - bought) OVER (PARTITION BY customer_id, article_id ORDER BY day) AS upto
    FROM days
    SEMI JOIN (FROM days WHERE returned > 0) AS returns USING (customer_id, article_id)
),

owed AS (
    SELECT
        *,
        greatest(max(upto) OVER (
            PARTITION BY customer_id, article_id ORDER BY day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) - (upto - (returned - bought)), 0) AS to_take
    FROM came_back
),

taken AS (
    SELECT
        customer_id,
        article_id,
        day,
        lead(to_take, 1, 0) OVER (PARTITION BY customer_id, article_id ORDER BY day) + returned - to_take AS taken
    FROM owed
)

SELECT
    days.customer_id,
    days.article_id,
    days.day,
    days.product_id,
    days.bought,
    CAST(days.bought - coalesce(taken.taken, 0) AS DOUBLE) AS kept
FROM days
LEFT JOIN taken USING (customer_id, article_id, day);

CREATE TABLE owned AS
SELECT
    customer_id,
    article_id,
    min(day) FILTER (WHERE kept > 0) AS first_kept_on,
    max(day) FILTER (WHERE kept > 0) AS last_kept_on
FROM purchases
WHERE bought > 0
GROUP BY customer_id, article_id;

CREATE TABLE offer_articles AS
WITH bought AS (
    SELECT *, last_kept_on > getvariable('today') - 60 AS is_lately
    FROM owned
    WHERE last_kept_on > getvariable('today') - 365
),

buyers AS (
    SELECT
        count(DISTINCT customer_id) AS customers,
        count(DISTINCT customer_id) FILTER (WHERE is_lately) AS customers_lately
    FROM bought
),

shares AS (
    SELECT
        bought.article_id,
        (count_if(bought.is_lately) + share(5 * count(*), any_value(buyers.customers)))
        / (any_value(buyers.customers_lately) + 6) AS share
    FROM bought
    CROSS JOIN buyers
    GROUP BY bought.article_id
),

last_sold AS (
    SELECT article_id, arg_max(product_id, day) AS product_id
    FROM (
        SELECT article_id, product_id, max(day) AS day FROM purchases WHERE kept > 0 GROUP BY ALL ORDER BY product_id
    ) AS sold
    GROUP BY article_id
)

SELECT
    shares.article_id,
    last_sold.product_id,
    named.article_name,
    shares.share,
    round(ln(shares.share / (1 - shares.share)), 9) AS log_odds,
    row_number() OVER (ORDER BY shares.share DESC, shares.article_id) AS place
FROM shares
INNER JOIN last_sold USING (article_id)
INNER JOIN (SELECT DISTINCT article_id, article_name FROM articles WHERE is_offered) AS named USING (article_id);

CREATE TABLE followers AS
WITH kept AS (
    SELECT owned.customer_id, owned.article_id, owned.first_kept_on, named.category
    FROM owned
    INNER JOIN (SELECT DISTINCT article_id, category FROM articles) AS named USING (article_id)
    WHERE owned.first_kept_on IS NOT NULL
),

starts AS (
    SELECT kind, customer_id, because_id, first_kept_on
    FROM (
        SELECT 'product' AS kind, customer_id, article_id AS because_id, first_kept_on FROM kept
        UNION ALL
        SELECT 'category', customer_id, category, min(first_kept_on) FROM kept
        WHERE category IS NOT NULL
        GROUP BY customer_id, category
    ) AS begun
    WHERE first_kept_on + 60 <= getvariable('today')
    QUALIFY row_number() OVER (PARTITION BY customer_id, kind ORDER BY first_kept_on DESC, because_id) <= 20
),

pairs AS (
    SELECT
        starts.kind,
        starts.because_id,
        kept.article_id,
        count_if(
            kept.first_kept_on > starts.first_kept_on AND kept.first_kept_on <= starts.first_kept_on + 60
        ) AS customers,
        count_if(kept.first_kept_on <= starts.first_kept_on) AS had_it
    FROM starts
    INNER JOIN kept USING (customer_id)
    WHERE starts.kind = 'category' OR starts.because_id <> kept.article_id
    GROUP BY ALL
),

starters AS (
    SELECT kind, because_id, count(*) AS customers FROM starts GROUP BY ALL
),

usual AS (
    SELECT
        pairs.kind,
        pairs.article_id,
        share(
            sum(pairs.customers), any_value(wholes.customers) - coalesce(any_value(own.customers), 0) - sum(pairs.had_it)
        ) AS share
    FROM pairs
    INNER JOIN (SELECT kind, sum(customers) AS customers FROM starters GROUP BY kind) AS wholes USING (kind)
    LEFT JOIN starters AS own
        ON pairs.kind = 'product' AND own.kind = 'product' AND pairs.article_id = own.because_id
    GROUP BY pairs.kind, pairs.article_id
)

SELECT
    pairs.kind,
    pairs.because_id,
    pairs.article_id,
    pairs.customers / ((starters.customers - pairs.had_it) * usual.share) AS lift,
    (pairs.customers + 5) / ((starters.customers - pairs.had_it) * usual.share + 5) AS drawn_lift
FROM pairs
INNER JOIN starters USING (kind, because_id)
INNER JOIN usual USING (kind, article_id)
WHERE pairs.customers >= 5;

CREATE TABLE rules AS
SELECT
    followers.kind,
    followers.because_id,
    followers.article_id,
    offers.place AS article_place,
    offers.log_odds,
    followers.lift,
    ln(followers.drawn_lift) AS log_lift,
    row_number() OVER (
        ORDER BY followers.drawn_lift, followers.kind, followers.because_id, followers.article_id
    ) AS number
FROM followers
INNER JOIN offer_articles AS offers USING (article_id)
WHERE followers.lift > 1
QUALIFY row_number() OVER (
    PARTITION BY followers.kind, followers.because_id ORDER BY followers.drawn_lift DESC, followers.article_id
) <= 20;

CREATE TABLE next_offers AS
WITH owned_places AS (
    SELECT owned.customer_id, offers.place AS article_place
    FROM owned
    INNER JOIN offer_articles AS offers USING (article_id)
),

evidence AS (
    SELECT customer_id, article_id, sqrt(count(*) OVER (PARTITION BY customer_id)) AS root
    FROM (
        FROM owned
        WHERE last_kept_on > getvariable('today') - 365
        QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY last_kept_on DESC, article_id) <= 20
    ) AS newest
),

following AS (
    SELECT
        evidence.customer_id,
        rules.article_place,
        sum(rules.log_lift / evidence.root) AS log_lift,
        max(rules.number) AS number
    FROM evidence
    INNER JOIN rules ON rules.kind = 'product' AND evidence.article_id = rules.because_id
    ANTI JOIN owned_places
        ON evidence.customer_id = owned_places.customer_id AND rules.article_place = owned_places.article_place
    GROUP BY ALL
),

categories AS (
    SELECT DISTINCT owned.customer_id, named.category
    FROM owned
    INNER JOIN articles AS named ON owned.article_id = named.product_id
    ANTI JOIN following ON owned.customer_id = following.customer_id
    WHERE named.category IS NOT NULL
),

of_categories AS (
    SELECT
        categories.customer_id,
        rules.article_place,
        sum(rules.log_lift / categories.root) AS log_lift,
        max(rules.number) AS number
    FROM (SELECT *, sqrt(count(*) OVER (PARTITION BY customer_id)) AS root FROM categories) AS categories
    INNER JOIN rules ON rules.kind = 'category' AND categories.category = rules.because_id
    ANTI JOIN owned_places
        ON categories.customer_id = owned_places.customer_id AND rules.article_place = owned_places.article_place
    GROUP BY ALL
),

popular AS (
    SELECT customers.customer_id, offers.place AS article_place, offers.log_odds
    FROM (
        SELECT golden.customer_id, 5 + count(owned_places.article_place) AS places
        FROM intermediate.int_customer_golden AS golden
        LEFT JOIN owned_places USING (customer_id)
        GROUP BY golden.customer_id
    ) AS customers
    INNER JOIN offer_articles AS offers ON offers.place <= customers.places
    ANTI JOIN owned_places
        ON customers.customer_id = owned_places.customer_id AND offers.place = owned_places.article_place
    QUALIFY row_number() OVER (PARTITION BY customers.customer_id ORDER BY offers.place) <= 5
),

candidates AS (
    SELECT
        reasons.customer_id,
        reasons.article_place,
        round(offers.log_odds + reasons.log_lift, 9) AS log_odds,
        reasons.number
    FROM (FROM following UNION ALL FROM of_categories) AS reasons
    INNER JOIN offer_articles AS offers ON reasons.article_place = offers.place
    UNION ALL
    SELECT customer_id, article_place, log_odds, NULL FROM popular
    ANTI JOIN (FROM following UNION ALL FROM of_categories) AS reasons USING (customer_id, article_place)
),

ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY customer_id ORDER BY log_odds DESC, article_place) AS rank
    FROM candidates
    QUALIFY rank <= 5
)

SELECT
    ranked.customer_id,
    ranked.rank,
    offers.product_id,
    round(1 / (1 + exp(-ranked.log_odds)), 6) AS score,
    CASE rules.kind
        WHEN 'product' THEN 'customers who bought ' || because.article_name || ' bought it next'
        WHEN 'category' THEN 'customers who buy from ' || rules.because_id || ' bought it next'
        ELSE 'bought most by all'
    END AS reason,
    CASE rules.kind WHEN 'product' THEN 'follows' WHEN 'category' THEN 'category' ELSE 'popular' END AS reason_kind,
    because.product_id AS because_product_id,
    rules.lift
FROM ranked
INNER JOIN offer_articles AS offers ON ranked.article_place = offers.place
LEFT JOIN rules ON ranked.number = rules.number
LEFT JOIN articles AS because ON rules.kind = 'product' AND rules.because_id = because.product_id;

CREATE TABLE intervals AS
WITH bought AS (
    SELECT
        purchases.customer_id,
        purchases.article_id,
        purchases.day,
        purchases.product_id,
        purchases.kept AS quantity,
        count(*) OVER (PARTITION BY purchases.customer_id, purchases.article_id) AS times
    FROM purchases
    INNER JOIN articles USING (product_id)
    WHERE purchases.kept > 0 AND NOT articles.is_gift
),

own AS (
    SELECT customer_id, article_id, median(quantity) AS own_quantity
    FROM bought
    WHERE times > 1
    GROUP BY customer_id, article_id
),

usual AS (
    SELECT article_id, median(quantity) AS usual_quantity FROM bought GROUP BY article_id
),

compared AS (
    SELECT
        bought.*,
        coalesce(own.own_quantity, usual.usual_quantity) AS own_quantity,
        bought.quantity / coalesce(own.own_quantity, usual.usual_quantity) AS times_own,
        coalesce(own.own_quantity, usual.usual_quantity) / usual.usual_quantity AS own_times_usual
    FROM bought
    INNER JOIN usual USING (article_id)
    LEFT JOIN own USING (customer_id, article_id)
)

SELECT
    customer_id,
    article_id,
    day,
    product_id,
    quantity,
    own_quantity,
    row_number() OVER again AS number,
    lead(day) OVER again AS next_day,
    times_own BETWEEN 1 / 3 AND 3 AS is_usual_amount,
    ln(least(greatest(times_own, 1 / 3), 3)) AS log_amount,
    ln(least(greatest(own_times_usual, 1 / 3), 3)) AS log_own_amount,
    CAST(next_day - day AS DOUBLE) AS interval_days
FROM compared
WHERE times < 3 OR times_own <= 3
WINDOW again AS (PARTITION BY customer_id, article_id ORDER BY day);

CREATE TABLE paces AS
WITH elasticities AS (
    SELECT
        article_id,
        least(greatest((sum(together) + 40 * ln(2) ** 2) / (sum(of_amounts) + 40 * ln(2) ** 2), 0), 1) AS elasticity
    FROM (
        SELECT
            article_id,
            regr_sxy(log_amount, ln(interval_days)) AS together,
            regr_sxx(ln(interval_days), log_amount) AS of_amounts
        FROM intervals
        WHERE next_day IS NOT NULL AND is_usual_amount
        GROUP BY customer_id, article_id
    ) AS customers
    GROUP BY article_id
)

SELECT
    intervals.article_id,
    any_value(coalesce(elasticities.elasticity, 1)) AS elasticity,
    median(
        ln(intervals.interval_days)
        - coalesce(elasticities.elasticity, 1) * (intervals.log_amount + intervals.log_own_amount)
    ) AS log_days
FROM intervals
LEFT JOIN elasticities USING (article_id)
WHERE intervals.next_day IS NOT NULL
GROUP BY intervals.article_id;

CREATE TABLE forecasts AS
WITH known AS (
    SELECT
        intervals.*,
        paces.elasticity,
        paces.log_days + paces.elasticity * intervals.log_own_amount AS product_log_days,
        median(ln(intervals.interval_days) - paces.elasticity * intervals.log_amount) OVER earlier AS own_log_days,
        count(*) OVER earlier AS intervals
    FROM intervals
    INNER JOIN paces USING (article_id)
    WINDOW earlier AS (
        PARTITION BY intervals.customer_id, intervals.article_id ORDER BY intervals.day
        ROWS BETWEEN 10 PRECEDING AND 1 PRECEDING
    )
),

expected AS (
    SELECT
        *,
        round(exp(
            (intervals * coalesce(own_log_days, 0) + product_log_days) / (intervals + 1) + elasticity * log_amount
        ), 6) AS expected_days,
        getvariable('today') - day AS days_since
    FROM known
)

SELECT
    *,
    CASE WHEN intervals >= 4 THEN 4 WHEN intervals >= 2 THEN 2 ELSE intervals END AS intervals_from,
    CASE
        WHEN days_since >= 1.2 * expected_days
            THEN CAST(coalesce(interval_days BETWEEN 0.8 * expected_days AND 1.2 * expected_days, false) AS INTEGER)
    END AS is_hit
FROM expected;

CREATE TABLE replenishments AS
WITH known AS (
    SELECT customer_id, article_id, intervals, intervals_from, is_hit FROM forecasts WHERE is_hit IS NOT NULL
),

company AS (
    SELECT intervals_from, avg(is_hit) AS rate FROM known GROUP BY intervals_from
),

rates AS (
    SELECT
        known.article_id,
        known.intervals_from,
        (sum(known.is_hit) + 20 * any_value(company.rate)) / (count(*) + 20) AS rate
    FROM known
    INNER JOIN company USING (intervals_from)
    GROUP BY ALL
),

own AS (
    SELECT
        known.customer_id,
        known.article_id,
        count(*) AS forecasts,
        sum(known.is_hit - rates.rate) AS surplus,
        sum(rates.rate) AS expected_hits,
        sum(rates.rate * (1 - rates.rate)) AS chance
    FROM known
    INNER JOIN rates USING (article_id, intervals_from)
    WHERE known.intervals > 0
    GROUP BY ALL
),

spread AS (
    SELECT
        share(sum(expected_hits), sum(forecasts)) AS rate,
        share(sum(surplus * surplus - chance), sum(forecasts * (forecasts - 1))) AS variance
    FROM own
    WHERE forecasts > 1
),

weights AS (
    SELECT
        CASE
            WHEN variance > 0 THEN least(greatest(rate * (1 - rate) / variance - 1, 1), 1000)
            ELSE 1000
        END AS weight
    FROM spread
),

rebought AS (
    SELECT article_id, avg(CAST(coalesce(interval_days <= 3 * expected_days, false) AS INTEGER)) AS share
    FROM forecasts
    WHERE intervals = 0 AND days_since >= 3 * expected_days
    GROUP BY article_id
    HAVING count(*) >= 5
),

medians AS (
    SELECT customer_id, article_id, median(interval_days) AS interval_days
    FROM forecasts
    WHERE interval_days IS NOT NULL
    GROUP BY ALL
)

SELECT
    forecasts.customer_id,
    forecasts.product_id,
    medians.interval_days AS median_interval_days,
    forecasts.day AS last_bought_on,
    forecasts.day + greatest(CAST(round(forecasts.expected_days) AS INTEGER), 1) AS due_on,
    least(greatest(round(
        coalesce(rates.rate, company.rate, 0) + coalesce(own.surplus / (own.forecasts + weights.weight), 0), 6
    ), 0), 1) AS confidence,
    forecasts.quantity AS last_quantity,
    forecasts.own_quantity AS usual_quantity,
    forecasts.expected_days AS expected_interval_days,
    forecasts.intervals,
    CASE WHEN forecasts.intervals > 0 THEN 'own' ELSE 'product' END AS rhythm,
    due_on <= getvariable('today') AS is_due,
    forecasts.days_since > 1.2 * forecasts.expected_days AS is_overdue,
    forecasts.days_since > 3 * forecasts.expected_days AS is_gone
FROM forecasts
CROSS JOIN weights
LEFT JOIN company USING (intervals_from)
LEFT JOIN rates USING (article_id, intervals_from)
LEFT JOIN own USING (customer_id, article_id)
LEFT JOIN medians USING (customer_id, article_id)
LEFT JOIN rebought USING (article_id)
WHERE
    forecasts.next_day IS NULL
    AND forecasts.expected_days <= 730
    AND (forecasts.intervals > 0 OR (rebought.share >= 0.5 AND forecasts.days_since <= 3 * forecasts.expected_days));
