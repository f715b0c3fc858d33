"""The gate: does what staging holds reach the validity goal? Below it nothing downstream runs.

Two things have to reach the goal: everything the warehouse holds, so that slow decay is seen; and the loads that
have not passed yet, once they bring enough records, so that a bad delivery does not hide behind years of good
ones. The index is computed once, in SQL (marts.data_validity_index); Great Expectations enforces it and shows
every rule beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.catalogue import Rule
from expectations.connection import has_table
from expectations.docs_pages import fresh_folder, percent, put_in_place, write_pages
from expectations.suites import ExpectationResult, Scope, SuiteError, run_suites, staged_rows

if TYPE_CHECKING:
    from expectations.connection import Connection

_EVERYTHING = Scope("all", "The validity of everything held, over all sources and rules, reaches the goal.")
_NEW = Scope("new", "The validity of the loads that have not passed the gate yet reaches the goal.")
_NAMED_RULES = 10
_RULES_PER_SOURCE = 5


class GateError(RuntimeError):
    """The gate could not judge, which is no verdict: nothing may run behind it. The message says why."""


@dataclass(frozen=True)
class SourceValidity:
    """The index of one source over everything it holds; shares from 0 to 1, `records` without duplicates."""

    source: str
    validity: float
    goal: float
    is_met: bool
    records: int


@dataclass(frozen=True)
class NewLoads:
    """The index of the loads that have not passed yet; `is_judged` is False where they are too few records."""

    validity: float
    records: int
    is_judged: bool


@dataclass(frozen=True)
class RuleCost:
    """What one rule on one source costs.

    Attributes:
        source: The source.
        entity: The entity the rule is about.
        rule: The rule's id.
        says: The rule as a sentence.
        validity: The share of the source's records that pass, 0 to 1.
        weight: The rule's weight.
        records: Records judged.
        failed_records: Records that failed.
        points_lost: Points (hundredths) of the overall index.
        points_lost_of_source: Points of the source's own index.
    """

    source: str
    entity: str
    rule: str
    says: str
    validity: float
    weight: float
    records: int
    failed_records: int
    points_lost: float
    points_lost_of_source: float


@dataclass(frozen=True)
class GateResult:
    """The gate's verdict.

    Attributes:
        passed: Whether the run may go on.
        validity: The index over everything held, 0 to 1; None where there was nothing to judge.
        goal: The goal, 0 to 1.
        message: The verdict for people; below the goal it names the rules that cost most, source by source.
        sources: The index per source.
        new_loads: The index of what has not passed yet; None where nothing is new.
        worst_rules: The rules that cost the overall index most, dearest first; of the new loads if only they failed.
        expectations: What Great Expectations found, rule by rule, the blocking ones last.
        docs_path: The start page of Data Docs; None if they were not asked for or could not be written.
    """

    passed: bool
    validity: float | None
    goal: float
    message: str
    sources: list[SourceValidity] = field(default_factory=list)
    new_loads: NewLoads | None = None
    worst_rules: list[RuleCost] = field(default_factory=list)
    expectations: list[ExpectationResult] = field(default_factory=list)
    docs_path: Path | None = None


def evaluate(
    con_or_path: Connection | str | Path,
    rules: Sequence[Rule],
    *,
    goal: float,
    judge_new_loads_from_records: int = 100,
    docs_dir: Path | None = None,
    worst: int = _NAMED_RULES,
) -> GateResult:
    """Judge staging against the goal.

    Reads staging.stg_all__*, marts.data_validity_index and quality.validity_ranking; writes nothing to the warehouse.
    Importing Great Expectations takes seconds, so a run in which nothing is new does not call this.

    Args:
        con_or_path: An open connection, DuckDB's own (of which committed rows are seen) or one to Spark; or a DuckDB
            file, which is opened for reading.
        rules: The catalogue that staging was built with.
        goal: The validity to reach, 0 to 1.
        judge_new_loads_from_records: New loads have to reach the goal themselves from so many records on.
        docs_dir: Folder of Data Docs; replaced as a whole.
        worst: How many rules the ranking names.

    Raises:
        GateError: The index is missing, staging was built with other rules, or Great Expectations failed.
    """
    with _opened(con_or_path) as con:
        if not any(staged_rows(con).values()):
            return GateResult(passed=True, validity=None, goal=goal, message="There are no records to judge.")
        index = _read_index(con)
        overall = index.get(("all", "all"))
        if overall is None:
            raise GateError(
                "Staging holds records, but marts.data_validity_index has no row for them. "
                "Build the staging phase again; if the catalogue has no rules, nothing can be judged."
            )
        new = index.get(("new", "all"))
        new_loads = None
        if new is not None:
            new_loads = NewLoads(new[0], new[1], is_judged=new[1] >= max(1, judge_new_loads_from_records))
        scopes = [_EVERYTHING, *([_NEW] if new_loads is not None and new_loads.is_judged else [])]
        pages = _pages_folder(docs_dir)
        try:
            found = run_suites(con, rules, goal, scopes, docs_dir=pages)
        except SuiteError as error:
            raise GateError(str(error)) from error
        met = _met(found, scopes, index, goal)
        passed = all(met.values())
        costs = _read_costs(con, _NEW.load_id if met["all"] and not passed else _EVERYTHING.load_id)
    sources = [
        SourceValidity(source, validity, goal, validity >= goal, records)
        for (load_id, source), (validity, records) in sorted(index.items())
        if load_id == "all" and source != "all"
    ]
    verdict = GateResult(
        passed=passed,
        validity=overall[0],
        goal=goal,
        message=_message(met, overall[0], new_loads, goal, sources, costs),
        sources=sources,
        new_loads=new_loads,
        worst_rules=costs[:worst],
        expectations=found,
    )
    start_page = _publish(pages, docs_dir, verdict)
    return replace(verdict, docs_path=start_page)


@contextmanager
def _opened(con_or_path: Connection | str | Path) -> Iterator[Connection]:
    """The connection as it is, or one that reads the file and is closed afterwards."""
    if not isinstance(con_or_path, (str, Path)):
        yield con_or_path
        return
    import duckdb

    con = duckdb.connect(str(con_or_path), read_only=True)
    try:
        con.execute("SET TimeZone = 'UTC'")
        yield con
    finally:
        con.close()


def _read_index(con: Connection) -> dict[tuple[str, str], tuple[float, int]]:
    """(load_id, source) -> (validity, records) of the scopes `all` and `new`."""
    try:
        rows = con.execute(
            "SELECT load_id, source, CAST(validity AS DOUBLE), records FROM marts.data_validity_index "
            "WHERE load_id IN ('all', 'new')"
        ).fetchall()
    except Exception as error:
        # Each engine has errors of its own; what counts is whether the table is there.
        if has_table(con, "marts", "data_validity_index"):
            raise
        raise GateError("marts.data_validity_index is not built; build the staging phase first.") from error
    return {(load_id, source): (float(validity), int(records)) for load_id, source, validity, records in rows}


def _read_costs(con: Connection, load_id: str) -> list[RuleCost]:
    rows = con.execute(
        """
        SELECT
            source, entity, rule, says, 1 - failed_records / CAST(records AS DOUBLE), CAST(weight AS DOUBLE),
            records, failed_records, CAST(points_lost AS DOUBLE), CAST(points_lost_of_source AS DOUBLE)
        FROM quality.validity_ranking
        WHERE load_id = ?
        ORDER BY points_lost DESC, source, rule
        """,
        [load_id],
    ).fetchall()
    return [RuleCost(*row) for row in rows]


def _met(
    found: Sequence[ExpectationResult],
    scopes: Sequence[Scope],
    index: dict[tuple[str, str], tuple[float, int]],
    goal: float,
) -> dict[str, bool]:
    """Which scope reached the goal, by Great Expectations. It must have seen the number that the mart holds."""
    blocking = {result.rule: result for result in found if result.is_blocking}
    met = {}
    for scope in scopes:
        result = blocking.get(scope.expectation)
        validity = index[scope.load_id, "all"][0]
        if result is None or result.observed != validity or result.success != (validity >= goal):
            raise GateError(
                f"Great Expectations did not see the validity of scope `{scope.load_id}` as the mart holds it; "
                "its verdict cannot be trusted."
            )
        met[scope.load_id] = result.success
    return met


def _message(
    met: dict[str, bool],
    validity: float,
    new_loads: NewLoads | None,
    goal: float,
    sources: Sequence[SourceValidity],
    costs: Sequence[RuleCost],
) -> str:
    if all(met.values()):
        return f"Validity is {percent(validity)} and reaches the goal of {percent(goal)}."
    if met["all"] and new_loads is not None:
        first = (
            f"The new loads bring a validity of {percent(new_loads.validity)} in {new_loads.records:,} records; "
            f"the goal is {percent(goal)}. Everything held together has {percent(validity)}."
        )
    else:
        first = f"Validity is {percent(validity)}, below the goal of {percent(goal)}."
    lines = [first, "What costs most:"]
    for source in dict.fromkeys(cost.source for cost in costs):
        own = [cost for cost in costs if cost.source == source]
        index = next((line for line in sources if line.source == source), None)
        has = f" (validity {percent(index.validity)})" if index is not None else ""
        lines.append(f"  {source}{has}: {sum(cost.points_lost for cost in own):.2f} points")
        lines += [
            f"    {cost.points_lost:.2f} points  {cost.rule}: {cost.says} "
            f"{cost.failed_records:,} of {cost.records:,} records fail."
            for cost in own[:_RULES_PER_SOURCE]
        ]
    lines.append("Nothing behind the gate has run, and what was published before stays.")
    return "\n".join(lines)


def _pages_folder(docs_dir: Path | None) -> Path | None:
    if docs_dir is None:
        return None
    try:
        return fresh_folder(docs_dir)
    except OSError as error:
        _warn(error)
        return None


def _publish(pages: Path | None, docs_dir: Path | None, verdict: GateResult) -> Path | None:
    """Put the pages in place and return the start page. A verdict stands without them, so a full disk only warns."""
    if pages is None or docs_dir is None:
        return None
    try:
        start = write_pages(pages, verdict)
        put_in_place(pages, docs_dir)
    except OSError as error:
        _warn(error)
        return None
    return docs_dir / start.name


def _warn(error: OSError) -> None:
    logging.getLogger(__name__).warning("Data Docs could not be written: %s", error.strerror)
