"""`python -m benchmarks`: measure, and write the results beside the earlier ones.

Everything is a ratio against something that runs beside it on the same machine in the same minutes, because the
machines are shared and an absolute time says little. Where the real data is missing, its part is left out and said so.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Measured, best_of, command, machine

ROOT = Path(__file__).resolve().parent.parent
RETAIL = ROOT.parent / "shared" / "data" / "shop" / "online_retail" / "by-day"
RESULTS = ROOT / "benchmarks" / "results"
REGULARS = str(Path(sys.executable).parent / "regulars")
GIB = 2**30


def main() -> None:
    """Run every benchmark and write `results/<date>.json` and `results/latest.md`."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as name:
        scratch = Path(name)
        if RETAIL.is_dir():
            rows += raw_load(scratch)
            rows += real_run(scratch)
        else:
            print(f"left out: {RETAIL} is not there, so neither raw load nor the real run is measured")
        rows += demo_run(scratch)
    write(rows)


def raw_load(scratch: Path) -> list[dict[str, Any]]:
    """Files to raw with ledger and hashes, against one CREATE TABLE AS over the same files."""
    import duckdb

    from orchestration.company import load_company
    from sources.files.load import ensure_ledger, load_source

    company = load_company(ROOT / "examples" / "real" / "company.yaml")
    lines = []

    def platform() -> None:
        file = scratch / "raw.duckdb"
        file.unlink(missing_ok=True)
        with duckdb.connect(str(file)) as con:
            con.execute("SET threads = 2")
            ensure_ledger(con)
            report = load_source(
                con,
                "shop",
                company.sources["shop"],
                base=company.base,
                landing=scratch / "landing",
                load_id="bench",
            )
        lines.append(report.rows_received)

    def beside() -> None:
        file = scratch / "ctas.duckdb"
        file.unlink(missing_ok=True)
        with duckdb.connect(str(file)) as con:
            con.execute("SET threads = 2")
            con.execute(
                "CREATE TABLE raw AS SELECT * FROM read_csv(?, all_varchar = true, filename = true)",
                [str(RETAIL / "*.csv")],
            )

    ours, theirs = best_of(3, platform), best_of(3, beside)
    return [
        row(
            f"{lines[-1]:,} lines in 305 files to raw",
            ours,
            "one CREATE TABLE AS read_csv",
            theirs,
            limit=2.0,
        )
    ]


def real_run(scratch: Path) -> list[dict[str, Any]]:
    """The whole real run, a second one that finds nothing new, and the same work as one script."""
    home = scratch / "real"
    words = [
        REGULARS,
        "run",
        "--company",
        str(ROOT / "examples" / "real" / "company.yaml"),
        "--home",
        str(home),
    ]
    first = checked(command(words, scratch / "real.log"), scratch / "real.log")
    first_steps = steps(home)
    second = checked(command(words, scratch / "again.log"), scratch / "again.log")
    script = best_of(3, lambda: by_hand(scratch / "hand.duckdb"))
    return [
        {
            **row("real run, four channels", first.seconds, "the shop's part as one script", script),
            **memory(first),
        }
        | {"limit_seconds": 120, "limit_bytes": 4 * GIB, "steps": first_steps},
        {
            "what": "real run again, nothing new, cold start",
            "seconds": round(second.seconds, 2),
            **memory(second),
        }
        | {"limit_seconds": 15, "steps": [*imports(), *steps(home)]},
    ]


def demo_run(scratch: Path) -> list[dict[str, Any]]:
    """The demo company, from its files to the scorecard."""
    data = scratch / "demo" / "data" / "bakehouse"
    checked(command([REGULARS, "sample", "--out", str(data)], scratch / "sample.log"), scratch / "sample.log")
    company = scratch / "demo" / "company.yaml"
    shutil.copy(ROOT / "company.yaml", company)
    home = scratch / "demo" / "home"
    words = [REGULARS, "run", "--company", str(company), "--home", str(home)]
    first = checked(command(words, scratch / "demo.log"), scratch / "demo.log")
    return [
        {"what": "demo run", "seconds": round(first.seconds, 2), **memory(first)}
        | {"limit_seconds": 60, "steps": steps(home)}
    ]


def by_hand(file: Path) -> None:
    """Run the hand-written script on a new database file."""
    import duckdb

    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as con:
        con.execute("SET threads = 2")
        con.execute(f"SET VARIABLE files = '{RETAIL}/*.csv'")
        con.execute((Path(__file__).parent / "by_hand.sql").read_text(encoding="utf-8"))


def imports() -> list[dict[str, Any]]:
    """Seconds until the command line is ready, which the run's own steps cannot see."""
    program = "import orchestration.cli, orchestration.pipeline, orchestration.company"
    with tempfile.NamedTemporaryFile() as log:
        taken = command([sys.executable, "-c", program], Path(log.name))
    return [{"name": "python and imports", "seconds": round(taken.seconds, 2)}]


def steps(home: Path) -> list[dict[str, Any]]:
    """The steps of the last run with their seconds, from its status."""
    status = json.loads((home / "status.json").read_text(encoding="utf-8"))
    return [{"name": step["name"], "seconds": round(step["seconds"], 2)} for step in status["steps"]]


def checked(measured: Measured, log: Path) -> Measured:
    """Pass a measurement on, or stop with the command's own words: a failed run is no benchmark."""
    if measured.exit_code != 0:
        sys.exit(f"exit {measured.exit_code}:\n{log.read_text(encoding='utf-8')[-4000:]}")
    return measured


def row(what: str, seconds: float, beside: str, beside_seconds: float, limit: float | None = None) -> dict[str, Any]:
    """One line of the results, with the ratio to what ran beside it."""
    line: dict[str, Any] = {
        "what": what,
        "seconds": round(seconds, 2),
        "beside": beside,
        "beside_seconds": round(beside_seconds, 2),
        "ratio": round(seconds / beside_seconds, 2),
    }
    return line if limit is None else line | {"limit_ratio": limit}


def memory(measured: Measured) -> dict[str, Any]:
    """The most memory that a command held."""
    return {"peak_bytes": measured.peak_bytes}


def write(rows: list[dict[str, Any]]) -> None:
    """Write the results for machines and for people, and show the latter."""
    today = datetime.now(UTC).date().isoformat()
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {"date": today, "machine": machine(), "results": rows}
    (RESULTS / f"{today}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "latest.md").write_text(text, encoding="utf-8")
    print(text)


def as_markdown(record: dict[str, Any]) -> str:
    """The results as tables: what, seconds, beside, ratio, memory; then where the seconds go."""
    lines = [
        "# Results of the last benchmark",
        "",
        f"{record['date']}, " + ", ".join(f"{key} {value}" for key, value in record["machine"].items()) + ".",
        "",
        "| what | seconds | beside it | its seconds | ratio | peak memory | limit |",
        "| --- | ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for line in record["results"]:
        peak = f"{line['peak_bytes'] / GIB:.2f} GiB" if "peak_bytes" in line else ""
        lines.append(
            f"| {line['what']} | {line['seconds']} | {line.get('beside', '')} | {line.get('beside_seconds', '')} "
            f"| {line.get('ratio', '')} | {peak} | {_limit(line)} |"
        )
    for line in record["results"]:
        if "steps" in line:
            lines += [
                "",
                f"Where the seconds of '{line['what']}' go:",
                "",
                "| step | seconds |",
                "| --- | ---: |",
            ]
            lines += [f"| {step['name']} | {step['seconds']} |" for step in line["steps"]]
    return "\n".join(lines) + "\n"


def _limit(line: dict[str, Any]) -> str:
    limits = []
    if "limit_ratio" in line:
        limits.append(f"ratio {line['limit_ratio']}: {'met' if line['ratio'] <= line['limit_ratio'] else 'missed'}")
    if "limit_seconds" in line:
        limits.append(f"{line['limit_seconds']} s: {'met' if line['seconds'] <= line['limit_seconds'] else 'missed'}")
    if "limit_bytes" in line:
        met = line["peak_bytes"] <= line["limit_bytes"]
        limits.append(f"{line['limit_bytes'] // GIB} GiB: {'met' if met else 'missed'}")
    return ", ".join(limits)


if __name__ == "__main__":
    main()
