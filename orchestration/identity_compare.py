"""What two records say, field by field, and how strongly each field speaks for one person or against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.decisions import Record
    from orchestration.published import Published, Row

PROFILES = "customer_match_profiles"
# What a profile holds for the computer only: the sound of a name and the names it may stand for.
_NOT_SHOWN = ("source", "source_record_id")
_NOT_SHOWN_ENDS = ("_key", "_forms", "_variants", "_local")


@dataclass(frozen=True)
class FieldLine:
    """One field of two records.

    Attributes:
        field: Its name.
        words: How the two compare, in plain words.
        left: What the first record says; None where it says nothing.
        right: What the second one says.
        weight: Bits: above 0 it speaks for one person, below 0 against; None where no model has weighed it.
    """

    field: str
    words: str
    left: str | None
    right: str | None
    weight: float | None = None


def compare(published: Published, left: Record, right: Record) -> list[FieldLine]:
    """Compare two records field by field; empty where one of them says nothing of a person.

    The weights are those of the published model of probable links, against strangers. Without a model, what the records
    say is shown side by side.
    """
    one, other = profile_of(published, left), profile_of(published, right)
    if one is None or other is None:
        return []
    import duckdb

    from models.identity.explain import compare_pair
    from models.identity.training import Model

    text = next((row.get("model") for row in published.rows("identity_match_model", limit=1)), None)
    model = None if text is None else Model.from_json(str(text))
    if model is None:
        return side_by_side(one, other)

    # How frequent a name is decides what it weighs, so all records are there; names in the order of their numbers.
    prepared = published.con.sql(f"SELECT * FROM marts.{PROFILES} ORDER BY source, source_record_id").pl()  # noqa: S608 - our own name
    work = duckdb.connect()
    try:
        compared = compare_pair(work, prepared, model, left, right)
    finally:
        work.close()
    if compared is None:
        return side_by_side(one, other)
    return [FieldLine(line.field, line.words, line.left, line.right, line.weight) for line in compared.fields]


def profile_of(published: Published, record: Record) -> Row | None:
    """What a record says of a person, or None."""
    if not published.has(PROFILES, "source", "source_record_id"):
        return None
    rows = published.rows(PROFILES, "source = ? AND source_record_id = ?", list(record), limit=1)
    return rows[0] if rows else None


def side_by_side(left: Row, right: Row) -> list[FieldLine]:
    """The fields that one of two records fills, without weights."""
    lines = []
    for field, value in left.items():
        if field in _NOT_SHOWN or field.endswith(_NOT_SHOWN_ENDS) or isinstance(value, list):
            continue
        one, other = _text(value), _text(right.get(field))
        if one is None and other is None:
            continue
        words = "one does not say" if one is None or other is None else "the same" if one == other else "different"
        lines.append(FieldLine(field, words, one, other))
    return lines


def filled(published: Published, record: Record) -> int:
    """How many fields a record fills."""
    return sum(value is not None for value in (profile_of(published, record) or {}).values())


def _text(value: object) -> str | None:
    return None if value is None else str(value)
