"""`python -m benchmarks.validity_cost`: what validating ten million orders costs, against one scan of the same rows.

The scan is one DuckDB query over the same mapped rows: it types every value, looks up what the rules ask for, works out
every flag, and counts. It is the SQL of the staging model itself, cut off before anything is kept, so both compute the
same flags, and the counts of both are compared.

Validating is what a run does between loading and the gate's verdict: (i) the staging models, which also keep values,
flags and reasons, find duplicates and write; (ii) the counts per rule, the index and its ranking, and the gate with
Great Expectations and its pages. Then 1 % more orders come, and the same is done again.

Every step is a process of its own, so that its memory can be told. Importing and parsing are not counted: they cost the
same for one order and for ten million, and stand beside.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb

from benchmarks.measure import command, machine

RESULTS = Path(__file__).resolve().parent / "results"
MILLION = 1_000_000
GIB = 2**30
SHARE = 0.01
THREADS, MEMORY = 2, "2500MB"
#: The goals: validation at most so many times the scan, in so much memory; 1 % more at most so much of everything.
TIMES, BYTES, INCREMENT = 3.0, 4 * 10**9, 0.10
ENTITY = "orders"

_COMPANY = """\
company: {{id: cost, name: Cost}}
time_zone: Europe/Berlin
currency: EUR
country: DE
as_of: latest
warehouse: {{memory_limit: {memory}, threads: {threads}}}
sources:
  shop:
    type: files
    channel: shop
    owner: team:data
    datasets:
      orders:
        path: data/orders-*.csv
        entities:
          - entity: orders
            columns: {{{columns}}}
      customers:
        path: data/customers.csv
        entities:
          - {{entity: customers, columns: {{account_id: account_id}}}}
      rates:
        path: data/rates.csv
        entities:
          - {{entity: exchange_rates, columns: {{from_currency: c, to_currency: {{constant: EUR}}, day: d, rate: r}}}}
"""
# 15 of the 19 columns of an order, as a web shop fills them. 2 % of the orders come a second time; one in a hundred
# has no time that can be read, one in a hundred a total that does not add up, one in fifty an unusable address, one in
# two hundred a currency without a rate. A fifth of the buyers give no address.
_ORDERS = """
SELECT '{prefix}' || n AS order_id, 'A' || account AS account_id,
    CASE WHEN account % 5 = 0 THEN NULL WHEN account % 50 = 1 THEN 'guest' || account || '(at)shop.example'
        ELSE 'guest' || account || '@shop.example' END AS email,
    CASE WHEN h % 100 = 7 THEN 'yesterday'
        ELSE strftime(TIMESTAMP '2024-01-01' + to_seconds((h % 63000000)::BIGINT), '%Y-%m-%d %H:%M:%S') END
        AS ordered_at,
    ['completed', 'shipped', 'paid', 'refunded'][(h % 4 + 1)::INTEGER] AS status, 'web' AS channel,
    CASE WHEN h % 200 = 11 THEN 'ISK' WHEN h % 10 = 3 THEN 'CHF' ELSE 'EUR' END AS currency,
    gross, discount, 4.90::DECIMAL(12, 2) AS shipping_amount, 1.20::DECIMAL(12, 2) AS tax_amount,
    gross - discount + 4.90 + CASE WHEN h % 100 = 13 THEN 17 ELSE 0 END AS total_amount,
    CASE WHEN h % 20 = 5 THEN gross - discount END AS refund_amount, 'C' || h % 40 AS campaign_id,
    strftime(TIMESTAMP '2026-01-02' + to_seconds((h % 86400)::BIGINT), '%Y-%m-%d %H:%M:%S') AS updated_at
FROM (
    SELECT i % {distinct} AS n, hash(i % {distinct}) AS h, hash(i % {distinct} + 7) % {accounts} AS account,
        ((hash(i % {distinct} + 1) % 20000) / 100 + 5)::DECIMAL(12, 2) AS gross,
        ((hash(i % {distinct} + 2) % 300) / 100)::DECIMAL(12, 2) AS discount
    FROM range({orders}) AS t (i)
)
"""
_COLUMNS = (
    "order_id", "account_id", "email", "ordered_at", "status", "channel", "currency", "gross_amount",
    "discount_amount", "shipping_amount", "tax_amount", "total_amount", "refund_amount", "campaign_id", "updated_at",
)  # fmt: skip
FILES = 8


def main() -> None:
    """Measure, print and write `results/validity_cost.md`; the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validity_cost", description=__doc__)
    parser.add_argument("--orders", type=int, default=10 * MILLION, help="how many (default: ten million)")
    parser.add_argument("--rounds", type=int, default=3, help="how often the scan is measured; the best counts")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    parser.add_argument("--one", choices=list(_STEPS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(_STEPS[given.one](given.keep)))
        return
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        record = measure(given.keep, given.orders, given.rounds)
    else:
        with tempfile.TemporaryDirectory(prefix="regulars-validity-cost-") as folder:
            record = measure(Path(folder), given.orders, given.rounds)
    text = as_markdown(record)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "validity_cost.md").write_text(text, encoding="utf-8")
    print(text)
    if any(not goal[-1] for goal in goals(record)):
        sys.exit(1)


def write_company(folder: Path, orders: int) -> None:
    """Write the files of so many orders, and the company file that reads them."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    text = _COMPANY.format(memory=MEMORY, threads=THREADS, columns=", ".join(f"{one}: {one}" for one in _COLUMNS))
    (folder / "company.yaml").write_text(text, encoding="utf-8")
    accounts = max(orders // 20, 100)
    with duckdb.connect() as con:
        _write(con, folder / "data", "O", orders, accounts, FILES)
        con.execute(
            f"COPY (SELECT 'A' || i AS account_id FROM range({accounts}) AS t (i)) "
            f"TO '{folder / 'data' / 'customers.csv'}' (FORMAT csv)"
        )
        con.execute(
            "COPY (SELECT 'CHF' AS c, d::DATE AS d, 1.05 AS r FROM range(DATE '2023-12-01', DATE '2026-02-01', "
            f"INTERVAL 1 DAY) AS t (d)) TO '{folder / 'data' / 'rates.csv'}' (FORMAT csv)"
        )


def _write(con: duckdb.DuckDBPyConnection, data: Path, prefix: str, orders: int, accounts: int, files: int) -> None:
    select = _ORDERS.format(prefix=prefix, orders=orders, distinct=max(int(orders / 1.02), 1), accounts=accounts)
    con.execute(f"CREATE TEMP TABLE made AS SELECT *, row_number() OVER () AS place FROM ({select})")
    listed = ", ".join(f"{was} AS {name}" for was, name in zip(_made_names(), _COLUMNS, strict=True))
    for number in range(files):
        con.execute(
            f"COPY (SELECT {listed} FROM made WHERE place % {files} = {number}) "
            f"TO '{data / f'orders-{prefix}-{number + 1}.csv'}' (FORMAT csv)"
        )
    con.execute("DROP TABLE made")


def _made_names() -> list[str]:
    return [{"gross_amount": "gross", "discount_amount": "discount"}.get(name, name) for name in _COLUMNS]


# --- the steps, each in a process of its own ---------------------------------------------------------------------


@contextmanager
def _timed(spent: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    wall, cpu = perf_counter(), process_time()
    yield
    spent[name] = {"seconds": round(perf_counter() - wall, 3), "cpu": round(process_time() - cpu, 3)}


def _run(folder: Path) -> Any:
    from orchestration.company import load_company
    from orchestration.home import Home
    from orchestration.run import Run

    return Run(load_company(folder / "company.yaml"), Home(folder / "home").create())


def _load(folder: Path) -> dict[str, Any]:
    from orchestration.steps import load_source

    spent: dict[str, Any] = {}
    run = _run(folder)
    with _timed(spent, "load"):
        for source in run.company.sources:
            load_source(run, source)
    return spent


def _validate(folder: Path) -> dict[str, Any]:
    """Do what a run does between loading and verdict, and count what came of it."""
    from expectations import suites
    from orchestration.steps import gate, prepare
    from orchestration.warehouse import write_state

    spent: dict[str, Any] = {}
    run = _run(folder)
    with _timed(spent, "start"):
        suites.preload()
        run.dbt.parse()
    with _timed(spent, "map and judge"):
        prepare(run)
    built = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]
    # What the gate reads; quarantine and the profiles of days are other tasks of the same folder.
    quality = [
        "--select",
        "path:models/quality",
        "--exclude",
        "quarantine_log",
        "quarantined_records",
        "daily_profiles",
    ]
    with _timed(spent, "staging"):
        select = ["--select", "tag:phase_staging", "--exclude", "path:models/quality"]
        run.dbt.build([*select, *built], full_refresh=run.full_refresh)
    with _timed(spent, "counts and index"):
        run.dbt.build([*quality, *built])
    with _timed(spent, "gate"):
        verdict = gate(run)
    with run.engine.control() as con:
        # As publishing does: the next run builds on these tables.
        write_state(con, {"fingerprint": run.fingerprint})
    spent["validity"] = verdict.validity
    spent["counts"] = _counts_of(run.home.warehouse)
    return spent


def _scan(folder: Path) -> dict[str, Any]:
    """Type, look up, flag and count in one query, without keeping anything."""
    run = _run(folder)
    compiled = run.dbt.target / "compiled" / "regulars" / "models" / "staging" / "all" / f"stg_all__{ENTITY}.sql"
    sql = (folder / "scan.sql").read_text(encoding="utf-8") if (folder / "scan.sql").exists() else ""
    if not sql:
        sql = _scan_of(compiled.read_text(encoding="utf-8"), [rule.flag for rule in run.rules if rule.entity == ENTITY])
        (folder / "scan.sql").write_text(sql, encoding="utf-8")
    spent: dict[str, Any] = {}
    with duckdb.connect(str(run.home.warehouse), read_only=True) as con:
        con.execute(f"SET TimeZone = 'UTC'; SET threads = {THREADS}; SET memory_limit = '{MEMORY}'")
        with _timed(spent, "scan"):
            names = [row[0] for row in con.execute(f"DESCRIBE {sql}").fetchall()]
            row = con.execute(sql).fetchall()[0]
    spent["counts"] = {name: value for name, value in zip(names, row, strict=True) if name.startswith("ok_")}
    return spent


def _scan_of(staging: str, flags: list[str]) -> str:
    """The staging model's SQL up to its flags, then counts of flags and values, so that all are made."""
    upto = staging[: staging.index("judged as (")].rstrip().rstrip(",")
    sums = ", ".join(f"count(*) FILTER (WHERE {flag}) AS {flag}" for flag in flags)
    return f"{upto} SELECT count(*) AS rows, {sums}, count(COLUMNS(lambda c: NOT starts_with(c, 'ok_'))) FROM checked"


def _counts_of(warehouse: Path) -> dict[str, int]:
    with duckdb.connect(str(warehouse), read_only=True) as con:
        rows = con.execute(
            "SELECT 'ok_' || rule, sum(valid_records)::BIGINT FROM quality.int_quality__rule_counts "
            "WHERE entity = ? AND load_id NOT IN ('all', 'new') GROUP BY 1",
            [ENTITY],
        ).fetchall()
    return dict(rows)


def _write_all(folder: Path) -> dict[str, Any]:
    write_company(folder, int((folder / "orders").read_text(encoding="utf-8")))
    return {}


def _write_more(folder: Path) -> dict[str, Any]:
    orders = int((folder / "orders").read_text(encoding="utf-8"))
    with duckdb.connect() as con:
        _write(con, folder / "data", "N", round(orders * SHARE), max(orders // 20, 100), 1)
    return {}


_STEPS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "write": _write_all,
    "write more": _write_more,
    "load": _load,
    "validate": _validate,
    "scan": _scan,
}


# --- the whole ---------------------------------------------------------------------------------------------------


def measure(folder: Path, orders: int, rounds: int) -> dict[str, Any]:
    """Write the company, load and validate it, scan it, and do the same with 1 % more."""
    (folder / "orders").write_text(str(orders), encoding="utf-8")
    # In a process of its own, because the peak of a process is also that of those it starts.
    _step(folder, "write")
    load = _step(folder, "load")
    full = _step(folder, "validate")
    scans = [_step(folder, "scan") for _ in range(rounds)]
    _step(folder, "write more")
    load_more = _step(folder, "load")
    more = _step(folder, "validate")
    best = {
        "seconds": min(one["scan"]["seconds"] for one in scans),
        "cpu": min(one["scan"]["cpu"] for one in scans),
    }
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "orders": orders,
        "rules": len(scans[0]["counts"]),
        "full": full,
        "more": more,
        "load": load["load"],
        "load more": load_more["load"],
        "scan": best,
        "scan peak": max(one["peak"] for one in scans),
        "equal": scans[0]["counts"] == full["counts"],
    }


def _step(folder: Path, name: str) -> dict[str, Any]:
    log = folder / f"{name.replace(' ', '-')}.log"
    words = [sys.executable, "-m", "benchmarks.validity_cost", "--keep", str(folder), "--one", name]
    done = command(words, log)
    if done.exit_code != 0:
        sys.exit(f"{name} ended with {done.exit_code}:\n{log.read_text(encoding='utf-8')[-4000:]}")
    found = json.loads(log.read_text(encoding="utf-8").splitlines()[-1]) | {"peak": done.peak_bytes}
    print(name, json.dumps({key: value for key, value in found.items() if key != "counts"}), flush=True)
    return dict(found)


def _sum(run: dict[str, Any], clock: str, *parts: str) -> float:
    return sum(float(run[part][clock]) for part in parts)


ALL = ("staging", "counts and index", "gate")


def goals(record: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What was aimed at: words, what was measured, the limit, whether it is kept."""
    full, more, scan = record["full"], record["more"], record["scan"]
    made = []
    for clock, words in (("seconds", "clock"), ("cpu", "processor time")):
        ratio = _sum(full, clock, *ALL) / scan[clock]
        made.append((f"validating against one scan, {words}", f"{ratio:.2f} times", f"{TIMES:g} times", ratio <= TIMES))
    made.append(
        ("peak memory of validating", f"{full['peak'] / 1e9:.2f} GB", f"{BYTES / 1e9:g} GB", full["peak"] <= BYTES)
    )
    for clock, words in (("seconds", "clock"), ("cpu", "processor time")):
        share = _sum(more, clock, *ALL) / _sum(full, clock, *ALL)
        made.append((f"validating 1 % more, {words}", f"{share:.1%}", f"{INCREMENT:.0%}", share <= INCREMENT))
    return made


def as_markdown(record: dict[str, Any]) -> str:
    """The results as text and tables."""
    full, more, scan = record["full"], record["more"], record["scan"]
    versions = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    lines = [
        "# What validating costs",
        "",
        f"{record['date']}, {versions}. `python -m benchmarks.validity_cost --orders {record['orders']}`: "
        f"{record['orders']:,} orders of {len(_COLUMNS)} columns, {record['rules']} rules on them; DuckDB allowed "
        f"{MEMORY} and {THREADS} threads. In brackets: seconds of the processors.",
        "",
        "| goal | measured | limit | |",
        "| --- | ---: | ---: | --- |",
        *(
            f"| {words} | {found} | {limit} | {'met' if kept else 'MISSED'} |"
            for words, found, limit, kept in goals(record)
        ),
        "",
        "| part | everything, s | 1 % more, s | share |",
        "| --- | ---: | ---: | ---: |",
        f"| one scan: type, look up, flag, count | {scan['seconds']:.1f} ({scan['cpu']:.1f}) | | |",
    ]
    for part in ALL:
        lines.append(_line(part, full[part], more[part]))
    both = ("counts and index", "gate")
    for words, parts in (("counts, index and gate", both), ("validating, all three", ALL)):
        one, two = ({clock: _sum(run, clock, *parts) for clock in ("seconds", "cpu")} for run in (full, more))
        lines.append(_line(f"**{words}**", one, two))
    lines += [
        _line("not counted: loading", record["load"], record["load more"]),
        _line("not counted: mapping, judging addresses not seen before", full["map and judge"], more["map and judge"]),
        _line("not counted: importing and parsing", full["start"], more["start"]),
        "",
        f"- Against the scan: staging {full['staging']['seconds'] / scan['seconds']:.2f} times "
        f"({full['staging']['cpu'] / scan['cpu']:.2f}), counts, index and gate "
        f"{_sum(full, 'seconds', *both) / scan['seconds']:.2f} times ({_sum(full, 'cpu', *both) / scan['cpu']:.2f}).",
        f"- Peak memory: scan {record['scan peak'] / 1e9:.2f} GB, validating {full['peak'] / 1e9:.2f} GB, 1 % more "
        f"{more['peak'] / 1e9:.2f} GB.",
        f"- Scan and validation count the same records for every rule: {'yes' if record['equal'] else 'NO'}.",
    ]
    return "\n".join(lines) + "\n"


def _line(words: str, full: dict[str, float], more: dict[str, float]) -> str:
    return (
        f"| {words} | {full['seconds']:.1f} ({full['cpu']:.1f}) | {more['seconds']:.1f} ({more['cpu']:.1f}) "
        f"| {more['seconds'] / full['seconds']:.1%} ({more['cpu'] / full['cpu']:.1%}) |"
    )


if __name__ == "__main__":
    main()
