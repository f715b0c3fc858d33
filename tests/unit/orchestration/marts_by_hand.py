"""A small published copy, made by hand: the numbers in the charts' tests can be checked on paper."""

from __future__ import annotations

import duckdb

from orchestration.published import Published

# Ten customers bring 100, 50, 20, 10, 10, 5, 5, 5, 5, -10, together 200; the best two of them 150.
CONCENTRATION = """
CREATE TABLE marts.portfolio_concentration AS
WITH curve (percent, customers, amount, losing, lost) AS (
    VALUES (0, 0, 0, 0, 0), (10, 1, 100, 0, 0), (20, 2, 150, 0, 0), (30, 3, 170, 0, 0), (40, 4, 180, 0, 0),
        (50, 5, 190, 0, 0), (60, 6, 195, 0, 0), (70, 7, 200, 0, 0), (80, 8, 205, 0, 0), (90, 9, 210, 0, 0),
        (100, 10, 200, 1, -10)
), filled AS (
    SELECT percents.percent AS top_percent, curve.* FROM range(101) AS percents (percent)
    JOIN curve ON curve.percent = CAST(ceil(percents.percent / 10) * 10 AS INTEGER)
)
SELECT measure, CAST(top_percent AS INTEGER) AS top_percent, customers * size AS customers,
    CAST(customers / 10 AS DOUBLE) AS customer_share, CAST(amount * size AS DECIMAL(18, 4)) AS amount,
    CAST(amount / 200 AS DOUBLE) AS cumulative_share,
    CASE WHEN top_percent % 10 = 1 THEN size ELSE 0 END AS step_customers, losing * size AS losing_customers,
    CAST(lost * size AS DECIMAL(18, 4)) AS losing_amount, 3 AS unknown_customers
FROM filled CROSS JOIN (VALUES ('profit', {size}), ('revenue', {size})) AS measures (measure, size);
"""

# 160 - 10 - 50 = 100; 100 - 30 - 25 = 45; 45 - 0.5 - 9.5 - 1.6 = 33.4, which is 21 % of 160.
BRIDGE = """
CREATE TABLE marts.portfolio_bridge AS SELECT * FROM (VALUES
    (1, 'gross', 'total', 160.0::DECIMAL(18, 4), NULL::DOUBLE), (2, 'discounts', 'change', -10, NULL),
    (3, 'returns', 'change', -50, NULL), (4, 'revenue', 'total', 100, NULL),
    (5, 'uncosted_revenue', 'change', -30, NULL), (6, 'cost_of_goods', 'change', -25, 0.7),
    (7, 'margin', 'total', 45, 0.7), (8, 'messages', 'change', -0.5, 1), (9, 'media', 'change', -9.5, 1),
    (10, 'service', 'change', -1.6, 1), (11, 'profit', 'total', 33.4, 0.7)
) AS rows (step_number, step, kind, amount, coverage_rate);
"""

PROFIT = """
CREATE TABLE marts.portfolio_profit AS SELECT * FROM (VALUES
    ('all', 'all', NULL, 'All', 50, 1000.0::DECIMAL(18, 4), 1.0, 4, -20.0::DECIMAL(18, 4)),
    ('value_segment', 'group', 'top', 'top', 5, 700, 0.7, 0, 0),
    ('value_segment', 'group', 'none', 'none', 45, -50, -0.05, 4, -20),
    ('value_segment', 'anonymous_orders', NULL, '(anonymous orders)', 0, 350, 0.35, NULL, NULL),
    ('behaviour_segment', 'group', 'at_risk', 'at_risk', 50, NULL, NULL, NULL, NULL)
) AS rows (dimension, row_kind, group_id, group_name, customers, profit_amount, profit_share, unprofitable_customers,
    unprofitable_amount);
"""

# 5 x 5: 300 and 100, on average 200. The others: 40, and one whose profit is unknown. One never bought.
RFM = """
CREATE TABLE marts.customer_segments AS SELECT * FROM (VALUES
    ('a', 5, 5), ('b', 5, 5), ('c', 1, 2), ('d', 1, 1), ('e', 0, 0)
) AS rows (customer_id, recency_score, frequency_score);
CREATE TABLE marts.customer_value AS SELECT * FROM (VALUES
    ('a', 300.0::DECIMAL(18, 4)), ('b', 100), ('c', 40), ('d', NULL), ('e', -1)
) AS rows (customer_id, profit_amount);
"""

TRANSITIONS = """
CREATE TABLE marts.segment_transitions AS SELECT * FROM (VALUES
    (DATE '2026-04-01', 'low', 'high', 2, 0.2, 'up', true), (DATE '2026-04-01', 'high', 'top', 1, 0.1, 'up', true),
    (DATE '2026-04-01', 'high', 'low', 4, 0.4, 'down', true),
    (DATE '2026-05-01', 'low', 'low', 90, 0.9, 'stayed', true),
    (DATE '2026-05-01', 'low', 'high', 10, 0.1, 'up', true),
    (DATE '2026-05-01', 'top', 'high', 3, 0.3, 'down', true), (DATE '2026-05-01', '(new)', 'low', 5, 1, 'came', true),
    (DATE '2026-05-01', 'high', 'none', 1, 0.05, 'left', true),
    (DATE '2026-06-01', 'low', 'high', 99, 1, 'up', false)
) AS rows (month, from_segment, to_segment, customers, share, movement, is_complete_month)
CROSS JOIN (VALUES ('value'), ('lifecycle')) AS kinds (segment_kind);
"""

# Of 40 inside in April 3 moved up and 4 down; of 100 in May 10 and 3.
MOVEMENTS = """
CREATE TABLE marts.segment_movements AS SELECT *, 'value' AS segment_kind FROM (VALUES
    (DATE '2026-03-01', 0, 0, 0, 0, NULL, NULL, NULL, NULL, true),
    (DATE '2026-04-01', 3, 4, 2, 1, 0.075, 0.1, 0.05, 0.025, true),
    (DATE '2026-05-01', 10, 3, 5, 1, 0.1, 0.03, 0.05, 0.01, true),
    (DATE '2026-06-01', 99, 0, 0, 0, 0.99, 0, 0, 0, false)
) AS rows (month, up_customers, down_customers, came_customers, left_customers, up_share, down_share, came_share,
    left_share, is_complete_month);
CREATE TABLE marts.tactical_uplift AS SELECT *, 'value' AS ladder FROM (VALUES
    ('channel', 'store', 0.06, 0.03, 2.0, 1.4, 2.6, 'raises'),
    ('price', 'bargains', 0.015, 0.03, 0.5, 0.2, 0.8, 'lowers'),
    ('channel', 'web', 0.03, 0.03, 1.0, 0.8, 1.2, 'not_shown'),
    ('category', 'rare', NULL, NULL, NULL, NULL, NULL, 'too_few')
) AS rows (segment_kind, segment, moved_up_share, expected_share, lift, lift_lower, lift_upper, finding);
"""

FORECASTS = """
CREATE TABLE marts.forecast_checks AS SELECT * FROM (VALUES
    ('naive', 100, 1.6, 0.0, 300.0, 200.0, NULL, 'simple', false),
    ('mbg_nbd', 100, 1.2, 0.25, 210.0, 200.0, 0.81, 'fitted', true),
    ('nbd', 100, NULL, NULL, NULL, 200.0, NULL, 'not_converged', false)
) AS rows (model, customers, mean_error_orders, better_than_naive_share, orders_expected, orders_seen,
    share_within_bounds, status, is_used);
CREATE TABLE marts.forecast_check_orders AS SELECT * FROM (VALUES
    ('naive', 0, 80, 0.0, 0.5), ('naive', 7, 20, 12.0, 8.0), ('mbg_nbd', 0, 80, 0.6, 0.5), ('mbg_nbd', 7, 20, 7.5, 8.0)
) AS rows (model, orders_before, customers, mean_orders_expected, mean_orders_seen);
CREATE TABLE marts.churn_calibration AS SELECT * FROM (VALUES
    (1, 100, 0.2, 0.3), (2, 100, 0.8, 0.8)
) AS rows (bin, customers, mean_risk, share_stayed_away);
"""

SATISFACTION = """
CREATE TABLE marts.satisfaction_by_subject AS SELECT * FROM (VALUES
    ('agent', 'mia@callcentre.example', NULL, 30, 0.12, 0.06, 0.18, 'better_than_expected'),
    ('agent', '77', NULL, 30, -0.1, -0.2, -0.01, 'worse_than_expected'),
    ('agent', '78', NULL, 9, 0.0, -0.1, 0.1, 'none'),
    ('product', 'p1', '<script>alert(1)</script>', 5, 0.0, -0.1, 0.1, 'none')
) AS rows (subject_kind, subject_id, subject_name, gap_answers, gap_share, gap_low, gap_high, finding)
CROSS JOIN (VALUES ('year', DATE '2025-07-01')) AS spans (span, starts_on);
"""

# 100 were reached, 60 bought, 10 dropped out. Of the 60, 20 bought again; of the 50 long enough there 15 are gone.
JOURNEYS = """
CREATE TABLE marts.customer_journeys AS SELECT *, 'all' AS channel FROM (VALUES
    ('all', 'first_contact', 10, 'first_order', 40, 60, 100, 90, 0.1111),
    ('all', 'first_contact', 10, 'dropped_out', NULL, 10, 100, 90, 0.1111),
    ('all', 'first_contact', 10, 'still_open', NULL, 30, 100, 90, 0.1111),
    ('all', 'first_order', 40, 'second_order', 50, 20, 60, 50, 0.3),
    ('all', 'first_order', 40, 'dropped_out', NULL, 15, 60, 50, 0.3),
    ('all', 'first_order', 40, 'still_open', NULL, 25, 60, 50, 0.3),
    ('all', 'second_order', 50, 'still_open', NULL, 20, 20, 0, NULL),
    ('online', 'first_contact', 10, 'dropped_out', NULL, 10, 10, 10, 1.0)
) AS rows (journey, from_step, from_step_number, to_step, to_step_number, customers, entered_customers,
    mature_customers, drop_rate);
"""

# In the month after, 5 of 20 and 1 of 10 came: 6 of 30. In the second 2 of 20. June is not over.
COHORTS = """
CREATE TABLE marts.cohort_retention AS SELECT * FROM (VALUES
    (DATE '2026-03-01', 0, 20, 20, 1.0, true), (DATE '2026-03-01', 1, 20, 5, 0.25, true),
    (DATE '2026-03-01', 2, 20, 2, 0.1, true), (DATE '2026-03-01', 3, 20, 0, 0.0, false),
    (DATE '2026-04-01', 0, 10, 10, 1.0, true), (DATE '2026-04-01', 1, 10, 1, 0.1, true),
    (DATE '2026-04-01', 2, 10, 9, 0.9, false)
) AS rows (cohort_month, month_number, customers, active_customers, retention_rate, is_complete);
"""

LEAVING = """
CREATE TABLE marts.leaving_reasons AS SELECT *, 'all' AS buyer_group FROM (VALUES
    ('quality', 'all', 40, 30, 0.75, 0.3, 2.5, 2.1, 2.9, 'leaves_more'),
    ('other', 'all', 400, 100, 0.25, 0.3, 0.8333, 0.6, 1.1, 'none'),
    ('billing', 'all', 4, 4, 1.0, 0.3, 3.3333, 1.6, 3.3333, 'too_few'),
    ('quality', 'phone', 40, 30, 0.75, 0.1, 7.5, 2.1, 9, 'leaves_more')
) AS rows (reason, channel, customers, customers_left, left_rate, expected_rate, lift, lift_low, lift_high, finding);
"""

PUBLICATION = """
CREATE TABLE marts.publication AS SELECT 'run-7' AS run_id, TIMESTAMP '2026-06-30 21:16' AS as_of,
    TIMESTAMP '2026-07-01 03:15' AS published_at;
"""

ALL = (
    PUBLICATION, CONCENTRATION.format(size=10), BRIDGE, PROFIT, RFM, TRANSITIONS, MOVEMENTS, JOURNEYS, COHORTS, LEAVING,
    FORECASTS, SATISFACTION,
)  # fmt: skip


def published(*tables: str) -> Published:
    """A published copy in memory with these tables."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA marts")
    for table in tables:
        con.execute(table)
    return Published(con)
