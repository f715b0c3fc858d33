"""The gate: does what staging holds reach the validity goal? Below it nothing downstream runs.

Two things have to reach the goal: everything the warehouse holds, so that slow decay is seen; and the loads that
have not passed yet, once they bring enough records, so that a bad delivery does not hide behind years of good
ones. A source may have a goal of its own. Below it the source stops the run, or is held back alone
(quality.held_loads): then the others are judged, and go on, without its new loads. The index is computed once, in
SQL (marts.data_validity_index); Great Expectations enforces it and shows every rule beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.catalogue import Rule
from expectations.connection import has_table
from expectations.docs_pages import fresh_folder, put_in_place, write_pages
from expectations.suites import ExpectationResult, Scope, SuiteError, run_suites, staged_rows
from expectations.verdict import GateResult, NewLoads, OwnGoal, RuleCost, SourceValidity, message_of

if TYPE_CHECKING:
    from expectations.connection import Connection

_NAMED_RULES = 10
# As many judgements as a line of the terminal can show.
_TREND = 30
_SCOPES = ("all", "new", "used")

# (load_id, source) -> validity and records
Index = dict[tuple[str, str], tuple[float, int]]


class GateError(RuntimeError):
    """The gate could not judge, which is no verdict: nothing may run behind it. The message says why."""


def evaluate(
    con_or_path: Connection | str | Path,
    rules: Sequence[Rule],
    *,
    goal: float,
    own_goals: Mapping[str, OwnGoal] | None = None,
    judge_new_loads_from_records: int = 100,
    docs_dir: Path | None = None,
    worst: int = _NAMED_RULES,
) -> GateResult:
    """Judge staging against the goal.

    Reads staging.stg_all__*, marts.data_validity_index, quality.held_loads and quality.validity_ranking; writes nothing
    to the warehouse.
    Importing Great Expectations takes seconds, so a run in which nothing is new does not call this.

    Args:
        con_or_path: An open connection, DuckDB's own (of which committed rows are seen) or one to Spark; or a DuckDB
            file, which is opened for reading.
        rules: The catalogue that staging was built with.
        goal: The validity to reach, 0 to 1.
        own_goals: Sources that have a goal of their own.
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
        enough = max(1, judge_new_loads_from_records)
        held_back = _read_held(con)
        trends = _read_trends(con)
        sources = [
            replace(line, trend=(*trends.get(line.source, ()), line.validity))
            for line in _sources(index, goal, own_goals or {}, enough, {source for _, source in held_back})
        ]
        new = index.get(("new", "all"))
        new_loads = None if new is None else NewLoads(new[0], new[1], is_judged=new[1] >= enough)
        scopes = _scopes(goal, new_loads, sources, is_any_held=bool(held_back))
        pages = _pages_folder(docs_dir)
        try:
            found = run_suites(con, rules, scopes, docs_dir=pages)
        except SuiteError as error:
            raise GateError(str(error)) from error
        met = _met(found, scopes, index)
        only_new = not all(met.values()) and all(ok for (load_id, _), ok in met.items() if load_id != "new")
        costs = _read_costs(con, "new" if only_new else "all")
    used = index["used", "all"][0] if held_back else None
    verdict = GateResult(
        passed=all(met.values()),
        validity=overall[0],
        goal=goal,
        message=message_of(met, overall[0], used, new_loads, goal, sources, costs),
        sources=sources,
        new_loads=new_loads,
        held_back=held_back,
        worst_rules=costs[:worst],
        trend=(*trends.get("all", ()), overall[0]),
        expectations=found,
    )
    start_page = _publish(pages, docs_dir, verdict, rules)
    return replace(verdict, docs_path=start_page)


def _sources(
    index: Index, goal: float, own_goals: Mapping[str, OwnGoal], enough: int, held: set[str]
) -> list[SourceValidity]:
    """Every source with its goal, in alphabetical order."""
    lines = []
    for (load_id, source), (validity, records) in sorted(index.items()):
        if load_id != "all" or source == "all":
            continue
        own = own_goals.get(source)
        new, new_records = index.get(("new", source), (None, 0))
        lines.append(
            SourceValidity(
                source,
                validity,
                goal=own.goal if own else goal,
                is_met=validity >= (own.goal if own else goal),
                records=records,
                below_goal=own.below_goal if own else None,
                new_validity=new if new_records >= enough else None,
                is_held_back=source in held,
            )
        )
    return lines


def _scopes(
    goal: float, new_loads: NewLoads | None, sources: Sequence[SourceValidity], *, is_any_held: bool
) -> list[Scope]:
    """What has a goal to reach. With sources held back, what is left has to reach the company's goal, not all."""
    everything = "The validity of everything held, over all sources and rules, reaches the goal."
    scopes = [Scope("all", "all", goal, everything, is_blocking=not is_any_held)]
    if is_any_held:
        scopes.append(Scope("used", "all", goal, "The validity without what is held back reaches the goal."))
    if new_loads is not None and new_loads.is_judged:
        says = "The validity of the loads that have not passed the gate yet reaches the goal."
        scopes.append(Scope("new", "all", goal, says))
    for line in sources:
        if line.below_goal is None:
            continue
        blocks = line.below_goal == "block"
        says = f"The validity of {line.source} reaches its own goal."
        scopes.append(Scope("all", line.source, line.goal, says, is_blocking=blocks))
        if line.new_validity is not None:
            says = f"The validity of the new loads of {line.source} reaches its own goal."
            scopes.append(Scope("new", line.source, line.goal, says, is_blocking=blocks))
    return scopes


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


def _read_index(con: Connection) -> Index:
    """The index of what is judged as a whole, not of single loads."""
    try:
        rows = con.execute(
            "SELECT load_id, source, CAST(validity AS DOUBLE), records FROM marts.data_validity_index "
            "WHERE load_id IN (?, ?, ?)",
            _SCOPES,
        ).fetchall()
    except Exception as error:
        # Each engine has errors of its own; what counts is whether the table is there.
        if has_table(con, "marts", "data_validity_index"):
            raise
        raise GateError("marts.data_validity_index is not built; build the staging phase first.") from error
    return {(load_id, source): (float(validity), int(records)) for load_id, source, validity, records in rows}


def _read_held(con: Connection) -> list[tuple[str, str]]:
    """The loads that are held back, as (load_id, source)."""
    if not has_table(con, "quality", "held_loads"):
        return []
    rows = con.execute("SELECT load_id, source FROM quality.held_loads ORDER BY source, load_id").fetchall()
    return [(str(load_id), str(source)) for load_id, source in rows]


def _read_trends(con: Connection) -> dict[str, tuple[float, ...]]:
    """The index of earlier judgements by source, oldest first; none before the first."""
    if not has_table(con, "quality", "validity_history"):
        return {}
    found: dict[str, tuple[float, ...]] = {}
    for source, validity in con.execute(
        "SELECT source, validity FROM quality.validity_history WHERE rule = 'all' ORDER BY measured_at, run_id"
    ).fetchall():
        found[source] = (*found.get(source, ())[-(_TREND - 2) :], float(validity))
    return found


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


def _met(found: Sequence[ExpectationResult], scopes: Sequence[Scope], index: Index) -> dict[tuple[str, str], bool]:
    """Which blocking scope reached its goal, by Great Expectations, which must have seen the number of the mart."""
    seen = {result.rule: result for result in found if result.is_index}
    met = {}
    for scope in scopes:
        result = seen.get(scope.expectation)
        validity = index[scope.load_id, scope.source][0]
        if result is None or result.observed != validity or result.success != (validity >= scope.goal):
            raise GateError(
                f"Great Expectations did not see the validity of scope `{scope.load_id}` of {scope.source} as the mart "
                "holds it; its verdict cannot be trusted."
            )
        if scope.is_blocking:
            met[scope.load_id, scope.source] = result.success
    return met


def _pages_folder(docs_dir: Path | None) -> Path | None:
    if docs_dir is None:
        return None
    try:
        return fresh_folder(docs_dir)
    except OSError as error:
        _warn(error)
        return None


def _publish(pages: Path | None, docs_dir: Path | None, verdict: GateResult, rules: Sequence[Rule]) -> Path | None:
    """Put the pages in place and return the start page. A verdict stands without them, so a full disk only warns."""
    if pages is None or docs_dir is None:
        return None
    try:
        start = write_pages(pages, verdict, rules)
        put_in_place(pages, docs_dir)
    except OSError as error:
        _warn(error)
        return None
    return docs_dir / start.name


def _warn(error: OSError) -> None:
    logging.getLogger(__name__).warning("Data Docs could not be written: %s", error.strerror)
