"""One input in many orders of arrival must give one set of marts: `python -m benchmarks.shuffles [--shuffles 200]`.

The input of `benchmarks.shuffle_input` is delivered in loads of several files each. A shuffle draws how late each
record arrives (up to 180 days after it happened), in which load it comes, in which file and at which place. After the
last load all published marts are compared, row by row, with those of the same input loaded at once in the order in
which it happened.

What is left out of the comparison tells by definition about the loads or about the way to today's tables, see
`LEFT_OUT`. Customer ids are compared as what they are: names. An id is given when a customer is first seen and kept
(decision 0012), so another order of arrival gives other names; each is replaced by its customer's smallest record.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import polars as pl

from benchmarks.equality import Comparison, compare
from benchmarks.measure import machine
from benchmarks.shuffle_company import company
from benchmarks.shuffle_input import Delivery, deliveries
from orchestration.company import load_company
from orchestration.dbt import PHASES, Dbt
from orchestration.home import Home
from orchestration.predictions import forecast
from orchestration.run import Run
from orchestration.steps import load_source, prepare, resolve_identity
from orchestration.warehouse import write_state

LATEST_DAYS = 180
LOADS = 5
RESULTS = Path(__file__).parent / "results"

LEFT_OUT: dict[str, str] = {
    "*.load_id": "names the load",
    "*.batch_id": "names the content of a file",
    "*.resolved_at": "when a run first joined the record",
    "*.measured_at": "when a run measured",
    "*.started_at of source_loads": "when a load began",
    "*.finished_at of source_loads": "when a load ended",
    "quarantined_records.quarantined_at": "when the record was loaded",
    "quarantined_records, those released": "the history of quarantine: which version came first",
    "quarantined_records.row_number": "the place of the record in its file",
    "quarantined_records.record_id": "of a record without a key: its place in its file",
    "quarantined_records.raw": "compared as JSON without the delivery number: of several copies of a bad record one is "
    "shown, and keys stand in the order in which the source first sent them",
    "customer_id_changes": "the history of ids: which record came first",
    "customer_id_aliases": "the same",
    "*.since_at": "since when an id or a group is there",
    "customer_groups.group_id": "named after a customer id",
    "satisfaction_by_subject.subject_id": "of companies: the same group id",
    "source_loads": "per load; compared as sums over the loads",
    "data_validity": "per load; compared as sums over the loads",
    "source_loads and data_validity of mailer's campaigns": "SendGrid's events name their campaigns: one record per "
    "campaign and file, so that their number depends on the files; the campaigns themselves are compared",
    "data_validity_index": "per load; compared for everything held",
    "data_validity_by_field": "per load; compared for everything held",
    "data_validity_history": "what each judgement found: two orders are judged at other moments",
    "source_anomalies": "what each run found unusual in the days that it brought",
    "forecast_models": "the model cards of all runs; that of the last one is compared",
    "int_quality__rule_counts": "no mart",
}
"""Columns and tables that differ by definition, with the reason of each."""

_COLUMNS = {
    "load_id",
    "batch_id",
    "resolved_at",
    "since_at",
    "measured_at",
    "quarantined_at",
    "released_at",
    "released_by_run",
}
_COLUMNS_OF = {
    "customer_groups": {"group_id"},
    "forecast_models": {"run_id"},
    "quarantined_records": {"row_number"},
    "source_loads": {"started_at", "finished_at"},
}
_SUMS = {
    "source_loads": (["source", "entity"], ["received", "valid", "quarantined", "duplicates"]),
    "data_validity": (["source", "entity", "field", "rule", "dimension"], ["records", "valid_records"]),
}
_PER_FILE = [{"source": "mailer", "entity": "campaigns"}]
_PLACE = r"^[0-9a-f]{32}\|[0-9]+$"
_CUSTOMER = "c_[0-9a-f]{16}"


@dataclass
class Outcome:
    """What one shuffle gave: its seed, seconds, and the tables that differ."""

    seed: int
    seconds: float
    tables: int
    rows: int
    unequal: list[str] = field(default_factory=list)


class Company:
    """The shuffled company in one folder, made anew for each shuffle; dbt's parsed project is kept between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self.file = folder / "company.yaml"
        self._dbt: Dbt | None = None

    def begin(self) -> None:
        """Forget all that was loaded and built."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        for place in (self.home.warehouse, self.home.warehouse.with_suffix(".duckdb.wal")):
            place.unlink(missing_ok=True)
        shutil.rmtree(self.home.landing, ignore_errors=True)
        self.file.write_text(company(), encoding="utf-8")

    def deliver(self, files: Sequence[tuple[str, Sequence[Delivery]]], load: int) -> None:
        """Write one load's files: dataset and what stands in the file, in its order."""
        for number, (dataset, content) in enumerate(files):
            folder = self.folder / "data" / dataset.replace(".", "/")
            folder.mkdir(parents=True, exist_ok=True)
            lines = [json.dumps(record, ensure_ascii=False) for one in content for record in one.records]
            (folder / f"{load:02d}-{number:04d}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(self, *, to_the_end: bool) -> None:
        """Take the steps of a run, without Dagster, gate and publication.

        Args:
            to_the_end: also build what no later run reads again: the facts, values and goals.
        """
        this = Run(load_company(self.file), self.home.create())
        if self._dbt is None:
            self._dbt = this.dbt
            self._dbt.parse()
        this.__dict__["dbt"] = self._dbt
        for source in this.company.sources:
            load_source(this, source)
        failures = [problem for problem in this.problems if problem.is_failure]
        if failures:
            raise RuntimeError(f"the input could not be loaded: {failures[0]}")
        prepare(this)
        staging, identity, profiles, value = PHASES
        if to_the_end or this.full_refresh:
            self._build(this, f"tag:{staging}")
        else:
            self._build(this, "path:models/staging", "int_exchange_rates")
        self._build(this, f"tag:{identity}")
        resolve_identity(this)
        if to_the_end:
            self._build(this, f"tag:{profiles}")
            forecast(this)
            self._build(this, f"tag:{value}")
        with this.engine.control() as con:  # as the publishing step says that the tables are whole
            write_state(con, {"fingerprint": this.fingerprint})

    def _build(self, this: Run, *select: str) -> None:
        this.dbt.build(
            ["--select", *select, "--exclude-resource-type", "test", "unit_test", "--no-write-json"],
            full_refresh=this.full_refresh,
        )

    def marts(self) -> dict[str, pl.DataFrame]:
        """Return the marts as they are compared."""
        engine = Run(load_company(self.file), self.home).engine
        tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'marts' ORDER BY 1"
        frames = {name: engine.frame(f'SELECT * FROM marts."{name}"') for name in engine.frame(tables)["table_name"]}
        smallest = engine.frame(
            "SELECT customer_id, min(source || '|' || source_record_id) AS name "
            "FROM identity.customer_records GROUP BY customer_id"
        )
        named = dict(zip(smallest["customer_id"], smallest["name"], strict=True))
        for history in ("customer_id_changes", "customer_id_aliases", "data_validity_history", "source_anomalies"):
            frames.pop(history, None)
        return {name: _comparable(name, frame, named) for name, frame in frames.items()}


def _comparable(name: str, frame: pl.DataFrame, customers: dict[str, str]) -> pl.DataFrame:
    """A mart without what differs by definition, its customers named by their smallest record."""
    if name in ("data_validity_index", "data_validity_by_field"):
        frame = frame.filter(pl.col("load_id") == "all")
    if name == "satisfaction_by_subject":
        frame = frame.with_columns(pl.when(pl.col("subject_kind") != "company").then("subject_id").alias("subject_id"))
    if name == "forecast_models":
        frame = frame.filter(pl.col("run_id") == pl.col("run_id").max())
    if name in _SUMS:
        by, numbers = _SUMS[name]
        frame = frame.filter(pl.struct("source", "entity").is_in(_PER_FILE).not_())
        frame = frame.group_by(by).agg(pl.col(numbers).sum())
    if name == "quarantined_records":
        frame = frame.filter(pl.col("released_at").is_null()).with_columns(
            pl.col("raw").map_elements(_as_sent, return_dtype=pl.String), pl.col("record_id").str.replace(_PLACE, "")
        )
    left_out = _COLUMNS | _COLUMNS_OF.get(name, set())
    frame = frame.drop([column for column in frame.columns if column in left_out])
    texts = [column for column, kind in frame.schema.items() if kind == pl.String]
    # Also where an id is a part of another one, such as that of a delivery to a customer.
    return frame.with_columns(
        pl.col(column).str.replace(
            _CUSTOMER, pl.col(column).str.extract(f"({_CUSTOMER})").replace_strict(customers, default=""), literal=False
        )
        for column in texts
        if frame[column].str.contains(_CUSTOMER).any()
    )


def _as_sent(raw: str) -> str:
    """A raw record's keys in order, without the number of its delivery and without what the record did not have."""
    sent = {key: value for key, value in json.loads(raw).items() if key != "delivery" and value is not None}
    return json.dumps(sent, sort_keys=True, ensure_ascii=False)


def shuffled(everything: Sequence[Delivery], seed: int, loads: int = LOADS) -> list[list[tuple[str, list[Delivery]]]]:
    """Draw an order of arrival: per load its files, each with its dataset and what stands in it.

    Every third seed forgets about time: then any record may come in any load.
    """
    draw = random.Random(seed)
    knows_time = seed % 3 != 0

    def arrival(one: Delivery) -> datetime:
        if not knows_time:
            return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.random() * 365 * 86400)
        return one.at + timedelta(seconds=draw.random() * LATEST_DAYS * 86400)

    by_arrival = sorted(((arrival(one), draw.random(), one) for one in everything), key=lambda each: each[:2])
    ordered = [one for _, _, one in by_arrival]
    bounds = sorted(draw.sample(range(1, len(ordered)), loads - 1))
    parts = [ordered[first:last] for first, last in zip([0, *bounds], [*bounds, len(ordered)], strict=True)]
    # Each dataset has something in the first load: a path that matches nothing is refused before the first load.
    there = {one.dataset for one in parts[0]}
    for part in parts[1:]:
        for one in list(part):
            if one.dataset not in there:
                there.add(one.dataset)
                part.remove(one)
                parts[0].append(one)
    return [_files(part, draw) for part in parts]


def _files(part: Sequence[Delivery], draw: random.Random) -> list[tuple[str, list[Delivery]]]:
    by_dataset: dict[str, list[Delivery]] = {}
    for one in part:
        by_dataset.setdefault(one.dataset, []).append(one)
    files = []
    for dataset, content in by_dataset.items():
        draw.shuffle(content)
        count = min(len(content), draw.randint(1, 3))
        files += [(dataset, content[number::count]) for number in range(count)]
    draw.shuffle(files)
    return files


def in_order(everything: Sequence[Delivery]) -> list[list[tuple[str, list[Delivery]]]]:
    """One load, one file a dataset, in the order in which it happened."""
    by_dataset: dict[str, list[Delivery]] = {}
    for one in everything:
        by_dataset.setdefault(one.dataset, []).append(one)
    return [list(by_dataset.items())]


def marts_of(place: Company, loads: Sequence[Sequence[tuple[str, Sequence[Delivery]]]]) -> dict[str, pl.DataFrame]:
    """Deliver and run load by load, and return the marts after the last."""
    place.begin()
    for number, files in enumerate(loads):
        place.deliver(files, number)
        place.run(to_the_end=number == len(loads) - 1)
    return place.marts()


def differing(expected: dict[str, pl.DataFrame], found: dict[str, pl.DataFrame]) -> list[Comparison]:
    """Compare two sets of marts."""
    if expected.keys() != found.keys():
        raise RuntimeError(f"other tables: {expected.keys() ^ found.keys()}")
    return [compare(name, expected[name], found[name], ignore=()) for name in sorted(expected)]


def shuffles(folder: Path, count: int, first_seed: int = 1, people: int | None = None) -> Iterator[Outcome]:
    """Run so many shuffles and say of each what differs."""
    everything = deliveries() if people is None else deliveries(people=people)
    place = Company(folder)
    expected = marts_of(place, in_order(everything))
    for seed in range(first_seed, first_seed + count):
        begun = perf_counter()
        comparisons = differing(expected, marts_of(place, shuffled(everything, seed)))
        yield Outcome(
            seed,
            round(perf_counter() - begun, 2),
            len(comparisons),
            sum(one.rows[0] for one in comparisons),
            [str(one) for one in comparisons if not one.is_equal],
        )


def main() -> None:
    """Run the shuffles, print each, and write `results/shuffles.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shuffles", type=int, default=200)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--folder", type=Path, help="keep the company here")
    given = parser.parse_args()
    outcomes = []
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="regulars-shuffles-")))
        for outcome in shuffles(folder, given.shuffles, given.first):
            outcomes.append(outcome)
            print(
                f"{outcome.seed:4d}  {outcome.seconds:6.1f} s  {'equal' if not outcome.unequal else 'DIFFERS'}",
                flush=True,
            )
            for words in outcome.unequal:
                print(f"      {words}", flush=True)
    unequal = [outcome for outcome in outcomes if outcome.unequal]
    record = {
        "machine": machine(),
        "shuffles": len(outcomes),
        "equal": len(outcomes) - len(unequal),
        "tables": outcomes[0].tables if outcomes else 0,
        "rows": outcomes[0].rows if outcomes else 0,
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 1),
        "left_out": LEFT_OUT,
        "unequal": {outcome.seed: outcome.unequal for outcome in unequal},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "shuffles.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if unequal:
        sys.exit(f"{len(unequal)} of {len(outcomes)} shuffles gave other marts")


if __name__ == "__main__":
    main()
