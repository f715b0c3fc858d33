"""`python -m benchmarks.value_marts`: the marts of value beside the same queries written by hand.

A million customers and ten million order lines are drawn (`value_marts_base.sql`) into tables with the columns of a
real warehouse. On them the product's models are built as dbt compiled them, one table after the other, and in a process
of its own hand-written scripts (`value_marts.sql` and those beside it) make the same marts. What both made is compared,
column by column. `--home` names a warehouse that has been filled, of the sample company; without it, one is made.
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
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from benchmarks.measure import machine
from benchmarks.value_marts_plan import planned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BASE = ROOT / "benchmarks" / "value_marts_base.sql"
BY_HAND = ("value_marts.sql", "value_marts_campaigns.sql", "value_marts_journeys.sql")
CUSTOMERS = 1_000_000
LIMIT = 2.5
# Written out at the end, once and with a time of its own, not in the middle of whichever table makes the log too long.
SETTINGS = "SET threads = 2; SET memory_limit = '12GB'; SET TimeZone = 'UTC'; SET wal_autocheckpoint = '1TB'"


def main() -> None:
    """Measure, print and write `results/value_marts.md` and `.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.value_marts", description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--company", type=Path, default=ROOT / "company.yaml", help="the company of the warehouse")
    parser.add_argument("--home", type=Path, help="the home of a filled warehouse of that company")
    parser.add_argument("--scratch", type=Path, help="where to work, and to leave what was made")
    parser.add_argument("--measure", choices=("draw", "models", "hand"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(_MEASURES[given.measure](given.scratch, given.customers)))
        return
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as name:
        scratch = given.scratch or Path(name)
        scratch.mkdir(parents=True, exist_ok=True)
        _prepare(given.company, given.home, scratch)
        record = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "customers": given.customers}
        record |= {what: _in_a_process(what, scratch, given.customers) for what in _MEASURES}
        record["compared"] = _compare(scratch)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "value_marts.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "value_marts.md").write_text(text, encoding="utf-8")
    print(text)


def _prepare(company: Path, home: Path | None, scratch: Path) -> None:
    """Leave in `scratch` what the processes need of a warehouse: where it lies, and the compiled models in order."""
    regulars = str(Path(sys.executable).parent / "regulars")
    if home is None:
        data, home = scratch / "data", scratch / "home"
        subprocess.run([regulars, "sample", "--out", str(data)], check=True, capture_output=True)
        company = data / "company.yaml"
        subprocess.run([regulars, "run", "-c", str(company), "--home", str(home)], check=True, capture_output=True)
    words = [regulars, "dbt", "--company", str(company), "--home", str(home), "--", "compile"]
    subprocess.run(words, check=True, capture_output=True)
    manifest = json.loads((home / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))
    plan = {"warehouse": str(home / "warehouse.duckdb"), **planned(manifest)}
    (scratch / "plan.json").write_text(json.dumps(plan), encoding="utf-8")


def _in_a_process(what: str, scratch: Path, customers: int) -> dict[str, Any]:
    load = os.getloadavg()[0]
    words = [sys.executable, "-m", "benchmarks.value_marts", "--measure", what, "--scratch", str(scratch)]
    done = subprocess.run([*words, "--customers", str(customers)], stdout=subprocess.PIPE, text=True, check=True)
    measured = {**json.loads(done.stdout.splitlines()[-1]), "load_before": round(load, 1)}
    shown = {name: value for name, value in measured.items() if name != "tables"}
    print(what, shown, file=sys.stderr, flush=True)
    return measured


def _draw(scratch: Path, customers: int) -> dict[str, Any]:
    """Draw the base tables into `base.duckdb`."""
    import duckdb

    plan = _plan(scratch)
    (scratch / "base.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(scratch / "base.duckdb")) as con:
        con.execute(SETTINGS)
        con.execute(f"ATTACH '{plan['warehouse']}' AS filled (READ_ONLY)")
        for kind, rows in (("draw", "LIMIT 0"), ("take", "")):
            for node in plan[kind]:
                con.execute(f"CREATE SCHEMA IF NOT EXISTS {node['schema']}")
                table = f"{node['schema']}.{node['name']}"
                con.execute(f"CREATE TABLE {table} AS FROM filled.{table} {rows}")
        con.execute("DETACH filled")
        con.execute("SET preserve_insertion_order = false")
        con.execute("SET VARIABLE customers = $1", [customers])
        con.execute(BASE.read_text(encoding="utf-8"))
        counts = {node["name"]: _count(con, f"{node['schema']}.{node['name']}") for node in plan["draw"]}
    return {"rows": counts}


def _models(scratch: Path, _: int) -> dict[str, Any]:
    """Build the product's models, as dbt compiled them."""
    plan = _plan(scratch)
    with _opened(scratch, "models", plan) as con:
        tables = []
        for node in plan["build"]:
            name = f'"warehouse"."{node["schema"]}"."{node["name"]}"'
            con.execute(f'CREATE SCHEMA IF NOT EXISTS "warehouse"."{node["schema"]}"')
            word = "VIEW" if node["is_view"] else "TABLE"
            taken = _timed(con, f"CREATE {word} {name} AS {node['sql']}")
            if node["part"]:
                tables.append({"table": node["name"], "part": node["part"], **taken, "rows": _count(con, name)})
        tables.append(_written_out(con))
    return _measured(tables)


def _hand(scratch: Path, _: int) -> dict[str, Any]:
    """Run the hand-written script."""
    with _opened(scratch, "hand", _plan(scratch)) as con:
        con.execute("USE warehouse; CREATE SCHEMA hand; USE warehouse.hand")
        tables = []
        for part, table, statement in by_hand():
            taken = _timed(con, statement)
            if table:
                tables.append({"table": table, "part": part, **taken, "rows": _count(con, table)})
        tables.append(_written_out(con))
    return _measured(tables)


def by_hand() -> Iterator[tuple[str, str | None, str]]:
    """Yield part, table (None where a statement makes none) and statement of the hand-written scripts."""
    part = ""
    script = "".join((ROOT / "benchmarks" / name).read_text(encoding="utf-8") for name in BY_HAND)
    for statement in script.split(";\n"):
        for line in statement.splitlines():
            if line.startswith("-- part: "):
                part = line.removeprefix("-- part: ")
        words = [line for line in statement.splitlines() if line.startswith("CREATE TABLE ")]
        if statement.strip():
            yield part, words[0].split()[2] if words else None, statement


class _opened:  # noqa: N801 - used like a function
    """A new database that sees the drawn tables as if they were its own; it is closed at the end."""

    def __init__(self, scratch: Path, name: str, plan: dict[str, Any]) -> None:
        self.file, self.base, self.plan = scratch / f"{name}.duckdb", scratch / "base.duckdb", plan

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        self.file.unlink(missing_ok=True)
        self.con = duckdb.connect()
        self.con.execute(SETTINGS)
        self.con.execute(f"SET temp_directory = '{self.file}.tmp'")
        self.con.execute(f"ATTACH '{self.base}' AS base (READ_ONLY); ATTACH '{self.file}' AS warehouse")
        for node in self.plan["draw"] + self.plan["take"]:
            self.con.execute(f"CREATE SCHEMA IF NOT EXISTS warehouse.{node['schema']}")
            table = f"{node['schema']}.{node['name']}"
            self.con.execute(f"CREATE VIEW warehouse.{table} AS FROM base.{table}")
        return self.con

    def __exit__(self, *_: object) -> None:
        self.con.close()


def _timed(con: duckdb.DuckDBPyConnection, statement: str) -> dict[str, float]:
    begun, used = perf_counter(), process_time()
    con.execute(statement)
    return {"seconds": round(perf_counter() - begun, 2), "cpu": round(process_time() - used, 2)}


def _written_out(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    return {"table": "(written out)", "part": "(written out)", **_timed(con, "CHECKPOINT warehouse"), "rows": 0}


def _measured(tables: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "seconds": round(sum(table["seconds"] for table in tables), 1),
        "cpu": round(sum(table["cpu"] for table in tables), 1),
        "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
        "tables": list(tables),
    }


def _plan(scratch: Path) -> dict[str, Any]:
    return dict(json.loads((scratch / "plan.json").read_text(encoding="utf-8")))


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0


def _compare(scratch: Path) -> list[dict[str, Any]]:
    """Per table that both made: rows of each, and the columns whose rows, sums or texts differ."""
    import duckdb

    compared = []
    plan = _plan(scratch)
    with duckdb.connect() as con:
        con.execute(SETTINGS)
        for name in ("base", "models", "hand"):
            alias = "warehouse" if name == "models" else name
            con.execute(f"ATTACH '{scratch / name}.duckdb' AS {alias} (READ_ONLY)")
        found = {
            (database, table): columns
            for database, table, columns in con.execute(
                "SELECT database_name, table_name, list((column_name, data_type)) FROM duckdb_columns() "
                "WHERE database_name IN ('warehouse', 'hand') AND schema_name NOT IN ('main') GROUP BY ALL"
            ).fetchall()
        }
        for node in plan["build"]:
            theirs = dict(found.get(("hand", node["name"]), []))
            if not theirs:
                continue
            ours = dict(found[("warehouse", node["name"])])
            both = [column for column in ours if column in theirs]
            tables = (f"warehouse.{node['schema']}.{node['name']}", f"hand.hand.{node['name']}")
            sums = [dict(zip(both, _sums(con, table, both, ours), strict=True)) for table in tables]
            compared.append(
                {
                    "table": node["name"],
                    "rows": [_count(con, table) for table in tables],
                    "columns": len(ours),
                    "left_out": [column for column in ours if column not in theirs],
                    "different": [column for column in both if not _alike(sums[0][column], sums[1][column])],
                }
            )
    return compared


def _sums(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], types: dict[str, str]) -> list[Any]:
    """Of each column how many are known and what they add up to: numbers as such, all else by its hash."""
    asked = [
        f"(count({column}), sum(CAST({column} AS DOUBLE)))"
        if types[column].startswith(("DEC", "DOUBLE", "BIGINT", "INT", "HUGEINT"))
        else f"(count({column}), CAST(sum(hash(CAST({column} AS VARCHAR)) % 1000003) AS DOUBLE))"
        for column in columns
    ]
    row = con.execute(f"SELECT {', '.join(asked)} FROM {table}").fetchone()
    return list(row or [])


def _alike(left: tuple[int, float | None], right: tuple[int, float | None]) -> bool:
    if left[0] != right[0] or (left[1] is None) != (right[1] is None):
        return False
    return left[1] is None or abs(left[1] - (right[1] or 0.0)) <= 1e-7 * max(left[0], abs(left[1]))


_MEASURES = {"draw": _draw, "models": _models, "hand": _hand}


def as_markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    models, hand = record["models"], record["hand"]
    rows = record["draw"]["rows"]
    versions = ", ".join(f"{name} {value}" for name, value in record["machine"].items())
    ratios = {name: models[name] / hand[name] for name in ("seconds", "cpu")}
    lines = [
        "# The marts of value, beside the same by hand",
        "",
        f"{record['date']}, {versions}. `python -m benchmarks.value_marts`: {rows['int_customer_golden']:,} customers, "
        f"{rows['fct_orders']:,} orders, {rows['fct_order_lines']:,} lines, {rows['int_email_deliveries']:,} e-mails, "
        f"{rows['fct_web_sessions']:,} visits. The models as dbt compiled them, one table after the other, without "
        "what dbt itself takes and without tests; beside them `value_marts.sql` and its neighbours. Two threads and "
        "12 GB each, each in a process of its own. Scores are drawn: what fitting takes is in `lifetime_value.md`. The "
        "machine is shared; "
        "the load before each measurement stands beside it.",
        "",
        "| what | seconds | of the processors | peak GB | tables | load before |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {said} | {one['seconds']:.0f} | {one['cpu']:.0f} | {one['peak_gigabytes']:.1f} "
            f"| {len(one['tables']) - 1} | {one['load_before']} |"
            for said, one in (("models", models), ("by hand", hand))
        ),
        "",
        "| figure | found | limit | |",
        "| --- | ---: | ---: | --- |",
        f"| models ÷ by hand, seconds | {ratios['seconds']:.2f} | {LIMIT} | {_met(ratios['seconds'] <= LIMIT)} |",
        f"| models ÷ by hand, of the processors | {ratios['cpu']:.2f} | {LIMIT} | {_met(ratios['cpu'] <= LIMIT)} |",
        "",
        "## By part",
        "",
        "Seconds of the processors, which other work on the machine disturbs least. Parts share tables: what one part "
        "makes by hand may be made by another among the models.",
        "",
        "| part | models | by hand | ratio |",
        "| --- | ---: | ---: | ---: |",
    ]
    for part in dict.fromkeys(table["part"] for table in hand["tables"]):
        ours, theirs = (sum(table["cpu"] for table in one["tables"] if table["part"] == part) for one in (models, hand))
        lines.append(f"| {part} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |")
    return "\n".join([*lines, *_compared_lines(record["compared"]), *_table_lines(models, hand)]) + "\n"


def _compared_lines(compared: Sequence[dict[str, Any]]) -> list[str]:
    """What both made: whether it is the same."""
    lines = [
        "",
        "## The same work",
        "",
        "Compared column by column: how many are known, and what they add up to, to seven digits; of texts and days "
        "their hashes.",
        "",
        "| table | rows | by hand | columns | not made by hand | different |",
        "| --- | ---: | ---: | ---: | --- | --- |",
    ]
    for one in compared:
        left_out, different = (", ".join(one[name]) for name in ("left_out", "different"))
        ours, theirs = one["rows"]
        lines.append(f"| {one['table']} | {ours:,} | {theirs:,} | {one['columns']} | {left_out} | {different} |")
    return lines


def _table_lines(models: dict[str, Any], hand: dict[str, Any]) -> list[str]:
    lines = []
    for said, one in (("the models", models), ("the script", hand)):
        lines += ["", f"## Where the time of {said} goes", ""]
        lines += ["| table | part | seconds | of the processors | rows |", "| --- | --- | ---: | ---: | ---: |"]
        lines += [
            f"| {table['table']} | {table['part']} | {table['seconds']:.1f} | {table['cpu']:.1f} | {table['rows']:,} |"
            for table in sorted(one["tables"], key=lambda table: -float(table["cpu"]))
            if table["cpu"] >= 0.005 * one["cpu"]
        ]
    return lines


def _met(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


if __name__ == "__main__":
    main()
