-- The same work as one hand-written DuckDB script: load, deduplicate, profiles, RFM. No ledger, no quarantine, no
-- gate, no history, no contract, no second source: the least that an analyst would write for this one shop.
SET TimeZone = 'UTC';

CREATE TABLE raw AS
SELECT * FROM read_csv(getvariable('files'), all_varchar = true, filename = true);

CREATE TABLE lines AS
SELECT DISTINCT
    InvoiceNo AS order_id,
    StockCode AS sku,
    Description AS description,
    TRY_CAST(Quantity AS DECIMAL(18, 4)) AS quantity,
    TRY_CAST(InvoiceDate AS TIMESTAMP) AS ordered_at,
    TRY_CAST(UnitPrice AS DECIMAL(18, 4)) AS unit_price,
    replace(CustomerID, '.0', '') AS account_id,
    Country AS country,
    InvoiceNo LIKE 'C%' AS is_return
FROM raw;

CREATE TABLE orders AS
SELECT
    order_id,
    min(account_id) AS account_id,
    min(ordered_at) AS ordered_at,
    bool_or(is_return) AS is_return,
    sum(quantity * unit_price) AS net_amount
FROM lines
WHERE unit_price > 0 AND order_id NOT LIKE 'A%'
GROUP BY order_id;

CREATE TABLE profiles AS
SELECT
    account_id,
    min(ordered_at) AS first_seen_at,
    max(ordered_at) AS last_seen_at,
    count(*) FILTER (WHERE NOT is_return) AS orders,
    sum(net_amount) AS revenue_amount,
    date_diff('day', max(ordered_at) FILTER (WHERE NOT is_return), TIMESTAMP '2011-12-10') AS recency_days
FROM orders
WHERE account_id IS NOT NULL
GROUP BY account_id;

CREATE TABLE rfm AS
SELECT
    *,
    ntile(5) OVER (ORDER BY recency_days DESC) AS r,
    ntile(5) OVER (ORDER BY orders) AS f,
    ntile(5) OVER (ORDER BY revenue_amount) AS m
FROM profiles;
