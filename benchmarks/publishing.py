"""`python -m benchmarks.publishing`: the published file beside a plain copy of the same tables, and queries on it.

A warehouse of a million customers and ten million order lines is drawn with the columns and types of the contract. The
product publishes it (contract checked, DuckDB file of the old storage version, Parquet, put on the disk, swapped); in a
process of its own the same tables are copied by plain `CREATE TABLE AS` and `COPY … (FORMAT parquet)`. Then each mart
that is not sized by customers (scorecard, campaigns, cohorts, portfolio, segments …) is read as a whole from the
published file, on a connection that has just been opened.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from benchmarks.measure import machine

if TYPE_CHECKING:
    import duckdb

    from orchestration.contract import ContractColumn, ContractTable

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
CUSTOMERS = 1_000_000
LIMIT = 2.0
LIMIT_MS = 100
SETTINGS = "SET threads = 2; SET memory_limit = '3GB'; SET TimeZone = 'UTC'; SET preserve_insertion_order = true"

# Rows for each customer. Every other table is taken for a mart of key numbers, with so many rows:
SIZED = {
    "fct_order_lines": 10,
    "fct_orders": 4,
    "customer_contact_points": 2,
    "customer_records": 1.5,
    "customer_record_identifiers": 1,
    "dim_customers": 1,
    "customer_value": 1,
    "customer_segments": 1,
    "customer_segment_history": 1,
    "customer_consents": 1,
    "fct_touchpoints": 1,
    "attributed_orders": 1,
    "partner_customers": 1.5,
    "account_handover": 0.05,
    "fct_email_events": 1,
    "fct_web_sessions": 1,
    "next_offers": 0.5,
    "replenishments": 0.5,
    "customer_satisfaction": 0.1,
    "fct_calls": 0.1,
    "fct_satisfaction": 0.1,
    "fct_surveys": 0.1,
    "fct_tickets": 0.1,
    "fct_subscriptions": 0.03,
    "customer_record_links": 0.1,
    "customer_id_changes": 0.1,
    "customer_id_aliases": 0.1,
    "customer_value_origins": 0.1,
    "customer_match_profiles": 0.1,
    "customer_groups": 0.1,
    "identity_compared_pairs": 0.1,
    "quarantined_records": 0.05,
}
KEY_NUMBERS = 5_000
# Those whose number of rows is known, or larger: days by goals and segments, records by rule and load.
ROWS = {"kpi_scorecard": 20, "kpi_daily": 20 * 365, "segment_counts": 60_000, "data_validity": 20_000}


def main() -> None:
    """Measure, print and write `results/publishing.md` and `.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publishing", description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument(
        "--manifest", type=Path, help="take the contract from dbt's manifest, not from its last release"
    )
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured; the best counts")
    parser.add_argument("--scratch", type=Path, help="where to work, and to leave what was made")
    parser.add_argument("--measure", choices=sorted(_MEASURES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(_MEASURES[given.measure](given)))
        return
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as name:
        given.scratch = given.scratch or Path(name)
        given.scratch.mkdir(parents=True, exist_ok=True)
        record: dict[str, Any] = {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": machine(),
            "customers": given.customers,
            "draw": _in_a_process("draw", given),
        }
        for _ in range(given.rounds):  # in turns, so that a busy minute hits both
            for what in ("plain", "publish"):
                record.setdefault(what, []).append(_in_a_process(what, given))
        record["queries"] = _in_a_process("queries", given)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "publishing.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "publishing.md").write_text(text, encoding="utf-8")
    print(text)


def _in_a_process(what: str, given: argparse.Namespace) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.publishing", "--measure", what, "--scratch", str(given.scratch)]
    words += ["--customers", str(given.customers)]
    if given.manifest is not None:
        words += ["--manifest", str(given.manifest)]
    load = os.getloadavg()[0]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = {**json.loads(done.stdout.splitlines()[-1]), "load_before": round(load, 1)}
    print(what, {key: value for key, value in measured.items() if key != "marts"}, file=sys.stderr, flush=True)
    return measured


def contract_to_draw(manifest: Path | None) -> dict[str, ContractTable]:
    """The contract of a manifest, or of the last release."""
    from orchestration.contract import ContractColumn, ContractTable, read_manifest
    from orchestration.contract_release import last_release

    if manifest is not None:
        return {name: table for name, table in read_manifest(manifest).items() if table.same_as is None}
    release = last_release()
    if release is None:
        sys.exit("no contract has been released: give --manifest")
    return {
        name: ContractTable(
            name,
            tuple(
                ContractColumn(column, about.type)
                for column, about in model.versions[model.latest_version].columns.items()
            ),
        )
        for name, model in release.models.items()
    }


def rows_of(table: str, customers: int) -> int:
    """How many rows of a table are drawn."""
    if table in SIZED:
        return int(SIZED[table] * customers)
    return ROWS.get(table, KEY_NUMBERS)


def value_of(column: ContractColumn, table: str) -> str:
    """SQL for a column's value in row `n`, of its type: ids and names differ, other words are a few."""
    seed = abs(hash_of(f"{table}.{column.name}"))
    drawn = f"hash(n + {seed})"
    kind = column.type.lower()
    if kind in ("string", "varchar", "text"):
        if column.name.endswith("_id") or any(part in column.name for part in ("email", "name", "phone", "record")):
            return f"'{column.name[:2]}_' || format('{{:016x}}', {drawn})"
        return f"'{column.name} ' || ({drawn} % 12)"
    if kind == "boolean":
        return f"{drawn} % 2 = 0"
    if kind == "date":
        return f"DATE '2026-06-30' - CAST({drawn} % 1000 AS INTEGER)"
    if kind == "timestamp":
        return f"TIMESTAMP '2026-06-30' - to_seconds(CAST({drawn} % 86400000 AS INTEGER))"
    return f"CAST(({drawn} % 100000) / 100 AS {column.type})"


def hash_of(words: str) -> int:
    """A number of a text that is the same in every process."""
    import hashlib

    return int.from_bytes(hashlib.blake2b(words.encode(), digest_size=5).digest(), "big")


def _draw(given: argparse.Namespace) -> dict[str, Any]:
    import duckdb

    file = given.scratch / "home" / "warehouse.duckdb"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    total = 0
    with duckdb.connect(str(file)) as con:
        con.execute(SETTINGS)
        con.execute("CREATE SCHEMA marts")
        for name, table in contract_to_draw(given.manifest).items():
            values = ", ".join(
                f'CAST({value_of(column, name)} AS {column.type}) AS "{column.name}"' for column in table.columns
            )
            rows = rows_of(name, given.customers)
            con.execute(f"CREATE TABLE marts.{name} AS SELECT {values} FROM range({rows}) AS numbers (n)")
            total += rows
    return {"rows": total, "bytes": file.stat().st_size}


def _opened(given: argparse.Namespace) -> duckdb.DuckDBPyConnection:
    import duckdb

    con = duckdb.connect(str(given.scratch / "home" / "warehouse.duckdb"))
    con.execute(SETTINGS)
    con.execute("SET temp_directory = ?", [str(given.scratch / "tmp")])
    return con


def _publish(given: argparse.Namespace) -> dict[str, Any]:
    """Publish with the product's own code."""
    from orchestration.engines.duckdb_publication import DuckDBWriter
    from orchestration.home import Home
    from orchestration.publish import publish

    home, contract = Home(given.scratch / "home").create(), contract_to_draw(given.manifest)
    with _opened(given) as con:
        begun, cpu = perf_counter(), process_time()
        report = publish(DuckDBWriter(con), home, None, f"bench-{os.getpid()}", contract)
        seconds, cpu = perf_counter() - begun, process_time() - cpu
    return _measured(seconds, cpu, report.published_path.stat().st_size, home.parquet.resolve(), report.rows)


def _plain(given: argparse.Namespace) -> dict[str, Any]:
    """Copy the same tables without any of it."""
    folder = given.scratch / "plain"
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir()
    names = list(contract_to_draw(given.manifest))
    rows = 0
    with _opened(given) as con:
        begun, cpu = perf_counter(), process_time()
        con.execute(f"ATTACH '{folder / 'copy.duckdb'}' AS plain")
        con.execute("CREATE SCHEMA plain.marts")
        for name in names:
            con.execute(f"CREATE TABLE plain.marts.{name} AS SELECT * FROM warehouse.marts.{name}")
        con.execute("CHECKPOINT plain")
        file_seconds = perf_counter() - begun
        for name in names:
            con.execute(f"COPY warehouse.marts.{name} TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        seconds, cpu = perf_counter() - begun, process_time() - cpu
        for name in names:
            [(count,)] = con.execute(f"SELECT count(*) FROM plain.marts.{name}").fetchall()
            rows += count
        con.execute("DETACH plain")
    return _measured(seconds, cpu, (folder / "copy.duckdb").stat().st_size, folder, rows) | {
        "file_seconds": round(file_seconds, 2)
    }


def _measured(seconds: float, cpu: float, file_bytes: int, parquet: Path, rows: int) -> dict[str, Any]:
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),  # says more than the clock where others are at work beside it
        "rows": rows,
        "file_bytes": file_bytes,
        "parquet_bytes": sum(path.stat().st_size for path in parquet.glob("*.parquet")),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _queries(given: argparse.Namespace) -> dict[str, Any]:
    """Read each mart of key numbers as a whole, five times, each time on a new connection."""
    import duckdb

    file = given.scratch / "home" / "published" / "regulars.duckdb"
    marts = {}
    connecting: list[float] = []
    for name in contract_to_draw(given.manifest):
        if name in SIZED:
            continue
        taken = []
        for _ in range(5):
            begun = perf_counter()
            con = duckdb.connect(str(file), read_only=True)
            connecting.append(perf_counter() - begun)
            begun = perf_counter()
            found = con.sql(f"SELECT * FROM marts.{name}").to_arrow_table()
            taken.append(perf_counter() - begun)
            con.close()
        marts[name] = {
            "rows": found.num_rows,
            "ms": round(median(taken) * 1000, 1),
            "worst": round(max(taken) * 1000, 1),
        }
    return {"connect_ms": round(median(connecting) * 1000, 1), "marts": marts}


_MEASURES = {"draw": _draw, "publish": _publish, "plain": _plain, "queries": _queries}


def as_markdown(record: dict[str, Any]) -> str:
    """The results for people."""
    best = {what: min(record[what], key=lambda one: one["seconds"]) for what in ("plain", "publish")}
    ratio = best["publish"]["seconds"] / best["plain"]["seconds"]
    marts = record["queries"]["marts"]
    slow = [name for name, one in marts.items() if one["ms"] >= LIMIT_MS]
    lines = [
        "# Publishing beside a plain copy",
        "",
        f"{record['date']}, " + ", ".join(f"{key} {value}" for key, value in record["machine"].items()) + ".",
        f"{record['customers']:,} customers, {10 * record['customers']:,} order lines, {record['draw']['rows']:,} rows "
        "in all tables of the contract. Best of the rounds; load is that of the machine just before, 2 cores.",
        "",
        "| what | seconds | rounds | seconds of the processor | file | Parquet | peak memory | load |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    words = {
        "publish": "publish: contract, DuckDB file (v1.2.0), Parquet, to the disk, swap",
        "plain": "plain `CREATE TABLE AS` and `COPY` to Parquet",
    }
    for what, one in best.items():
        rounds = ", ".join(str(each["seconds"]) for each in record[what])
        lines.append(
            f"| {words[what]} | {one['seconds']} | {rounds} | {one['cpu_seconds']} "
            f"| {one['file_bytes'] / 2**30:.2f} GiB "
            f"| {one['parquet_bytes'] / 2**30:.2f} GiB | {one['peak_bytes'] / 2**30:.2f} GiB | {one['load_before']} |"
        )
    lines += [
        "",
        f"Ratio {ratio:.2f}, limit {LIMIT}: {'met' if ratio <= LIMIT else 'missed'}. In seconds of the processor "
        f"{best['publish']['cpu_seconds'] / best['plain']['cpu_seconds']:.2f}.",
        "",
        f"Each mart of key numbers, all rows and columns, from the published file: limit {LIMIT_MS} ms, "
        + (f"missed by {', '.join(slow)}." if slow else "met by all.")
        + f" Connecting takes {record['queries']['connect_ms']} ms besides.",
        "",
        "| mart | rows | median ms | slowest ms |",
        "| --- | ---: | ---: | ---: |",
        *(f"| {name} | {one['rows']:,} | {one['ms']} | {one['worst']} |" for name, one in sorted(marts.items())),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
