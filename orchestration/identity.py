"""Who is who: the frames that dbt made, the models of identity, and what the company and its stewards say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from models.identity import IdentityResult
    from models.identity.distributed import DistributedIdentityResult
    from models.identity.names import Familiar
    from models.identity.probable import ProbableLinks
    from orchestration.company import Company
    from orchestration.engines.base import Engine
    from orchestration.run import Run

IDENTIFIERS = "SELECT source, source_record_id, kind, value FROM intermediate.int_identity__identifiers"
PREVIOUS = "SELECT source, source_record_id, customer_id, resolved_at FROM identity.customer_records"
PROFILES = "SELECT * FROM intermediate.int_identity__profiles"
_FAMILIAR = "SELECT name, familiar_form FROM reference.familiar_names"
_LISTS = {
    "free_mailbox_domains": "SELECT domain FROM reference.free_mailbox_domains",
    "legal_forms": "SELECT words, place FROM reference.legal_forms",
}

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Identified:
    """What a run found out about who is who.

    Attributes:
        rows_in: Identifiers that went in.
        result: Records, changes, links, decisions and report; from a cluster the first three are Spark frames.
        prepared: What records say of people, made comparable.
        probable: The compared pairs and the model; None where probable links are switched off.
        tables: What is to be kept besides records and changes: table to frame.
        added: What is to be added: table to frame.
    """

    rows_in: int
    result: IdentityResult | DistributedIdentityResult
    prepared: pl.DataFrame
    probable: ProbableLinks | None
    tables: dict[str, Any] = field(default_factory=dict)
    added: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolved:
    """What became of the records, in the frames of whoever resolved them.

    Attributes:
        rows_in: Identifiers that went in.
        result: Records, changes, links, decisions and report.
        merged: The changes that say which customers went up in another one.
        among: Gives source, source_record_id and customer_id of the records that agree with a frame in all its columns.
    """

    rows_in: int
    result: IdentityResult | DistributedIdentityResult
    merged: pl.DataFrame
    among: Callable[[pl.DataFrame], pl.DataFrame]


def resolve_here(engine: Engine, tell: Tell, **rules: Any) -> Resolved:
    """Join records on this machine, all frames in memory; `rules` is what `models.identity.resolve` takes."""
    from models.identity import resolve

    identifiers = engine.frame(IDENTIFIERS)
    tell(f"joining {identifiers.height:,} identifiers")
    result = resolve(identifiers, engine.frame(PREVIOUS), **rules)
    records = result.records.select("source", "source_record_id", "customer_id")

    def among(some: pl.DataFrame) -> pl.DataFrame:
        return records.join(some, on=some.columns, how="semi")

    return Resolved(identifiers.height, result, result.changes, among)


def identify(
    engine: Engine,
    run: Run,
    tell: Tell = lambda _: None,
    *,
    resolve: Callable[..., Resolved] = resolve_here,
    with_profiles: bool = True,
) -> Identified:
    """Join records to customers. Nothing is written.

    Args:
        engine: Where the frames are read from.
        run: Company, decisions and time.
        tell: Told what is being done, for whoever watches.
        resolve: Joins the records, see `resolve_here`.
        with_profiles: Whether to look at what records say of people, all of them in memory. Without, there are no
            probable links, nothing that a record says of a person keeps people apart, and there are no groups.
    """
    from models.identity.rules import Evidence
    from models.identity.separators import traits_of

    company = run.company
    moment = run.started_at.astimezone(UTC).replace(tzinfo=None)
    profiles = _profiles(engine) if with_profiles else _no_profiles()
    prepared = profiles.prepared
    probable = None
    pairs = Evidence().pairs
    if company.identity.probable.enabled and with_profiles:
        tell(f"comparing {prepared.height:,} records")
        probable = _probable(engine, company, profiles)
        pairs = _with_reasons(probable.pairs, prepared)
    evidence = Evidence(
        traits=traits_of(prepared),
        pairs=pairs,
        are_compared=probable is not None,
        decisions=_standing(run),
        separates=tuple(company.identity.separates),
        join_from_probability=company.identity.probable.join_from_probability,
        max_records_per_customer=company.identity.probable.max_customer_records,
    )
    found = resolve(engine, tell, resolved_at=moment, evidence=evidence, **company.identity.limits())
    result = found.result
    tell("finding households and companies")
    tables = {
        "identity.customer_records": result.records,
        "identity.record_links": result.links,
        "identity.blocked_values": result.report.blocked_values,
        "identity.customer_id_aliases": _aliases(engine, found, moment),
        "identity.customer_groups": _groups(engine, company, prepared, found, moment),
        "identity.decisions": _decision_table(run, result.decisions),
    }
    if probable is None or probable.is_trained or probable.records_new:
        tables |= _model_tables(profiles.kept, probable)
    return Identified(
        found.rows_in, result, prepared, probable, tables, {"identity.customer_id_changes": result.changes}
    )


def _aliases(engine: Engine, found: Resolved, moment: datetime) -> pl.DataFrame:
    """Old customer ids and who they are now."""
    import polars as pl

    from models.identity.aliases import aliases

    known = engine.frame("SELECT * FROM identity.customer_id_aliases")
    merged = found.merged.filter(pl.col("change") == "merged")
    ids = [known["old_customer_id"], known["customer_id"], merged["old_customer_id"], merged["new_customer_id"]]
    named = pl.DataFrame({"customer_id": pl.concat(ids).unique()})
    return aliases(known, merged, found.among(named), moment)


def _standing(run: Run) -> pl.DataFrame:
    """The decisions that count: neither undone nor overruled by a later one."""
    import polars as pl

    from models.identity.rules import DECISIONS_SCHEMA
    from orchestration.decision_conflicts import overruled
    from orchestration.decisions import effective

    beaten = overruled(run.decisions.kept)
    return (
        effective(run.decisions.kept)
        .filter(~pl.col("decision_id").is_in(list(beaten)))
        .select(DECISIONS_SCHEMA.names())
    )


def _decision_table(run: Run, told: pl.DataFrame) -> pl.DataFrame:
    """Every decision that was kept, with what became of it."""
    import polars as pl

    from models.identity import words
    from orchestration.decision_conflicts import overruled
    from orchestration.decisions import undone

    gone, beaten = undone(run.decisions.kept), overruled(run.decisions.kept)
    became = {one: (status, note) for one, status, note in told.select("decision_id", "status", "note").iter_rows()}
    became |= dict.fromkeys(beaten, ("overruled", words.OVERRULED))
    became |= {one: ("undone", f"undone by {by}") for one, by in gone.items()}
    rows = [
        (
            one.decision_id,
            one.decision,
            one.decided_at.astimezone(UTC).replace(tzinfo=None),
            one.decided_by,
            one.reason,
            *became.get(one.decision_id, ("applied", None)),
        )
        for one in run.decisions.kept
    ]
    texts = ("decision_id", "decision", "decided_at", "decided_by", "reason", "status", "note")
    schema: dict[str, Any] = {**dict.fromkeys(texts, pl.String), "decided_at": pl.Datetime("us")}
    return pl.DataFrame(rows, schema=schema, orient="row")


def familiar_names(engine: Engine) -> Familiar:
    """Familiar forms of first names: the English ones that the package nicknames knows, and the company's seed."""
    from nicknames import name_triplets

    from models.identity.names import Familiar

    own = engine.frame(_FAMILIAR).select("name", "familiar_form").iter_rows()
    english = ((one.name1, one.name2) for one in name_triplets() if one.relationship == "has_nickname")
    return Familiar([*english, *own])


@dataclass(frozen=True)
class _Profiles:
    """What records say of people.

    Attributes:
        prepared: As `models.identity.profiles.prepare` gives it.
        kept: The same with a hash of what each record says, for the next run.
        changed: source and source_record_id of the records that are new or say something else than before.
    """

    prepared: pl.DataFrame
    kept: pl.DataFrame
    changed: pl.DataFrame


def _profiles(engine: Engine) -> _Profiles:
    """Make records comparable; what says the same as in the run before is taken from there."""
    import polars as pl

    from models.identity.profiles import PREPARED_SCHEMA, prepare

    key = ["source", "source_record_id"]
    familiar = familiar_names(engine)
    told = engine.frame(PROFILES)
    told = told.with_columns(said=told.hash_rows(seed=familiar.fingerprint).cast(pl.String))
    before = engine.frame("SELECT * FROM identity.match_profiles").select(*PREPARED_SCHEMA.names(), "said")
    same = before.join(told, on=[*key, "said"], how="semi")
    anew = told.join(same, on=key, how="anti")
    made = prepare(anew.drop("said"), familiar).join(anew.select(*key, "said"), on=key, how="left")
    kept = pl.concat([same, made.select(same.columns)], how="vertical_relaxed").sort(key)
    return _Profiles(kept.drop("said"), kept, anew.select(key))


def _no_profiles() -> _Profiles:
    """Nothing is known of people."""
    import polars as pl

    from models.identity.profiles import PREPARED_SCHEMA

    prepared = PREPARED_SCHEMA.to_frame()
    kept = prepared.with_columns(said=pl.lit(None, dtype=pl.String))
    return _Profiles(prepared, kept, prepared.select("source", "source_record_id"))


def _probable(engine: Engine, company: Company, profiles: _Profiles) -> ProbableLinks:
    """Compare records; only those that are new or changed where the model of an earlier run still holds."""
    from models.identity.probable import find_probable
    from models.identity.training import Model

    settings = company.identity.probable.settings()
    earlier: dict[str, Any] = {}
    kept = engine.frame("SELECT model FROM identity.match_model")
    if kept.height and profiles.prepared.height >= settings.always_train_below:
        earlier = {
            "model": Model.from_json(kept.item()),
            "known": engine.frame("SELECT * FROM identity.compared_pairs"),
            "changed": profiles.changed,
        }
    with work_space(company) as con:
        return find_probable(con, profiles.prepared, settings=settings, **earlier)


@contextmanager
def work_space(company: Company) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory for comparing records, with the memory and cores that the company allows."""
    import duckdb

    con = duckdb.connect(config={"memory_limit": company.warehouse.memory_limit, "threads": company.warehouse.threads})
    try:
        con.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = true")
        yield con
    finally:
        con.close()


def _with_reasons(pairs: pl.DataFrame, prepared: pl.DataFrame) -> pl.DataFrame:
    from models.identity.explain import pair_reasons

    return pair_reasons(pairs, prepared)


def _groups(
    engine: Engine, company: Company, prepared: pl.DataFrame, found: Resolved, moment: datetime
) -> pl.DataFrame:
    """Households and companies of the customers."""
    import polars as pl
    from disposable_email_domains import blocklist

    from models.identity.groups import GroupLists, find_groups

    key = ["source", "source_record_id"]
    members = found.among(prepared.select(key)).join(prepared, on=key).with_columns(last_name="last")
    lists = GroupLists(
        throwaway_domains=pl.DataFrame({"domain": sorted(blocklist)}),
        **{name: engine.frame(query) for name, query in _LISTS.items()},
    )
    return find_groups(
        members,
        engine.frame("SELECT * FROM identity.customer_groups"),
        company.identity.groups.settings(),
        lists,
        found_at=moment,
    )


def _model_tables(profiles: pl.DataFrame, probable: ProbableLinks | None) -> dict[str, Any]:
    """What the next run and an explanation need of the model."""
    import polars as pl

    from models.identity.explain import weights_table
    from models.identity.probable import PAIRS_SCHEMA

    model = None if probable is None else probable.model
    kept = pl.DataFrame({"model": [model.to_json()]} if model else {}, schema={"model": pl.String})
    return {
        "identity.match_profiles": profiles,
        "identity.match_model": kept,
        "identity.compared_pairs": PAIRS_SCHEMA.to_frame() if probable is None else probable.pairs,
    } | ({"identity.match_weights": weights_table(model)} if model else {})
