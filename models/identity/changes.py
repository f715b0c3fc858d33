"""What changed for customers since the previous run, and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl

from models.identity import words
from models.identity.ids import Assignment
from models.identity.keys import Bools, Ints, Links, Records, few
from models.identity.reasons import in_set, source_bits
from models.identity.result import CHANGES_SCHEMA


def changes(
    root: Ints,
    given: Assignment,
    records: Records,
    links: Links,
    joins: Bools,
    kinds: Sequence[str],
    moment: datetime,
    told: Mapping[tuple[int, int], str],
) -> pl.DataFrame:
    """The changes of a run, one row per new customer and per part of an old id that has another id now.

    Args:
        root: per record, the smallest record of its component.
        given: the ids that the components got.
        records: the numbered records.
        links: values and the records that carry them.
        joins: per value, whether it joins two or more records.
        kinds: the kinds of identifier.
        moment: time of the run, UTC without zone.
        told: per old id (its slot) and root, what is known of the change besides identifiers.

    Returns:
        changed_at, change, old_customer_id, new_customer_id, reason; created first, then merged, then split.
    """
    parts = [_created(root, given, records), _moved(root, given, links, joins, kinds, told)]
    rows = pl.concat(parts).with_columns(changed_at=pl.lit(moment, dtype=pl.Datetime("us")))
    return rows.select(CHANGES_SCHEMA.names()).match_to_schema(CHANGES_SCHEMA)


def _created(root: Ints, given: Assignment, records: Records) -> pl.DataFrame:
    """The customers without a known record."""
    seen = np.zeros(root.size, dtype=np.int64)
    np.bitwise_or.at(seen, root, source_bits(records))
    sets, which = few(seen[given.created])
    texts = [words.first_seen(in_set(int(bits), records.sources)) for bits in sets]
    return pl.DataFrame(
        {
            "change": pl.repeat("created", given.created.size, dtype=pl.String, eager=True),
            "old_customer_id": pl.repeat(None, given.created.size, dtype=pl.String, eager=True),
            "new_customer_id": given.names.gather(given.slot[given.created]),
            "reason": pl.Series(texts, dtype=pl.String).gather(which),
        }
    )


def _moved(
    root: Ints,
    given: Assignment,
    links: Links,
    joins: Bools,
    kinds: Sequence[str],
    told: Mapping[tuple[int, int], str],
) -> pl.DataFrame:
    """The old ids that went up in another one, and the parts that left theirs."""
    fates = given.fates
    ties = _ties(root, given, links, joins)
    moved = fates.join(_shared_kinds(fates, ties, kinds), on=["old", "root", "change"], how="left")
    reasons = [
        _reason(change, shared, told.get((old, part)))
        for old, part, change, shared in moved.select("old", "root", "change", "kinds").iter_rows()
    ]
    return (
        moved.with_columns(
            old_customer_id=given.names[moved["old"].to_numpy()],
            new_customer_id=given.names[given.slot[moved["root"].to_numpy()]],
            reason=pl.Series(reasons, dtype=pl.String),
        )
        .select("change", "old_customer_id", "new_customer_id", "reason")
        .sort("change", "old_customer_id", "new_customer_id")
    )


def _reason(change: str, shared: list[str] | None, told: str | None) -> str:
    """Why an id changed: by the identifiers if they say so, else by what else is known."""
    if change == "merged":
        return words.joined(shared) if shared else words.without_values(told or words.joined(()))
    return words.parted(shared) if shared else words.without_values(told or words.APART)


def _ties(root: Ints, given: Assignment, links: Links, joins: Bools) -> pl.DataFrame:
    """The links of the values that touch a changed id.

    Columns: value, kind (its place), joins, and the root and old id of the record.
    """
    changed = np.zeros(given.names.len(), dtype=np.bool_)
    changed[given.fates["old"].to_numpy()] = True
    of_changed = (given.old >= 0) & changed[given.old]
    touched = np.zeros(joins.size, dtype=np.bool_)
    touched[links.value[of_changed[links.record]]] = True
    touched &= links.counts > 1
    rows = touched[links.value]
    value, record = links.value[rows], links.record[rows]
    return pl.DataFrame(
        {
            "value": value,
            "kind": links.kind[value],
            "joins": joins[value],
            "root": root[record],
            "old": given.old[record],
        }
    )


def _shared_kinds(fates: pl.DataFrame, ties: pl.DataFrame, kinds: Sequence[str]) -> pl.DataFrame:
    """Per fate the kinds that explain it.

    Merged: kinds of a joining value that the old customer's records share with other records of their part.
    Split: kinds of a value that may not join, carried by the part and by the rest of the old customer.
    """
    spread = ties.group_by("value").agg(olds=pl.col("old").n_unique(), places=pl.struct("root", "old").n_unique())
    mixed = ties.join(spread, on="value").unique()
    merged = mixed.filter(pl.col("joins") & (pl.col("olds") > 1)).with_columns(change=pl.lit("merged"))
    rests = mixed.group_by("value", "old").agg(parts=pl.col("root").n_unique())
    split = (
        mixed.filter(~pl.col("joins"))
        .join(rests.filter(pl.col("parts") > 1), on=["value", "old"], how="semi")
        .with_columns(change=pl.lit("split"))
    )
    names = pl.Series(list(kinds), dtype=pl.String)
    return (
        pl.concat([merged, split])
        .join(fates, on=["old", "root", "change"], how="semi")
        .group_by("old", "root", "change")
        .agg(pl.col("kind").unique().sort())
        .with_columns(kinds=pl.col("kind").list.eval(pl.element().replace_strict(range(len(kinds)), names)))
        .drop("kind")
    )
