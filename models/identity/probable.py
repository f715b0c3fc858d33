"""Probable links: pairs of records that are one person although no identifier says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from models.identity.blocking import candidate_pairs
from models.identity.scoring import SCORES_SCHEMA, WEIGHT_COLUMNS, load_compared, load_frequencies, load_records, score
from models.identity.training import Model, train

if TYPE_CHECKING:
    from models.identity.connection import Connection

KEY = ("source", "source_record_id")
#: Groups with more records are not compared pair by pair; they will be parted.
_MOST_CLOSED = 50
PAIRS_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "source_record_id": pl.String(),
        "other_source": pl.String(),
        "other_record_id": pl.String(),
        **{name: kind for name, kind in SCORES_SCHEMA.items() if name not in ("record", "other")},
    }
)


@dataclass(frozen=True, slots=True)
class ProbableSettings:
    """How probable links are looked for.

    Attributes:
        max_block_records: the most records that are compared with each other because they share one key.
        always_train_below: with fewer records than this, the model is trained on every run.
        retrain_growth: with more, it is trained anew when the records have grown by this share.
    """

    max_block_records: int = 40
    always_train_below: int = 100_000
    retrain_growth: float = 0.10


@dataclass(frozen=True, slots=True)
class ProbableLinks:
    """What was found.

    Attributes:
        pairs: one row per pair that was compared and is not plainly two people, see `PAIRS_SCHEMA`; the first record of
            a pair is the smaller one. weight is in bits, probability that the pair is one person, household_weight
            against two people of one household, and a weight per field.
        model: the model; None where there was nothing to compare.
        compared: pairs that were compared in this run.
        records_new: records that are new or changed since the known pairs were found.
        large_blocks: rule, blocks and records of keys that too many records share.
        is_trained: whether the model was trained in this run.
    """

    pairs: pl.DataFrame
    model: Model | None
    compared: int = 0
    records_new: int = 0
    large_blocks: list[tuple[str, int, int]] = field(default_factory=list)
    is_trained: bool = False


def find_probable(
    con: Connection,
    prepared: pl.DataFrame,
    *,
    settings: ProbableSettings,
    model: Model | None = None,
    known: pl.DataFrame | None = None,
    changed: pl.DataFrame | None = None,
) -> ProbableLinks:
    """Compare records and say which pairs are probably one person.

    With a model that still holds and known pairs, only records that are new or changed are compared, with all others;
    the rest of the pairs is taken over. Otherwise the model is trained, and everything compared. The outcome depends on
    no order of rows.

    Args:
        con: an open connection to work in; tables are made and dropped there.
        prepared: the records as `profiles.prepare` gives them.
        settings: how to look.
        model: the model of an earlier run.
        known: the pairs of an earlier run.
        changed: source and source_record_id of the records that are new or changed since; None: all.
    """
    if prepared.height < 2:
        return ProbableLinks(PAIRS_SCHEMA.to_frame(), model, records_new=prepared.height)
    records = load_records(con, prepared)
    if model is None or known is None or changed is None or not _still_holds(model, records, settings):
        large = candidate_pairs(con, max_block_records=settings.max_block_records)
        compared = _count(con)
        if not compared:
            return ProbableLinks(PAIRS_SCHEMA.to_frame(), None, 0, records, large)
        load_compared(con)
        model = train(con, records)
        load_frequencies(con, model)
        scores, model = score(con, model, settle=True)
        scores = _closed(con, model, scores, records)
        return ProbableLinks(_named(scores, prepared), model, compared, records, large, is_trained=True)
    kept = _of_same_records(known, prepared, changed)
    if changed.height == 0:
        return ProbableLinks(kept, model)
    con.register("changed_records", changed.select(KEY).to_arrow())
    con.execute(
        "CREATE OR REPLACE TEMP TABLE wanted AS SELECT record FROM records "
        "SEMI JOIN changed_records USING (source, source_record_id)"
    )
    con.unregister("changed_records")
    large = candidate_pairs(con, max_block_records=settings.max_block_records, only_with="wanted")
    compared = _count(con)
    if compared:
        load_compared(con, only_paired=True)
        load_frequencies(con, model)
        scores, _ = score(con, model, settle=False)
        scores = _closed(con, model, scores, records, _numbered(kept, prepared))
        kept = pl.concat([kept, _named(scores, prepared)]).sort(PAIRS_SCHEMA.names()[:4])
    return ProbableLinks(kept, model, compared, changed.height, large)


def _still_holds(model: Model, records: int, settings: ProbableSettings) -> bool:
    grown = records > model.records * (1 + settings.retrain_growth) or records < model.records * (
        1 - settings.retrain_growth
    )
    return model.is_current and records >= settings.always_train_below and not grown


def _closed(
    con: Connection, model: Model, scores: pl.DataFrame, records: int, known: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The scores with those of pairs that no key brought together, but others that are probably one person do.

    Whether a group is one person is asked of all its pairs; a pair that was never compared could not answer. Of the
    groups of known pairs (record, other, probability), those are looked at that a new pair belongs to.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    columns = ("record", "other", "probability")
    every = scores.select(columns) if known is None else pl.concat([scores.select(columns), known.select(columns)])
    probable = every.filter(pl.col("probability") >= 0.5)
    if probable.height < 2:
        return scores
    left, right = probable["record"].to_numpy(), probable["other"].to_numpy()
    matrix = coo_array((np.ones(left.size, dtype=np.int8), (left, right)), shape=(records, records)).tocsr()
    groups, group = connected_components(matrix, directed=False)
    sizes = np.bincount(group)
    is_open = (sizes > 2) & (sizes <= _MOST_CLOSED)
    if known is not None:
        touched = np.zeros(groups, dtype=np.bool_)
        touched[group[scores.filter(pl.col("probability") >= 0.5)["record"].to_numpy()]] = True
        is_open &= touched
    inside = np.flatnonzero(is_open[group])
    con.register("grouped", pl.DataFrame({"record": inside, "part": group[inside]}).to_arrow())
    con.register("had", every.select("record", "other").to_arrow())
    con.execute(
        "CREATE OR REPLACE TEMP TABLE candidate_pairs AS SELECT l.record AS join_key_l, r.record AS join_key_r, "
        "'0' AS match_key FROM grouped AS l INNER JOIN grouped AS r ON l.part = r.part AND l.record < r.record "
        "ANTI JOIN candidate_pairs AS compared ON compared.join_key_l = l.record AND compared.join_key_r = r.record "
        "ANTI JOIN had ON had.record = l.record AND had.other = r.record"
    )
    con.unregister("grouped")
    con.unregister("had")
    if not _count(con):
        return scores
    if known is not None:
        load_compared(con, only_paired=True)
    more, _ = score(con, model, settle=False)
    return pl.concat([scores, more]).sort("record", "other")


def _count(con: Connection) -> int:
    return int(con.execute("SELECT count(*) FROM candidate_pairs").fetchall()[0][0])


def _named(scores: pl.DataFrame, prepared: pl.DataFrame) -> pl.DataFrame:
    """Scores with the keys of the records in the place of their numbers."""
    left, right = (prepared.select(KEY)[scores[side].to_numpy()] for side in ("record", "other"))
    keys = left.with_columns(other_source=right["source"], other_record_id=right["source_record_id"])
    return pl.concat([keys, scores.drop("record", "other")], how="horizontal").match_to_schema(PAIRS_SCHEMA)


def _numbered(pairs: pl.DataFrame, prepared: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the numbers of their records (record, other) in the place of the keys."""
    numbers = prepared.select(KEY).with_row_index("record").cast({"record": pl.Int64})
    others = numbers.rename({"source": "other_source", "source_record_id": "other_record_id", "record": "other"})
    return pairs.join(numbers, on=KEY).join(others, on=("other_source", "other_record_id"))


def _of_same_records(known: pl.DataFrame, prepared: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """The known pairs of records that are still there and say what they said."""
    same = prepared.select(KEY).join(changed.select(KEY), on=KEY, how="anti")
    other = same.rename({"source": "other_source", "source_record_id": "other_record_id"})
    return known.match_to_schema(PAIRS_SCHEMA).join(same, on=KEY, how="semi").join(other, on=other.columns, how="semi")


__all__ = ["PAIRS_SCHEMA", "WEIGHT_COLUMNS", "ProbableLinks", "ProbableSettings", "find_probable"]
