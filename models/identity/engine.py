"""The steps of a resolution, in order; loaded only when a resolution runs."""

from collections.abc import Mapping, Sequence
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
    joins = (links.counts > 1) & ~over & ~links.excluded
    root = components(links, joins, records.frame.height)
    given = assign(root, records, previous)
    told = changes(root, given, records, links, joins, kinds, moment)
    sizes = np.bincount(root, minlength=root.size)
    reasons = match_reasons(records, links, joins, kinds)
    blocked = _blocked(identifiers, links, over, kinds, limits)
    return IdentityResult(
        records=_records(records, previous, given, sizes[root] == 1, reasons, moment),
        changes=told,
        report=_report(records, told, sizes[sizes > 0], joins, blocked),
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


def _report(records: Records, told: pl.DataFrame, sizes: Ints, joins: Bools, blocked: pl.DataFrame) -> IdentityReport:
    number = dict(told.group_by("change").len().iter_rows())
    size, customers = np.unique(sizes, return_counts=True)
    return IdentityReport(
        records=records.frame.height,
        customers=sizes.size,
        joining_values=int(joins.sum()),
        largest_customer=int(size.max()) if size.size else 0,
        created=number.get("created", 0),
        merged=number.get("merged", 0),
        split=number.get("split", 0),
        blocked_values=blocked,
        customer_sizes=pl.DataFrame({"records": size, "customers": customers}, schema=CUSTOMER_SIZES_SCHEMA),
    )
