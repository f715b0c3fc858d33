"""What 1 % of new data costs beside everything at once: `python -m benchmarks.increment`.

Four runs on one home, in this process: a tiny one that pays for imports and is thrown away, everything, 1 % more, and a
single new record. The last one shows what a run costs before it has any work, so that the cost of the new data can be
told from the cost of running at all. Loading (files to raw), staging and the rest are reported apart, because they grow
with different things: loading and staging with what is new, facts with all there is (docs/decisions/0021).

Loading alone is measured a second time with more events: of few it is mostly what any load costs.

Beside the seconds on the clock stand those of the processors: on a machine with other work they are the steadier ones.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import polars as pl

from benchmarks.events import write_company, write_events
from benchmarks.measure import machine
from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home
from orchestration.run import Run
from orchestration.steps import load_source

RESULTS = Path(__file__).parent / "results"
SHARE = 0.01
GOAL = 0.05
"""What 1 % of new data may cost, of the full load."""

_KEYS = {"orders": "order", "views": "event", "mails": "event"}
_PARTS = ("loading", "staging", "gate", "facts and marts", "identity and scores", "publishing", "starting")


def main() -> None:
    """Measure, print and write `results/increment.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000, help="of the whole runs")
    parser.add_argument("--loaded", type=int, default=10_000_000, help="events of the loads alone")
    parser.add_argument("--folder", type=Path, help="keep data and home here")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="regulars-increment-")))
        record = measure(folder, given.events) | {"loads alone": loads_alone(folder / "loads", given.loaded)}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "increment.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "increment.md").write_text(as_markdown(record), encoding="utf-8")
    print(as_markdown(record))


def measure(folder: Path, events: int) -> dict[str, Any]:
    """Run and return the seconds of each part of each run, on the clock and of the processors."""
    _run(_company(folder / "first", 1000), "first")
    file = _company(folder, events)
    data = folder / "data"
    runs = {"everything": _run(file, "everything")}
    _more(data, folder / "more", max(round(events * SHARE), 100), "new")
    runs["1 % more"] = _run(file, "1 % more")
    _more(data, folder / "one", 100, "last", rows=1)
    runs["one record"] = _run(file, "one record")
    ratios: dict[str, dict[str, float]] = {}
    for clock in ("seconds", "cpu"):
        full, new, empty = (runs[name][clock] for name in ("everything", "1 % more", "one record"))
        ratios[clock] = {part: _ratio(new[part], full[part]) for part in ("loading", "staging", "whole run")}
        ratios[f"{clock} above an empty run"] = {
            part: _ratio(max(new[part] - empty[part], 0.0), full[part] - empty[part]) for part in ratios[clock]
        }
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "events": events,
        "share": SHARE,
        "goal": GOAL,
        "runs": runs,
        "ratios": ratios,
    }


def loads_alone(folder: Path, events: int) -> dict[str, Any]:
    """Load everything, then 1 % more, without building anything; seconds on the clock and of the processors."""
    file = _company(folder, events)
    seconds = {}
    for name in ("everything", "1 % more"):
        if name == "1 % more":
            _more(folder / "data", folder / "more", round(events * SHARE), "new")
        this = Run(load_company(file), Home(folder / "home").create())
        wall, cpu = perf_counter(), process_time()
        for source in this.company.sources:
            load_source(this, source)
        seconds[name] = {"seconds": round(perf_counter() - wall, 3), "cpu": round(process_time() - cpu, 3)}
    full, new = seconds.values()
    return {
        "events": events,
        **seconds,
        "ratio": _ratio(new["seconds"], full["seconds"]),
        "cpu ratio": _ratio(new["cpu"], full["cpu"]),
    }


def _company(folder: Path, events: int) -> Path:
    write_events(folder / "data", events)
    return write_company(folder / "company.yaml", folder / "data", "{memory_limit: 3GB}")


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole > 0 else 0.0


def _more(data: Path, scratch: Path, events: int, prefix: str, rows: int | None = None) -> None:
    """Add files with events that nobody has seen, whose keys start with a prefix."""
    write_events(scratch, events, seed=len(prefix))
    for stem, key in _KEYS.items():
        frame = pl.concat([pl.read_csv(one, infer_schema=False) for one in sorted(scratch.glob(f"{stem}-*.csv"))])
        frame = frame.with_columns((prefix + pl.col(key)).alias(key))
        if rows is not None and stem != "orders":
            continue
        frame.head(rows or frame.height).write_csv(data / f"{stem}-{prefix}.csv")


def _run(file: Path, name: str) -> dict[str, dict[str, float]]:
    """Run and return the seconds of each part and of the whole, on the clock and of the processors."""
    begun: dict[str, tuple[float, float]] = {}
    parts = {clock: dict.fromkeys(_PARTS, 0.0) for clock in ("seconds", "cpu")}

    def progress(step: str, state: str, _: str) -> None:
        if state == "started":
            begun[step] = perf_counter(), process_time()
        elif state in ("done", "failed"):
            wall, cpu = begun.pop(step)
            parts["seconds"][_part_of(step)] += perf_counter() - wall
            parts["cpu"][_part_of(step)] += process_time() - cpu

    wall, cpu = perf_counter(), process_time()
    report = pipeline.run(load_company(file), Home(file.parent / "home"), progress=progress)
    parts["seconds"]["whole run"] = perf_counter() - wall
    parts["cpu"]["whole run"] = process_time() - cpu
    if report.outcome != "published":
        sys.exit(f"{name}: {report.outcome}; {[problem.what for problem in report.problems]}")
    return {clock: {part: round(value, 3) for part, value in values.items()} for clock, values in parts.items()}


def _part_of(step: str) -> str:
    if step.startswith("load "):
        return "loading"
    return {
        "map and judge": "staging",
        "stage and measure": "staging",
        "gate": "gate",
        "collect identifiers": "identity and scores",
        "join records to customers": "identity and scores",
        "forecast value": "identity and scores",
        "publish": "publishing",
        "start dagster and dbt": "starting",
        "look for new files": "starting",
    }.get(step, "facts and marts")


def as_markdown(record: dict[str, Any]) -> str:
    """The seconds as a table, those of the processors in brackets, and the ratios."""
    runs = record["runs"]
    lines = [
        "# What 1 % of new data costs",
        "",
        f"{record['date']}, " + ", ".join(f"{key} {value}" for key, value in record["machine"].items()) + ".",
        "",
        f"{record['events']:,} events, then {record['share']:.0%} more; the goal is {record['goal']:.0%} of the cost. "
        "In brackets: seconds of the processors.",
        "",
        "| part | " + " | ".join(runs) + " | share |",
        "| --- | " + " | ".join("---:" for _ in runs) + " | ---: |",
    ]
    for part in (*_PARTS, "whole run"):
        cells = [f"{run['seconds'][part]:.2f} ({run['cpu'][part]:.2f})" for run in runs.values()]
        full, new = runs["everything"], runs["1 % more"]
        shares = [f"{_ratio(new[clock][part], full[clock][part]):.1%}" for clock in ("seconds", "cpu")]
        lines.append(f"| {part} | {' | '.join(cells)} | {shares[0]} ({shares[1]}) |")
    lines.append("")
    ratios = record["ratios"]
    for part, share in ratios["seconds"].items():
        above = ratios["seconds above an empty run"][part], ratios["cpu above an empty run"][part]
        lines.append(
            f"- {part}: {share:.1%} ({ratios['cpu'][part]:.1%}) of the full cost; above what a run costs without any "
            f"work {above[0]:.1%} ({above[1]:.1%})"
        )
    alone = record["loads alone"]
    full, new = alone["everything"], alone["1 % more"]
    lines.append(
        f"- loading {alone['events']:,} events alone: {full['seconds']:.2f} s ({full['cpu']:.2f}), 1 % more "
        f"{new['seconds']:.2f} s ({new['cpu']:.2f}): {alone['ratio']:.1%} ({alone['cpu ratio']:.1%})"
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
