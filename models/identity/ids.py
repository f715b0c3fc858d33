"""Customer ids that stay: which old id a component keeps, and new ids for the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

from models.identity.keys import Bools, Ints, Records, counted, distinct
from models.identity.texts import grouped

NEW_IDS_AT_ONCE = 1_000_000
_PREFIX, _DIGEST = b"c_", 8  # bytes

FATES_SCHEMA = pl.Schema({"old": pl.Int64(), "root": pl.Int64(), "change": pl.String()})


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who got which id.

    Attributes:
        names: all customer ids by slot: the old ids first, then the new ones.
        slot: per record, the slot of its customer id.
        old: per record, the slot of its previous customer id, -1 for a new record.
        kept: per record, whether its customer id is that of the previous run.
        new: roots (smallest records) of components that got a new id, in the order of the new ids in `names`.
        created: those among them without a known record.
        fates: one row per old id and component that held some of it and has another id now: old (slot), root,
            change (merged, split).
    """

    names: pl.Series
    slot: Ints
    old: Ints
    kept: Bools
    new: Ints
    created: Ints
    fates: pl.DataFrame


def assign(root: Ints, records: Records, previous: pl.DataFrame, taken: Sequence[str] = ()) -> Assignment:
    """Give every component a customer id; see `models.identity.resolve.resolve` for the rules.

    Args:
        root: per record, the smallest record of its component.
        records: the numbered records.
        previous: the records of the previous run.
        taken: further ids that no new customer may get.
    """
    olds = grouped(previous["customer_id"])
    old_of_previous = olds.of_row
    old_names = previous["customer_id"].gather(olds.first)
    present = records.of_previous >= 0
    old = np.full(root.size, -1, dtype=np.int64)
    old[records.of_previous[present]] = old_of_previous[present]

    owner, fates = _owners(root, old, old_names, old_of_previous, previous["resolved_at"], records.frame)
    roots = np.flatnonzero(root == np.arange(root.size))
    ownerless = roots[owner[roots] < 0]
    barred = pl.concat([old_names, pl.Series(taken, dtype=pl.String)])
    # In one chunk: gathering from many is slow.
    names = pl.concat([old_names, new_ids(records.frame[ownerless], taken=barred)]).rechunk()
    owner[ownerless] = old_names.len() + np.arange(ownerless.size)
    slot = owner[root]

    has_known = np.zeros(root.size, dtype=np.bool_)
    has_known[root[old >= 0]] = True
    return Assignment(
        names=names,
        slot=slot,
        old=old,
        kept=old == slot,
        new=ownerless,
        created=ownerless[~has_known[ownerless]],
        fates=fates,
    )


def _owners(
    root: Ints, old: Ints, names: pl.Series, old_of_previous: Ints, since: pl.Series, keys: pl.DataFrame
) -> tuple[Ints, pl.DataFrame]:
    """Which old ids stay.

    Returns:
        Per record the old id that its component keeps (-1: none; filled for roots only), and the fates of
        the other ids.
    """
    width = names.len() + 1
    known = old >= 0
    pair, members = counted(root[known] * width + old[known])
    pair_root, pair_old = pair // width, pair % width
    owner = np.full(root.size, -1, dtype=np.int64)

    # Nearly all components hold one old id, and that id nowhere else: nothing to decide for them.
    alone = np.bincount(pair_root, minlength=root.size)[pair_root] == 1
    whole = np.bincount(pair_old, minlength=width)[pair_old] == 1
    plain = alone & whole
    owner[pair_root[plain]] = pair_old[plain]
    if plain.all():
        return owner, FATES_SCHEMA.to_frame()

    contested = pl.DataFrame(
        {"root": pair_root[~plain], "old": pair_old[~plain], "members": members[~plain]},
        schema_overrides={"root": pl.Int64, "old": pl.Int64},
    )
    ages = (
        pl.DataFrame({"old": old_of_previous, "since": since})
        .join(contested.select("old").unique(), on="old", how="semi")
        .group_by("old")
        .agg(pl.col("since").min())
    )
    contested = contested.join(ages, on="old", how="left").with_columns(customer_id=names[contested["old"].to_numpy()])
    contested = _with_origin(contested, root, old, keys)
    homes = contested.sort("old", "members", "holds_origin", "root", descending=[False, True, True, False]).unique(
        "old", keep="first", maintain_order=True
    )
    winners = homes.sort(
        "root", "since", "members", "customer_id", descending=[False, False, True, False], nulls_last=True
    ).unique("root", keep="first", maintain_order=True)
    owner[winners["root"].to_numpy()] = winners["old"].to_numpy()

    fates = (
        contested.join(winners.select("root", "old"), on=["root", "old"], how="anti")
        .join(homes.select("root", "old", home=pl.lit(value=True)), on=["root", "old"], how="left")
        .select("old", "root", change=pl.when("home").then(pl.lit("merged")).otherwise(pl.lit("split")))
        .sort("old", "root")
    )
    return owner, fates


def _with_origin(contested: pl.DataFrame, root: Ints, old: Ints, keys: pl.DataFrame) -> pl.DataFrame:
    """With `holds_origin`: of parts of one old customer that are as large, whether one has the record that named it.

    Then a merge that is taken back gives both customers their ids back.
    """
    most = pl.col("members") == pl.col("members").max().over("old")
    tied = contested.filter(most).filter(pl.len().over("old") > 1).select("root", "old")
    if tied.is_empty():
        return contested.with_columns(holds_origin=pl.lit(value=False))
    rows = np.flatnonzero(np.isin(root, tied["root"].to_numpy()) & (old >= 0))
    members = pl.DataFrame(
        {"row": rows, "root": root[rows], "old": old[rows]}, schema=dict.fromkeys(("row", "root", "old"), pl.Int64)
    )
    members = members.join(tied, on=["root", "old"], how="semi", maintain_order="left")
    members = members.with_columns(first_id=_hashed(_keys(keys[members["row"].to_numpy()])))
    named = members.join(contested.select("root", "old", "customer_id"), on=["root", "old"])
    origins = named.filter(pl.col("first_id") == pl.col("customer_id")).select("root", "old").unique()
    return contested.join(origins.with_columns(holds_origin=True), on=["root", "old"], how="left").with_columns(
        pl.col("holds_origin").fill_null(value=False)
    )


def _keys(records: pl.DataFrame) -> pl.Series:
    return records.select(pl.concat_str("source", "source_record_id", separator="\x1f")).to_series()


def new_ids(smallest: pl.DataFrame, *, taken: pl.Series) -> pl.Series:
    """A customer id per row, from the row's (source, source_record_id), sorted by both.

    A row whose id is taken, or given to a row before it, gets the hash of its key with a number behind it.
    """
    keys = _keys(smallest)
    ids = _hashed(keys)
    attempt = 0
    while True:
        clash = _clashes(ids, taken)
        if clash.size == 0:
            return ids
        attempt += 1
        ids = ids.scatter(clash, _hashed(keys.gather(clash) + f"\x1f{attempt}"))


def _clashes(ids: pl.Series, taken: pl.Series) -> Ints:
    """The rows whose id is taken, or is that of a row before."""
    # Numbers are sorted faster than texts: only ids whose hash is there twice are looked at.
    hashes, known = ids.hash().to_numpy(), taken.hash().to_numpy()
    every = np.sort(np.concatenate([hashes, np.unique(known)]))
    doubled = distinct(every[1:][every[1:] == every[:-1]])
    if doubled.size == 0:
        return np.empty(0, dtype=np.int64)
    rows = np.flatnonzero(np.isin(hashes, doubled))
    some = ids.gather(rows)
    clash = some.is_in(taken.filter(pl.Series(np.isin(known, doubled))).implode()) | ~some.is_first_distinct()
    found: Ints = rows[clash.to_numpy()]
    return found


def _hashed(keys: pl.Series) -> pl.Series:
    """`c_` and the first 16 hex digits of each key's BLAKE2b hash."""
    content = keys.cast(pl.Binary)
    # In parts: a list of all keys as Python objects would be the largest thing in memory.
    parts = [
        b"".join([blake2b(key, digest_size=_DIGEST).digest() for key in content.slice(start, NEW_IDS_AT_ONCE)])
        for start in range(0, content.len(), NEW_IDS_AT_ONCE)
    ]
    digests = np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(-1, _DIGEST)
    return pl.Series("customer_id", _hex(digests))


def _hex(digests: npt.NDArray[np.uint8]) -> pl.Series:
    """`c_` and the hex digits of each row of bytes, written into one buffer of text."""
    from pyarrow import LargeStringArray, py_buffer

    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    every = np.arange(256)
    # The two digits of a byte as one number of 16 bits, so that they are fetched at once.
    of_byte = np.stack([digits[every >> 4], digits[every & 15]], axis=1).reshape(-1).view(np.uint16)
    width = len(_PREFIX) + 2 * _DIGEST
    text = np.empty((digests.shape[0], width), dtype=np.uint8)
    text[:, : len(_PREFIX)] = np.frombuffer(_PREFIX, dtype=np.uint8)
    text[:, len(_PREFIX) :] = of_byte[digests].view(np.uint8)
    ends = np.arange(digests.shape[0] + 1, dtype=np.int64) * width
    array = LargeStringArray.from_buffers(digests.shape[0], py_buffer(ends), py_buffer(text))
    series = pl.from_arrow(array)
    if not isinstance(series, pl.Series):
        raise TypeError("identity: an array of texts is a series")
    return series
