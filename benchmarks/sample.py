"""`python -m benchmarks.sample`: how long the sample company takes to write, and how much memory."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import command, machine

RESULTS = Path(__file__).resolve().parent / "results"
GIB = 2**30
#: The measure: a million customers in ten minutes and 8 GB on two cores.
LIMIT_SECONDS, LIMIT_BYTES, FULL = 600, 8 * 10**9, 1_000_000
#: What the issue counts, and the (dataset, entity) pairs that make it.
COUNTED = (
    ("order lines", "order_lines"),
    ("web events", "web_events"),
    ("e-mail events", "email_events"),
    ("orders and receipts", "orders"),
    ("calls", "calls"),
    ("tickets", "tickets"),
    ("records of people", "customers"),
)

_RUN = (
    "import sys, time; from pathlib import Path; from sources.sample.generator import generate; "
    "generate(Path(sys.argv[1]), customers=int(sys.argv[2]), seed=int(sys.argv[3]), "
    "progress=lambda words: print(words, flush=True)); print(time.process_time())"
)


def main() -> None:
    """Generate in a process of its own, measure it, and write `results/sample.md`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sample", description=__doc__)
    parser.add_argument("--customers", type=int, default=FULL, help="how many (default: one million)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="write to this folder and keep it")
    given = parser.parse_args()
    if given.keep:
        measure(given.keep, given.customers, given.seed)
    else:
        with tempfile.TemporaryDirectory(prefix="regulars-sample-") as folder:
            measure(Path(folder), given.customers, given.seed)


def measure(folder: Path, customers: int, seed: int) -> None:
    """Write the company below the folder, and the results."""
    out, log = folder / "company", folder / "sample.log"
    folder.mkdir(parents=True, exist_ok=True)
    measured = command([sys.executable, "-c", _RUN, str(out), str(customers), str(seed)], log)
    if measured.exit_code != 0:
        sys.exit(f"generating ended with {measured.exit_code}:\n{log.read_text(encoding='utf-8')[-4000:]}")
    summary = json.loads((out / "truth" / "summary.json").read_text(encoding="utf-8"))
    files = [file for file in out.rglob("*") if file.is_file()]
    truth = [file for file in files if "truth" in file.parts]
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "customers": customers,
        "seed": seed,
        "seconds": round(measured.seconds, 1),
        # Of both processors; the machine may be doing other things as well.
        "cpu_seconds": round(float(log.read_text(encoding="utf-8").splitlines()[-1]), 1),
        "peak_bytes": measured.peak_bytes,
        "files": len(files) - len(truth),
        "data_bytes": sum(file.stat().st_size for file in files) - sum(file.stat().st_size for file in truth),
        "truth_bytes": sum(file.stat().st_size for file in truth),
        "total": summary["total"],
        "entities": summary["entities"],
    }
    text = as_markdown(record)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "sample.md").write_text(text, encoding="utf-8")
    print(text)


def as_markdown(record: dict[str, Any]) -> str:
    """The results as text and tables."""
    versions = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    total = record["total"]
    lines = [
        "# The sample company",
        "",
        f"{record['date']}, {versions}. `regulars sample --customers {record['customers']} --seed {record['seed']}`.",
        "",
        "| what | measured | limit |",
        "| --- | ---: | --- |",
        f"| seconds | {record['seconds']} | {_limit(record, 'seconds', LIMIT_SECONDS, '600')} |",
        f"| seconds of processor time | {record['cpu_seconds']} | |",
        f"| peak memory | {record['peak_bytes'] / 1e9:.2f} GB | {_limit(record, 'peak_bytes', LIMIT_BYTES, '8 GB')} |",
        f"| files | {record['files']} | |",
        f"| size of the exports | {record['data_bytes'] / GIB:.2f} GiB | |",
        f"| size of the truth | {record['truth_bytes'] / GIB:.2f} GiB | |",
        f"| records | {total['records']:,} | |",
        f"| wrong | {(total['invalid'] + total['invalid_fields']) / max(total['records'], 1):.2%} | |",
        f"| again | {total['duplicates'] / max(total['records'], 1):.2%} | |",
    ]
    for label, entity in COUNTED:
        count = sum(one["records"] for one in record["entities"] if one["entity"] == entity)
        lines.append(f"| {label} | {count:,} | |")
    return "\n".join(lines) + "\n"


def _limit(record: dict[str, Any], name: str, limit: int, words: str) -> str:
    """The limit for a million customers, and whether it is kept; for other sizes there is none."""
    if record["customers"] != FULL:
        return ""
    return f"{words}: {'met' if record[name] <= limit else 'MISSED'}"


if __name__ == "__main__":
    main()
