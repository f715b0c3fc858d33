"""The raw tables: create them, let them grow, put records in. Everything runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from sources.files.dialect import ident
from sources.files.lines import RESERVED, Block

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TECHNICAL = {
    "_batch_id": "VARCHAR",
    "_load_id": "VARCHAR",
    "_row": "BIGINT",
    "_rejected": "VARCHAR",
    "_raw_line": "VARCHAR",
}


def raw_table(source: str, dataset: str) -> str:
    """Return the quoted name of the raw table of a dataset."""
    return f"{ident('raw_' + source)}.{ident(dataset)}"


def received_columns(con: DuckDBPyConnection, source: str, dataset: str) -> tuple[str, ...] | None:
    """Return the received columns of a raw table in order, without the technical ones; None if it does not exist."""
    rows = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [f"raw_{source}", dataset],
    ).fetchall()
    return tuple(name for (name,) in rows if name not in RESERVED) if rows else None


def grow_table(con: DuckDBPyConnection, source: str, dataset: str, columns: Iterable[str]) -> None:
    """Create the raw table of a dataset where it is missing and add the columns it does not have yet."""
    table = raw_table(source, dataset)
    known = received_columns(con, source, dataset)
    wanted = list(columns)
    if known is None:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {ident('raw_' + source)}")
        spelled = [f"{ident(name)} VARCHAR" for name in wanted]
        spelled += [f"{ident(name)} {kind}" for name, kind in _TECHNICAL.items()]
        con.execute(f"CREATE TABLE {table} ({', '.join(spelled)})")
        return
    there = {name.lower() for name in known}
    for name in wanted:
        if name.lower() not in there:
            con.execute(f"ALTER TABLE {table} ADD COLUMN {ident(name)} VARCHAR")


def technical_columns() -> dict[str, str]:
    """Return the columns of a raw table that are not received, with their types."""
    return dict(_TECHNICAL)


def read_variables(con: DuckDBPyConnection) -> None:
    """Let statements read Arrow data from a variable of the function that hands them on.

    A registered view would be part of the transaction: dropped, it keeps what it shows until the end, so that memory
    grows with the file; and after an error it cannot be dropped.
    """
    con.execute("SET python_scan_all_frames = true")


Insert = Callable[[Sequence[str], str, Sequence[object], int, int], int]
"""Puts the rows of a SELECT with parameters into named columns, given their number and bytes; returns how many."""


def insert_block(con: DuckDBPyConnection, insert: Insert, batch_id: str, load_id: str, block: Block) -> int:
    """Hand the records and the refused lines of a block to `insert`; return how many rows went in."""
    import pyarrow as pa

    read_variables(con)

    def write(names: Sequence[str], regulars_block: pa.Table, shown: Sequence[str]) -> int:
        select = f"SELECT {', '.join(shown)}, ?, ? FROM regulars_block"  # noqa: S608 - our own names
        size = regulars_block.nbytes
        return insert([*names, "_batch_id", "_load_id"], select, [batch_id, load_id], regulars_block.num_rows, size)

    written = 0
    if block.values:
        columns = list(zip(*block.values, strict=True)) if block.columns else []
        data = {f"c{place}": pa.array(column, pa.string()) for place, column in enumerate(columns)}
        shown = [f"nullif({name}, '')" if block.empty_is_null else name for name in data]
        table = pa.table({**data, "row": pa.array(block.rows, pa.int64())})
        written += write([*block.columns, "_row"], table, [*shown, "row"])
    if block.rejected:
        rows, reasons, lines = zip(*block.rejected, strict=True)
        table = pa.table(
            {
                "row": pa.array(rows, pa.int64()),
                "reason": pa.array(reasons, pa.string()),
                "line": pa.array(lines, pa.string()),
            }
        )
        written += write(["_row", "_rejected", "_raw_line"], table, ["row", "reason", "line"])
    return written
