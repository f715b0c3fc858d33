"""The Great Expectations suites over staging, and running them.

Per entity one suite: each rule's flag in staging is true for at least the rule's share `mostly` of the received rows.
One suite on the records themselves, and one on the validity index, which is the one that blocks. Great
Expectations counts; which row fails is staging's business. It only ever sees booleans and counts, so no personal
data can reach its pages.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.catalogue import ENTITIES, Rule
from expectations.connection import tables_of

if TYPE_CHECKING:
    from expectations.connection import Connection

INDEX_SUITE = "validity_index"
RECORDS_SUITE = "records"

_STATUSES = "'valid', 'quarantined', 'duplicate'"


class SuiteError(RuntimeError):
    """The suites could not be run, so nothing is known about the records; the message says why."""


@dataclass(frozen=True)
class ExpectationResult:
    """What Great Expectations found for one expectation.

    Attributes:
        entity: The entity; for the suite on the index the source, or `all`.
        rule: The rule's id, or the name of the expectation where it has no rule.
        says: The expectation as a sentence.
        success: Whether the expectation is met.
        observed: The share of records that pass, 0 to 1; None where there are no records. For the index: its value.
        mostly: The share from which the expectation is met; for the index: the goal.
        records: How many records were judged.
        is_blocking: Whether a failure stops the run.
        is_index: Whether it is about the validity index, of which `observed` is the value.
    """

    entity: str
    rule: str
    says: str
    success: bool
    observed: float | None
    mostly: float
    records: int
    is_blocking: bool = False
    is_index: bool = False


@dataclass(frozen=True)
class Scope:
    """One row of the index that has a goal to reach.

    Attributes:
        load_id: What is judged: `all` (everything held), `used` (that without what is held back) or `new`.
        source: The source, or `all`.
        goal: The validity to reach, 0 to 1.
        says: The expectation as a sentence.
        is_blocking: Whether a failure stops the run.
    """

    load_id: str
    source: str
    goal: float
    says: str
    is_blocking: bool = True

    @property
    def expectation(self) -> str:
        """The name of the expectation on it."""
        return f"validity_{self.load_id}" + ("" if self.source == "all" else f"_of_{self.source}")


def preload() -> None:
    """Import Great Expectations now, for example in a thread while something else works; it takes seconds."""
    import expectations.open_bridge  # noqa: F401 - imported for its side effect, the loaded modules


def staged_rows(con: Connection) -> dict[str, int]:
    """Return how many rows staging holds per entity; entities without a staging table are left out."""
    return _rows_of(con, tables_of(con, "staging"))


def _rows_of(con: Connection, staging: Mapping[str, Collection[str]]) -> dict[str, int]:
    present = [entity for entity in ENTITIES if f"stg_all__{entity}" in staging]
    if not present:
        return {}
    # One statement for all: a statement has a price of its own on an engine for many machines.
    counts = " UNION ALL ".join(f"SELECT '{entity}', count(*) FROM {_staging(entity)}" for entity in present)  # noqa: S608
    rows = dict(con.execute(counts).fetchall())
    return {entity: int(rows[entity]) for entity in present}


def run_suites(
    con: Connection,
    rules: Sequence[Rule],
    scopes: Sequence[Scope],
    *,
    docs_dir: Path | None = None,
) -> list[ExpectationResult]:
    """Run every suite and return what was found, in the order of entities and rules, the index last.

    Args:
        con: An open connection to the warehouse; on DuckDB only committed rows are seen.
        rules: The catalogue.
        scopes: The rows of marts.data_validity_index that have a goal to reach.
        docs_dir: An empty folder for the pages of Great Expectations; no pages without it.

    Raises:
        SuiteError: A flag is missing in staging, or Great Expectations could not compute a metric.
    """
    from expectations.open_bridge import open_source

    staging = tables_of(con, "staging")
    entities = [name for name in ENTITIES if f"stg_all__{name}" in staging and any(r.entity == name for r in rules)]
    _require_flags(staging, rules, entities)
    suites = list(_suites(entities, rules, scopes))
    results: list[ExpectationResult] = []
    with _quiet():
        context = _context(docs_dir)
        with open_source(context, con, [query for _, query, _ in suites]) as source:
            for name, query, expectations in suites:
                results += _run(context, source, name, query, expectations)
            if docs_dir is not None:
                try:
                    context.build_data_docs()
                except OSError as error:
                    # The verdict stands without its pages; whoever asked for them sees that they are not there.
                    logging.getLogger(__name__).warning("Data Docs could not be written: %s", error.strerror)
    return results


def _suites(
    entities: Sequence[str], rules: Sequence[Rule], scopes: Sequence[Scope]
) -> Iterator[tuple[str, str, Iterable[Any]]]:
    """Name, query and expectations of each suite."""
    for entity in entities:
        own = [rule for rule in rules if rule.entity == entity]
        yield entity, _flags_query(entity, own), _rule_expectations(own)
    if entities:
        yield RECORDS_SUITE, _records_query(entities), _record_expectations(entities)
    if scopes:
        yield INDEX_SUITE, _index_query(scopes), _index_expectations(scopes)


def _context(docs_dir: Path | None) -> Any:
    """A context that keeps nothing but the pages, and tells nobody of its use."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    if docs_dir is not None:
        config.data_docs_sites = {
            "validity": {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs_dir)},
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            }
        }
    return gx.get_context(mode="ephemeral", project_config=config)


@contextmanager
def _quiet() -> Iterator[None]:
    """Great Expectations logs its every step; only what it warns of is of use in the log of a run."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _run(context: Any, source: Any, name: str, query: str, expectations: Iterable[Any]) -> list[ExpectationResult]:
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier

    suite = gx.ExpectationSuite(name=name)
    for expectation in expectations:
        suite.add_expectation(expectation)
    batch = source.add_query_asset(name=name, query=query).add_batch_definition_whole_table("all records")
    definition = gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add(suite))
    found = context.validation_definitions.add(definition).run(
        # Counts only: no samples of values, not even of booleans.
        result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
        run_id=RunIdentifier(run_name="gate"),
    )
    results = [_result_of(name, item) for item in found.results]
    if len(results) != len(suite.expectations):
        raise SuiteError(f"Great Expectations answered {len(results)} of {len(suite.expectations)} for {name}.")
    return results


def _result_of(suite: str, item: Any) -> ExpectationResult:
    """One of Great Expectations' results as ours; an expectation without numbers is an error, not a verdict."""
    config = item.expectation_config
    meta = config.meta
    error = item.exception_info or {}
    rule = str(meta["rule"])
    # One exception, or one per metric that could not be computed.
    raised = [part for part in (error, *error.values()) if isinstance(part, dict) and part.get("raised_exception")]
    if raised:
        raise SuiteError(f"Great Expectations could not judge {rule} on {suite}: {raised[0].get('exception_message')}")
    found = item.result or {}
    entity, says = str(meta["entity"]), str(meta["says"])
    if meta.get("is_index"):
        if "observed_value" not in found:
            raise SuiteError(f"Great Expectations returned no number for {rule} on {suite}.")
        value = found["observed_value"]
        return ExpectationResult(
            entity,
            rule,
            says,
            success=bool(item.success) and value is not None,
            observed=None if value is None else float(value),
            mostly=float(config.kwargs["min_value"]),
            records=1,
            is_blocking=bool(meta["is_blocking"]),
            is_index=True,
        )
    if "element_count" not in found or "unexpected_count" not in found:
        raise SuiteError(f"Great Expectations returned no numbers for {rule} on {suite}.")
    records = int(found["element_count"]) - int(found.get("missing_count") or 0)
    return ExpectationResult(
        entity,
        rule,
        says,
        success=bool(item.success),
        observed=1 - int(found["unexpected_count"]) / records if records else None,
        mostly=float(config.kwargs.get("mostly", 1.0)),
        records=records,
    )


def _is_true(column: str, mostly: float, meta: dict[str, Any]) -> Any:
    from great_expectations import expectations as gxe

    return gxe.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=[True],
        mostly=mostly,
        description=f"{meta['says']} (at least {mostly:.4g} of the records)" if mostly < 1 else meta["says"],
        severity="warning",
        meta={**meta, "is_blocking": False},
    )


def _rule_expectations(rules: Iterable[Rule]) -> Iterator[Any]:
    for rule in rules:
        meta = {"entity": rule.entity, "rule": rule.id, "says": rule.says}
        yield _is_true(rule.flag, rule.mostly, meta)


def _flags_query(entity: str, rules: Sequence[Rule]) -> str:
    """The flags of an entity and nothing else of it. A null flag is a pass, as in the catalogue."""
    flags = ", ".join(f"coalesce({rule.flag}, true) AS {rule.flag}" for rule in rules)
    return f"SELECT {flags} FROM {_staging(entity)}"  # noqa: S608 - names from the catalogue


def _record_expectations(entities: Iterable[str]) -> Iterator[Any]:
    for entity in entities:
        one, status = f"{entity}_one_row_per_key", f"{entity}_status_known"
        says = f"Of all received rows with one key, at most one is a record of {entity}."
        yield _is_true(one, 1.0, {"entity": entity, "rule": one, "says": says})
        says = f"Each received row of {entity} is valid, quarantined or a duplicate, so none is lost."
        yield _is_true(status, 1.0, {"entity": entity, "rule": status, "says": says})


def _records_query(entities: Sequence[str]) -> str:
    """One row of booleans over all entities.

    What is no record is left out before keys are counted, not while: that takes half the time of the largest part.
    """
    parts = [
        f"""(SELECT count(*) = count(DISTINCT record_key) AS {entity}_one_row_per_key
        FROM {_staging(entity)} WHERE record_status <> 'duplicate') AS {entity}_keys
        CROSS JOIN (SELECT count(*) = count(*) FILTER (WHERE record_status IN ({_STATUSES})) AS {entity}_status_known
        FROM {_staging(entity)}) AS {entity}_statuses"""  # noqa: S608 - names from the catalogue
        for entity in entities
    ]
    return "SELECT * FROM " + " CROSS JOIN ".join(parts)  # noqa: S608


def _index_query(scopes: Sequence[Scope]) -> str:
    """One row: the index of each scope in a column of its own; a scope without a row in the mart is null."""
    columns = ", ".join(
        f"max(CASE WHEN load_id = '{scope.load_id}' AND source = '{scope.source}' "
        f"THEN CAST(validity AS DOUBLE) END) AS {scope.expectation}"
        for scope in scopes
    )
    return f"SELECT {columns} FROM marts.data_validity_index"  # noqa: S608 - names of sources are small letters


def _index_expectations(scopes: Iterable[Scope]) -> Iterator[Any]:
    from great_expectations import expectations as gxe

    for scope in scopes:
        column = scope.expectation
        meta = {
            "entity": scope.source, "rule": column, "says": scope.says, "is_blocking": scope.is_blocking,
            "is_index": True,
        }  # fmt: skip
        # The greatest of one value is the value; unlike a check of values, this one shows it in Data Docs.
        yield gxe.ExpectColumnMaxToBeBetween(
            column=column,
            min_value=scope.goal,
            max_value=1,
            description=scope.says,
            severity="critical" if scope.is_blocking else "warning",
            meta=meta,
        )


def _require_flags(staging: Mapping[str, Collection[str]], rules: Iterable[Rule], entities: Collection[str]) -> None:
    missing = [
        rule.flag for rule in rules if rule.entity in entities and rule.flag not in staging[f"stg_all__{rule.entity}"]
    ]
    if missing:
        raise SuiteError(
            f"Staging has no column {', '.join(missing[:5])}: it was built with other rules. "
            "Run with --full-refresh to build it anew."
        )


def _staging(entity: str) -> str:
    return f"staging.stg_all__{entity}"
