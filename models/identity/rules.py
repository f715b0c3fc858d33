"""What the company says of identifiers, and what is known beside them: the light side of a resolution."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

KEY = ("source", "source_record_id")
OTHER_KEY = ("other_source", "other_record_id")
TRAITS_SCHEMA = pl.Schema(
    {"source": pl.String(), "source_record_id": pl.String(), "trait": pl.String(), "value": pl.String()}
)
COMPARED_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "source_record_id": pl.String(),
        "other_source": pl.String(),
        "other_record_id": pl.String(),
        "weight": pl.Float64(),
        "probability": pl.Float64(),
        "reason": pl.String(),
    }
)
DECISIONS_SCHEMA = pl.Schema(
    {
        "decision_id": pl.String(),
        "decision": pl.String(),
        "decided_at": pl.Datetime("us"),
        "side": pl.String(),
        "source": pl.String(),
        "source_record_id": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence by the keys of the records; records that are not among the identifiers do no harm.

    Attributes:
        traits: source, source_record_id, trait, value; see `separators.traits_of`.
        pairs: compared pairs: source, source_record_id, other_source, other_record_id, weight (bits), probability,
            reason (plain words); those below `join_from_probability` join nothing, but speak against others.
        are_compared: whether records were compared; two of whom something is known, but that are no pair, then have
            nothing in common, which speaks against one person.
        decisions: stewards' decisions that hold, one row per record: decision_id, decision (merge, split), decided_at,
            side (records, others), source, source_record_id.
        separates: traits and kinds of identifier of which one person has no two that contradict each other.
        join_from_probability: from which probability on a pair is a probable link.
        max_records_per_customer: a probable link makes no customer with more records than this.
    """

    traits: pl.DataFrame = field(default_factory=TRAITS_SCHEMA.to_frame)
    pairs: pl.DataFrame = field(default_factory=COMPARED_SCHEMA.to_frame)
    are_compared: bool = False
    decisions: pl.DataFrame = field(default_factory=DECISIONS_SCHEMA.to_frame)
    separates: Sequence[str] = ()
    join_from_probability: float = 0.95
    max_records_per_customer: int = 100


#: Bits that an equal identifier weighs where nobody says otherwise: an account is one person's, a cookie may be a
#: home's.
WEIGHTS: Mapping[str, float] = {"account": 60.0, "loyalty_card": 50.0, "email": 40.0, "phone": 30.0, "visitor": 20.0}
OTHER_WEIGHT = 30.0


@dataclass(frozen=True, slots=True)
class Guards:
    """What the company says of its identifiers; each by the place of the kind.

    Attributes:
        kinds: the kinds that join, in the order in which they are told.
        max_records: records that may carry a value that still joins.
        max_people: people (by name) that may share one; None for any number.
        excluded: per kind, values or shell patterns (`info@*`) that never join.
        weights: bits of an equal value.
    """

    kinds: list[str]
    max_records: list[int]
    max_people: list[int | None]
    excluded: Mapping[str, Collection[str]]
    weights: list[float]


def weights_of(kinds: Sequence[str], weights: Mapping[str, float] | None) -> list[float]:
    """Bits per kind: as said, else as usual."""
    said = {**WEIGHTS, **(weights or {})}
    return [said.get(kind, OTHER_WEIGHT) for kind in kinds]
