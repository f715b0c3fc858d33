"""`python -m benchmarks.anomalies`: how often the search for anomalies cries wolf, and what it finds.

Sample companies are generated, loaded and staged; then every day of two years is judged with only its past. Nothing
was injected there, and what is wrong with the records is wrong at a constant rate: whatever is found is a false alarm.
Then faults are put into copies of single days, and counted when they are found on that day (a source that stops: within
a week). The settings are the defaults; the seeds here were not looked at when they were chosen.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl

from benchmarks.day_faults import LAST, SETTINGS, SIZES, power, series
from benchmarks.measure import machine
from expectations.anomalies import Span, judge
from expectations.anomalies.settings import DAYS_PER_MONTH, KINDS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
REAL = ROOT.parent / "shared" / "data" / "shop" / "online_retail"
#: The measure: false alarms per source and month.
LIMIT = 1.0
SEEDS, CUSTOMERS, LARGE = (11, 12, 13, 14, 15), 3000, (16, 30_000)
FIRST = date(2024, 7, 1)


def main() -> None:
    """Measure and write `results/anomalies.json` and `results/anomalies.md`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomalies", description=__doc__)
    parser.add_argument("--days", type=int, default=12, help="faulty days per source and fault (default: 12)")
    parser.add_argument("--keep", type=Path, help="where profiles are kept and found again (default: nowhere)")
    parser.add_argument("--profile", nargs=3, metavar=("OUT", "COMPANY_OR_CUSTOMERS", "SEED"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.profile:
        out, what, seed = given.profile
        write_profile(Path(out), what, int(seed))
        return
    with tempfile.TemporaryDirectory(prefix="regulars-anomalies-") as folder:
        measure(given.keep or Path(folder), given.days)


def measure(folder: Path, faulty_days: int) -> None:
    """Walk through all companies and write what was found."""
    folder.mkdir(parents=True, exist_ok=True)
    small = [(f"{CUSTOMERS:,} customers, seed {seed}", _profile(folder, str(CUSTOMERS), seed)) for seed in SEEDS]
    large = (f"{LARGE[1]:,} customers, seed {LARGE[0]}", _profile(folder, str(LARGE[1]), LARGE[0]))
    walks = [walk(name, profiles, FIRST, LAST) for name, profiles in (*small, large)]
    powers = [
        ("3,000 customers", power([profiles for _, profiles in small[:2]], faulty_days)),
        ("30,000 customers", power([large[1]], faulty_days)),
    ]
    real = None
    if REAL.is_dir():
        profiles = _profile(folder, str(_real_company(folder)), 0).filter(pl.col("day") >= date(2010, 12, 1))
        real = walk("Online Retail", profiles, date(2010, 12, 1), date(2011, 12, 9))
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "settings": {"false_alarms_per_month": SETTINGS.false_alarms_per_month, "weeks": SETTINGS.look_back_weeks},
        "walks": [one.as_dict() for one in walks],
        "power": {name: [one.as_dict() for one in found] for name, found in powers},
        "real": None if real is None else real.as_dict() | {"says": real.says},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "anomalies.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "anomalies.md").write_text(text, encoding="utf-8")
    print(text)


# ------------------------------------------------------------------------------------------------------- profiles


def _profile(folder: Path, what: str, seed: int) -> pl.DataFrame:
    """The daily profile of a company, made in a process of its own unless it is there from an earlier measurement."""
    out = folder / f"{Path(what).parent.name if what.endswith('.yaml') else what}-{seed}.parquet"
    if not out.exists():
        words = [sys.executable, "-m", "benchmarks.anomalies", "--profile", str(out), what, str(seed)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{what}: {done.stderr[-4000:]}")
    return pl.read_parquet(out)


def write_profile(out: Path, what: str, seed: int) -> None:
    """Generate a company unless a company file is named, load and stage it, and write its daily profile."""
    from orchestration import steps
    from orchestration.company import load_company
    from orchestration.home import Home
    from orchestration.run import Run
    from sources.sample.generator import generate

    with tempfile.TemporaryDirectory(prefix="regulars-anomalies-", dir=out.parent) as name:
        place = Path(name)
        if what.endswith(".yaml"):
            file = Path(what)
        else:
            generate(place / "company", customers=int(what), seed=seed)
            file = place / "company" / "company.yaml"
        company = load_company(file)
        run = Run(company, Home(place / "home").create())
        for source in company.sources:
            steps.load_source(run, source)
        steps.prepare(run)
        tests = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
        run.dbt.build(["--select", "+daily_profiles", "--exclude", "tag:phase_received", *tests])
        run.engine.frame("SELECT * FROM quality.daily_profiles").write_parquet(out)


def _real_company(folder: Path) -> Path:
    """The company file of the example on real data with its shop alone."""
    import yaml

    example = ROOT / "examples" / "real" / "company.yaml"
    company = yaml.safe_load(example.read_text(encoding="utf-8"))
    company["sources"] = {"shop": company["sources"]["shop"]}
    company["sources"]["shop"]["datasets"]["invoices"]["path"] = str((REAL / "by-day" / "*.csv").resolve())
    file = folder / "real" / "company.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(company, sort_keys=False), encoding="utf-8")
    return file


# -------------------------------------------------------------------------------------------------- false alarms


@dataclass
class Walk:
    """All days of one company, each judged with its past."""

    name: str
    months: float
    sources: list[str]
    alarms: dict[str, dict[str, int]]  # source -> kind -> alarms
    findings: int
    seconds: float
    says: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Alarms per source and month."""
        return sum(sum(kinds.values()) for kinds in self.alarms.values()) / len(self.sources) / self.months

    @property
    def worst(self) -> tuple[str, float]:
        """The source with most alarms, and how many a month."""
        source = max(self.sources, key=lambda name: sum(self.alarms.get(name, {}).values()))
        return source, sum(self.alarms.get(source, {}).values()) / self.months

    def as_dict(self) -> dict[str, Any]:
        """As it goes into the results."""
        return {
            "name": self.name, "months": round(self.months, 1), "sources": self.sources, "alarms": self.alarms,
            "rate": round(self.rate, 3), "worst": [self.worst[0], round(self.worst[1], 2)], "findings": self.findings,
            "seconds": round(self.seconds, 1),
        }  # fmt: skip


def walk(name: str, profiles: pl.DataFrame, first: date, last: date) -> Walk:
    """Judge every day from the first to the last; the months are those of days that had enough past."""
    spans = [Span(source, entity, first, last) for source, entity in series(profiles)]
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    begun = perf_counter()
    found = judge(profiles, spans, SETTINGS, silent_at=days)
    seconds = perf_counter() - begun
    alarms: dict[str, dict[str, int]] = {}
    new = found.filter("is_new")
    for source, kind, count in new.group_by("source", "kind").len().sort("source", "kind").iter_rows():
        alarms.setdefault(source, {})[kind] = count
    months = (len(days) - 7 * SETTINGS.minimum_weeks) / DAYS_PER_MONTH
    sources = sorted(profiles["source"].unique())
    return Walk(name, months, sources, alarms, found.height, seconds, list(new["says"]))


# ------------------------------------------------------------------------------------------------------- results


def as_markdown(record: dict[str, Any]) -> str:
    """The results as tables."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: dict[str, Any]) -> Iterator[str]:
    yield "# Anomalies: false alarms and what is found"
    yield ""
    yield f"{record['date']}, " + ", ".join(f"{key} {value}" for key, value in record["machine"].items()) + "."
    yield ""
    yield (
        "Made by `python -m benchmarks.anomalies`, with the default settings. Every day of two years of a sample "
        "company is judged with its past alone. Nothing was injected: every alarm is counted as a false one, "
        "also those of the days on which the sample sends a campaign. An alarm is a finding that does not go on from "
        "one of the seven days before."
    )
    yield ""
    rates = [one["rate"] for one in record["walks"]]
    met = "met" if max(one["worst"][1] for one in record["walks"]) < LIMIT else "missed by a source"
    yield (
        f"False alarms per source and month: **{sum(rates) / len(rates):.2f}** on average over the companies, "
        f"{max(rates):.2f} in the worst one (limit {LIMIT:.0f}, for every single source: {met})."
    )
    yield ""
    yield (
        "| company | "
        + " | ".join(kind.replace("_", " ") for kind in KINDS)
        + " | per source and month | worst source |"
    )
    yield "| --- | " + "---: | " * (len(KINDS) + 1) + "--- |"
    for one in record["walks"] + ([record["real"]] if record["real"] else []):
        by_kind = [sum(kinds.get(kind, 0) for kinds in one["alarms"].values()) for kind in KINDS]
        worst, most = one["worst"]
        yield f"| {one['name']} | {' | '.join(map(str, by_kind))} | {one['rate']:.2f} | {worst} {most:.2f} |"
    yield ""
    if record["real"]:
        yield (
            f"Online Retail (real, one source of several entities, {record['real']['months']:.0f} months judged) is "
            "not free of anomalies, so its row shows how much there is to read, not how much of it is wrong. All of it:"
        )
        yield ""
        yield from (f"- {says}" for says in record["real"]["says"])
        yield ""
    for name, faults in record["power"].items():
        yield f"## Faults found: {name}"
        yield ""
        yield (
            "By the records that the entity usually has on such a day; for columns (drawn from those that are watched) "
            "by the records of the day that have a value there. Days were drawn from the last year. `found / put in`."
        )
        yield ""
        yield "| fault | " + " | ".join(size for _, size in SIZES) + " |"
        yield "| --- | " + "---: | " * len(SIZES)
        for one in faults:
            cells = [one["found"].get(size) for _, size in SIZES]
            shown = [f"{cell[0]} / {cell[1]} ({cell[0] / cell[1]:.0%})" if cell else "" for cell in cells]
            yield f"| {one['fault']} | {' | '.join(shown)} |"
        yield ""


if __name__ == "__main__":
    main()
