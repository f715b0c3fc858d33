"""`python -m benchmarks.engines`: the same events through both engines, time and memory beside each other.

Load, deduplicate, profiles, RFM and every other mart, as `regulars run` makes them; then all published tables are
compared row by row.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.equality import compare, report
from benchmarks.events import write_company, write_events
from benchmarks.measure import Measured, command_and_children, machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
GIB = 2**30
MILLION = 1_000_000

# Of one run and no other: its name, and when it loaded and measured.
OF_ONE_RUN = {
    "load_id", "measured_at", "resolved_at", "started_at", "finished_at", "quarantined_at", "released_by_run",
    "changed_at",
}  # fmt: skip

_RUN = "import sys; from orchestration.cli import main; sys.argv[0] = 'regulars'; main()"


def main() -> None:
    """Measure and write `results/engines-<date>.json` and `results/engines.md`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--events", type=int, default=10 * MILLION, help="how many events (default: ten million)")
    parser.add_argument("--memory", default="6GB", help="what each engine may take (default: 6GB)")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    given = parser.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        measure(given.keep, given.events, given.memory)
    else:
        with tempfile.TemporaryDirectory(prefix="regulars-engines-") as folder:
            measure(Path(folder), given.events, given.memory)


def measure(folder: Path, events: int, memory: str) -> None:
    """Run both engines on the same files, compare what they publish, and write the results."""
    data = folder / "data"
    if not data.is_dir():
        write_events(data, events)
    lines = []
    for engine in ("duckdb", "spark"):
        company = write_company(
            folder / f"{engine}.yaml", data, f"{{engine: {engine}, memory_limit: {memory}, threads: 2}}"
        )
        home = folder / f"home-{engine}"
        log = folder / f"{engine}.log"
        words = [sys.executable, "-c", _RUN, "run", "--company", str(company), "--home", str(home)]
        measured = command_and_children(words, log)
        if measured.exit_code != 0:
            sys.exit(f"{engine} ended with {measured.exit_code}:\n{log.read_text(encoding='utf-8')[-4000:]}")
        lines.append(_line(engine, measured, home))
        print(json.dumps(lines[-1]))
    equal = compare_published(folder / "home-duckdb", folder / "home-spark")
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "events": events,
        "memory_limit": memory,
        "engines": lines,
        "equality": equal,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"engines-{record['date']}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "engines.md").write_text(text, encoding="utf-8")
    print(text)


def _line(engine: str, measured: Measured, home: Path) -> dict[str, Any]:
    status = json.loads((home / "status.json").read_text(encoding="utf-8"))
    steps = {step["name"]: round(step["seconds"], 1) for step in status["steps"]}
    return {
        "engine": engine,
        "seconds": round(measured.seconds, 1),
        "peak_bytes": measured.peak_bytes,
        "storage_bytes": sum(file.stat().st_size for file in home.rglob("*") if file.is_file()),
        "steps": steps,
    }


def compare_published(one: Path, other: Path) -> dict[str, Any]:
    """Compare every published table of two homes, without the columns that belong to one run."""
    comparisons = []
    for left in sorted((one / "published" / "parquet").glob("*.parquet")):
        if left.stem in ("publication", "contract_versions"):
            continue
        right = other / "published" / "parquet" / left.name
        tables = [pl.read_parquet(left), pl.read_parquet(right / "*.parquet")]
        comparisons.append(compare(left.stem, tables[0], tables[1], ignore=OF_ONE_RUN))
    return report(comparisons)


def as_markdown(record: dict[str, Any]) -> str:
    """The results as tables: whole runs, then step by step."""
    duckdb, spark = record["engines"]
    versions = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    equal = record["equality"]
    lines = [
        "# Both engines on the same events",
        "",
        f"{record['date']}, {versions}. {record['events']:,} events (and one in fifty twice), each engine allowed "
        f"{record['memory_limit']}, Spark as `local[2]` on the same machine.",
        "",
        "| | DuckDB | Spark | ratio |",
        "| --- | ---: | ---: | ---: |",
        f"| seconds | {duckdb['seconds']} | {spark['seconds']} | {spark['seconds'] / duckdb['seconds']:.1f} |",
        f"| peak memory, all processes | {duckdb['peak_bytes'] / GIB:.1f} GiB | {spark['peak_bytes'] / GIB:.1f} GiB "
        f"| {spark['peak_bytes'] / duckdb['peak_bytes']:.1f} |",
        f"| home and storage afterwards | {duckdb['storage_bytes'] / GIB:.1f} GiB "
        f"| {spark['storage_bytes'] / GIB:.1f} GiB | {spark['storage_bytes'] / duckdb['storage_bytes']:.1f} |",
    ]
    for step, seconds in duckdb["steps"].items():
        other = spark["steps"].get(step)
        ratio = f"{other / seconds:.1f}" if other is not None and seconds >= 0.1 else ""
        lines.append(f"| {step} | {seconds} | {other} | {ratio} |")
    lines += [
        "",
        f"Published tables compared row by row: {equal['tables']} tables, {equal['rows']:,} rows, {equal['columns']} "
        f"columns, {equal['differences']} differences.",
    ]
    lines += [f"- {words}" for words in equal["unequal"]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
