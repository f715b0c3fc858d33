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
from models.identity.graph import components
from models.identity.guards import barred_values, blocked_values, excluded_values, people_per_value
from models.identity.ids import Assignment, assign
from models.identity.keys import Bools, Ints, Links, Records, number_links, number_records
from models.identity.links import LinkList, as_frame, holding_links, links_told, methods
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
    records = number_records(identifiers, previous)
    links = number_links(identifiers, records, guards.kinds, lambda values: excluded_values(values, guards.excluded))
    persons = evidence.traits.filter(pl.col("trait") == "person").drop("trait")
    people = people_per_value(persons, records, links)
    excluded, over_records, over_people = barred_values(guards, links, people)
    found = outcome(
        identifiers, records, links, excluded | over_records | over_people, previous, guards, evidence, moment
    )
    size, customers = np.unique(found.sizes, return_counts=True)
    return IdentityResult(
        records=found.records,
        changes=found.changes,
        links=found.links,
        decisions=found.decisions,
        report=IdentityReport.of(
            changes=dict(found.changes.group_by("change").len().iter_rows()),
            joining_values=found.joining_values,
            blocked_values=blocked_values(guards, links, people, identifiers["value"][links.row]),
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
    merged_left, merged_right = (np.array([one[side] for one in known.merges], dtype=np.int64) for side in (1, 2))
    more = np.concatenate([known.pair_left, merged_left]), np.concatenate([known.pair_right, merged_right])
    root = components(links, joins, records.frame.height, more)
    which = contested(root, known, evidence.max_records_per_customer)
    in_doubt = np.isin(root, which) if which.size else np.zeros(root.size, dtype=np.bool_)
    followed: list[Edge] = []
    if which.size:
        root, followed = follow(root, which, links, joins, guards.weights, known, evidence.max_records_per_customer)
    given = assign(root, records, previous, taken)
    sizes = np.bincount(root, minlength=root.size)
    values = identifiers["value"][links.row]
    listed = holding_links(root, links, joins, guards.weights, known, in_doubt, followed)
    names = given.names[given.slot]
    only_probable, probability = methods(root, listed, known, evidence)
    table = as_frame(listed, records, links, guards.kinds, values, known, evidence, names)
    return Outcome(
        records=_records(
            records,
            previous,
            given,
            pl.select(
                pl.when(pl.Series(sizes[root] == 1))
                .then(pl.lit("single"))
                .when(pl.Series(only_probable))
                .then(pl.lit("probabilistic"))
                .otherwise(pl.lit("exact"))
            ).to_series(),
            pl.Series(probability),
            _reasons(root, records, links, joins, barred, guards, identifiers["value"], listed, table["reason"]),
            moment,
        ),
        changes=changes(
            root, given, records, links, joins, guards.kinds, moment, _told(root, given, listed, table["reason"])
        ),
        links=table.sort(
            "source", "source_record_id", "other_source", "other_record_id", "kind", "value", nulls_last=True
        ),
        decisions=_decisions(known, followed),
        sizes=sizes[sizes > 0],
        joining_values=int(joins.sum()),
        new_ids=records.frame[given.new].with_columns(customer_id=given.names[given.slot[given.new]]),
    )


def _reasons(
    root: Ints,
    records: Records,
    links: Links,
    joins: Bools,
    barred: Bools,
    guards: Guards,
    identifier_texts: pl.Series,
    listed: LinkList,
    told: pl.Series,
) -> pl.Series:
    """Why each record is where it is; `identifier_texts` has the value of each row of the identifiers."""
    inside, joining = within_customers(links, joins, root)
    shared = shared_values(records, inside, joining, guards.kinds, identifier_texts[inside.row], guards.weights)
    holding, stopped = links_told(listed, told, records.frame.height)
    both = pl.DataFrame({"shared": shared, "holding": holding, "stopped": stopped}).select(
        pl.concat_str("shared", "holding", separator="; ", ignore_nulls=True).alias("said"), "stopped"
    )
    said = both.select(pl.when(pl.col("said") != "").then("said").otherwise("stopped")).to_series()
    return tell_alone(said, links, barred, guards.kinds)


def _told(root: Ints, given: Assignment, listed: LinkList, reasons: pl.Series) -> dict[tuple[int, int], str]:
    """Per old id and part of it that has another id now: what links say that are no identifiers, or that were stopped."""
    told: dict[tuple[int, int], str] = {}
    if given.fates.height == 0:
        return told
    changed = {(old, part) for old, part in given.fates.select("old", "root").iter_rows()}
    for place in range(listed.left.size):
        left, right = int(listed.left[place]), int(listed.right[place])
        for record, other in ((left, right), (right, left)):
            key = (int(given.old[record]), int(root[record]))
            if key not in changed or key in told:
                continue
            parted = bool(listed.stopped_by[place]) and given.old[record] == given.old[other]
            met = not listed.stopped_by[place] and listed.value[place] < 0 and given.old[record] != given.old[other]
            if parted or met:
                told[key] = reasons[place]
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
    method: pl.Series,
    probability: pl.Series,
    reasons: pl.Series,
    moment: datetime,
) -> pl.DataFrame:
    """The frame of records; a record that keeps its customer keeps the time since when it belongs to it."""
    since = np.full(given.kept.size, np.datetime64("NaT", "us"))
    present = records.of_previous >= 0
    since[records.of_previous[present]] = previous["resolved_at"].to_numpy()[present]
    since[~given.kept] = np.datetime64("NaT", "us")
    return records.frame.with_columns(
        customer_id=given.names[given.slot],
        match_method=method,
        match_probability=probability,
        match_reason=reasons,
        resolved_at=pl.Series(since, dtype=pl.Datetime("us"), nan_to_null=True).fill_null(moment),
    ).match_to_schema(RECORDS_SCHEMA)
