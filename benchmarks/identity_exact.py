"""`python -m benchmarks.identity_exact`: ten million records and sixteen million exact links, Parquet to Parquet.

Measured is reading the links, `models.identity.resolve`, and writing the records; then the same again with the records
of the first run as the previous ones, as every later run has them. Beside it, in the same run: DuckDB reading the same
links and writing them once, and two published ways to connect records in SQL, on DuckDB (`benchmarks.identity_labels`).

Each contender is a process of its own on two cores. What comes out is compared with what the drawn numbers come to, and
the customers with those of the SQL that came to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import duckdb

from benchmarks.identity_links import KINDS, MAX_RECORDS_PER_VALUE
from benchmarks.measure import command, machine

if TYPE_CHECKING:
    import polars as pl

RESULTS = Path(__file__).resolve().parent / "results"
MILLION = 1_000_000
GB = 10**9
CORES = 2
#: The goals for ten million records.
SECONDS, BYTES = 75.0, 12 * GB
#: SQL is stopped after so many seconds, and may take so much memory.
SQL_SECONDS, SQL_MEMORY = 300.0, "10GB"
#: When both runs are said to be; a fixed time, so that two measurements write the same.
FIRST_RUN, SECOND_RUN = datetime(2026, 11, 21, 3), datetime(2026, 11, 22, 3)  # noqa: DTZ001 # UTC without zone


def main() -> None:
    """Measure, print and write `results/identity_exact.md` and `.json`; the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity_exact", description=__doc__)
    parser.add_argument("--records", type=int, default=10 * MILLION, help="how many (default: ten million)")
    parser.add_argument("--rounds", type=int, default=1, help="how often ours are measured (default: 1)")
    parser.add_argument("--sql-seconds", type=float, default=SQL_SECONDS, help="when SQL is stopped (default: 300)")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    parser.add_argument("--one", choices=list(_CONTENDERS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        _on_two_cores()
        print(json.dumps(_CONTENDERS[given.one](given.keep, given)))
        return
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        record = measure(given.keep, given)
    else:
        with tempfile.TemporaryDirectory(prefix="regulars-identity-exact-") as folder:
            record = measure(Path(folder), given)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "identity_exact.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "identity_exact.md").write_text(text, encoding="utf-8")
    print(text)
    if not all(kept for *_, kept in goals(record)):
        sys.exit(1)


# --- the contenders, each in a process of its own ------------------------------------------------------------------


def resolved(
    links: pl.DataFrame, previous: pl.DataFrame | None, moment: datetime
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Resolve and return the records and the counts of the report; the one place that calls the models."""
    from models.identity import resolve

    result = resolve(
        links,
        previous,
        kinds=list(KINDS),
        max_records_per_value=MAX_RECORDS_PER_VALUE,
        resolved_at=moment,
    )
    return result.records, result.report.counts()


def _write_links(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.identity_links import write

    return write(folder, given.records)


def _first(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    return _resolve(folder, None, folder / "records.parquet", FIRST_RUN)


def _again(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    return _resolve(folder, folder / "records.parquet", folder / "again.parquet", SECOND_RUN)


def _resolve(folder: Path, before: Path | None, out: Path, moment: datetime) -> dict[str, Any]:
    import polars as pl
    import scipy.sparse.csgraph  # noqa: F401 # imports are not measured

    import models.identity.engine  # noqa: F401

    clock = [(perf_counter(), process_time())]
    links = pl.read_parquet(folder / "links.parquet")
    columns = ["source", "source_record_id", "customer_id", "resolved_at"]
    previous = None if before is None else pl.read_parquet(before, columns=columns)
    clock.append((perf_counter(), process_time()))
    records, counts = resolved(links, previous, moment)
    clock.append((perf_counter(), process_time()))
    records.write_parquet(out)
    clock.append((perf_counter(), process_time()))
    steps = {
        name: {"seconds": round(clock[i + 1][0] - clock[i][0], 2), "cpu": round(clock[i + 1][1] - clock[i][1], 2)}
        for i, name in enumerate(("read", "resolve", "write"))
    }
    return {
        "seconds": round(clock[-1][0] - clock[0][0], 2),
        "cpu": round(clock[-1][1] - clock[0][1], 2),
        "steps": steps,
        "counts": counts,
        "customers": records["customer_id"].n_unique(),
    }


def _copy(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    begun, used = perf_counter(), process_time()
    with duckdb.connect() as con:
        con.execute(f"SET threads = {CORES}; SET memory_limit = '{SQL_MEMORY}'")
        con.execute(
            f"COPY (SELECT source, source_record_id, kind, value FROM read_parquet('{folder / 'links.parquet'}')) "
            f"TO '{folder / 'copy.parquet'}' (FORMAT parquet)"
        )
    return {"seconds": round(perf_counter() - begun, 2), "cpu": round(process_time() - used, 2)}


def _sql(algorithm: str) -> Callable[[Path, argparse.Namespace], dict[str, Any]]:
    def run(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
        from benchmarks.identity_labels import connect

        used = process_time()
        out = folder / f"{algorithm}.parquet"
        out.unlink(missing_ok=True)
        told = connect(algorithm, folder / "links.parquet", out, seconds=given.sql_seconds, memory=SQL_MEMORY)
        return told | {"cpu": round(process_time() - used, 2)}

    return run


def _compare(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Whether the SQL that came to its end, and the second run, put the same records together as the first run."""
    found: dict[str, Any] = {}
    with duckdb.connect() as con:
        con.execute(f"SET threads = {CORES}; SET memory_limit = '{SQL_MEMORY}'")
        con.execute(f"SET temp_directory = '{folder / 'spilled'}'")
        for name, column in (("again", "customer_id"), ("labels", "label"), ("representatives", "label")):
            file = folder / f"{name}.parquet"
            if file.exists():
                # As many pairs of names as names on either side: each name of one side is one name of the other.
                sql = (
                    "SELECT count(*), count(DISTINCT one), count(DISTINCT other), count(DISTINCT (one, other)) FROM ("
                    f"SELECT ours.customer_id AS one, theirs.{column} AS other "
                    f"FROM read_parquet('{folder / 'records.parquet'}') AS ours "
                    f"JOIN read_parquet('{file}') AS theirs USING (source, source_record_id))"
                )
                rows, ours, theirs, pairs = con.execute(sql).fetchall()[0]
                found[name] = rows == given.records and ours == theirs == pairs
    return found


_CONTENDERS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "links": _write_links,
    "first": _first,
    "again": _again,
    "copy": _copy,
    "representatives": _sql("representatives"),
    "labels": _sql("labels"),
    "compare": _compare,
}


def _on_two_cores() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


# --- the whole -----------------------------------------------------------------------------------------------------


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Write the links, run every contender on them, and compare what they found."""
    os.environ["POLARS_MAX_THREADS"] = str(CORES)
    for left in ("records", "again", "labels", "representatives"):
        (folder / f"{left}.parquet").unlink(missing_ok=True)
    links = _step(folder, given, "links")
    copies = [_step(folder, given, "copy") for _ in range(3)]
    ours: dict[str, dict[str, Any]] = {}
    for _ in range(given.rounds):
        for name in ("first", "again"):
            found = _step(folder, given, name)
            if name not in ours or found["seconds"] < ours[name]["seconds"]:
                ours[name] = found
    sql = {name: _step(folder, given, name) for name in ("representatives", "labels")}
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "rounds": given.rounds,
        "sql_seconds": given.sql_seconds,
        "links": links,
        "bytes": {file: (folder / f"{file}.parquet").stat().st_size for file in ("links", "records")},
        "copy": min(copies, key=lambda one: float(one["seconds"])),
        **ours,
        **sql,
        "same_records_together": _step(folder, given, "compare"),
    }
    return record | {"is_as_drawn": is_as_drawn(record)}


def _step(folder: Path, given: argparse.Namespace, name: str) -> dict[str, Any]:
    log = folder / f"{name}.log"
    words = [sys.executable, "-m", "benchmarks.identity_exact", "--keep", str(folder), "--one", name]
    words += ["--records", str(given.records), "--sql-seconds", str(given.sql_seconds)]
    load = os.getloadavg()[0]
    done = command(words, log)
    if done.exit_code != 0:
        sys.exit(f"{name} ended with {done.exit_code}:\n{log.read_text(encoding='utf-8')[-4000:]}")
    found = dict(json.loads(log.read_text(encoding="utf-8").splitlines()[-1]))
    if name not in ("links", "compare"):
        found |= {"peak_bytes": done.peak_bytes, "load_before": round(load, 1)}
    print(name, json.dumps(found), flush=True)
    return found


def is_as_drawn(record: dict[str, Any]) -> bool:
    """Whether both runs found the records, customers and blocked values that the drawn numbers come to."""
    names = ("records", "customers", "largest_customer", "blocked_values")
    return all(
        {name: record[run]["counts"][name] for name in names} == {name: record["links"][name] for name in names}
        and record[run]["customers"] == record["links"]["customers"]
        for run in ("first", "again")
    )


def goals(record: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What was aimed at: words, what was measured, the limit, whether it is kept."""
    first = record["first"]
    same = record["same_records_together"]
    return [
        (
            f"from Parquet to Parquet{_busy(first)}",
            f"{first['seconds']:.1f} s",
            f"{SECONDS:.0f} s",
            first["seconds"] <= SECONDS,
        ),
        ("peak memory", f"{first['peak_bytes'] / GB:.1f} GB", f"{BYTES / GB:.0f} GB", first["peak_bytes"] <= BYTES),
        ("customers as drawn", _yes(record["is_as_drawn"]), "yes", record["is_as_drawn"]),
        (
            f"the same records together as in {_listed(same)}",
            _yes(all(same.values())),
            "yes",
            bool(same) and all(same.values()),
        ),
    ]


def _busy(run: dict[str, Any]) -> str:
    """A word on a machine that was not quiet: seconds of the clock then say more of the others than of us."""
    if run["load_before"] <= 1:
        return ""
    return f", while others used the cores too (load {run['load_before']}; {run['cpu']:.1f} s of the processors)"


def _yes(flag: bool) -> str:
    return "yes" if flag else "NO"


_WORDS = {
    "again": "a second run",
    "representatives": "SQL by representatives",
    "labels": "SQL by labels",
}


def _listed(names: dict[str, Any]) -> str:
    return " and ".join(_WORDS[name] for name in names) or "nothing"


def as_markdown(record: dict[str, Any]) -> str:
    """The results as text and tables."""
    links, first = record["links"], record["first"]
    versions = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    lines = [
        "# Exact links",
        "",
        f"{record['date']}, {versions}. `python -m benchmarks.identity_exact --records {links['records']}`: "
        f"{links['records']:,} records, {links['links']:,} links (seed {links['seed']}), which come to "
        f"{links['customers']:,} customers, the largest of {links['largest_customer']:,} records, and "
        f"{links['blocked_values']:,} values that too many carry. Each contender in a process of its own, on {CORES} "
        f"cores; imports are not counted; best of {record['rounds']}, DuckDB's copy best of 3. The constructed records "
        "are described in `benchmarks/identity_links.py`.",
        "",
        "| goal | measured | limit | |",
        "| --- | ---: | ---: | --- |",
        *(
            f"| {words} | {found} | {limit} | {'met' if kept else 'MISSED'} |"
            for words, found, limit, kept in goals(record)
        ),
        "",
        "| | seconds | of the processors | ratio to DuckDB's copy | peak memory | load before |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        _line(record, "copy", "DuckDB: read the links, write them once"),
        _line(record, "first", "**Regulars: read, resolve, write the records**"),
        _line(record, "again", "Regulars: the same with the previous records"),
        _line(record, "representatives", "DuckDB: representatives, as Splink does it"),
        _line(record, "labels", "DuckDB: label propagation, as RudderStack describes it"),
        "",
        "The SQL ends at a number per record. Regulars also gives each customer an id that stays from run to run, says "
        "why each record belongs to it, tells what changed, and lists the links that hold each customer together; of "
        "these the records are written here.",
        "",
        "The load is the machine's load average when the contender began: over 2, others worked on the same cores.",
        "",
        "| Regulars, part | first run, s | of the processors | with previous records, s | of the processors |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for part in first["steps"]:
        one, two = first["steps"][part], record["again"]["steps"][part]
        lines.append(f"| {part} | {one['seconds']:.1f} | {one['cpu']:.1f} | {two['seconds']:.1f} | {two['cpu']:.1f} |")
    lines += ["", *(_sql_words(record, name) for name in ("representatives", "labels"))]
    return "\n".join(lines) + "\n"


def _line(record: dict[str, Any], name: str, words: str) -> str:
    one = record[name]
    is_finished = one.get("is_finished", True)
    seconds = f"{one['seconds']:.1f}" if is_finished else f"not finished after {one['seconds']:.0f}"
    ratio = f"{'' if is_finished else 'over '}{one['seconds'] / record['copy']['seconds']:.1f}"
    return (
        f"| {words} | {seconds} | {one['cpu']:.1f} | {ratio} | {one['peak_bytes'] / GB:.1f} GB | {one['load_before']} |"
    )


def _sql_words(record: dict[str, Any], name: str) -> str:
    one = record[name]
    what = {"labels": "records changed in the last round", "representatives": "links were left after the last round"}
    words = f"- {_WORDS[name][0].upper()}{_WORDS[name][1:]}: {one['rounds']} rounds"
    if one["is_finished"]:
        return f"{words}, numbering included {one['seconds']:.1f} s ({one['number_seconds']:.1f} s of it numbering)."
    left = "" if one["left"] is None else f"; {one['left']:,} {what[name]}"
    return f"{words} came to an end before it was stopped{left}."


if __name__ == "__main__":
    main()
