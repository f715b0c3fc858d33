"""The steps of a resolution, in order; loaded only when a resolution runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import numpy as np
import polars as pl

from models.identity.changes import changes
from models.identity.graph import components
from models.identity.ids import Assignment, assign
from models.identity.keys import Bools, Ints, Links, Records, number_links, number_records
from models.identity.reasons import match_reasons
from models.identity.result import (
    BLOCKED_SCHEMA,
    CUSTOMER_SIZES_SCHEMA,
    RECORDS_SCHEMA,
    IdentityReport,
    IdentityResult,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of records: all of them, or a part that no value and no earlier customer ties to the rest.

    Attributes:
        records: as in `IdentityResult`.
        changes: as in `IdentityResult`.
        sizes: records of each customer.
        joining_values: values that join two or more records.
        new_ids: customers that got a new id: source and source_record_id of the smallest record, customer_id.
    """

    records: pl.DataFrame
    changes: pl.DataFrame
    sizes: Ints
    joining_values: int
    new_ids: pl.DataFrame


def run(
    identifiers: pl.DataFrame,
    previous: pl.DataFrame,
    kinds: Sequence[str],
    limits: Sequence[int],
    excluded: Mapping[str, frozenset[str]],
    moment: datetime,
) -> IdentityResult:
    """Resolve checked input; see `models.identity.resolve.resolve`, which checks it."""
    records = number_records(identifiers, previous)
    links = number_links(identifiers, records, kinds, excluded)
    over = links.counts > np.asarray(limits, dtype=np.int64)[links.kind]
    found = outcome(records, links, over | links.excluded, previous, kinds, moment)
    size, customers = np.unique(found.sizes, return_counts=True)
    return IdentityResult(
        records=found.records,
        changes=found.changes,
        report=IdentityReport.of(
            changes=dict(found.changes.group_by("change").len().iter_rows()),
            joining_values=found.joining_values,
            blocked_values=_blocked(identifiers, links, over, kinds, limits),
            customer_sizes=pl.DataFrame({"records": size, "customers": customers}, schema=CUSTOMER_SIZES_SCHEMA),
        ),
    )


def outcome(
    records: Records,
    links: Links,
    barred: Bools,
    previous: pl.DataFrame,
    kinds: Sequence[str],
    moment: datetime,
    taken: Sequence[str] = (),
) -> Outcome:
    """Join records to customers, once it is known which values may not join.

    Args:
        records: the numbered records.
        links: values and the records that carry them.
        barred: per value, whether it may not join.
        previous: the records of the previous run.
        kinds: the kinds of identifier.
        moment: time of the run, UTC without zone.
        taken: ids that no new customer may get, besides those in `previous`.
    """
    joins = (links.counts > 1) & ~barred
    root = components(links, joins, records.frame.height)
    given = assign(root, records, previous, taken)
    sizes = np.bincount(root, minlength=root.size)
    reasons = match_reasons(records, links, joins, barred, kinds)
    return Outcome(
        records=_records(records, previous, given, sizes[root] == 1, reasons, moment),
        changes=changes(root, given, records, links, joins, kinds, moment),
        sizes=sizes[sizes > 0],
        joining_values=int(joins.sum()),
        new_ids=records.frame[given.new].with_columns(customer_id=given.names[given.slot[given.new]]),
    )


def _records(
    records: Records,
    previous: pl.DataFrame,
    given: Assignment,
    single: Bools,
    reasons: pl.Series,
    moment: datetime,
) -> pl.DataFrame:
    """The frame of records; a record that keeps its customer keeps the time since when it belongs to it."""
    since = np.full(single.size, np.datetime64("NaT", "us"))
    present = records.of_previous >= 0
    since[records.of_previous[present]] = previous["resolved_at"].to_numpy()[present]
    since[~given.kept] = np.datetime64("NaT", "us")
    return records.frame.with_columns(
        customer_id=given.names[given.slot],
        match_method=pl.when(pl.Series(single)).then(pl.lit("single")).otherwise(pl.lit("exact")),
        match_probability=pl.lit(1.0),
        match_reason=reasons,
        resolved_at=pl.Series(since, dtype=pl.Datetime("us"), nan_to_null=True).fill_null(moment),
    ).match_to_schema(RECORDS_SCHEMA)


def _blocked(
    identifiers: pl.DataFrame, links: Links, over: Bools, kinds: Sequence[str], limits: Sequence[int]
) -> pl.DataFrame:
    """The values that may not join, without the values themselves."""
    barred = np.flatnonzero(over | links.excluded)
    values = identifiers["value"][links.row[barred]].to_list()
    kind = links.kind[barred].tolist()
    return pl.DataFrame(
        {
            "kind": [kinds[place] for place in kind],
            "value_hash": [sha256(value.encode()).hexdigest()[:16] for value in values],
            "records": links.counts[barred],
            "max_records": [limits[place] for place in kind],
            "reason": ["excluded" if flag else "over limit" for flag in links.excluded[barred].tolist()],
        },
        schema=BLOCKED_SCHEMA,
    ).sort("records", "kind", "value_hash", descending=[True, False, False])
