-- The marts of journeys, cohorts and reasons for leaving, by hand; the tables of value_marts.sql are there.
-- part: journeys
-- A day of the company lies 180 days back if it ended before this moment.
SET VARIABLE quiet_before = (
    CAST(getvariable('today') - 179 AS TIMESTAMP) AT TIME ZONE 'Europe/Berlin' AT TIME ZONE 'UTC'
);

-- Of two things in the same moment the cause stands first: the kinds in their order.
CREATE TYPE touch_kind AS ENUM (
    'email_delivered', 'consent', 'web_session', 'email_open', 'email_click', 'call', 'ticket', 'order', 'return',
    'survey', 'email_unsubscribe', 'email_complaint'
);

-- Of two of one kind in one moment the smaller id stands first; where all of a kind are in one channel, none is needed.
CREATE TABLE journey_touchpoints AS
SELECT
    customer_id,
    ordered_at AS occurred_at,
    CAST(CASE WHEN order_kind = 'sale' THEN 'order' ELSE 'return' END AS touch_kind) AS kind,
    coalesce(lower(channel), 'unknown') AS channel,
    true AS is_in,
    order_id AS id
FROM marts.fct_orders
WHERE customer_id IS NOT NULL AND order_kind IN ('sale', 'return') AND ordered_at <= getvariable('now')
UNION ALL
SELECT customer_id, delivered_at, CAST('email_delivered' AS touch_kind), 'email', false, NULL
FROM intermediate.int_email_deliveries
WHERE customer_id IS NOT NULL AND delivered_at <= getvariable('now')
UNION ALL
SELECT customer_id, occurred_at, CAST('email_' || event AS touch_kind), 'email', true, NULL
FROM marts.fct_email_events
WHERE
    customer_id IS NOT NULL
    AND NOT is_machine
    AND event IN ('open', 'click', 'unsubscribe', 'complaint')
    AND occurred_at <= getvariable('now')
UNION ALL
SELECT customer_id, started_at, CAST('call' AS touch_kind), 'phone', direction NOT IN ('out', 'outbound'), NULL
FROM marts.fct_calls
WHERE customer_id IS NOT NULL AND started_at <= getvariable('now')
UNION ALL
SELECT customer_id, created_at, CAST('ticket' AS touch_kind), coalesce(lower(channel), 'unknown'), true, ticket_id
FROM marts.fct_tickets
WHERE customer_id IS NOT NULL AND stage <> 'deleted' AND created_at <= getvariable('now')
UNION ALL
SELECT customer_id, responded_at, CAST('survey' AS touch_kind), coalesce(lower(channel), 'unknown'), true, response_id
FROM marts.fct_surveys
WHERE customer_id IS NOT NULL AND responded_at <= getvariable('now')
UNION ALL
SELECT customer_id, started_at, CAST('web_session' AS touch_kind), 'web', true, NULL
FROM marts.fct_web_sessions
WHERE customer_id IS NOT NULL AND NOT is_bot AND started_at <= getvariable('now');

-- Where everybody began and when she came to each step, a row each.
CREATE TABLE journey_customers AS
WITH touches AS (
    SELECT customer_id, kind, channel, is_in, min(occurred_at) AS moment, max(occurred_at) AS last_at
    FROM journey_touchpoints
    GROUP BY ALL
    UNION ALL
    SELECT
        customer_id,
        CAST('consent' AS touch_kind),
        coalesce(channel, 'unknown'),
        true,
        min(occurred_at),
        max(occurred_at)
    FROM intermediate.int_consent_statements
    WHERE customer_id IS NOT NULL AND status = 'granted' AND occurred_at <= getvariable('now')
    GROUP BY ALL
),

firsts AS (
    SELECT
        customer_id,
        min(moment) AS first_at,
        min(moment) FILTER (WHERE kind <> 'consent') AS first_touch_at,
        -- Who was only ever written to left no sign of life since.
        coalesce(max(last_at) FILTER (WHERE is_in), min(moment)) AS last_sign_at,
        -- A yes names a channel that we may use, not the one that she came by.
        min({'is_consent': kind = 'consent', 'moment': moment, 'kind': kind, 'channel': channel}).channel
            AS entry_channel,
        min({'moment': moment, 'channel': channel}) FILTER (WHERE kind = 'consent') AS consent,
        min({'moment': moment, 'kind': kind, 'channel': channel}) FILTER (
            WHERE is_in AND kind IN ('web_session', 'email_open', 'email_click', 'call', 'ticket', 'survey')
        ) AS response,
        min({'moment': moment, 'channel': channel}) FILTER (WHERE kind = 'order') AS first_order
    FROM touches
    GROUP BY customer_id
),

orders AS (
    SELECT
        customer_id,
        channel AS first_order_channel,
        {'moment': lead(occurred_at) OVER again, 'channel': lead(channel) OVER again} AS second_order
    FROM journey_touchpoints
    WHERE kind = 'order'
    WINDOW again AS (PARTITION BY customer_id ORDER BY occurred_at, id)
    QUALIFY row_number() OVER again = 1
),

months AS (
    SELECT DISTINCT customer_id, 12 * year(day) + month(day) AS month FROM order_days
),

-- Regular is who bought in three months in a row.
third_months AS (
    SELECT customer_id, min(month) AS month
    FROM (
        FROM months
        QUALIFY month - lag(month, 2) OVER (PARTITION BY customer_id ORDER BY month) = 2
    ) AS ends
    GROUP BY customer_id
),

regulars AS (
    SELECT orders.customer_id, min({'moment': ordered_at, 'channel': coalesce(lower(channel), 'unknown')}) AS regular
    FROM marts.fct_orders AS orders
    INNER JOIN third_months
        ON
            orders.customer_id = third_months.customer_id
            AND 12 * year(orders.ordered_on) + month(orders.ordered_on) = third_months.month
    WHERE orders.order_kind = 'sale' AND orders.ordered_at <= getvariable('now')
    GROUP BY orders.customer_id
)

SELECT *
FROM firsts
LEFT JOIN orders USING (customer_id)
LEFT JOIN regulars USING (customer_id);

CREATE TABLE customer_journeys AS
WITH lists AS (
    -- Forward only: a yes after the first answer, or an answer after the first order, was no step on the way there.
    SELECT
        entry_channel,
        last_sign_at,
        list_filter(
            [
                {'number': 10, 'step': 'first_contact', 'moment': first_at, 'channel': entry_channel},
                {
                    'number': 20,
                    'step': 'consent',
                    'moment': CASE
                        WHEN coalesce(consent.moment <= least(response.moment, first_order.moment), true)
                            THEN consent.moment
                    END,
                    'channel': consent.channel
                },
                {
                    'number': 30,
                    'step': 'response',
                    'moment': CASE WHEN coalesce(response.moment <= first_order.moment, true) THEN response.moment END,
                    'channel': response.channel
                },
                {'number': 40, 'step': 'first_order', 'moment': first_order.moment, 'channel': first_order.channel},
                {'number': 50, 'step': 'second_order', 'moment': second_order.moment, 'channel': second_order.channel},
                {'number': 60, 'step': 'regular', 'moment': regular.moment, 'channel': regular.channel}
            ],
            lambda step: step.moment IS NOT NULL
        ) AS steps
    FROM journey_customers
),

-- The list beside itself without its first: each step and the next one.
steps AS (
    SELECT entry_channel, last_sign_at, unnest(steps) AS this, unnest(steps[2:]) AS following FROM lists
),

sided AS (
    SELECT
        steps.this.number AS from_step_number,
        steps.this.step AS from_step,
        steps.following.number AS to_step_number,
        CASE
            WHEN steps.following IS NOT NULL THEN steps.following.step
            WHEN steps.last_sign_at < getvariable('quiet_before') THEN 'dropped_out'
            ELSE 'still_open'
        END AS to_step,
        epoch_us(CASE to_step
            WHEN 'dropped_out' THEN steps.last_sign_at
            WHEN 'still_open' THEN getvariable('now')
            ELSE steps.following.moment
        END) - epoch_us(steps.this.moment) AS microseconds,
        steps.this.moment < getvariable('quiet_before') AS is_mature,
        steps.entry_channel,
        coalesce(entries.side, 'other') AS entry_side,
        nexts.side AS next_side
    FROM steps
    LEFT JOIN reference.touch_channels AS entries ON steps.entry_channel = entries.channel
    LEFT JOIN reference.touch_channels AS nexts ON steps.following.channel = nexts.channel
),

pairs AS (
    SELECT
        coalesce(entry_side, 'all') AS journey,
        coalesce(entry_channel, 'all') AS channel,
        from_step,
        from_step_number,
        to_step,
        to_step_number,
        count(*) AS customers,
        count_if(is_mature) AS mature_customers,
        count(*) FILTER (WHERE next_side = 'online') AS online_customers,
        count(*) FILTER (WHERE next_side = 'offline') AS offline_customers,
        quantile_cont(microseconds, 0.5) / 86400e6 AS median_days,
        quantile_disc(microseconds, [0.25, 0.75]) AS quartiles
    FROM sided
    GROUP BY GROUPING SETS (
        (from_step, from_step_number, to_step, to_step_number),
        (entry_side, from_step, from_step_number, to_step, to_step_number),
        (entry_side, entry_channel, from_step, from_step_number, to_step, to_step_number)
    )
)

SELECT
    * EXCLUDE (quartiles) REPLACE (
        sum(mature_customers) OVER entered AS mature_customers,
        round(median_days, 6) AS median_days
    ),
    sum(customers) OVER entered AS entered_customers,
    round(share(customers, sum(customers) OVER entered), 6) AS share,
    round(quartiles[1] / 86400e6, 6) AS p25_days,
    round(quartiles[2] / 86400e6, 6) AS p75_days,
    coalesce(sum(customers) FILTER (WHERE to_step = 'dropped_out') OVER entered, 0) AS dropped_customers,
    round(share(
        coalesce(sum(customers) FILTER (WHERE to_step = 'dropped_out') OVER entered, 0),
        sum(mature_customers) OVER entered
    ), 6) AS drop_rate
FROM pairs
WINDOW entered AS (PARTITION BY journey, channel, from_step_number);

CREATE TABLE journey_paths AS
WITH stays AS (
    SELECT touches.customer_id, touches.channel, row_number() OVER travelled AS number
    FROM journey_touchpoints AS touches
    INNER JOIN journey_customers AS customers USING (customer_id)
    WHERE
        customers.first_order IS NULL
        OR touches.occurred_at < customers.first_order.moment
        OR (touches.occurred_at = customers.first_order.moment AND touches.kind < CAST('order' AS touch_kind))
    WINDOW travelled AS (PARTITION BY touches.customer_id ORDER BY touches.occurred_at, touches.kind, touches.id)
    -- Ten mails in a row are one stay in the channel.
    QUALIFY touches.channel IS DISTINCT FROM lag(touches.channel) OVER travelled
),

paths AS (
    SELECT
        customer_id,
        CASE WHEN count(*) > 5 THEN '... > ' ELSE '' END
        || array_to_string(list_reverse(arg_max(channel, number, 5)), ' > ') AS path
    FROM stays
    GROUP BY customer_id
),

journeys AS (
    SELECT
        coalesce(paths.path, '(none)') AS path,
        customers.first_order IS NOT NULL AS is_converted,
        customers.last_sign_at >= getvariable('quiet_before') AS is_open,
        epoch_us(customers.first_order.moment) - epoch_us(customers.first_touch_at) AS microseconds,
        touch_channels.side
    FROM journey_customers AS customers
    LEFT JOIN paths USING (customer_id)
    LEFT JOIN reference.touch_channels AS touch_channels ON customers.first_order_channel = touch_channels.channel
    WHERE customers.first_touch_at IS NOT NULL
)

SELECT
    path,
    count(*) AS customers,
    share(count(*), sum(count(*)) OVER ()) AS share,
    count_if(is_converted) AS conversions,
    count(*) FILTER (WHERE side = 'online') AS online_conversions,
    count(*) FILTER (WHERE side = 'offline') AS offline_conversions,
    count_if(is_open AND NOT is_converted) AS still_open_customers,
    share(count_if(is_converted), count(*)) AS conversion_rate,
    round(quantile_cont(microseconds, 0.5) / 86400e6, 6) AS median_days
FROM journeys
GROUP BY path;

CREATE TABLE cohorts AS
WITH first_orders AS (
    SELECT
        customer_id,
        CAST(date_trunc('month', ordered_on) AS DATE) AS cohort_month,
        coalesce(lower(channel), '(none)') AS first_channel,
        coalesce(source, '(none)') AS first_source,
        coalesce(campaign_id, '(none)') AS first_campaign
    FROM marts.fct_orders
    WHERE is_first_order AND ordered_on <= getvariable('today')
),

customer_months AS (
    SELECT
        customer_id,
        CAST(date_trunc('month', day) AS DATE) AS month,
        sum(orders) AS orders,
        sum(sales_amount) AS sales_amount,
        sum(revenue_amount) AS revenue_amount,
        sum(uncosted_amount) AS uncosted_amount,
        sum(margin_amount) AS margin_amount
    FROM customer_days
    WHERE orders + returns > 0 AND customer_id IS NOT NULL
    GROUP BY ALL
),

-- A return from before the first order that we know of belongs to the month of the first order.
cohort_months AS (
    SELECT
        first_orders.cohort_month,
        greatest(customer_months.month, first_orders.cohort_month) AS month,
        first_orders.first_channel,
        first_orders.first_source,
        first_orders.first_campaign,
        count_if(customer_months.orders > 0) AS active_customers,
        sum(customer_months.orders) AS orders,
        sum(customer_months.sales_amount) AS sales_amount,
        sum(customer_months.revenue_amount) AS revenue_amount,
        sum(customer_months.uncosted_amount) AS uncosted_amount,
        sum(customer_months.margin_amount) AS margin_amount
    FROM first_orders
    INNER JOIN customer_months USING (customer_id)
    GROUP BY ALL
),

summed AS (
    SELECT
        dimension,
        group_name,
        cohort_month,
        month,
        sum(active_customers) AS active_customers,
        sum(orders) AS orders,
        sum(sales_amount) AS sales_amount,
        sum(revenue_amount) AS revenue_amount,
        sum(uncosted_amount) AS uncosted_amount,
        sum(margin_amount) AS margin_amount
    FROM (
        SELECT
            *,
            unnest(['all', 'first_channel', 'first_source', 'first_campaign']) AS dimension,
            unnest(['all', first_channel, first_source, first_campaign]) AS group_name
        FROM cohort_months
    ) AS grouped
    GROUP BY ALL
),

-- A month in which nobody came is a row, too.
grid AS (
    SELECT
        dimension,
        group_name,
        cohort_month,
        active_customers AS customers,
        unnest(generate_series(cohort_month, getvariable('today'), INTERVAL 1 MONTH)) AS month
    FROM summed
    WHERE month = cohort_month
)

SELECT
    grid.dimension,
    grid.group_name,
    grid.cohort_month,
    date_diff('month', grid.cohort_month, grid.month) AS month_number,
    CAST(grid.month AS DATE) AS month,
    -- The last day of a month completes it.
    grid.month < date_trunc('month', getvariable('today') + 1) AS is_complete,
    grid.customers,
    coalesce(summed.active_customers, 0) AS active_customers,
    share(coalesce(summed.active_customers, 0), grid.customers) AS retention_rate,
    coalesce(summed.orders, 0) AS orders,
    coalesce(summed.revenue_amount, 0) AS revenue_amount,
    coalesce(summed.uncosted_amount, 0) AS uncosted_revenue_amount,
    summed.margin_amount,
    money(share(summed.sales_amount, summed.orders)) AS average_order_amount,
    coalesce(sum(summed.orders) OVER so_far, 0) AS cumulative_orders,
    coalesce(sum(summed.revenue_amount) OVER so_far, 0) AS cumulative_revenue_amount,
    sum(summed.margin_amount) OVER so_far AS cumulative_margin_amount,
    money(share(coalesce(sum(summed.revenue_amount) OVER so_far, 0), grid.customers)) AS revenue_per_customer_amount
FROM grid
LEFT JOIN summed
    ON
        grid.dimension = summed.dimension
        AND grid.group_name = summed.group_name
        AND grid.cohort_month = summed.cohort_month
        AND grid.month = summed.month
WINDOW so_far AS (PARTITION BY grid.dimension, grid.group_name, grid.cohort_month ORDER BY grid.month);

CREATE TABLE cohort_retention AS
SELECT * EXCLUDE (dimension, group_name) FROM cohorts WHERE dimension = 'all';

CREATE TABLE cohort_retention_by AS
SELECT * FROM cohorts WHERE dimension <> 'all';

CREATE TABLE leaving_reasons AS
WITH contacts AS (
    SELECT
        contacts.customer_id,
        contacts.reason_group AS reason,
        coalesce(contacts.channel, 'unknown') AS channel,
        contacts.day
    FROM int_service_contacts AS contacts
    INNER JOIN customer_sums AS sums ON contacts.customer_id = sums.customer_id
    WHERE contacts.direction = 'in' AND contacts.day >= sums.first_ordered_on
),

-- The first contact about each reason counts: the last one is near the end by its nature.
first_contacts AS (
    SELECT customer_id, reason, coalesce(channel, 'all') AS channel, min(day) AS day
    FROM contacts
    GROUP BY GROUPING SETS ((customer_id, reason, channel), (customer_id, reason))
),

contact_days AS (
    SELECT DISTINCT customer_id, day FROM first_contacts
),

measured AS (
    SELECT
        contact_days.customer_id,
        contact_days.day,
        count_if(days.orders > 0 AND days.day <= contact_days.day) AS order_days,
        contact_days.day - max(days.day) FILTER (WHERE days.orders > 0 AND days.day <= contact_days.day)
            AS silence_days,
        CASE WHEN contact_days.day + 180 <= getvariable('today') THEN coalesce(
            min(days.day) FILTER (WHERE days.orders > 0 AND days.day > contact_days.day) > contact_days.day + 180, true
        ) END AS has_left,
        coalesce(sum(days.revenue_amount) FILTER (
            WHERE days.day <= contact_days.day AND days.day > contact_days.day - 365
        ), 0) AS revenue_365d_amount
    FROM contact_days
    INNER JOIN customer_days AS days USING (customer_id)
    WHERE days.orders + days.returns > 0
    GROUP BY contact_days.customer_id, contact_days.day
),

cells AS (
    SELECT
        contacts.reason,
        contacts.channel,
        CASE
            WHEN measured.order_days >= 5 THEN 'many_order_days'
            WHEN measured.order_days >= 2 THEN 'few_order_days'
            ELSE 'one_order_day'
        END AS buyer_group,
        CASE
            WHEN measured.silence_days >= 90 THEN 'longer'
            WHEN measured.silence_days >= 30 THEN 'under_90_days'
            ELSE 'under_30_days'
        END AS silence,
        count(measured.has_left) AS customers,
        count(*) - count(measured.has_left) AS still_open_customers,
        count(*) FILTER (WHERE measured.has_left) AS customers_left,
        coalesce(sum(measured.revenue_365d_amount) FILTER (WHERE measured.has_left), 0) AS lost_revenue_amount
    FROM first_contacts AS contacts
    INNER JOIN measured USING (customer_id, day)
    GROUP BY ALL
),

-- What would be expected: as many as leave of those who are alike and came about something else, or of all others.
expected AS (
    SELECT
        *,
        customers * round(coalesce(
            share(sum(customers_left) OVER alike - customers_left, sum(customers) OVER alike - customers),
            share(
                sum(customers_left) OVER channels - sum(customers_left) OVER own,
                sum(customers) OVER channels - sum(customers) OVER own
            ),
            0
        ), 9) AS expected_left
    FROM cells
    WINDOW
        alike AS (PARTITION BY channel, buyer_group, silence),
        channels AS (PARTITION BY channel),
        own AS (PARTITION BY channel, reason)
),

reasons AS (
    SELECT
        reason,
        channel,
        coalesce(buyer_group, 'all') AS buyer_group,
        sum(customers) AS customers,
        sum(still_open_customers) AS still_open_customers,
        sum(customers_left) AS customers_left,
        sum(lost_revenue_amount) AS lost_revenue_amount,
        CASE WHEN sum(customers) > 0 THEN sum(expected_left) END AS expected_left,
        share(sum(customers_left), sum(customers)) AS left_rate,
        share(sum(expected_left), sum(customers)) AS expected_rate
    FROM expected
    GROUP BY GROUPING SETS ((reason, channel), (reason, channel, buyer_group))
),

bounded AS (
    SELECT
        *,
        wilson(left_rate, CAST(customers AS DOUBLE), -1) AS left_rate_low,
        wilson(left_rate, CAST(customers AS DOUBLE), 1) AS left_rate_high
    FROM reasons
)

SELECT
    * EXCLUDE (expected_left) REPLACE (
        round(left_rate, 6) AS left_rate,
        round(expected_rate, 6) AS expected_rate
    ),
    round(share(bounded.left_rate, bounded.expected_rate), 6) AS lift,
    round(share(left_rate_low, bounded.expected_rate), 6) AS lift_low,
    round(share(left_rate_high, bounded.expected_rate), 6) AS lift_high,
    round(customers_left - expected_left, 6) AS excess_left,
    CASE
        WHEN customers < 30 THEN 'too_few'
        WHEN left_rate_low > bounded.expected_rate THEN 'leaves_more'
        WHEN left_rate_high < bounded.expected_rate THEN 'leaves_less'
        ELSE 'none'
    END AS finding
FROM bounded;
