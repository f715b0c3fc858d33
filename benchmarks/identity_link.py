"""Linking records with personal data as a company does by default, for the benchmarks that measure it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from nicknames import name_triplets

from models.identity import IdentityResult, resolve
from models.identity.names import Familiar
from models.identity.probable import KEY, ProbableLinks, ProbableSettings, find_probable
from models.identity.profiles import prepare
from models.identity.rules import Evidence
from models.identity.separators import traits_of
from orchestration.company_identity import IdentitySettings

SEED = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds" / "familiar_names.csv"
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
MEMORY = "6GB"


@dataclass(frozen=True)
class Linked:
    """One linking: prepared records, probable links and customers."""

    prepared: pl.DataFrame
    probable: ProbableLinks
    result: IdentityResult


def defaults() -> IdentitySettings:
    """The settings of a company that says nothing."""
    return IdentitySettings.model_validate({})


@cache
def familiar() -> Familiar:
    """The familiar names that a run takes."""
    with SEED.open(encoding="utf-8", newline="") as file:
        own = [(row["name"], row["familiar_form"]) for row in csv.DictReader(file)]
    english = [(one.name1, one.name2) for one in name_triplets() if one.relationship == "has_nickname"]
    return Familiar([*english, *own])


@contextmanager
def work_space(memory: str = MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory, on two cores."""
    con = duckdb.connect(config={"memory_limit": memory, "threads": 2})
    try:
        yield con
    finally:
        con.close()


def identifiers_of(profiles: pl.DataFrame) -> pl.DataFrame:
    """The e-mail addresses and telephones of records as identifiers; a record without one has a row without a value."""
    rows = [profiles.select(*KEY, kind=pl.lit("none"), value=pl.lit(None, dtype=pl.String))]
    rows += [profiles.select(*KEY, kind=pl.lit(kind), value=kind) for kind in ("email", "phone") if kind in profiles]
    return pl.concat(rows)


def link(
    profiles: pl.DataFrame,
    *,
    prepared: pl.DataFrame | None = None,
    previous: pl.DataFrame | None = None,
    settings: ProbableSettings | None = None,
    **earlier: Any,
) -> Linked:
    """Link records: probable links, then customers.

    Args:
        profiles: source, source_record_id and what records say of people.
        prepared: the same made comparable, where it is there already.
        previous: the customers of an earlier run.
        settings: how probable links are looked for; the default's where None.
        earlier: model, known and changed of an earlier run, see `find_probable`.
    """
    company = defaults()
    made = prepare(profiles, familiar()) if prepared is None else prepared
    with work_space() as con:
        probable = find_probable(con, made, settings=settings or company.probable.settings(), **earlier)
    evidence = Evidence(
        traits=traits_of(made),
        pairs=probable.pairs.with_columns(reason=pl.lit(None, dtype=pl.String)),
        are_compared=True,
        separates=tuple(company.separates),
        join_from_probability=company.probable.join_from_probability,
        max_records_per_customer=company.probable.max_customer_records,
    )
    limits = company.limits()
    result = resolve(identifiers_of(profiles), previous, resolved_at=MOMENT, evidence=evidence, **limits)
    return Linked(made, probable, result)
