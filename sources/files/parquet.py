"""Read Parquet files: every value as text, numbered as in the file, with the kind that each column has there."""

from __future__ import annotations

from sources.files.columns import check_columns
from sources.files.dialect import ident
from sources.files.errors import FileProblem
from sources.files.job import Found, Item, Job
from sources.files.lines import column_names

# As text in memory, roughly; it only decides how rows travel.
_PARQUET_GROWS = 5


def insert_parquet(job: Job, item: Item) -> Found:
    """Hand the rows of a Parquet file to the sink, every value as text, in the open step.

    Raises:
        FileProblem: it cannot be read, or lacks a column that the mapping names.
    """
    import duckdb

    con, path = job.con, str(item.ready.path)
    try:
        described = con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
        expected = con.execute("SELECT num_rows FROM parquet_file_metadata(?)", [path]).fetchall()[0][0]
    except duckdb.Error as error:
        raise FileProblem(f"is no readable Parquet file ({type(error).__name__})", "Send it again, complete") from error
    columns = column_names(row[0] for row in described)
    check_columns(job.dataset, columns, None)
    job.sink.grow(columns)
    if item.replaces:
        job.sink.replace([item.batch_id])
    shown = [_parquet_text(row[0], row[1]) for row in described]
    written = job.sink.insert(
        [*columns, "_batch_id", "_load_id", "_row"],
        f"SELECT {', '.join(shown)}, ?, ?, file_row_number + 1 FROM read_parquet(?)",  # noqa: S608 - quoted names
        [item.batch_id, job.load_id, path],
        int(expected),
        item.ready.size * _PARQUET_GROWS,
    )
    if written != expected:
        raise AssertionError(f"{written} rows were written, {expected} were received")
    kinds = {name: {_parquet_kind(row[1])} for name, row in zip(columns, described, strict=True)}
    return Found(columns, int(expected), kinds=kinds)


def _is_nested(kind: str) -> bool:
    return kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")


def _parquet_text(name: str, kind: str) -> str:
    return f"CAST(to_json({ident(name)}) AS VARCHAR)" if _is_nested(kind) else f"CAST({ident(name)} AS VARCHAR)"


def _parquet_kind(kind: str) -> str:
    """Return the kind of a column's values, as JSON would have them; times are a kind of their own."""
    if _is_nested(kind):
        return "list" if kind.endswith("]") else "object"
    if kind == "BOOLEAN":
        return "boolean"
    if kind.startswith(("TIMESTAMP", "DATE", "TIME", "INTERVAL")):
        return "time"
    is_number = kind.endswith("INT") or kind.startswith(("DECIMAL", "DOUBLE", "FLOAT", "INTEGER", "UINTEGER"))
    return "number" if is_number else "text"
