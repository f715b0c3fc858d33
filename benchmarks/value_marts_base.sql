-- What the marts of value read, of a company drawn at random: `customers` (a variable) people, four times as many
-- orders and ten times as many order lines over three years, and what such a company hears of and tells them. Each table
-- stands there empty, with the columns of a real warehouse. Draws are hashes, so that every drawing is the same.
CREATE MACRO drawn(kind, key) AS (hash(kind, key) % 1000003) / 1000003.0;
SET VARIABLE today = (SELECT as_of_on FROM intermediate.int_as_of);
CREATE MACRO ago(days) AS getvariable('today') - CAST(days AS INTEGER);
CREATE MACRO named(kind, number) AS kind || substr(md5(kind || number), 1, 16);

CREATE TEMP TABLE people AS
SELECT
    i,
    named('c_', i) AS customer_id,
    CAST(floor(1095 * drawn('born', i)) AS INTEGER) AS born,
    drawn('buys', i) < 0.8 AS is_buyer,
    -- A third leaves at once, a third some day, a third stays.
    CASE
        WHEN drawn('kind', i) < 0.3 THEN 0.05 * drawn('leaves', i)
        WHEN drawn('kind', i) < 0.65 THEN drawn('leaves', i)
        ELSE 1.0
    END AS share_of_life,
    drawn('kind', i) AS kind,
    drawn('where', i) AS likes
FROM range(getvariable('customers')) AS numbers (i);

INSERT INTO intermediate.int_customer_golden BY NAME
SELECT
    customer_id,
    'Customer ' || i AS display_name,
    'customer' || i || '@mail.example' AS primary_email,
    CASE WHEN likes < 0.7 THEN 'DE' WHEN likes < 0.8 THEN 'AT' WHEN likes < 0.9 THEN 'FR' END AS country_code,
    'de' AS language,
    ago(born) + INTERVAL 8 HOUR AS first_seen_at,
    CAST(ago(0) AS TIMESTAMP) AS last_seen_at,
    2 AS source_count,
    3 AS record_count
FROM people;

INSERT INTO marts.customer_consents BY NAME
SELECT
    customer_id,
    'email' AS channel,
    'marketing' AS purpose,
    CASE WHEN kind < 0.5 THEN 'granted' ELSE 'denied' END AS status,
    ago(born) + INTERVAL 8 HOUR AS since,
    kind < 0.5 AS is_contactable
FROM people;

INSERT INTO intermediate.int_consent_statements BY NAME
SELECT
    customer_id,
    channel,
    purpose,
    status,
    since AS occurred_at,
    since AS ranked_at,
    'webshop' AS source,
    'consents' AS origin,
    false AS is_about_address,
    customer_id AS record_key
FROM marts.customer_consents;

INSERT INTO marts.customer_groups BY NAME
SELECT
    'company' AS kind,
    named('b_', i % 500) AS group_id,
    'Office ' || i % 500 AS group_name,
    customer_id
FROM people
WHERE drawn('works', i) < 0.02;

INSERT INTO marts.dim_products BY NAME
SELECT
    'webshop:' || (45100000000000 + p) AS product_id,
    'BH-' || p AS sku,
    'Product ' || p AS product_name,
    'category ' || p % 20 AS category,
    CASE WHEN p % 100 > 0 THEN round((2 + 40 * drawn('price', p)) * 0.5, 2) END AS unit_cost,
    round(2 + 40 * drawn('price', p), 2) AS unit_price,
    'EUR' AS currency,
    true AS is_in_catalogue
FROM range(500) AS numbers (p);

CREATE TEMP TABLE prices AS
SELECT row_number() OVER (ORDER BY product_id) - 1 AS p, product_id, sku, unit_price, unit_cost FROM marts.dim_products;

CREATE TEMP TABLE orders AS
WITH counted AS (
    SELECT
        *,
        CAST(1 + floor(-ln(1 - drawn('orders', i)) * CASE WHEN kind < 0.3 THEN 0.3 ELSE 6.2 END) AS INTEGER) AS orders
    FROM people
    WHERE is_buyer
),

numbered AS (
    SELECT
        i,
        kind,
        likes,
        born,
        unnest(range(orders)) AS j,
        orders,
        share_of_life
    FROM counted
)

SELECT
    1000 * i + j AS o,
    i,
    likes,
    CAST(born - floor(born * share_of_life * (j + drawn('day', 1000 * i + j)) / orders) AS INTEGER) AS days_ago,
    drawn('channel', 1000 * i + j) AS way,
    drawn('fate', 1000 * i + j) AS fate
FROM numbered;

CREATE TEMP TABLE lines AS
WITH numbered AS (
    SELECT
        *,
        unnest(range(CAST(1 + least(floor(-ln(1 - drawn('lines', o)) * 1.8), 12) AS INTEGER))) AS k
    FROM orders
),

chosen AS (
    SELECT
        o,
        k,
        fate,
        -- Two lines of five are of what she always buys, the others of what many buy.
        CAST(floor(
            500 * CASE
                WHEN drawn('habit', 100 * o + k) < 0.4 THEN pow(drawn('own', 10 * i + k % 3), 2)
                ELSE pow(drawn('other', 100 * o + k), 2)
            END
        ) AS INTEGER) AS p,
        CAST(1 + floor(3 * drawn('pieces', 100 * o + k)) AS DECIMAL(18, 4)) AS pieces,
        CASE WHEN drawn('rebate', o) < 0.15 THEN 0.1 ELSE 0 END AS rebate
    FROM numbered
)

SELECT
    chosen.o,
    chosen.k,
    chosen.fate,
    prices.product_id,
    prices.sku,
    chosen.pieces,
    prices.unit_price,
    CAST(round(chosen.pieces * prices.unit_price * chosen.rebate, 2) AS DECIMAL(18, 4)) AS discount_amount,
    CAST(chosen.pieces * prices.unit_price AS DECIMAL(18, 4)) AS gross_amount,
    CAST(chosen.pieces * prices.unit_cost AS DECIMAL(18, 4)) AS cost_amount
FROM chosen
INNER JOIN prices USING (p);

-- Of a hundred orders three come back in part, one is a note of goods given back at the till.
INSERT INTO marts.fct_order_lines BY NAME
SELECT
    'webshop:' || (14000000000000 + 100 * o + k) || CASE WHEN is_return THEN ':returned' ELSE '' END AS order_line_id,
    'webshop:' || (5600000000000 + o) AS order_id,
    'webshop' AS source,
    'product' AS line_kind,
    product_id,
    sku,
    CASE WHEN is_return THEN -pieces ELSE pieces END AS quantity,
    unit_price,
    CASE WHEN is_return THEN 0 ELSE discount_amount END AS discount_amount,
    CASE WHEN is_return THEN discount_amount - gross_amount ELSE gross_amount - discount_amount END AS net_amount,
    CASE WHEN is_return THEN -cost_amount ELSE cost_amount END AS cost_amount,
    is_return,
    'EUR' AS currency
FROM (
    SELECT *, fate < 0.01 AS is_return FROM lines
    UNION ALL
    SELECT *, true AS is_return FROM lines WHERE fate BETWEEN 0.01 AND 0.04 AND k = 0
) AS sold;

INSERT INTO marts.fct_order_lines BY NAME
SELECT
    'webshop:' || (15000000000000 + o) AS order_line_id,
    'webshop:' || (5600000000000 + o) AS order_id,
    'webshop' AS source,
    'shipping' AS line_kind,
    1 AS quantity,
    4.9 AS unit_price,
    0 AS discount_amount,
    4.9 AS net_amount,
    false AS is_return,
    'EUR' AS currency
FROM orders
WHERE way < 0.1 AND fate > 0.04;

INSERT INTO marts.fct_orders BY NAME
WITH totals AS (
    SELECT
        o,
        sum(CASE WHEN fate < 0.01 THEN 0 ELSE gross_amount END) AS gross_amount,
        sum(CASE WHEN fate < 0.01 THEN 0 ELSE discount_amount END) AS discount_amount,
        sum(CASE
            WHEN fate < 0.01 OR (fate < 0.04 AND k = 0) THEN gross_amount - discount_amount
            ELSE 0
        END) AS refund_amount,
        -- Of an order with goods of unknown cost the cost is unknown.
        CASE WHEN count(cost_amount) = count(*) THEN sum(CASE
            WHEN fate < 0.01 THEN -cost_amount
            WHEN fate < 0.04 AND k = 0 THEN 0
            ELSE cost_amount
        END) END AS cost_amount
    FROM lines
    GROUP BY o
),

shipped AS (
    SELECT
        totals.*,
        orders.* EXCLUDE (o),
        CASE WHEN way < 0.1 AND fate > 0.04 THEN 4.9 ELSE 0 END AS shipping_amount
    FROM totals
    INNER JOIN orders USING (o)
),

told AS (
    SELECT
        'webshop:' || (5600000000000 + o) AS order_id,
        CAST(o AS VARCHAR) AS order_number,
        'webshop' AS source,
        CASE WHEN way < 0.6 THEN 'web' WHEN way < 0.95 THEN 'store' ELSE 'phone' END AS channel,
        CASE WHEN way BETWEEN 0.6 AND 0.7 THEN NULL ELSE named('c_', i) END AS customer_id,
        ago(days_ago) + INTERVAL 8 HOUR + INTERVAL (CAST(36000 * drawn('time', o) AS INTEGER)) SECOND AS ordered_at,
        ago(days_ago) AS ordered_on,
        CASE WHEN fate < 0.01 THEN 'returned' ELSE 'completed' END AS status,
        CASE WHEN fate < 0.01 THEN 'return' ELSE 'sale' END AS order_kind,
        gross_amount + shipping_amount AS gross_amount,
        discount_amount,
        refund_amount,
        shipping_amount,
        gross_amount + shipping_amount - discount_amount - refund_amount AS net_amount,
        cost_amount,
        gross_amount + shipping_amount - discount_amount - refund_amount - cost_amount AS margin_amount,
        'EUR' AS currency,
        gross_amount + shipping_amount - discount_amount - refund_amount AS original_net_amount,
        'EUR' AS original_currency
    FROM shipped
)

SELECT
    *,
    customer_id IS NOT NULL AND order_kind = 'sale' AND row_number() OVER (
        PARTITION BY customer_id, order_kind ORDER BY ordered_at, order_id
    ) = 1 AS is_first_order
FROM told;

-- A newsletter each month; of every sixth the cost is stated, and one went out on paper.
INSERT INTO intermediate.int_used__campaigns BY NAME
SELECT
    'list' AS source,
    'valid' AS record_status,
    true AS is_valid,
    'nl' || n AS campaign_id,
    'list:nl' || n AS campaign_key,
    'Newsletter ' || n AS campaign_name,
    CASE WHEN n < 36 THEN 'email' ELSE 'letter' END AS channel,
    ago(30 * n) + INTERVAL 8 HOUR AS started_at,
    CASE WHEN n % 6 = 0 THEN 500 + 100 * n END AS cost_amount,
    'EUR' AS currency
FROM range(37) AS numbers (n);

CREATE TEMP TABLE mails AS
SELECT
    people.i * 100 + n AS m,
    people.customer_id,
    'list:nl' || n AS campaign_id,
    ago(30 * n) + INTERVAL 8 HOUR AS sent_at,
    drawn('mail', people.i * 100 + n) AS fate
FROM people
CROSS JOIN range(36) AS numbers (n)
WHERE people.kind < 0.5 AND people.born > 30 * n AND drawn('told', people.i * 100 + n) < 0.7;

INSERT INTO intermediate.int_email_deliveries BY NAME
SELECT
    named('mailer:', m) || ':' || customer_id AS delivery_id,
    'mailer' AS source,
    campaign_id,
    customer_id,
    sent_at,
    CAST(sent_at AS DATE) AS sent_on,
    CASE WHEN fate < 0.98 THEN sent_at END AS delivered_at,
    CASE WHEN fate < 0.98 THEN CAST(sent_at AS DATE) END AS delivered_on,
    CASE WHEN fate < 0.5 THEN sent_at + INTERVAL 3 HOUR END AS opened_at,
    CASE WHEN fate < 0.25 THEN sent_at + INTERVAL 3 HOUR END AS human_opened_at,
    CASE WHEN fate < 0.25 THEN CAST(sent_at AS DATE) END AS human_opened_on,
    CASE WHEN fate < 0.05 THEN sent_at + INTERVAL 4 HOUR END AS clicked_at,
    CASE WHEN fate < 0.04 THEN sent_at + INTERVAL 4 HOUR END AS human_clicked_at,
    CASE WHEN fate < 0.04 THEN CAST(sent_at AS DATE) END AS human_clicked_on,
    CASE WHEN fate < 0.002 THEN sent_at + INTERVAL 5 HOUR END AS unsubscribed_at,
    true AS is_open_tracked,
    true AS is_click_tracked
FROM mails;

INSERT INTO marts.fct_email_events BY NAME
SELECT
    named('mailer:', event || m) AS event_id,
    'mailer' AS source,
    named('mailer:', m) || ':' || customer_id AS delivery_id,
    campaign_id,
    customer_id,
    event,
    sent_at + INTERVAL 1 HOUR * hours AS occurred_at,
    (event = 'open' AND fate > 0.25) OR (event = 'click' AND fate > 0.04) AS is_machine
FROM mails
INNER JOIN (
    VALUES ('sent', 0, 1.0), ('delivered', 0, 0.98), ('open', 3, 0.5), ('click', 4, 0.05), ('unsubscribe', 5, 0.002)
) AS events (event, hours, upto) ON mails.fate < events.upto;

INSERT INTO marts.fct_calls BY NAME
SELECT
    named('phone:CA', c) AS call_id,
    'phone' AS source,
    CASE WHEN drawn('known', c) < 0.9 THEN named('c_', c % getvariable('customers')) END AS customer_id,
    CASE WHEN drawn('direction', c) < 0.9 THEN 'in' ELSE 'out' END AS direction,
    ago(floor(1000 * drawn('call', c)))
    + INTERVAL (CAST(30000 + 30000 * drawn('minute', c) AS INTEGER)) SECOND AS started_at,
    CAST(200 * drawn('wait', c) AS BIGINT) AS wait_seconds,
    CASE WHEN drawn('taken', c) < 0.85 THEN CAST(400 * drawn('talk', c) AS BIGINT) ELSE 0 END AS talk_seconds,
    CASE WHEN drawn('taken', c) < 0.85 THEN 'completed' ELSE 'no-answer' END AS outcome,
    ['Where is my parcel', 'Refund', 'Order arrived broken', 'Points are missing', NULL][1 + c % 5] AS reason,
    'agent ' || c % 40 AS agent_id,
    CASE WHEN drawn('rates', c) < 0.2 THEN 1 + floor(5 * drawn('rating', c)) END AS satisfaction,
    CASE WHEN c % 50 > 0 THEN round(0.8 * (600 * drawn('talk', c)) / 60, 4) END AS handling_cost_amount,
    'EUR' AS currency
FROM range(CAST(0.3 * getvariable('customers') AS BIGINT)) AS numbers (c);

-- Of every third call the service desk knows, too.
INSERT INTO marts.fct_tickets BY NAME
SELECT
    'desk:' || t AS ticket_id,
    'desk' AS source,
    CASE WHEN t % 3 = 0 THEN calls.customer_id ELSE named('c_', (7 * t) % getvariable('customers')) END AS customer_id,
    CASE t % 3 WHEN 0 THEN 'phone' WHEN 1 THEN 'email' ELSE 'web' END AS channel,
    [
        'Where is my parcel?', 'Order arrived broken', 'Invoice with another address', 'Question about ingredients',
        'Points are missing on my card', 'Change of my address'
    ][1 + t % 6] AS subject,
    CASE WHEN t % 40 = 0 THEN 'open' ELSE 'closed' END AS status,
    CASE WHEN t % 40 = 0 THEN 'open' ELSE 'solved' END AS stage,
    CASE
        WHEN t % 3 = 0 THEN calls.started_at + INTERVAL 5 MINUTE
        ELSE ago(floor(1000 * drawn('ticket', t))) + INTERVAL 9 HOUR
    END AS created_at,
    CASE WHEN drawn('judges', t) < 0.2 THEN 1 + floor(5 * drawn('mark', t)) END AS satisfaction,
    'agent ' || t % 40 AS agent_id
FROM range(CAST(0.12 * getvariable('customers') AS BIGINT)) AS numbers (t)
INNER JOIN (SELECT *, row_number() OVER (ORDER BY call_id) - 1 AS c FROM marts.fct_calls) AS calls ON calls.c = 2 * t;

INSERT INTO marts.fct_surveys BY NAME
SELECT
    'survey:R' || s AS response_id,
    'survey' AS source,
    named('c_', (3 * s) % getvariable('customers')) AS customer_id,
    CASE WHEN s % 2 = 0 THEN 'nps' ELSE 'rating' END AS kind,
    CASE WHEN s % 2 = 0 THEN 'order' ELSE 'product' END AS subject,
    CASE WHEN s % 2 = 0 THEN floor(11 * sqrt(drawn('answer', s))) ELSE 1 + floor(5 * sqrt(drawn('answer', s))) END
        AS score,
    CASE WHEN s % 2 = 0 THEN 0 ELSE 1 END AS scale_min,
    CASE WHEN s % 2 = 0 THEN 10 ELSE 5 END AS scale_max,
    ago(floor(1000 * drawn('asked', s))) + INTERVAL 18 HOUR AS responded_at,
    CASE WHEN s % 2 = 0 THEN 'webshop:' || (5600000000000 + 1000 * ((3 * s) % getvariable('customers'))) END
        AS order_id,
    CASE WHEN s % 2 = 1 THEN 'webshop:' || (45100000000000 + s % 500) END AS product_id,
    'email' AS channel
FROM range(CAST(0.4 * getvariable('customers') AS BIGINT)) AS numbers (s);

INSERT INTO marts.fct_web_sessions BY NAME
SELECT
    named('app:', w) AS session_id,
    'app' AS tracker,
    CASE WHEN drawn('login', w) < 0.6 THEN named('c_', (11 * w) % getvariable('customers')) END AS customer_id,
    named('v_', w % 1000003) AS visitor_id,
    ago(floor(1095 * drawn('visit', w)))
    + INTERVAL (CAST(80000 * drawn('second', w) AS INTEGER)) SECOND AS started_at,
    3 AS page_views,
    false AS is_converted,
    drawn('bot', w) < 0.1 AS is_bot
FROM range(CAST(3 * getvariable('customers') AS BIGINT)) AS numbers (w);

INSERT INTO marts.fct_subscriptions BY NAME
SELECT
    'boxes:BOX-' || i AS subscription_id,
    'boxes' AS source,
    customer_id,
    'breakfast box' AS plan,
    CASE WHEN share_of_life = 1 THEN 'running' ELSE 'cancelled' END AS status,
    ago(born) AS started_on,
    share_of_life = 1 AS is_active,
    1 AS period_months,
    CAST(floor(born * share_of_life / 30) AS BIGINT) AS renewals,
    29 AS price_amount,
    'EUR' AS currency
FROM people
WHERE drawn('box', i) < 0.03;

-- Scores as the models leave them; what fitting and scoring takes is measured elsewhere.
INSERT INTO scores.lifetime_value BY NAME
SELECT
    customer_id,
    drawn('alive', i) AS probability_alive,
    4 * drawn('alive', i) AS expected_orders_12m,
    160 * drawn('alive', i) AS expected_revenue_12m,
    150 * drawn('alive', i) AS residual_amount,
    'modelled' AS status,
    1 - drawn('alive', i) AS probability_silent,
    floor(2 * drawn('alive', i)) AS expected_orders_12m_lower,
    ceil(8 * drawn('alive', i)) AS expected_orders_12m_upper,
    60 * drawn('alive', i) AS expected_revenue_12m_lower,
    400 * drawn('alive', i) AS expected_revenue_12m_upper
FROM people
WHERE is_buyer;

INSERT INTO scores.churn BY NAME
SELECT
    customer_id,
    1 - drawn('alive', i) AS churn_risk,
    'bought nothing for ' || born || ' days; bought on few days so far: 1' AS reasons,
    'modelled' AS status
FROM people
WHERE is_buyer;

INSERT INTO scores.subscriptions BY NAME
SELECT
    subscription_id,
    0.7 AS probability_active_12m,
    10 AS expected_renewals_12m,
    10 * price_amount AS residual_amount,
    'modelled' AS status
FROM marts.fct_subscriptions
WHERE is_active;

-- What a customer of so many order days, known for so long, will order: for all who are alike on one of the snapshot
-- days, today and the ends of the twelve months before.
INSERT INTO scores.expected_orders BY NAME
WITH snapshot_days AS (
    SELECT
        CASE
            WHEN n = 0 THEN ago(0)
            ELSE CAST(date_trunc('month', ago(0)) + INTERVAL (1 - n) MONTH - INTERVAL 1 DAY AS DATE)
        END AS day
    FROM range(13) AS numbers (n)
),

order_days AS (
    SELECT DISTINCT customer_id, ordered_on
    FROM marts.fct_orders
    WHERE order_kind = 'sale' AND customer_id IS NOT NULL
),

alike AS (
    SELECT DISTINCT
        count(*) - 1 AS frequency,
        max(order_days.ordered_on) - min(order_days.ordered_on) AS recency_days,
        snapshot_days.day - min(order_days.ordered_on) AS tenure_days
    FROM order_days
    INNER JOIN snapshot_days ON order_days.ordered_on <= snapshot_days.day
    GROUP BY order_days.customer_id, snapshot_days.day
)

SELECT
    frequency,
    recency_days,
    tenure_days,
    365 * (frequency + 0.7) / (tenure_days + 70) * (recency_days + 70) / (tenure_days + 70) AS expected_orders_12m
FROM alike;
