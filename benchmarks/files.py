"""`python -m benchmarks.files`: files to the raw layer, against one DuckDB read of the same files into a table.

The loader hashes, counts, numbers and records what it reads; the read beside it does none of that. Both write a
warehouse file of their own, each in a process of its own, with the same threads and the same memory limit.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb

from benchmarks.measure import command, machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
GIB = 2**30
MILLION = 1_000_000
MONTHS = 24
THREADS = 2

# One order line in many shapes of its values: counts, money of two digits, a text with the separator, one with
# letters beyond ASCII, a missing one, a time.
_LINES = """
SELECT 'O' || (i // 3) AS order_id, (i % 3 + 1)::VARCHAR AS line_number,
    'C' || (hash(i // 3) % 1000000) AS customer_id, 'P' || (hash(i) % 5000) AS product_id,
    (hash(i + 1) % 4 + 1)::VARCHAR AS quantity,
    ((hash(i + 2) % 20000) / 100)::DECIMAL(12, 2)::VARCHAR AS unit_price,
    ((hash(i + 3) % 300) / 100)::DECIMAL(12, 2)::VARCHAR AS discount, 'EUR' AS currency,
    ['Bread, whole', 'Brötchen', NULL, 'Cake'][(hash(i + 4) % 4 + 1)::INTEGER] AS product_name,
    strftime(TIMESTAMP '2023-01-01' + to_seconds(i * 6), '%Y-%m-%dT%H:%M:%SZ') AS ordered_at
FROM range({first}, {last}) AS t (i)
"""
_NUMBERS = ("line_number", "quantity", "unit_price", "discount")
_COLUMNS = (
    "order_id",
    "line_number",
    "customer_id",
    "product_id",
    "quantity",
    "unit_price",
    "discount",
    "currency",
    "product_name",
    "ordered_at",
)
_TEXT = "{" + ", ".join(f"{name}: 'VARCHAR'" for name in _COLUMNS) + "}"


@dataclass(frozen=True)
class Case:
    """One kind of files.

    Attributes:
        name: of its folder.
        says: for people.
        read: the SELECT that DuckDB reads it with; FILES stands for them.
        share: of the lines that are asked for; what goes record by record is measured on fewer.
    """

    name: str
    says: str
    read: str
    share: float = 1.0


CASES = (
    Case("csv_many", f"CSV, {MONTHS} monthly files", "SELECT * FROM read_csv('FILES', all_varchar = true)"),
    Case("csv_one", "CSV, one file", "SELECT * FROM read_csv('FILES', all_varchar = true)"),
    Case("json_lines", "JSON lines, one file", f"SELECT * FROM read_json('FILES', columns = {_TEXT})"),
    Case(
        "json_nested",
        "JSON lines with nested values, one by one",
        "SELECT * FROM read_json('FILES', columns = {order_id: 'VARCHAR', customer: 'VARCHAR', line: 'VARCHAR'})",
        0.1,
    ),
)


def main() -> None:
    """Measure and write `results/files-<date>.json` and `results/files.md`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.files", description=__doc__)
    parser.add_argument("--lines", type=int, default=10 * MILLION, help="how many order lines (default: ten million)")
    parser.add_argument("--memory", default="3GB", help="what DuckDB may take (default: 3GB, as a company's warehouse)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each is measured; the best counts (default: 3)"
    )
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    parser.add_argument("--one", nargs=2, metavar=("WHO", "CASE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        who, case = given.one
        print(json.dumps(_work(given.keep, who, case, given.memory)))
        return
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        measure(given.keep, given.lines, given.memory, given.rounds)
    else:
        with tempfile.TemporaryDirectory(prefix="regulars-files-") as folder:
            measure(Path(folder), given.lines, given.memory, given.rounds)


def write_lines(folder: Path, lines: int) -> None:
    """Write the same order lines in every form."""
    for case in CASES:
        (folder / case.name).mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute("SET preserve_insertion_order = true")

        def write(select: str, file: Path, options: str) -> None:
            if not file.exists():
                con.execute(f"COPY ({select}) TO '{file}.part' ({options})")
                Path(f"{file}.part").rename(file)

        whole = _LINES.format(first=0, last=lines)
        write(whole, folder / "csv_one" / "lines.csv", "FORMAT csv")
        for month in range(MONTHS):
            part = _LINES.format(first=lines * month // MONTHS, last=lines * (month + 1) // MONTHS)
            write(part, folder / "csv_many" / f"lines-{month + 1:02d}.csv", "FORMAT csv")
        # Written as text, so that prices keep their second digit, as most systems write them.
        members = " || ',' || ".join(
            f"'\"{name}\":' || " + (name if name in _NUMBERS else f"coalesce(to_json({name}), 'null')")
            for name in _COLUMNS
        )
        as_it_is = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'"
        write(f"SELECT '{{' || {members} || '}}' FROM ({whole})", folder / "json_lines" / "lines.jsonl", as_it_is)
        some = _LINES.format(first=0, last=int(lines * CASES[-1].share))
        nested = (
            """SELECT '{"order_id":"' || order_id || '","customer":{"id":"' || customer_id || '"},"line":{"price":' """
            """|| unit_price || ',"tags":["' || product_id || '",' || quantity || ']}}' FROM"""
        )
        write(f"{nested} ({some})", folder / "json_nested" / "lines.jsonl", as_it_is)


def _work(folder: Path, who: str, name: str, memory: str) -> dict[str, Any]:
    """Read the files of a case as DuckDB or as the loader does; seconds from opening the warehouse to closing it."""
    case = next(one for one in CASES if one.name == name)
    place = folder / f"{who}-{name}.duckdb"
    for left in (place, place.with_name(place.name + ".wal")):
        left.unlink(missing_ok=True)
    # What both need is not measured, nor is what only one needs to be imported.
    from sources.files.config import FilesSource
    from sources.files.load import load_source

    datasets = {
        "lines": {"path": f"{case.name}/*", "entities": [{"entity": "orders", "columns": {"order_id": "order_id"}}]}
    }
    source = FilesSource.model_validate({"channel": "shop", "owner": "team:data", "datasets": datasets})
    began, busy = perf_counter(), process_time()
    with duckdb.connect(str(place)) as con:
        con.execute("SET memory_limit = ?", [memory])
        con.execute(f"SET threads = {THREADS}")
        if who == "duckdb":
            con.execute(f"CREATE TABLE lines AS {case.read.replace('FILES', str(folder / case.name / '*'))}")
            rows = con.execute("SELECT count(*) FROM lines").fetchall()[0][0]
        else:
            landing = folder / "landing"
            report = load_source(con, "shop", source, base=folder, landing=landing, load_id="measured")
            if report.problems or report.rows_rejected:
                raise SystemExit(f"{report.problems} {report.rows_rejected} refused")
            rows = report.rows_received
    return {"seconds": perf_counter() - began, "cpu_seconds": process_time() - busy, "rows": rows}


def measure(folder: Path, lines: int, memory: str, rounds: int) -> None:
    """Write the files, measure every case, compare what arrived, and write the results."""
    write_lines(folder, lines)
    cases = [_measured(folder, case, memory, rounds) for case in CASES]
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "lines": lines,
        "memory_limit": memory,
        "rounds": rounds,
        "cases": cases,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"files-{record['date']}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "files.md").write_text(text, encoding="utf-8")
    print(text)


def _measured(folder: Path, case: Case, memory: str, rounds: int) -> dict[str, Any]:
    best: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        # In turns, so that the machine's other work disturbs both.
        for who in ("duckdb", "loader"):
            log = folder / f"{who}.log"
            words = [sys.executable, "-m", "benchmarks.files", "--keep", str(folder), "--memory", memory]
            run = command([*words, "--one", who, case.name], log)
            if run.exit_code != 0:
                sys.exit(f"{who} {case.name} ended with {run.exit_code}:\n{log.read_text(encoding='utf-8')[-4000:]}")
            found = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
            found["peak_bytes"] = run.peak_bytes
            known = best.setdefault(who, found)
            known["seconds"] = round(min(known["seconds"], found["seconds"]), 2)
            known["cpu_seconds"] = round(min(known["cpu_seconds"], found["cpu_seconds"]), 2)
            known["peak_bytes"] = max(known["peak_bytes"], found["peak_bytes"])
    size = sum(file.stat().st_size for file in (folder / case.name).iterdir())
    made = {"case": case.name, "says": case.says, "bytes": size, **best, "equal": _is_equal(folder, case)}
    print(json.dumps(made))
    return made


def _is_equal(folder: Path, case: Case) -> bool:
    """Whether both tables hold the same values; numbers of JSON by their value, as DuckDB drops zeros at their end."""
    with duckdb.connect() as con:
        for who in ("duckdb", "loader"):
            con.execute(f"ATTACH '{folder / f'{who}-{case.name}.duckdb'}' AS {who} (READ_ONLY)")
        names = [row[0] for row in con.execute("DESCRIBE duckdb.lines").fetchall()]
        if case.name == "json_nested":
            shown = ["order_id", "customer->>'id'", "(line->'price')::DOUBLE", "line->>'$.tags[1]'"]
        elif case.name == "json_lines":
            shown = [f"{name}::DOUBLE" if name in _NUMBERS else name for name in names]
        else:
            shown = names
        sums = [
            con.execute(f"SELECT count(*), sum(hash({', '.join(shown)})::HUGEINT) FROM {table}").fetchall()
            for table in ("duckdb.lines", "loader.raw_shop.lines")
        ]
    return bool(sums[0] == sums[1])


def as_markdown(record: dict[str, Any]) -> str:
    """The results as a table."""
    versions = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    lines = [
        "# Files to the raw layer, against one DuckDB read of the same files",
        "",
        f"{record['date']}, {versions}. {record['lines']:,} order lines of {len(_COLUMNS)} columns; DuckDB allowed "
        f"{record['memory_limit']} and {THREADS} threads; best of {record['rounds']} runs in turns, highest peak.",
        "",
        "The read is `CREATE TABLE ... AS SELECT * FROM read_csv(...)`, or `read_json(...)`, every column as text. The "
        "loader gives the same values, and also hashes every file, counts its records without the reader that loads "
        "them, numbers them, keeps the digits of JSON's numbers, and writes rows and ledger in one transaction.",
        "",
        "| | lines | GB | read, s | loader, s | ratio | processor time, ratio | loader's peak memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case in record["cases"]:
        read, loader = case["duckdb"], case["loader"]
        lines.append(
            f"| {case['says']} | {loader['rows']:,} | {case['bytes'] / 1e9:.2f} | {read['seconds']:.1f} "
            f"| {loader['seconds']:.1f} | {loader['seconds'] / read['seconds']:.2f} "
            f"| {loader['cpu_seconds'] / read['cpu_seconds']:.2f} | {loader['peak_bytes'] / GIB:.2f} GiB |"
        )
    unequal = [case["says"] for case in record["cases"] if not case["equal"]]
    lines += [
        "",
        f"Values compared by a hash over all rows: {'equal' if not unequal else 'different: ' + ', '.join(unequal)}.",
        "JSON lines whose values are nested, and lines that are odd in any way, are read one by one in Python.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
