"""Judging contact values in the warehouse: each distinct value once, its verdict kept.

Staging joins `quality.judged_emails` and `quality.judged_phones` by the value as received, so that no library runs
inside SQL and a value that is known costs a join.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from expectations.contacts import (
    MAX_EMAIL_BYTES,
    MAX_PHONE_CHARACTERS,
    TOO_LONG,
    judge_emails,
    judge_phones,
)

if TYPE_CHECKING:
    import duckdb
    import polars as pl

_TABLES = """
CREATE SCHEMA IF NOT EXISTS quality;
CREATE TABLE IF NOT EXISTS quality.judged_emails (
    raw_value VARCHAR, normalised VARCHAR, is_valid BOOLEAN, reason VARCHAR
);
CREATE TABLE IF NOT EXISTS quality.judged_phones (
    raw_value VARCHAR, region VARCHAR, e164 VARCHAR, is_valid BOOLEAN, reason VARCHAR
);
"""

# Values that are held in Python at a time.
BATCH = 50_000

# Blanks around a value do not count towards its length; anything this far above the limit is too long whatever it is,
# and never leaves the database.
_MARGIN = 1_000


class Judged(NamedTuple):
    """How many distinct values were judged; 0 where all were known."""

    emails: int
    phones: int


class Kind(NamedTuple):
    """One sort of contact value.

    Attributes:
        table: Where its verdicts are kept.
        column: The column of mapped views that holds it.
        keys: What a verdict belongs to: the value, or the value and its region.
        too_long_above: Characters above which a value is too long whatever it is.
        judge: Gives the verdicts; see `expectations.contacts`.
    """

    table: str
    column: str
    keys: tuple[str, ...]
    too_long_above: int
    judge: Callable[[pl.DataFrame], pl.DataFrame]


EMAILS = Kind("quality.judged_emails", "email", ("raw_value",), MAX_EMAIL_BYTES + _MARGIN, judge_emails)
PHONES = Kind("quality.judged_phones", "phone", ("raw_value", "region"), MAX_PHONE_CHARACTERS + _MARGIN, judge_phones)


def judge_new(
    con: duckdb.DuckDBPyConnection,
    *,
    load_ids: Sequence[str] | None = None,
    vendor_views: Sequence[str] = (),
    again: bool = False,
    batch: int = BATCH,
) -> Judged:
    """Judge the e-mail addresses and telephone numbers of the mapped views that have no verdict yet.

    Reads the columns `email` and `phone` (the latter with `_country`, the region of numbers without a country
    code) of every view of schema `mapped` that has them and of the vendors' views; adds to `quality.judged_emails`
    (raw_value, normalised, is_valid, reason; one row per value) and `quality.judged_phones` (raw_value, region, e164,
    is_valid, reason; one row per value and region), and makes both if they are missing. One transaction: after a kill
    there are all verdicts or none.

    Args:
        con: An open connection to the warehouse without a transaction of its own.
        load_ids: Look only at these loads. All by default, because a changed mapping changes values of old loads.
        vendor_views: Views of schema `staging` that map vendors' records.
        again: Forget all verdicts first, as after an upgrade of the libraries.
        batch: How many values are held in Python at a time.

    Returns:
        The numbers of values judged.
    """
    con.execute("BEGIN TRANSACTION")
    try:
        con.execute(_TABLES)
        if again:
            con.execute("DELETE FROM quality.judged_emails")
            con.execute("DELETE FROM quality.judged_phones")
        judged = Judged(
            emails=_judge(con, EMAILS, load_ids, vendor_views, batch),
            phones=_judge(con, PHONES, load_ids, vendor_views, batch),
        )
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    return judged


def _judge(
    con: duckdb.DuckDBPyConnection,
    kind: Kind,
    load_ids: Sequence[str] | None,
    vendor_views: Sequence[str],
    batch: int,
) -> int:
    found = _collect(con, kind, load_ids, vendor_views)
    if found == 0:
        return 0
    keys = ", ".join(kind.keys)
    long_columns = ", ".join((*kind.keys, "false AS is_valid", "? AS reason"))
    con.execute(
        f"INSERT INTO {kind.table} BY NAME SELECT {long_columns} FROM temp.new_values "  # noqa: S608 - our own names
        "WHERE length(raw_value) > ?",
        [TOO_LONG, kind.too_long_above],
    )
    for start in range(0, found, batch):
        values = con.sql(
            f"SELECT {keys} FROM temp.new_values "  # noqa: S608 - our own names
            "WHERE position > ? AND position <= ? AND length(raw_value) <= ?",
            params=[start, start + batch, kind.too_long_above],
        ).pl()
        _insert(con, kind, values)
    con.execute("DROP TABLE temp.new_values")
    return found


def _insert(con: duckdb.DuckDBPyConnection, kind: Kind, values: pl.DataFrame) -> None:
    con.register("verdicts_of_batch", kind.judge(values).to_arrow())
    try:
        con.execute(f"INSERT INTO {kind.table} BY NAME SELECT * FROM verdicts_of_batch")  # noqa: S608 - our own names
    finally:
        con.unregister("verdicts_of_batch")


def _collect(
    con: duckdb.DuckDBPyConnection, kind: Kind, load_ids: Sequence[str] | None, vendor_views: Sequence[str]
) -> int:
    """Put the distinct values without a verdict into a temporary table and return how many there are."""
    region = ', "_country" AS region' if "region" in kind.keys else ""
    selects = [
        f"SELECT {_quoted(kind.column)} AS raw_value{region}, _load_id FROM {_quoted(schema)}.{_quoted(view)}"  # noqa: S608
        for schema, view in _views_with(con, kind.column, vendor_views)
    ]
    if not selects:
        return 0
    # Names come from the catalogue of the database and are quoted; the loads are a parameter.
    only = "" if load_ids is None else "AND list_contains(?, _load_id)"
    known = " AND ".join(f"known.{key} IS NOT DISTINCT FROM found.{key}" for key in kind.keys)
    keys = ", ".join(kind.keys)
    con.execute(
        f"""
        CREATE OR REPLACE TEMPORARY TABLE new_values AS
        SELECT row_number() OVER () AS position, {", ".join(f"found.{key}" for key in kind.keys)}
        FROM (
            SELECT DISTINCT {keys} FROM ({" UNION ALL ".join(selects)})
            WHERE raw_value IS NOT NULL {only}
        ) AS found
        ANTI JOIN {kind.table} AS known ON {known}
        """,  # noqa: S608 - our own names
        [] if load_ids is None else [list(load_ids)],
    )
    return int(con.execute("SELECT count(*) FROM temp.new_values").fetchall()[0][0])


def _views_with(con: duckdb.DuckDBPyConnection, column: str, vendor_views: Sequence[str]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = con.execute(
        "SELECT table_schema, table_name FROM information_schema.columns "
        "WHERE table_catalog = current_database() AND column_name = ? AND "
        "(table_schema = 'mapped' OR (table_schema = 'staging' AND list_contains(?, table_name))) ORDER BY ALL",
        [column, list(vendor_views)],
    ).fetchall()
    return rows


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
