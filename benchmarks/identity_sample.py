"""`python -m benchmarks.identity_sample`: who is who in the sample company: right, and the same tomorrow.

Takes the demo as `make run` leaves it: identifiers and profiles of its warehouse, and the truth beside its files. Pairs
of records are scored after clustering: of those with personal data, and of all references that are one person's.
Stability: a tenth of the records is left out and comes a day later; people whose old records are one
customer before and after must keep the id. Running again on the same rows in another order must change nothing.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from benchmarks.identity_link import MOMENT, defaults, familiar, work_space
from benchmarks.identity_scores import scored
from benchmarks.measure import machine
from models.identity import IdentityResult, resolve
from models.identity.probable import KEY, find_probable
from models.identity.profiles import prepare
from models.identity.rules import Evidence
from models.identity.separators import traits_of

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"
LATER = 0.10


def main() -> None:
    """Measure, print and write `results/identity_sample.md` and `.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity_sample", description=__doc__)
    parser.add_argument("--home", type=Path, default=ROOT / "home" / "bakehouse", help="where the run's warehouse is")
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "bakehouse", help="where the truth is")
    given = parser.parse_args()
    with duckdb.connect(str(given.home / "warehouse.duckdb"), read_only=True) as con:
        identifiers = con.sql(
            "SELECT source, source_record_id, kind, value FROM intermediate.int_identity__identifiers"
        ).pl()
        profiles = con.sql("SELECT * FROM intermediate.int_identity__profiles").pl()
    records, references = _truths(given.data / "truth")
    whole = _joined(identifiers, profiles, None, 0)
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "records": whole.records.height,
        "customers": whole.report.customers,
        "personal": _told(whole, records),
        "references": _told(whole, references),
        **_stability(identifiers, profiles, whole, references),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "identity_sample.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "identity_sample.md").write_text(text, encoding="utf-8")
    print(text)


def _truths(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Who is behind each record with personal data, and behind each reference that one person has."""
    records = (
        pl.read_parquet(folder / "records.parquet")
        .select("source", pl.concat_str(pl.lit("account:"), "record_key").alias("source_record_id"), "person_id")
        .unique()
    )
    references = pl.read_parquet(folder / "references.parquet").filter(~pl.col("is_shared")).select(*KEY, "person_id")
    return tuple(frame.unique(KEY, keep="none") for frame in (records, references))  # type: ignore[return-value]


def _joined(
    identifiers: pl.DataFrame, profiles: pl.DataFrame, previous: pl.DataFrame | None, day: int
) -> IdentityResult:
    company = defaults()
    prepared = prepare(profiles, familiar())
    with work_space() as con:
        probable = find_probable(con, prepared, settings=company.probable.settings())
    evidence = Evidence(
        traits=traits_of(prepared),
        pairs=probable.pairs.with_columns(reason=pl.lit(None, dtype=pl.String)),
        are_compared=True,
        separates=tuple(company.separates),
        join_from_probability=company.probable.join_from_probability,
        max_records_per_customer=company.probable.max_customer_records,
    )
    moment = MOMENT + timedelta(days=day)
    return resolve(identifiers, previous, resolved_at=moment, evidence=evidence, **company.limits())


def _told(result: IdentityResult, truth: pl.DataFrame) -> dict[str, Any]:
    known = result.records.select(*KEY, "customer_id").join(truth.select(KEY), on=KEY, how="semi")
    scores = scored(known, truth.join(known.select(KEY), on=KEY, how="semi"))
    return {"precision": round(scores.precision, 4), "recall": round(scores.recall, 4), "true_pairs": scores.true}


def _stability(
    identifiers: pl.DataFrame, profiles: pl.DataFrame, whole: IdentityResult, truth: pl.DataFrame
) -> dict[str, Any]:
    """What becomes of ids when a tenth of the records comes later, and when the same comes again."""
    later = identifiers.select(KEY).unique().sort(KEY).sample(fraction=LATER, seed=11)
    first = _joined(identifiers.join(later, on=KEY, how="anti"), profiles.join(later, on=KEY, how="anti"), None, 0)
    then = _joined(identifiers, profiles, first.records, 1)
    both = first.records.select(*KEY, before="customer_id").join(then.records.select(*KEY, after="customer_id"), on=KEY)
    people = both.join(truth, on=KEY).group_by("person_id").agg(pl.col("before").n_unique(), pl.col("after").n_unique())
    ids = both.join(truth, on=KEY).group_by("person_id", "before").agg(pl.col("after").mode().sort().first())
    same = people.filter((pl.col("before") == 1) & (pl.col("after") == 1))
    moved = ids.join(same.select("person_id"), on="person_id", how="semi").filter(pl.col("before") != pl.col("after"))
    again = _joined(identifiers.sample(fraction=1, shuffle=True, seed=3), profiles[::-1], whole.records, 1)
    return {
        "unchanged_people": same.height,
        "other_id": moved.height,
        "again_changes": again.changes.height,
        "again_equal": bool(again.records.equals(whole.records)),
    }


def as_markdown(record: dict[str, Any]) -> str:
    """The results as tables, with the limits."""
    versions = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    share = record["other_id"] / max(record["unchanged_people"], 1)
    lines = [
        "# Who is who in the sample company",
        "",
        f"{record['date']}, {versions}. `make run`, then `python -m benchmarks.identity_sample`: "
        f"{record['records']:,} records, {record['customers']:,} customers. Its people are made up "
        "([docs/sample-company.md](../../docs/sample-company.md)).",
        "",
        "| pairs of | true pairs | precision | recall | limit |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for key, words in (("personal", "records with personal data"), ("references", "all references of one person")):
        told = record[key]
        met = told["precision"] >= 0.99 and told["recall"] >= 0.90
        lines.append(
            f"| {words} | {told['true_pairs']:,} | {told['precision']:.4f} | {told['recall']:.4f} "
            f"| 0.99 at 0.90: {'met' if met else '**missed**'} |"
        )
    lines += [
        "",
        f"A tenth of the records later: of {record['unchanged_people']:,} people whose records are one customer before "
        f"and after, {record['other_id']:,} have another id ({share:.2%}; limit 0.1 %: "
        f"{'met' if share < 0.001 else '**missed**'}). The same rows again in another order: "
        f"{record['again_changes']} changes, records {'equal' if record['again_equal'] else '**not equal**'}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
