"""The steps of a resolution, in order; loaded only when a resolution runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from models.identity import words
from models.identity.changes import changes
from models.identity.clusters import Edge, contested, follow
from models.identity.graph import Floats, connected_by, stars
from models.identity.guards import barred_values, blocked_values, excluded_values, people_per_value
from models.identity.ids import Assignment, assign
from models.identity.keys import Bools, Ints, Links, Records, counted, number_links, number_records
from models.identity.links import LinkList, LinkTable, as_table, holding_links, links_told, methods
from models.identity.numbered import Numbered, numbered
from models.identity.reasons import shared_values, tell_alone, within_customers
from models.identity.result import (
    CUSTOMER_SIZES_SCHEMA,
    DECISIONS_STATUS_SCHEMA,
    RECORDS_SCHEMA,
    IdentityReport,
    IdentityResult,
)
from models.identity.rules import Evidence, Guards


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of records: all of them, or a part that nothing ties to the rest.

    Attributes:
        records: as in `IdentityResult`.
        changes: as in `IdentityResult`.
        links: as in `IdentityResult`.
        decisions: as in `IdentityResult`.
        sizes: records of each customer.
        joining_values: values that join two or more records.
        new_ids: customers that got a new id: source and source_record_id of the smallest record, customer_id.
    """

    records: pl.DataFrame
    changes: pl.DataFrame
    links: pl.DataFrame
    decisions: pl.DataFrame
    sizes: Ints
    joining_values: int
    new_ids: pl.DataFrame


def run(
    identifiers: pl.DataFrame, previous: pl.DataFrame, guards: Guards, evidence: Evidence, moment: datetime
) -> IdentityResult:
    """Resolve checked input; see `models.identity.resolve.resolve`, which checks it."""
    # In one chunk: a frame from a file comes in a hundred, and gathering from those is fifty times slower.
    identifiers, previous = identifiers.rechunk(), previous.rechunk()
    records = number_records(identifiers, previous)

    def excludes(values: pl.DataFrame) -> Bools:
        return excluded_values(values, guards.excluded)

    links = number_links(identifiers, records, guards.kinds, excludes if any(guards.excluded.values()) else None)
    persons = evidence.traits.filter(pl.col("trait") == "person").drop("trait")
    people = people_per_value(persons, records, links)
    excluded, over_records, over_people = barred_values(guards, links, people)
    found = outcome(
        identifiers, records, links, excluded | over_records | over_people, previous, guards, evidence, moment
    )
    size, customers = counted(found.sizes)
    return IdentityResult(
        records=found.records,
        changes=found.changes,
        links=found.links,
        decisions=found.decisions,
        report=IdentityReport.of(
            changes=dict(found.changes.group_by("change").len().iter_rows()),
            joining_values=found.joining_values,
            blocked_values=blocked_values(guards, links, people, identifiers["value"]),
            customer_sizes=pl.DataFrame({"records": size, "customers": customers}, schema=CUSTOMER_SIZES_SCHEMA),
        ),
    )


def outcome(
    identifiers: pl.DataFrame,
    records: Records,
    links: Links,
    barred: Bools,
    previous: pl.DataFrame,
    guards: Guards,
    evidence: Evidence,
    moment: datetime,
    taken: Sequence[str] = (),
) -> Outcome:
    """Join records to customers, once it is known which values may not join.

    Args:
        identifiers: what was numbered.
        records: the numbered records.
        links: values and the records that carry them.
        barred: per value, whether it may not join.
        previous: the records of the previous run.
        guards: kinds of identifier and their weights.
        evidence: what separates, probable links, decisions.
        moment: time of the run, UTC without zone.
        taken: ids that no new customer may get, besides those in `previous`.
    """
    joins = (links.counts > 1) & ~barred
    known = numbered(evidence, identifiers, records, links, guards.kinds)
    size = records.frame.height
    values = identifiers["value"].gather(links.row)
    starred = stars(links, joins)
    left, right = _with_evidence(starred, known)
    root = connected_by(left, right, size)
    which = contested(root, known, evidence.max_records_per_customer)
    in_doubt = np.zeros(size, dtype=np.bool_)
    followed: list[Edge] = []
    if which.size:
        in_doubt[which] = True
        in_doubt = in_doubt[root]
        limit = evidence.max_records_per_customer
        root, followed = follow(root, which, links, joins, values, guards.weights, known, limit)
    given = assign(root, records, previous, taken)
    sizes = np.bincount(root, minlength=root.size)
    listed = holding_links(root, links, starred, values, guards.weights, known, in_doubt, followed)
    names = given.names.gather(given.slot)
    only_probable, probability = methods(root, listed, known, evidence)
    table = as_table(listed, records, links.kind, guards.kinds, values, known, evidence, names)
    method = np.where(sizes[root] == 1, 0, np.where(only_probable, 1, 2))
    return Outcome(
        records=_records(
            records,
            previous,
            given,
            names,
            pl.Series(["single", "probabilistic", "exact"]).gather(method),
            probability,
            _reasons(root, records, links, joins, barred, guards, identifiers["value"], values, listed, table),
            moment,
        ),
        changes=changes(root, given, records, links, joins, guards.kinds, moment, _told(root, given, listed, table)),
        links=table.frame,
        decisions=_decisions(known, followed),
        sizes=sizes[sizes > 0],
        joining_values=int(joins.sum()),
        new_ids=records.frame[given.new].with_columns(customer_id=given.names.gather(given.slot[given.new])),
    )


def _with_evidence(starred: tuple[Ints, Ints, Ints], known: Numbered) -> tuple[Ints, Ints]:
    """The records that identifiers, probable links and stewards join, as left and right."""
    left, right, _ = starred
    if not (known.pair_left.size or known.merges):
        return left, right
    merged_left, merged_right = (np.array([one[side] for one in known.merges], dtype=np.int64) for side in (1, 2))
    return np.concatenate([left, known.pair_left, merged_left]), np.concatenate([right, known.pair_right, merged_right])


def _reasons(
    root: Ints,
    records: Records,
    links: Links,
    joins: Bools,
    barred: Bools,
    guards: Guards,
    identifier_texts: pl.Series,
    values: pl.Series,
    listed: LinkList,
    table: LinkTable,
) -> pl.Series:
    """Why each record is where it is; `identifier_texts` has the value of each row of the identifiers."""
    inside, joining = within_customers(links, joins, root)
    texts = values if inside is links else identifier_texts.gather(inside.row)
    said = shared_values(records, inside, joining, guards.kinds, texts, guards.weights)
    if not listed.is_exact_only:
        holding, stopped = links_told(listed, table, records.frame.height)
        both = pl.DataFrame({"shared": said, "holding": holding, "stopped": stopped}).select(
            pl.concat_str("shared", "holding", separator="; ", ignore_nulls=True).alias("said"), "stopped"
        )
        said = both.select(pl.when(pl.col("said") != "").then("said").otherwise("stopped")).to_series()
    return tell_alone(said, links, barred, guards.kinds)


def _told(root: Ints, given: Assignment, listed: LinkList, table: LinkTable) -> dict[tuple[int, int], str]:
    """What links say of each old id and each part of it that has another id now.

    Only links that are no identifiers, or that were stopped.
    """
    told: dict[tuple[int, int], str] = {}
    if given.fates.height == 0 or listed.is_exact_only:
        return told
    changed = {(old, part) for old, part in given.fates.select("old", "root").iter_rows()}
    holds = listed.is_holding
    is_one_before = given.old[listed.left] == given.old[listed.right]
    places = np.flatnonzero(np.where(holds, (listed.value < 0) & ~is_one_before, is_one_before))
    reasons = table.reasons(places)
    for number, (left, right) in enumerate(
        zip(listed.left[places].tolist(), listed.right[places].tolist(), strict=True)
    ):
        for record in (left, right):
            key = (int(given.old[record]), int(root[record]))
            if key in changed and key not in told:
                told[key] = reasons[number]
    return told


def _decisions(known: Numbered, followed: Sequence[Edge]) -> pl.DataFrame:
    """What became of each decision."""
    overruled = dict.fromkeys(known.overruled, words.OVERRULED_BY_MERGE)
    overruled |= {
        edge.decision: words.kept_apart(edge.stopped_by) for edge in followed if edge.decision and edge.stopped_by
    }
    every = (
        {one for one, _, _ in known.merges}
        | {one.decision_id for one in known.splits}
        | set(overruled)
        | set(known.unknown)
    )
    rows = [
        (one, "overruled", overruled[one])
        if one in overruled
        else (one, "unknown record", words.UNKNOWN_RECORD)
        if one in known.unknown
        else (one, "applied", None)
        for one in sorted(every)
    ]
    return pl.DataFrame(rows, schema=DECISIONS_STATUS_SCHEMA, orient="row")


def _records(
    records: Records,
    previous: pl.DataFrame,
    given: Assignment,
    names: pl.Series,
    method: pl.Series,
    probability: Floats,
    reasons: pl.Series,
    moment: datetime,
) -> pl.DataFrame:
    """The frame of records; a record that keeps its customer keeps the time since when it belongs to it."""
    since = np.full(given.kept.size, np.datetime64("NaT", "us"))
    present = records.of_previous >= 0
    since[records.of_previous[present]] = previous["resolved_at"].to_numpy()[present]
    since[~given.kept] = np.datetime64("NaT", "us")
    return records.frame.with_columns(
        customer_id=names,
        match_method=method,
        match_probability=probability,
        match_reason=reasons,
        resolved_at=pl.Series(since, dtype=pl.Datetime("us"), nan_to_null=True).fill_null(moment),
    ).match_to_schema(RECORDS_SCHEMA)
