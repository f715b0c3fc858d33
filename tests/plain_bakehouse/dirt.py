"""Errors and duplicates: what makes the demo company's exports as untidy as real ones, with a note of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from tests.plain_bakehouse.dataset import Breakage, Dataset

DUPLICATES: Final = 0.01
#: Share of duplicates that come again in the next file, where there is one; the others in the same file.
COMES_LATER: Final = 0.4
ERROR_SCHEMA: Final = {
    "source": pl.String,
    "dataset": pl.String,
    "file": pl.String,
    "row_number": pl.Int64,
    "entity": pl.String,
    "record_key": pl.String,
    "rule": pl.String,
    "severity": pl.String,
    "column": pl.String,
    "value_before": pl.String,
    "value_after": pl.String,
    "done": pl.String,
}


@dataclass(frozen=True)
class Finished:
    """A dataset as it is written.

    Attributes:
        dataset: Where it comes from.
        frame: The dataset's frame in the order of files and rows, with `_row` (1-based number in its file), `_id` (the
            same for a record and its duplicate), `_copy` and `_counts` (false: the record's reference is lost with it).
        errors: One row per error, columns as in `ERROR_SCHEMA`.
        duplicates: One row per duplicate: source, dataset, file, row_number, entity, record_key, first_file,
            first_row_number.
    """

    dataset: Dataset
    frame: pl.DataFrame
    errors: pl.DataFrame
    duplicates: pl.DataFrame


@dataclass(frozen=True)
class _Error:
    """One error: the row it sits in, the rule it breaks, the value before and after."""

    row: int
    rule: Breakage
    before: str | None
    after: str | None


@dataclass
class _Notes:
    """What was changed: the new values by column, and the errors by row."""

    used: np.ndarray
    lost: np.ndarray
    refs: list[str | None]
    columns: dict[str, list[str | None]] = field(default_factory=dict)
    errors: list[_Error] = field(default_factory=list)


def make_dirty(rng: np.random.Generator, dataset: Dataset, invalid_share: float) -> Finished:
    """Spoil a share of the dataset's records, each by exactly one rule, and repeat some of the others.

    Args:
        rng: Source of chance.
        dataset: The dataset, all of its records right.
        invalid_share: Share of each entity's records to spoil, 0 to 1.
    """
    frame = dataset.frame
    notes = _Notes(np.zeros(frame.height, dtype=bool), np.zeros(frame.height, dtype=bool), frame["_ref"].to_list())
    for entity in reversed(dataset.entities):  # a receipt before its lines: a spoiled receipt's lines stay as they are
        rules = [rule for rule in dataset.breakages if rule.entity == entity]
        if rules and invalid_share > 0:
            _spoil_entity(rng, frame, rules, invalid_share, notes)
    changed = {name: pl.Series(name, values, dtype=pl.String) for name, values in notes.columns.items()}
    frame = frame.with_columns(**changed)
    frame, notes = _with_junk(dataset, frame, invalid_share, notes)
    placed = _placed(rng, dataset, frame, notes)
    return Finished(dataset, placed, _errors(dataset, placed, notes), _duplicates(dataset, placed))


def _spoil_entity(
    rng: np.random.Generator, frame: pl.DataFrame, rules: list[Breakage], share: float, notes: _Notes
) -> None:
    whole = rules[0].whole_group
    groups = _group_rows(frame) if whole else None
    units = len(groups) if groups is not None else frame.height
    weights = np.array([rule.weight for rule in rules])
    wanted = rng.multinomial(round(units * share), weights / weights.sum())
    order = rng.permutation(units)
    taken = np.zeros(units, dtype=bool)
    for rule, count in zip(rules, wanted, strict=True):
        values = notes.columns.setdefault(rule.column, frame[rule.column].to_list())
        among = np.ones(frame.height, dtype=bool)
        if rule.among is not None:
            among = frame.select(rule.among).to_series().to_numpy()
        chosen: list[int] = []
        for unit in order:
            if len(chosen) == count:
                break
            row = int(groups[unit][0]) if groups is not None else int(unit)
            if not taken[unit] and not notes.used[row] and among[row] and values[row] is not None:
                taken[unit] = True
                chosen.append(int(unit))
        rows = [groups[unit] if groups is not None else np.array([unit]) for unit in chosen]
        _spoil(rng, rule, rows, values, notes)


def _spoil(
    rng: np.random.Generator, rule: Breakage, units: list[np.ndarray], values: list[str | None], notes: _Notes
) -> None:
    before = [str(values[int(rows[0])]) for rows in units]
    loses = [bool(rule.clears_ref) and (ref or "").startswith(rule.clears_ref) for ref in notes.refs]
    after = rule.spoil(rng, before)
    for rows, old, new in zip(units, before, after, strict=True):
        for row in rows:
            values[int(row)] = new
            notes.used[row] = True
            # Lines carry no reference to a person; whatever else is invalid takes its own with it.
            notes.lost[row] |= rule.entity != "order_lines" and (rule.severity == "record" or loses[int(row)])
        notes.errors.append(_Error(int(rows[0]), rule, old, new))


def _group_rows(frame: pl.DataFrame) -> list[np.ndarray]:
    """The rows of each group, groups in the order of their first row."""
    group = frame["_group"].rle_id().to_numpy()
    return np.split(np.arange(frame.height), np.flatnonzero(np.diff(group)) + 1)


def _with_junk(dataset: Dataset, frame: pl.DataFrame, share: float, notes: _Notes) -> tuple[pl.DataFrame, _Notes]:
    """Append the records that never were right."""
    count = min(len(dataset.junk), max(round(share * frame.height), 1)) if share > 0 else 0
    if not count:
        return frame, notes
    rows = []
    for index, (rule, values) in enumerate(dataset.junk[:count]):
        technical = {"_file": frame["_file"][0], "_at": frame.height + index, "_ref": None, "_person": -1}
        rows.append(values | technical)
        notes.errors.append(_Error(frame.height + index, rule, None, values[rule.column]))
    more = pl.DataFrame(rows, schema=frame.schema)
    added = np.ones(count, dtype=bool)
    return pl.concat([frame, more]), _Notes(
        np.append(notes.used, added), np.append(notes.lost, added), notes.refs, notes.columns, notes.errors
    )


def _placed(rng: np.random.Generator, dataset: Dataset, frame: pl.DataFrame, notes: _Notes) -> pl.DataFrame:
    """All rows with their duplicates, sorted into the files and numbered."""
    files = frame["_file"].unique().sort().to_list()
    number = frame["_file"].replace_strict(files, list(range(len(files))), return_dtype=pl.Int64).to_numpy()
    frame = frame.with_columns(
        _id=pl.int_range(pl.len()),
        _copy=pl.lit(value=False),
        _counts=pl.Series(~notes.lost),
        _place=pl.int_range(pl.len()).cast(pl.Float64),
    )
    right = np.flatnonzero(~notes.used)
    chosen = np.sort(rng.choice(right, round(len(right) * DUPLICATES), replace=False)) if len(right) else right
    later = (rng.random(len(chosen)) < COMES_LATER) & (number[chosen] < len(files) - 1) & dataset.can_repeat_later
    place = np.where(later, rng.integers(-20, 0, len(chosen)), chosen + rng.integers(1, 40, len(chosen)) + 0.5)
    copies = frame[chosen].with_columns(
        _copy=pl.lit(value=True),
        _place=pl.Series(place, dtype=pl.Float64),
        _file=pl.Series([files[index] for index in number[chosen] + later], dtype=pl.String),
    )
    every = pl.concat([frame, copies]).sort("_file", "_place", "_id", maintain_order=True)
    return every.with_columns(_row=pl.int_range(1, pl.len() + 1).over("_file")).drop("_place")


def _errors(dataset: Dataset, placed: pl.DataFrame, notes: _Notes) -> pl.DataFrame:
    """The errors with the file and the row where they are found."""
    if not notes.errors:
        return pl.DataFrame(schema=ERROR_SCHEMA)
    keys = list(dict.fromkeys(dataset.key.values()))
    where = placed.filter(~pl.col("_copy")).select("_id", "_file", "_row", *keys)
    listed = pl.DataFrame(
        [
            {
                "_id": error.row,
                "entity": error.rule.entity,
                "rule": error.rule.rule,
                "severity": error.rule.severity,
                "column": error.rule.column,
                "value_before": error.before,
                "value_after": error.after,
                "done": error.rule.done,
            }
            for error in notes.errors
        ],
        schema_overrides={"value_before": pl.String, "value_after": pl.String},
    ).join(where, on="_id", how="left", maintain_order="left")
    key = pl.coalesce(
        pl.when(pl.col("entity") == entity).then(pl.col(column)) for entity, column in dataset.key.items()
    )
    return (
        listed.with_columns(
            source=pl.lit(dataset.source),
            dataset=pl.lit(dataset.name),
            file=pl.col("_file"),
            row_number=pl.col("_row").cast(pl.Int64),
            record_key=key,
        )
        .sort("file", "row_number", "entity")
        .select(pl.col(name).cast(kind) for name, kind in ERROR_SCHEMA.items())
    )


def _duplicates(dataset: Dataset, placed: pl.DataFrame) -> pl.DataFrame:
    key = dataset.key[dataset.entities[0]]
    first = placed.filter(~pl.col("_copy")).select("_id", first_file="_file", first_row_number="_row")
    return (
        placed.filter(pl.col("_copy"))
        .join(first, on="_id", how="left", maintain_order="left")
        .select(
            source=pl.lit(dataset.source),
            dataset=pl.lit(dataset.name),
            file="_file",
            row_number=pl.col("_row").cast(pl.Int64),
            entity=pl.lit(dataset.entities[0]),
            record_key=key,
            first_file="first_file",
            first_row_number=pl.col("first_row_number").cast(pl.Int64),
        )
    )
