"""The comparer of two engines' tables sees each kind of difference, and says nothing of values."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from benchmarks.equality import compare, report

at = datetime.fromisoformat

ROWS = {
    "id": ["a", "b", "c"],
    "n": [1, 2, None],
    "money": [Decimal("1.50"), None, Decimal("-2.25")],
    "share": [0.1, None, float("inf")],
    "at": [at("2026-01-01 12:00:00"), None, at("1500-01-01 00:00:00")],
    "day": [date(2026, 1, 1), None, date(1, 1, 1)],
    "is_it": [True, False, None],
}


def frame(**changes):
    return pl.DataFrame({**ROWS, **changes})


def kinds(left, right, **options):
    return [
        (one.what, one.column.split(" (")[0], one.count) for one in compare("t", left, right, **options).differences
    ]


@pytest.mark.parametrize("keys", [["id"], None, ["no such column"]])
def test_equal_tables_are_equal_in_any_order_and_width(keys):
    left = frame()
    right = (
        left.sample(fraction=1, shuffle=True, seed=2)
        .with_columns(
            pl.col("n").cast(pl.Int128),
            pl.col("money").cast(pl.Decimal(38, 8)),
            pl.col("share") * (1 + 1e-12),
            pl.col("at").cast(pl.Datetime("ms")).cast(pl.Datetime("us")),
            record_bucket=pl.lit(3),
        )
        .select("record_bucket", *reversed(left.columns))
    )
    found = compare("t", left, right, keys=keys)
    assert found.is_equal, str(found)
    assert (found.rows, found.columns) == ((3, 3), 7)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("n", [1, 3, None]),
        ("n", [1, 2, 0]),
        ("money", [Decimal("1.50"), None, Decimal("-2.26")]),
        ("money", [Decimal("1.50"), Decimal(0), Decimal("-2.25")]),
        ("share", [0.1 * (1 + 1e-8), None, float("inf")]),
        ("share", [0.1, 0.0, float("inf")]),
        ("share", [0.1, None, float("nan")]),
        ("share", [0.1, None, 1e300]),
        ("at", [at("2026-01-01 12:00:00.000001"), None, at("1500-01-01 00:00:00")]),
        ("day", [date(2026, 1, 1), date(2026, 1, 1), date(1, 1, 1)]),
        ("is_it", [True, False, False]),
    ],
)
def test_one_other_value_is_one_difference(column, values):
    assert kinds(frame(), frame(**{column: values}), keys=["id"]) == [("values", column, 1)]
    # Without a key an exact value that differs is a row on each side.
    without_key = kinds(frame(), frame(**{column: values}))
    assert sum(count for _, _, count in without_key) == (1 if column == "share" else 2)


def test_rows_columns_and_types_that_differ_are_told():
    assert kinds(frame(), frame().head(2), keys=["id"]) == [("rows on the left only", "id", 1)]
    assert kinds(frame(), pl.concat([frame(), frame().head(1)]), keys=["id"]) == [
        ("rows on the right only", "id, n, money, at, day, is_it, copy of the same row", 1)
    ]
    assert kinds(frame(), frame().drop("n"), keys=["id"]) == [("column", "n", 1)]
    assert kinds(frame(), frame(n=[1.0, 2.0, None]), keys=["id"]) == [("type", "n", 1)]
    assert kinds(frame(), frame(n=["1", "2", None]), keys=["id"]) == [("type", "n", 1)]
    zoned = frame().with_columns(pl.col("at").dt.replace_time_zone("UTC"))
    assert kinds(frame(), zoned, keys=["id"]) == [("type", "at", 1)]


def test_a_report_counts_and_holds_no_value():
    left = pl.DataFrame({"id": [1], "email": ["ann@example.com"]})
    right = pl.DataFrame({"id": [1], "email": ["bob@example.com"]})
    found = report([compare("t", left, right, keys=["id"]), compare("u", left, left)])
    assert (found["tables"], found["rows"], found["columns"], found["differences"]) == (2, 2, 4, 1)
    assert "example.com" not in str(found)
    assert "email" in found["unequal"][0]
