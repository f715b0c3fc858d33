"""Wrong values, repeated records and late ones, put into columns, each with a note of where it ended up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import polars as pl

from sources.sample.clock import utc
from sources.sample.desk import Desk
from sources.sample.text import one_of

DUPLICATES: Final = 0.01
COMES_LATER: Final = 0.35
#: Late records: their share, and how late (days): lognormal, cut at half a year.
LATE: Final = 0.01
LATE_DAYS: Final = (1.1, 1.5)
LATEST_DAYS: Final = 180
DAY: Final = 86_400

#: A random number per row that a wrong value may be chosen by.
CHANCE = pl.col("_chance")


@dataclass(frozen=True)
class Fault:
    """One way of making a record wrong, by exactly one rule.

    Attributes:
        kind: What was done, in a word.
        rule: The rule that the record then breaks; empty where no rule looks at it.
        entity: The entity whose rule it is.
        column: The column of the frame that is changed; `_line` cuts the whole line off.
        field: Its name in the file.
        wrong: The new text; null: the value is missing.
        weight: How often, against the others.
        severity: `record`: the record is invalid; `field`: only the value is; `warning`: the value is kept and marked;
            `none`: nothing is wrong, by today's rules.
        among: Which records can be chosen, where it is not all.
        also: Further columns that get a new text with it.
    """

    kind: str
    rule: str
    entity: str
    column: str
    field: str
    wrong: pl.Expr
    weight: float = 1.0
    severity: Literal["record", "field", "warning", "none"] = "record"
    among: pl.Expr | None = None
    also: tuple[tuple[str, pl.Expr], ...] = ()


MISSING = pl.lit(None, dtype=pl.String)


def instead(*values: str) -> pl.Expr:
    """One of the values instead."""
    return one_of(values, (CHANCE * len(values)).cast(pl.Int64))


def broken_email(column: str) -> pl.Expr:
    """No address any more: no @, two of them, a blank, a domain without end."""
    local, domain = (pl.col(column).str.split_exact("@", 1).struct.field(f"field_{at}") for at in (0, 1))
    style = (CHANCE * 4).cast(pl.Int64)
    return (
        pl.when(style == 0).then(local + "(at)" + domain)
        .when(style == 1).then(local + "@@" + domain)
        .when(style == 2).then(local + " @ " + domain)
        .otherwise(local + "@nowhere")
    )  # fmt: skip


def broken_phone() -> pl.Expr:
    """No telephone number any more."""
    return instead("12", "000000000000", "see notes", "n/a", "030/ABC")


def throw_away(key: str) -> pl.Expr:
    """An address of a domain whose mailboxes nobody keeps; one's own, lest two people become one."""
    return pl.concat_str(pl.lit("shop."), pl.col(key), pl.lit("@mailinator.com"))


def line_fault(rule: str, entity: str, weight: float = 0.6, among: pl.Expr | None = None) -> Fault:
    """The line breaks off in the middle, as when a disk is full."""
    return Fault("cut_off", rule, entity, "_line", "", MISSING, weight, among=among)


def spoil(
    rng: np.random.Generator, frame: pl.DataFrame, faults: tuple[Fault, ...], share: float, key: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make a share of the rows wrong, each in one way.

    Args:
        rng: Source of chance.
        frame: Columns as text. The first fault must fit every row; rows that a fault does not fit get that one.
        faults: The ways.
        share: Share of rows.
        key: Column with the record's key.

    Returns:
        The frame with `_fault` (number of the fault, -1: none), and the notes: _row (of the frame), entity, record_key,
        field, rule, kind, severity, value_before, value_after.
    """
    rows = frame.height
    weight = np.array([fault.weight for fault in faults])
    wrong = rng.random(rows) < share
    chosen = np.where(wrong, np.searchsorted(np.cumsum(weight / weight.sum()), rng.random(rows), side="right"), -1)
    chosen = np.minimum(chosen, len(faults) - 1)
    bad = np.flatnonzero(wrong)
    part = frame[bad].with_columns(_chance=pl.Series(rng.random(len(bad)), dtype=pl.Float64), _row=pl.Series(bad))
    for number, fault in enumerate(faults):
        if fault.among is not None and len(bad):
            fits = part.select(fault.among.fill_null(value=False)).to_series().to_numpy()
            chosen[bad[(chosen[bad] == number) & ~fits]] = 0
    frame = frame.with_columns(_fault=pl.Series(chosen, dtype=pl.Int8))
    part = part.with_columns(_fault=pl.Series(chosen[bad], dtype=pl.Int8))
    notes: list[pl.DataFrame] = []
    changes: dict[str, list[tuple[pl.Series, pl.Series]]] = {}
    for number, fault in enumerate(faults):
        those = part.filter(pl.col("_fault") == number)
        if not those.height:
            continue
        line = fault.column == "_line"
        before = pl.lit(None, dtype=pl.String) if line else pl.col(fault.column).cast(pl.String)
        done = those.select(
            "_row",
            entity=pl.lit(fault.entity),
            record_key=pl.col(key).cast(pl.String),
            field=pl.lit(fault.field),
            rule=pl.lit(fault.rule or None, dtype=pl.String),
            kind=pl.lit(fault.kind),
            severity=pl.lit(fault.severity),
            value_before=before,
            value_after=fault.wrong,
        )
        notes.append(done)
        if not line:
            changes.setdefault(fault.column, []).append((done["_row"], done["value_after"]))
        for column, value in fault.also:
            changes.setdefault(column, []).append((done["_row"], those.select(value).to_series()))
    for column, several in changes.items():
        series = frame[column]
        for row, values in several:
            series = series.scatter(row, values)
        frame = frame.with_columns(series.alias(column))
    return frame, pl.concat(notes) if notes else pl.DataFrame()


def cut_off(frame: pl.DataFrame, faults: tuple[Fault, ...], text: str = "_text") -> pl.DataFrame:
    """Cut the texts of the rows whose fault is a line that breaks off."""
    numbers = [number for number, fault in enumerate(faults) if fault.column == "_line"]
    if not numbers:
        return frame
    short = pl.col(text).str.slice(0, (pl.col(text).str.len_chars().cast(pl.Float64) * 0.55).cast(pl.Int64))
    return frame.with_columns(pl.when(pl.col("_fault").is_in(numbers)).then(short).otherwise(pl.col(text)).alias(text))


@dataclass
class Carried:
    """Records of one file that come again in the next one."""

    rows: pl.DataFrame | None = None


def place(
    rng: np.random.Generator,
    frame: pl.DataFrame,
    carried: Carried,
    file: str,
    *,
    later: bool,
    may_repeat: pl.Expr | None = None,
) -> pl.DataFrame:
    """All rows of one file in order, with copies of some, and with those that the file before left for this one.

    Args:
        rng: Source of chance.
        frame: Rows in order, with `_fault`.
        carried: Copies from the file before; afterwards those for the next one.
        file: This file's path.
        later: Whether there is a next file.
        may_repeat: Which rows may come twice, besides being right.

    Returns:
        The rows with `_row` (of `frame`; -1: from the file before), `_copy`, `_number` (from 1), `_first_file`,
        `_first_number` (both null unless a copy).
    """
    rows = frame.height
    frame = frame.with_columns(
        _row=pl.int_range(pl.len(), dtype=pl.Int64),
        _copy=pl.lit(value=False),
        _place=pl.int_range(pl.len()).cast(pl.Float64),
        _first_file=pl.lit(None, dtype=pl.String),
        _first_number=pl.lit(None, dtype=pl.Int64),
    )
    right = (frame["_fault"] < 0).to_numpy()
    if may_repeat is not None:
        right = right & frame.select(may_repeat).to_series().to_numpy()
    chosen = np.flatnonzero(right & (rng.random(rows) < DUPLICATES))
    waits = later & (rng.random(len(chosen)) < COMES_LATER)
    near = chosen + rng.integers(1, 40, len(chosen)) + 0.5
    copies = frame[chosen].with_columns(_copy=pl.lit(value=True), _place=pl.Series(near, dtype=pl.Float64))
    parts = [frame, copies.filter(~pl.Series(waits))]
    if carried.rows is not None and carried.rows.height:
        early = -rng.random(carried.rows.height)
        parts.append(carried.rows.with_columns(_row=pl.lit(-1, dtype=pl.Int64), _place=pl.Series(early)))
    placed = pl.concat(parts).sort("_place", maintain_order=True)
    placed = placed.with_columns(_number=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    first = np.zeros(rows, dtype=np.int64)
    original = placed.filter(~pl.col("_copy"))
    first[original["_row"].to_numpy()] = original["_number"].to_numpy()
    here = pl.col("_copy") & pl.col("_first_file").is_null()
    number = pl.Series(first).gather(placed["_row"].clip(0)) if rows else placed["_row"]
    placed = placed.with_columns(
        _first_file=pl.when(here).then(pl.lit(file)).otherwise(pl.col("_first_file")),
        _first_number=pl.when(here).then(number).otherwise(pl.col("_first_number")),
    )
    waiting = copies.filter(pl.Series(waits))
    carried.rows = waiting.with_columns(
        _first_file=pl.lit(file), _first_number=pl.Series(first).gather(waiting["_row"]) if rows else waiting["_row"]
    )
    return placed


def note_all(
    desk: Desk,
    source: str,
    dataset: str,
    file: str,
    placed: pl.DataFrame,
    errors: list[pl.DataFrame],
    entity: str,
    key: str,
) -> np.ndarray:
    """Note errors and duplicates of one file; return the row number of each row of the frame before it was placed."""
    where = {"source": pl.lit(source), "dataset": pl.lit(dataset), "file": pl.lit(file)}
    original = placed.filter(~pl.col("_copy"))
    number = np.zeros(original.height, dtype=np.int64)
    number[original["_row"].to_numpy()] = original["_number"].to_numpy()
    for notes in errors:
        if notes.height:
            at = pl.Series(number[notes["_row"].to_numpy()])
            desk.note("errors", notes.with_columns(**where, row_number=at))
    copies = placed.filter("_copy").select(
        **where,
        row_number="_number",
        entity=pl.lit(entity),
        record_key=pl.col(key).cast(pl.String),
        kind=pl.lit("repeated"),
        first_file="_first_file",
        first_row_number="_first_number",
    )
    desk.note("duplicates", copies)
    desk.count(source, dataset, entity, placed.height)
    return number


def late(rng: np.random.Generator, at: np.ndarray, last: int, share: float = LATE) -> np.ndarray:
    """When records arrive: most at once, some days to half a year later, none after the last second."""
    days = np.minimum(rng.lognormal(*LATE_DAYS, len(at)), LATEST_DAYS)
    waits = rng.random(len(at)) < share
    return np.where(waits, np.minimum(at + (days * DAY).astype(np.int64), np.maximum(last, at)), at)


def note_late(
    desk: Desk, source: str, dataset: str, file: str, rows: pl.DataFrame, number: np.ndarray, key: str
) -> None:
    """Note the rows (with `_at` and `_arrived` in local seconds) that came a day or more after they happened."""
    behind = (pl.col("_arrived") - pl.col("_at")) / DAY
    those = rows.with_columns(row_number=pl.Series(number)).filter(behind >= 1)
    desk.note(
        "late_records",
        those.select(
            source=pl.lit(source),
            dataset=pl.lit(dataset),
            file=pl.lit(file),
            row_number="row_number",
            record_key=pl.col(key).cast(pl.String),
            occurred_at=utc(pl.col("_at")),
            arrived_at=utc(pl.col("_arrived")),
            days_late=behind.round(2),
        ),
    )
