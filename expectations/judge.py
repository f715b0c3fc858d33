"""Judging contact values in the warehouse: each distinct value once, its verdict kept.

Staging joins the tables `quality.judged_<kind>` by the value as received, so that no library runs inside SQL and a
value that is known costs a join.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from expectations.contacts import NO_COUNTRY, TOO_LONG
from expectations.kinds import COUNTRIES, COUNTRY_COLUMN, KINDS, PHONES, SOURCE_COUNTRY, Judged, Kind

if TYPE_CHECKING:
    import duckdb
    import polars as pl

__all__ = ["BATCH", "KINDS", "Judged", "judge_new"]

# Values that are held in Python at a time.
BATCH = 50_000


def judge_new(
    con: duckdb.DuckDBPyConnection,
    *,
    load_ids: Sequence[str] | None = None,
    vendor_views: Sequence[str] = (),
    again: bool = False,
    batch: int = BATCH,
) -> Judged:
    """Judge the contact values of the mapped views that have no verdict yet.

    Reads the columns of `expectations.kinds` of every view of schema `mapped` that has them and of the vendors' views,
    and adds to `quality.judged_emails`, `judged_countries`, `judged_phones`, `judged_postcodes` and `judged_names`
    (columns: `Kind.verdicts`; one row per value, or per value and region). Missing tables are made; a table that has
    other columns, as after an upgrade, is made anew and all its values are judged. One transaction: after a kill there
    are all verdicts or none.

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
        con.execute("CREATE SCHEMA IF NOT EXISTS quality")
        for kind in KINDS.values():
            _make_table(con, kind, again=again)
        judged = {name: _judge(con, kind, load_ids, vendor_views, batch) for name, kind in KINDS.items()}
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    return Judged(**judged)


def _make_table(con: duckdb.DuckDBPyConnection, kind: Kind, *, again: bool) -> None:
    schema, name = kind.table.split(".")
    found = con.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_catalog = current_database() AND table_schema = ? AND table_name = ? ORDER BY ordinal_position",
        [schema, name],
    ).fetchall()
    if found and (again or [column for (column,) in found] != list(kind.verdicts)):
        con.execute(f"DROP TABLE {kind.table}")
    columns = ", ".join(f"{column} {sql_type}" for column, sql_type in kind.sql_types.items())
    con.execute(f"CREATE TABLE IF NOT EXISTS {kind.table} ({columns})")


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
    selects = []
    for column in kind.columns:
        for schema, view, columns in _views_with(con, column, vendor_views):
            selects += _selects(kind, column, f"{_quoted(schema)}.{_quoted(view)}", columns)
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


def _selects(kind: Kind, column: str, view: str, columns: Sequence[str]) -> list[str]:
    """Queries for the values of one column of one view, each with what its verdict belongs to, and `_load_id`."""
    value = f"v.{_quoted(column)} AS raw_value"
    if "region" not in kind.keys:
        return [f"SELECT {value}, v._load_id FROM {view} AS v"]  # noqa: S608 - quoted names
    of_source = f"SELECT {value}, v.{_quoted(SOURCE_COUNTRY)} AS region, v._load_id FROM {view} AS v"  # noqa: S608
    if COUNTRY_COLUMN not in columns:
        return [of_source]
    country = f"v.{_quoted(COUNTRY_COLUMN)}"
    joined = f"LEFT JOIN {COUNTRIES.table} AS c ON {country} = c.raw_value WHERE c.normalised IS"
    of_record = f"SELECT {value}, c.normalised AS region, v._load_id FROM {view} AS v {joined} NOT NULL"  # noqa: S608
    if kind.table == PHONES.table:
        return [of_source, of_record]
    of_none = f"SELECT {value}, '{NO_COUNTRY}' AS region, v._load_id FROM {view} AS v {joined} NULL"  # noqa: S608
    # A country that is none, and a blank one, which staging takes for no country: both have a verdict then.
    return [of_record, f"{of_source} {joined} NULL", f"{of_none} AND {country} IS NOT NULL"]


def _views_with(
    con: duckdb.DuckDBPyConnection, column: str, vendor_views: Sequence[str]
) -> list[tuple[str, str, list[str]]]:
    """Schema, name and columns of each view that has a column."""
    rows: list[tuple[str, str, list[str]]] = con.execute(
        "SELECT table_schema, table_name, list(column_name) AS names FROM information_schema.columns "
        "WHERE table_catalog = current_database() AND "
        "(table_schema = 'mapped' OR (table_schema = 'staging' AND list_contains(?, table_name))) "
        "GROUP BY ALL HAVING list_contains(names, ?) ORDER BY ALL",
        [list(vendor_views), column],
    ).fetchall()
    return rows


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
