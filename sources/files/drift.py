"""What a load changed in the shape of a dataset: fields that are new or gone, and values of another kind.

It is told, never a fault: every value is text in the raw layer, so a field that changes its kind loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sources.files.ledger import has_fields, has_ledger

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Kind = Literal["new_field", "removed_field", "changed_type"]

_USUAL = 0.9
"""A field that came in this share of the earlier batches is missed; one that came now and then is not."""

_COMPARED = 100
"""Earlier batches that count, the newest ones."""


@dataclass(frozen=True)
class Drift:
    """One change.

    Attributes:
        source: name of the source.
        dataset: name of the dataset.
        kind: what changed.
        field: its name as received.
        words: one sentence for people; it holds no value of a record.
    """

    source: str
    dataset: str
    kind: Kind
    field: str
    words: str


def drift_of(con: DuckDBPyConnection, source: str, dataset: str, load_id: str) -> list[Drift]:
    """Return what a load brought that the loads of the dataset before it did not, and what it did not bring.

    The first load of a dataset is never drift. A field is removed if no batch of this load has it but most of the
    batches before had. A kind counts as changed when a field that had values before gets some of a kind it never had;
    a null is of no kind.

    Args:
        con: warehouse or control database; a read-only connection will do.
        source: name of the source.
        dataset: name of the dataset.
        load_id: the load.

    Returns:
        Changes by kind (new, removed, changed) and field; nothing without a ledger or a batch of this load.
    """
    if not has_ledger(con):
        return []
    # The batches of one load have different times, and a later load may have begun before an earlier one ended.
    now, before = _columns(con, source, dataset, load_id)
    if not now or not before:
        return []
    known = {name.lower() for columns in before for name in columns}
    came = {name.lower(): name for columns in now for name in columns}
    new = [name for lowered, name in came.items() if lowered not in known]
    gone = [name for name, share in _shares(before) if share >= _USUAL and name.lower() not in came]
    changed = _changed(con, source, dataset, load_id)
    found: list[Drift] = []
    for name in sorted(new):
        found.append(Drift(source, dataset, "new_field", name, f"{name}: new, it is kept in the raw layer"))
    for name in sorted(gone):
        found.append(Drift(source, dataset, "removed_field", name, f"{name}: did not come any more"))
    for name, earlier, later in changed:
        words = f"{name}: now {_listed(later)}, before {_listed(earlier)}; every value is kept as received"
        found.append(Drift(source, dataset, "changed_type", name, words))
    return found


def drift_of_load(con: DuckDBPyConnection, load_id: str) -> list[Drift]:
    """Return the drift of every dataset that a load brought batches of, by source and dataset."""
    if not has_ledger(con):
        return []
    datasets = con.execute(
        "SELECT DISTINCT source, dataset FROM ledger.batches WHERE load_id = ? ORDER BY 1, 2", [load_id]
    ).fetchall()
    return [one for source, dataset in datasets for one in drift_of(con, source, dataset, load_id)]


def latest_drift(con: DuckDBPyConnection, source: str, dataset: str) -> list[Drift]:
    """Return the drift of the last load that brought a batch of a dataset."""
    if not has_ledger(con):
        return []
    last = con.execute(
        "SELECT load_id FROM ledger.batches WHERE source = ? AND dataset = ? "
        "ORDER BY loaded_at DESC, load_id DESC LIMIT 1",
        [source, dataset],
    ).fetchall()
    return drift_of(con, source, dataset, last[0][0]) if last else []


def _columns(
    con: DuckDBPyConnection, source: str, dataset: str, load_id: str
) -> tuple[list[list[str]], list[list[str]]]:
    """Return the columns of the load's batches, and of the batches before them, newest first."""
    rows = con.execute(
        "SELECT load_id = $load, columns FROM ledger.batches WHERE source = $source AND dataset = $dataset "
        "AND rows_received > rows_rejected AND (load_id = $load OR loaded_at < (SELECT min(loaded_at) "
        "FROM ledger.batches WHERE source = $source AND dataset = $dataset AND load_id = $load)) "
        "ORDER BY loaded_at DESC, batch_id",
        {"source": source, "dataset": dataset, "load": load_id},
    ).fetchall()
    now = [json.loads(columns) for mine, columns in rows if mine]
    before = [json.loads(columns) for mine, columns in rows if not mine]
    return now, before[:_COMPARED]


def _shares(batches: list[list[str]]) -> list[tuple[str, float]]:
    """Return each field, spelled as in the newest batch that has it, and the share of batches that have it."""
    spelled: dict[str, str] = {}
    counts: dict[str, int] = {}
    for columns in batches:
        for name in dict.fromkeys(columns):
            spelled.setdefault(name.lower(), name)
            counts[name.lower()] = counts.get(name.lower(), 0) + 1
    return [(name, counts[lowered] / len(batches)) for lowered, name in spelled.items()]


def _changed(
    con: DuckDBPyConnection, source: str, dataset: str, load_id: str
) -> list[tuple[str, list[str], list[str]]]:
    """Return fields with the kinds they had before and those that are new with this load."""
    if not has_fields(con):
        return []
    rows = con.execute(
        "SELECT field, kind, first_load_id = $load, first_at FROM ledger.fields "
        "WHERE source = $source AND dataset = $dataset ORDER BY field, kind",
        {"source": source, "dataset": dataset, "load": load_id},
    ).fetchall()
    started = min((at for _, _, mine, at in rows if mine), default=None)
    by_field: dict[str, tuple[str, list[str], list[str]]] = {}
    for name, kind, mine, at in rows:
        _, earlier, later = by_field.setdefault(name.lower(), (name, [], []))
        if mine:
            later.append(kind)
        elif started is not None and at < started:
            earlier.append(kind)
    # Two spellings of a name may each have a kind: what is known under one is not new under the other.
    found = [
        (name, earlier, [kind for kind in later if kind not in earlier]) for name, earlier, later in by_field.values()
    ]
    return [(name, earlier, later) for name, earlier, later in found if earlier and later]


def _listed(kinds: Iterable[str]) -> str:
    return " and ".join(sorted(set(kinds)))


__all__ = ["Drift", "Kind", "drift_of", "drift_of_load", "latest_drift"]
