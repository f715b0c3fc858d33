"""Whether two engines made the same table: row by row, exactly where a type is exact, to 1e-9 where it is not.

Both sides are Polars frames of one table; nothing of a record's values gets into a report, only columns, counts and the
numbers of rows, because the values are people's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

RELATIVE = 1e-9
"""How far two doubles may be apart, of the larger one: sums are added up in another order on another engine."""

ENGINE_COLUMNS = frozenset({"record_bucket", "record_copy", "staged_with", "mapped_with"})
"""Columns about how a row is stored, or made of an engine's own SQL: the first two are on one engine only."""

_SHOWN = 5


@dataclass(frozen=True)
class Difference:
    """One kind of difference of a table.

    Attributes:
        what: "column", "type", "rows" (in one table only) or "values".
        column: The column, or the table's key columns for rows.
        count: How many rows differ so; 1 for columns and types.
        first: Places of the first of them: numbers of the rows in the order of the key, from 0.
    """

    what: str
    column: str
    count: int
    first: tuple[int, ...] = ()

    def __str__(self) -> str:
        """In words."""
        return f"{self.what} {self.column}: {self.count:,}" + (f", rows {list(self.first)}" if self.first else "")


@dataclass(frozen=True)
class Comparison:
    """What comparing one table gave.

    Attributes:
        table: Its name.
        rows: Rows of the left and of the right table.
        columns: Columns compared.
        differences: What differs; none if the tables are equal.
    """

    table: str
    rows: tuple[int, int]
    columns: int
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def __str__(self) -> str:
        """In words, one line."""
        said = "; ".join(str(one) for one in self.differences) or "equal"
        return f"{self.table} ({self.rows[0]:,} and {self.rows[1]:,} rows, {self.columns} columns): {said}"


def compare(
    table: str,
    left: pl.DataFrame,
    right: pl.DataFrame,
    *,
    keys: Sequence[str] | None = None,
    ignore: Collection[str] = ENGINE_COLUMNS,
) -> Comparison:
    """Compare two frames of one table, columns by their names, rows whatever their order.

    Args:
        table: The name to report.
        left: One engine's table; timestamps without zone, in UTC.
        right: The other's.
        keys: Columns that name a row. Without them, or where they name several rows, rows are matched by all
            columns of exact types.
        ignore: Columns to leave out.
    """
    differences = [
        Difference("column", name, 1)
        for name in [*left.columns, *right.columns]
        if name not in ignore and (name in left.columns) != (name in right.columns)
    ]
    shared = [name for name in left.columns if name in right.columns and name not in ignore]
    differences += [
        Difference("type", f"{name} ({left.schema[name]}, {right.schema[name]})", 1)
        for name in shared
        if _family(left.schema[name]) != _family(right.schema[name])
    ]
    wrong_type = {one.column.split(" (", 1)[0] for one in differences if one.what == "type"}
    usable = [name for name in shared if name not in wrong_type]
    rows = (left.height, right.height)
    one, other = _alike(left.select(usable), right.select(usable))
    exact = [name for name in usable if _family(one.schema[name]) != "double"]
    by = [name for name in keys or [] if name in exact]
    if not by or len(by) != len(keys or []) or _is_repeated(one, by) or _is_repeated(other, by):
        by = exact
        doubles = [name for name in usable if name not in exact]
        one, other = _numbered(one, by, doubles), _numbered(other, by, doubles)
        by = [*by, _COPY]
    differences += _rows_and_values(one, other, by, [name for name in usable if name not in by])
    return Comparison(table, rows, len(shared), differences)


def is_close(left: str, right: str, relative: float = RELATIVE) -> pl.Expr:
    """Whether two columns of doubles are the same: both null, equal (infinite and no number too), or near enough."""
    one, other = pl.col(left), pl.col(right)
    scale = pl.max_horizontal(one.abs(), other.abs())
    near = (one.is_finite() & other.is_finite() & ((one - other).abs() <= relative * scale)).fill_null(value=False)
    return one.eq_missing(other) | near


def report(comparisons: Iterable[Comparison]) -> dict[str, Any]:
    """Sum up comparisons: tables, rows, columns and differences, the unequal ones in words."""
    done = list(comparisons)
    return {
        "tables": len(done),
        "rows": sum(one.rows[0] for one in done),
        "columns": sum(one.columns for one in done),
        "differences": sum(difference.count for one in done for difference in one.differences),
        "unequal": [str(one) for one in done if not one.is_equal],
    }


_COPY = "copy of the same row"


def _family(dtype: pl.DataType) -> str:
    """Types that hold the same values on two engines: a sum is 128 bits wide on one and 64 on the other."""
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "double"
    if isinstance(dtype, pl.Decimal):
        return "decimal"
    if isinstance(dtype, pl.Datetime):
        return "timestamp with zone" if dtype.time_zone else "timestamp"
    return "text" if dtype == pl.String or dtype == pl.Categorical else str(dtype)


def _alike(left: pl.DataFrame, right: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both frames in one type per column, wide enough for both, so that equal values are equal."""
    types: dict[str, pl.DataType | type[pl.DataType]] = {}
    for name, dtype in left.schema.items():
        other = right.schema[name]
        if dtype.is_integer():
            types[name] = pl.Int128
        elif isinstance(dtype, pl.Decimal) and isinstance(other, pl.Decimal):
            types[name] = pl.Decimal(38, max(dtype.scale, other.scale))
        elif isinstance(dtype, pl.Datetime):
            types[name] = pl.Datetime("us")
        elif dtype.is_float():
            types[name] = pl.Float64
        elif _family(dtype) == "text":
            types[name] = pl.String
    return left.cast(types), right.cast(types).select(left.columns)  # type: ignore[arg-type]


def _is_repeated(frame: pl.DataFrame, by: Sequence[str]) -> bool:
    return frame.select(by).n_unique() < frame.height


def _numbered(frame: pl.DataFrame, by: Sequence[str], doubles: Sequence[str]) -> pl.DataFrame:
    """Number the rows that agree in all exact columns, in the order of their doubles."""
    if not by:
        return frame.sort(doubles).with_row_index(_COPY) if doubles else frame.with_row_index(_COPY)
    return frame.sort([*by, *doubles]).with_columns(pl.int_range(pl.len()).over(by).alias(_COPY))


def _rows_and_values(
    left: pl.DataFrame, right: pl.DataFrame, by: Sequence[str], values: Sequence[str]
) -> list[Difference]:
    left = left.with_columns(_left=pl.lit(value=True))
    right = right.with_columns(_right=pl.lit(value=True))
    joined = left.join(right, on=list(by), how="full", coalesce=True, nulls_equal=True, suffix=" of right").sort(
        list(by), nulls_last=True
    )
    found = []
    for side, there in (("rows on the left only", "_right"), ("rows on the right only", "_left")):
        places = joined[there].is_null().arg_true()
        if places.len():
            found.append(Difference(side, ", ".join(by[:8]), places.len(), tuple(places.head(_SHOWN).to_list())))
    in_both = pl.col("_left").is_not_null() & pl.col("_right").is_not_null()
    for name in values:
        right_name = f"{name} of right"
        same = (
            is_close(name, right_name)
            if joined.schema[name].is_float()
            else pl.col(name).eq_missing(pl.col(right_name))
        )
        places = joined.select((in_both & ~same).alias("differs"))["differs"].arg_true()
        if places.len():
            found.append(Difference("values", name, places.len(), tuple(places.head(_SHOWN).to_list())))
    return found
