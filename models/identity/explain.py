"""Why two records are, or are not, probably one person: field by field, in words and bits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from models.identity.comparisons import COMPARISONS, Comparison
from models.identity.probable import PAIRS_SCHEMA
from models.identity.scoring import load_compared, load_frequencies, load_records, score
from models.identity.training import Model

if TYPE_CHECKING:
    from models.identity.connection import Connection

# Per field, what people are shown of a prepared record.
_SHOWN: Final = {
    "first_name": ("first",), "last_name": ("last",), "birth_date": ("birth_date",), "email": ("email",),
    "phone": ("phone",), "address": ("street", "house_number", "postal_code", "city"),
}  # fmt: skip
_UNKNOWN: Final = "one does not say"
#: A pair that probably is no two people gets a reason that can be read.
_TOLD_FROM: Final = 0.5


@dataclass(frozen=True, slots=True)
class FieldWeight:
    """One field of two records.

    Attributes:
        field: its name.
        words: how the two compare.
        left, right: what the records say, as it was compared; None where one says nothing.
        weight: bits: above 0 it speaks for one person, below 0 against.
    """

    field: str
    words: str
    left: str | None
    right: str | None
    weight: float


@dataclass(frozen=True, slots=True)
class PairWeight:
    """Two records compared.

    Attributes:
        fields: field by field.
        weight: bits for one person, against strangers and against two people of one household.
        probability: that they are one person.
        household_weight: bits against two people of one household only.
    """

    fields: list[FieldWeight]
    weight: float
    probability: float
    household_weight: float


def compare_pair(
    con: Connection, prepared: pl.DataFrame, model: Model, left: tuple[str, str], right: tuple[str, str]
) -> PairWeight | None:
    """Compare two records by a model.

    Args:
        con: an open connection to work in.
        prepared: all records as `profiles.prepare` gave them: how frequent a name is depends on them.
        model: the model of the run.
        left: source and source_record_id of a record.
        right: the same of another one.

    Returns:
        The comparison; None where one of the records says nothing of a person.
    """
    load_records(con, prepared)
    load_compared(con)
    load_frequencies(con, model)
    numbers = {
        (source, record_id): number
        for number, source, record_id in con.execute(
            "SELECT record, source, source_record_id FROM records WHERE (source = ? AND source_record_id = ?) "
            "OR (source = ? AND source_record_id = ?)",
            [*left, *right],
        ).fetchall()
    }
    if left not in numbers or right not in numbers or left == right:
        return None
    one, other = numbers[left], numbers[right]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE candidate_pairs AS SELECT ?::BIGINT AS join_key_l, ?::BIGINT AS join_key_r, "
        "'0' AS match_key",
        [min(one, other), max(one, other)],
    )
    scores, _ = score(con, model, settle=False, keep_all=True)
    row = scores.row(0, named=True)
    names = level_names(con, one, other)
    said = {number: dict(zip(prepared.columns, prepared.row(number), strict=True)) for number in (one, other)}
    fields = [
        FieldWeight(
            comparison.name,
            names[comparison.column],
            _shown(said[one], comparison.column),
            _shown(said[other], comparison.column),
            row[f"{comparison.column}_weight"],
        )
        for comparison in COMPARISONS
    ]
    return PairWeight(fields, row["weight"], row["probability"], row["household_weight"])


def level_names(con: Connection, one: int, other: int) -> dict[str, str]:
    """Per comparison the level that two records of the table `compared` reach, in words."""
    cases = ", ".join(f"{_case(comparison)} AS {comparison.column}" for comparison in COMPARISONS)
    relation = con.sql(
        f"SELECT {cases} FROM compared AS l CROSS JOIN compared AS r "  # noqa: S608 - our own text
        f"WHERE l.record = {int(one)} AND r.record = {int(other)}"
    )
    return dict(zip(relation.columns, relation.fetchall()[0], strict=True))


def _case(comparison: Comparison) -> str:
    levels = " ".join(
        f"ELSE '{level.name}'" if level.sql == "ELSE" else f"WHEN {_sided(level.sql)} THEN '{level.name}'"
        for level in comparison.levels
    )
    return f"CASE WHEN {_sided(comparison.unknown)} THEN '{_UNKNOWN}' {levels} END"


def _sided(sql: str) -> str:
    """Columns that end in _l and _r as columns of the tables l and r."""
    return re.sub(r"\b([a-z]\w*)_([lr])\b", r"\2.\1", sql)


def _shown(record: dict[str, object], column: str) -> str | None:
    told = [str(record[part]) for part in _SHOWN[column] if record[part] is not None]
    return ", ".join(told) or None


def pair_reasons(pairs: pl.DataFrame, prepared: pl.DataFrame) -> pl.DataFrame:
    """Add why two records are probably one person: the values that agreed and the bits of each.

    Args:
        pairs: compared pairs, see `probable.PAIRS_SCHEMA`.
        prepared: the records.

    Returns:
        The pairs with a column `reason`, such as `probably one person (98.2 %): last name weber, veber (+5.6 bits); …`;
        null where a pair is more likely two people.
    """
    frame = pairs.match_to_schema(PAIRS_SCHEMA)
    told = frame.filter(pl.col("probability") >= _TOLD_FROM)
    shown = prepared.select(
        "source",
        "source_record_id",
        *[pl.concat_str(list(parts), separator=" ", ignore_nulls=True).alias(name) for name, parts in _SHOWN.items()],
    )
    other = shown.rename({"source": "other_source", "source_record_id": "other_record_id"})
    both = told.join(shown, on=["source", "source_record_id"], how="left", maintain_order="left").join(
        other, on=["other_source", "other_record_id"], how="left", maintain_order="left", suffix="_other"
    )
    phrases = [_phrase(comparison) for comparison in COMPARISONS]
    reason = pl.concat_str(
        pl.lit("probably one person ("),
        (pl.col("probability") * 100).round(1).cast(pl.String),
        pl.lit(" %): "),
        pl.concat_str(phrases, separator="; ", ignore_nulls=True),
    )
    key = ["source", "source_record_id", "other_source", "other_record_id"]
    return frame.join(both.select(*key, reason=reason), on=key, how="left", maintain_order="left")


def _phrase(comparison: Comparison) -> pl.Expr:
    """What a field that speaks for one person says of a pair."""
    one, other, weight = (pl.col(comparison.column + end) for end in ("", "_other", "_weight"))
    values = pl.when(one == other).then(one).otherwise(pl.concat_str(one, other, separator=" / "))
    told = pl.concat_str(
        pl.lit(f"{comparison.name} "), values, pl.lit(" (+"), weight.round(1).cast(pl.String), pl.lit(" bits)")
    )
    return pl.when(weight > 0).then(told)


def weights_table(model: Model) -> pl.DataFrame:
    """The model as people read it: comparison, level, m_probability, u_probability, household_probability, weight."""
    from math import log2

    rows = [
        (one.name, place, level.name, m, u, level.h, round(log2(m / u), 3))
        for one in COMPARISONS
        for place, (level, m, u) in enumerate(zip(one.levels, model.m[one.column], model.u[one.column], strict=True))
    ]
    return pl.DataFrame(
        rows,
        schema={
            "comparison": pl.String,
            "place": pl.Int64,
            "level": pl.String,
            "m_probability": pl.Float64,
            "u_probability": pl.Float64,
            "household_probability": pl.Float64,
            "weight": pl.Float64,
        },
        orient="row",
    )
