"""What is copied: the published tables, their columns in PostgreSQL's types, and a fingerprint of what they hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestration.contract import CONTRACT_SCHEMA, PUBLICATION_TABLE
from orchestration.postgres.pseudonyms import PersonalColumns, Rule, hidden, key_mark, pads
from orchestration.sql import quote

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from orchestration.company_postgres import PostgresSettings

# Part of every fingerprint: when it changes, every table is written anew.
LAYOUT = "1"
VERSION_COLUMN = "~version"  # no mart's column can be called so
HIDDEN = "~pseudonymous"
# Rows of one Arrow batch: a few megabytes, of which a handful are in memory at once.
BATCH_ROWS = 32_768

_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20,0)",
    "HUGEINT": "numeric(38,0)",
    "UHUGEINT": "numeric(38,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIME": "time without time zone",
    "BLOB": "bytea",
    "VARCHAR": "text",
    "TIMESTAMP": "timestamp with time zone",
    "TIMESTAMP_S": "timestamp with time zone",
    "TIMESTAMP_MS": "timestamp with time zone",
    "TIMESTAMP_NS": "timestamp with time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
_TIMES = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})
_NESTED = ("STRUCT", "MAP", "UNION")


@dataclass(frozen=True)
class Column:
    """A column: its type in DuckDB and in PostgreSQL, and what the seed says of it."""

    name: str
    source_type: str
    type: str
    description: str = ""
    personal: Rule | None = None

    @property
    def is_text(self) -> bool:
        """Whether PostgreSQL holds it as text."""
        return self.type == "text"

    @property
    def definition(self) -> str:
        """As it stands in CREATE TABLE. Ids are compared byte by byte: faster, and they are no words of a language."""
        collation = ' COLLATE "C"' if self.is_text and self.name.endswith("_id") else ""
        return f"{quote(self.name)} {self.type}{collation}"

    def expression(self, *, with_nul: bool) -> str:
        """DuckDB's expression that gives what PostgreSQL takes; `with_nul` where texts hold NUL, which it refuses."""
        name = quote(self.name)
        if self.source_type in _TIMES:
            return f"({name}::TIMESTAMP AT TIME ZONE 'UTC')"  # ours are UTC
        if self.type == "numeric(20,0)":
            return f"{name}::DECIMAL(20,0)"
        if self.type == "numeric(38,0)":
            return f"{name}::DECIMAL(38,0)"
        if self.type == "json":
            return f"to_json({name})::VARCHAR"
        if not self.is_text:
            return name
        as_text = name if self.source_type == "VARCHAR" else f"{name}::VARCHAR"
        return f"replace({as_text}, chr(0), '\N{REPLACEMENT CHARACTER}')" if with_nul else as_text


@dataclass(frozen=True)
class Part:
    """What is stored once: a table as it is, or without personal data. Its name is that of the table behind the view.

    Attributes:
        table: The published table.
        columns: Its columns.
        is_hidden: Whether personal columns are replaced.
        description: Of the table.
        grain: The columns that name a row; empty where nobody says.
        rows: How many there are.
        fingerprint: Changes with anything that readers would see.
        with_nul: Text columns that hold the character NUL.
    """

    table: str
    columns: tuple[Column, ...]
    is_hidden: bool
    description: str
    grain: tuple[str, ...]
    rows: int
    fingerprint: str
    with_nul: frozenset[str]

    @property
    def name(self) -> str:
        """Its name in the store."""
        return self.table + HIDDEN if self.is_hidden else self.table

    @property
    def shape(self) -> str:
        """Names and types in order; when they change, the table behind the view is another one."""
        return ", ".join(column.definition for column in self.columns)

    def stream(self, con: duckdb.DuckDBPyConnection, key: str | None) -> pa.RecordBatchReader:
        """The rows as PostgreSQL takes them, read while they are sent."""
        chosen = []
        for column in self.columns:
            expression = column.expression(with_nul=column.name in self.with_nul)
            if self.is_hidden and column.personal is not None:
                expression = hidden(column.personal, expression, is_text=column.is_text)
                expression = expression if column.is_text else f"({expression})::{column.source_type}"
            chosen.append(f"{expression} AS {quote(column.name)}")
        query = f"SELECT {', '.join(chosen)} FROM {quote(CONTRACT_SCHEMA, self.table)}"  # noqa: S608 - quoted names
        needs_key = "$inner_pad" in query
        return con.sql(query, params=pads(key or "") if needs_key else None).to_arrow_reader(BATCH_ROWS)


def published_parts(
    con: duckdb.DuckDBPyConnection,
    personal: PersonalColumns,
    grains: Mapping[str, Sequence[str]],
    settings: PostgresSettings,
    key: str | None,
) -> Iterator[Part]:
    """The parts of the published copy, table by table; each table is read once for its fingerprint.

    Args:
        con: Open on the published file.
        personal: The seed of personal columns.
        grains: The columns that name a row, by table.
        settings: Whether there is a schema without personal data, and which columns get an index.
        key: Of the pseudonyms.
    """
    for table, description, columns in _tables(con, personal):
        rows, content, with_nul = _content(con, table, columns)
        grain = tuple(name for name in grains.get(table, ()) if name in {column.name for column in columns})
        part_of = partial(
            Part, table=table, columns=columns, description=description, grain=grain, rows=rows, with_nul=with_nul
        )
        looks = [[c.name, c.source_type, c.definition, c.description] for c in columns]
        indexes = [*grain, *settings.indexed_columns, settings.index_grain_up_to_rows]
        seen = [LAYOUT, description, looks, indexes, rows, content]
        yield part_of(is_hidden=False, fingerprint=_digest(seen))
        if settings.pseudonymous is not None and any(column.personal for column in columns):
            instead = [[c.personal.kind, c.personal.where] if c.personal else None for c in columns]
            seen = [*seen, instead, key_mark(key or "")]
            yield part_of(is_hidden=True, fingerprint=_digest(seen))


def _tables(con: duckdb.DuckDBPyConnection, personal: PersonalColumns) -> list[tuple[str, str, tuple[Column, ...]]]:
    descriptions = dict(
        con.execute(
            "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = $1 "
            "UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE schema_name = $1",
            [CONTRACT_SCHEMA],
        ).fetchall()
    )
    columns: dict[str, list[Column]] = {}
    for table, name, kind, comment in con.execute(
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE schema_name = ? "
        "ORDER BY table_name, column_index",
        [CONTRACT_SCHEMA],
    ).fetchall():
        if table != PUBLICATION_TABLE:
            column = Column(name, kind, _own_type(kind), comment or "", personal.of(table, name))
            columns.setdefault(table, []).append(column)
    return [(table, descriptions.get(table) or "", tuple(found)) for table, found in columns.items()]


def _own_type(kind: str) -> str:
    if kind.endswith("]") or kind.startswith(_NESTED) or kind == "JSON":
        return "json"
    if kind.startswith("DECIMAL("):
        return "numeric" + kind.removeprefix("DECIMAL")
    return _TYPES.get(kind, "text")


def _content(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column]
) -> tuple[int, list[Any], frozenset[str]]:
    """Rows, what changes with any of their values (but not with their order), and the columns that hold NUL.

    A hash of the row's hash is summed up: the hash of a row alone is linear in its columns' hashes, so that two
    rows which exchange a value would go unnoticed.
    """
    texts = [column.name for column in columns if column.is_text]
    names = [quote(column.name) for column in columns]
    asked = [
        "count(*)",
        f"sum(hash(hash({', '.join(names)})))::VARCHAR",
        f"bit_xor(hash(hash({', '.join(reversed(names))}), 1))::VARCHAR",
        "version()",
        *(f"coalesce(bool_or(contains({quote(name)}::VARCHAR, chr(0))), false)" for name in texts),
    ]
    query = f"SELECT {', '.join(asked)} FROM {quote(CONTRACT_SCHEMA, table)}"  # noqa: S608 - quoted names
    [(rows, *content)] = con.execute(query).fetchall()
    held = [name for name, found in zip(texts, content[3:], strict=True) if found]
    return int(rows), content[:3], frozenset(held)


def _digest(what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def grains_of(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The columns that name a row, by table: what dbt's tests `is_key` and `unique_combination` say of a model."""
    grains: dict[str, tuple[str, ...]] = {}
    nodes = manifest.get("nodes", {})
    for node in nodes.values():
        test = node.get("test_metadata") or {}
        model = nodes.get(node.get("attached_node") or "")
        if model is None or model.get("schema") != CONTRACT_SCHEMA:
            continue
        table, said = model.get("alias") or model["name"], test.get("kwargs") or {}
        if test.get("name") == "unique_combination" and (node.get("config") or {}).get("where") is None:
            grains[table] = tuple(said.get("columns") or ())
        elif test.get("name") == "is_key" and said.get("column_name"):
            grains.setdefault(table, (said["column_name"],))
    return grains
