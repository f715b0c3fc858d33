"""`python -m benchmarks.identity_accuracy`: probable links on public sets with a known truth, and on a constructed one.

Each set goes through the models with the settings that a company has by default; nothing is fitted to a set's truth,
which is read only to score the finished customers. A pair of records counts as joined if both are in one customer, so
what clustering adds or stops is in the figures. Beside it: joining the records whose first name, last name and birth
date are equal but for case.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import polars as pl

from benchmarks.identity_link import link
from benchmarks.identity_people import people
from benchmarks.identity_scores import Scores, scored
from benchmarks.identity_sets import SETS
from benchmarks.measure import machine

RESULTS = Path(__file__).resolve().parent / "results"
#: Records of the constructed set.
CONSTRUCTED = 100_000


def main() -> None:
    """Measure, print and write `results/identity_accuracy.md` and `.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity_accuracy", description=__doc__)
    parser.add_argument(
        "--constructed", type=int, default=CONSTRUCTED, help="records of the constructed set, 0 for none"
    )
    given = parser.parse_args()
    sets, skipped = [], []
    for name, read in sources(given.constructed):
        try:
            profiles, truth = read()
        except FileNotFoundError as error:
            skipped.append(str(error))
            continue
        sets.append(measured(name, profiles, truth))
        print(json.dumps(sets[-1]), flush=True)
    if not sets:
        sys.exit(f"nothing was measured: {'; '.join(skipped)}")
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "sets": sets,
        "skipped": [Path(text).name for text in skipped],
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "identity_accuracy.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "identity_accuracy.md").write_text(text, encoding="utf-8")
    print(text)


def sources(constructed: int) -> Iterator[tuple[str, Callable[[], tuple[pl.DataFrame, pl.DataFrame]]]]:
    """The sets by name, and what reads or draws them."""
    for one in SETS:
        yield one.name, one.frames
    if constructed:
        yield "constructed", lambda: people(constructed)


def link_profiles(profiles: pl.DataFrame) -> pl.DataFrame:
    """Link the profiles as a company does by default; the one place that calls the models.

    Args:
        profiles: as `benchmarks.identity_people.people` draws them.

    Returns:
        source, source_record_id, customer_id; one row per record.
    """
    return link(profiles).result.records.select("source", "source_record_id", "customer_id")


def same_name_and_birth_date(profiles: pl.DataFrame) -> pl.DataFrame:
    """Join records whose first name, last name and birth date are there and equal but for case.

    Returns:
        source, source_record_id, customer_id; one row per record.
    """
    compared = profiles.with_row_index("row").with_columns(pl.col("first_name", "last_name").str.to_lowercase())
    names = ("first_name", "last_name", "birth_date")
    whole = pl.all_horizontal(pl.col(name).is_not_null() for name in names)
    first = pl.col("row").min().over(names)
    return compared.select(
        "source", "source_record_id", customer_id=pl.when(whole).then(first).otherwise(pl.col("row"))
    )


def measured(name: str, profiles: pl.DataFrame, truth: pl.DataFrame) -> dict[str, Any]:
    """Link and score one set."""
    load, begun, used = os.getloadavg()[0], perf_counter(), process_time()
    customers = link_profiles(profiles)
    return {
        "set": name,
        "records": profiles.height,
        "seconds": round(perf_counter() - begun, 2),
        "cpu": round(process_time() - used, 2),
        "load_before": round(load, 1),
        "linked": _as_dict(scored(customers, truth)),
        "equal": _as_dict(scored(same_name_and_birth_date(profiles), truth)),
    }


def _as_dict(scores: Scores) -> dict[str, float]:
    return {
        "joined_pairs": scores.joined,
        "true_pairs": scores.true,
        "precision": round(scores.precision, 4),
        "recall": round(scores.recall, 4),
        "f1": round(scores.f1, 4),
    }


def as_markdown(record: dict[str, Any]) -> str:
    """The results as a table."""
    versions = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    lines = [
        "# Probable links: how right they are",
        "",
        f"{record['date']}, {versions}. `python -m benchmarks.identity_accuracy`, default settings for every set; "
        "in brackets what joining equal names and birth dates comes to. Pairs of records, after clustering. Where the "
        "public sets come from stands in `benchmarks/identity_sets.py`; the constructed set is described in "
        "`benchmarks/identity_people.py`, and its figures say nothing about real customers.",
        "",
        "| set | records | true pairs | precision | recall | F1 | seconds | of the processors |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in record["sets"]:
        cells = [f"{one['linked'][name]:.3f} ({one['equal'][name]:.3f})" for name in ("precision", "recall", "f1")]
        lines.append(
            f"| {one['set']} | {one['records']:,} | {one['linked']['true_pairs']:,} | {' | '.join(cells)} "
            f"| {one['seconds']:.1f} | {one['cpu']:.1f} |"
        )
    if record["skipped"]:
        lines += ["", f"Skipped, because the file is not there: {', '.join(record['skipped'])}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
