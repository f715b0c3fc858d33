"""The tables behind the views, and which of their versions readers see.

Each part (a mart, or a mart without personal data) is a table partitioned by version. A publication copies what
changed into new partitions and attaches them, which disturbs no reader. When that is committed and known to every
statement, it moves the versions in `parts` with the run's row in `publication`, in one transaction. A view shows the
rows of the version that its reader's snapshot finds in `parts`, so that a statement, or a transaction that is
REPEATABLE READ, sees one run and never a missing table. docs/decisions/0061 says why it is not done by renaming
tables or exchanging views.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.postgres.errors import PostgresError
from orchestration.postgres.tables import VERSION_COLUMN, Part
from orchestration.sql import quote, text

if TYPE_CHECKING:
    import pyarrow as pa

    from orchestration.postgres.connection import Session

_META = """
CREATE TABLE IF NOT EXISTS {store}.publication (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), company_id text NOT NULL, run_id text NOT NULL,
    published_at timestamptz NOT NULL, as_of timestamptz, version text);
CREATE TABLE IF NOT EXISTS {store}.parts (
    part text PRIMARY KEY, parent text NOT NULL, relation text NOT NULL, version integer NOT NULL, shape text NOT NULL,
    fingerprint text NOT NULL, rows bigint NOT NULL, loaded_by bigint NOT NULL, run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS {store}.views (
    schema_name text, view_name text, part text, query text NOT NULL, definition text NOT NULL,
    PRIMARY KEY (schema_name, view_name));
CREATE TABLE IF NOT EXISTS {store}.retired (relation text PRIMARY KEY, holders text)
"""
NO_VERSION = "~0"
_LONGEST_NAME = 45  # of 63 bytes; what we append needs the rest
_TOO_LARGE_FOR_INDEX = "54000"


@dataclass(frozen=True)
class Stored:
    """A part as the server has it. `loaded_by` is the 32-bit id of the transaction that wrote all of its rows."""

    part: str
    parent: str
    relation: str
    version: int
    shape: str
    fingerprint: str
    rows: int
    loaded_by: int


class Store:
    """The schema of tables behind the views."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.schema = session.settings.store

    def named(self, relation: str) -> str:
        """A relation of the store, quoted."""
        return quote(self.schema, relation)

    def make(self, schemas: Iterable[str]) -> None:
        """Make the schemas and our own tables where they are missing.

        Raises:
            PostgresError: a schema belongs to somebody else, or may not be made.
        """
        settings = self.session.settings
        owners = {
            name: (owner, ours)
            for name, owner, ours in self.session.rows(
                "SELECT nspname::text, pg_get_userbyid(nspowner)::text, "
                "nspowner = current_user::regrole OR (pg_has_role(nspowner, 'USAGE') AND NOT rolsuper) "
                "FROM pg_namespace, pg_roles WHERE rolname = current_user"
            )
        }
        for schema in schemas:
            self.session.doing = f"making the schema {schema}"
            if schema not in owners:
                self.session.run(f"CREATE SCHEMA {quote(schema)}")
                self.session.run(f"REVOKE ALL ON SCHEMA {quote(schema)} FROM PUBLIC")
            elif not owners[schema][1]:
                raise PostgresError(
                    f"{settings.shown}: the schema {schema} belongs to {owners[schema][0]}, not to {settings.user}.",
                    "Name another one in postgres.schema of the company file, or have it handed over: "
                    f"ALTER SCHEMA {schema} OWNER TO {settings.user};",
                )
        self.session.doing = f"making tables in {self.schema}"
        for statement in _META.format(store=quote(self.schema)).split(";"):
            self.session.run(statement)

    def company(self) -> str | None:
        """The id of the company whose marts these are; None before the first publication."""
        found: str | None = self.session.value(f"SELECT company_id FROM {self.named('publication')}")  # noqa: S608
        return found

    def parts(self) -> dict[str, Stored]:
        """What is stored, by part."""
        rows = self.session.rows(
            f"SELECT part, parent, relation, version, shape, fingerprint, rows, loaded_by FROM {self.named('parts')}"  # noqa: S608 - a quoted name
        )
        return {row[0]: Stored(*row) for row in rows}

    def is_whole(self, stored: Stored) -> bool:
        """Whether a table is there as it was written: nobody dropped it, changed its columns or touched a row."""
        attached = self.session.value(
            "SELECT count(*) FROM pg_inherits WHERE inhrelid = to_regclass($1) AND inhparent = to_regclass($2)",
            (self.named(stored.relation), self.named(stored.parent)),
        )
        if not attached or not self._has_shape(stored.relation, stored.shape):
            return False
        # Every row that anybody inserted or updated bears the number of another transaction.
        [(rows, foreign)] = self.session.rows(
            f"SELECT count(*), count(*) FILTER (WHERE xmin <> '{int(stored.loaded_by)}'::xid) "  # noqa: S608
            f"FROM {self.named(stored.relation)}"
        )
        return bool(rows == stored.rows and foreign == 0)

    def write(self, part: Part, rows: pa.RecordBatchReader, before: Stored | None) -> Stored:
        """Copy a part into a new version of its table, with indexes and statistics. No reader sees it before `show`."""
        self.session.doing = f"copying {part.name}"
        if before is not None and before.shape == part.shape and self._has_shape(before.parent, part.shape):
            parent, version = before.parent, self._free_version(before.parent)
        else:
            parent, version = _free_name(part.name), 1
            columns = f"{quote(VERSION_COLUMN)} integer NOT NULL, {part.shape}"
            self.session.run(
                f"CREATE TABLE {self.named(parent)} ({columns}) PARTITION BY LIST ({quote(VERSION_COLUMN)})"
            )
            # With a second, empty partition the server always asks for the version, even where it sees no row: who
            # began before the columns changed then gets the error of `view_of`.
            self.session.run(
                f"CREATE TABLE {self.named(parent + NO_VERSION)} PARTITION OF {self.named(parent)} FOR VALUES IN (0)"
            )
        relation = _free_name(part.name)
        new = self.named(relation)
        # The check spares the server a second look at the rows when the table is attached.
        self.session.run(
            f"CREATE TABLE {new} (LIKE {self.named(parent)}, CHECK ({quote(VERSION_COLUMN)} IS NOT NULL "
            f"AND {quote(VERSION_COLUMN)} = {version}))"
        )
        self.session.run(f"ALTER TABLE {new} ALTER COLUMN {quote(VERSION_COLUMN)} SET DEFAULT {version}")
        copied = self.session.copy(self.schema, relation, rows)
        if copied != part.rows:
            raise PostgresError(
                f"{self.session.settings.shown}: {part.table} has {part.rows:,} rows, and {copied:,} were copied.",
                "Run: regulars publish",
            )
        self._index(part, new)
        self.session.run(f"ALTER TABLE {self.named(parent)} ATTACH PARTITION {new} FOR VALUES IN ({version})")
        self.session.run(f"ANALYZE {self.named(parent)}")
        loaded_by = int(self.session.value("SELECT pg_current_xact_id()::text::bigint % 4294967296"))
        return Stored(part.name, parent, relation, version, part.shape, part.fingerprint, part.rows, loaded_by)

    def show(self, stored: Stored, before: Stored | None, run_id: str) -> None:
        """Let readers see what was written, from the commit of this transaction on; what it replaces may go then."""
        if before is not None:
            self._retire(before.relation if before.parent == stored.parent else before.parent)
        self.session.run(
            f"INSERT INTO {self.named('parts')} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now()) "  # noqa: S608
            "ON CONFLICT (part) DO UPDATE SET parent = $2, relation = $3, version = $4, shape = $5, fingerprint = $6, "
            "rows = $7, loaded_by = $8, run_id = $9, loaded_at = now()",
            (
                *(stored.part, stored.parent, stored.relation, stored.version, stored.shape, stored.fingerprint),
                *(stored.rows, stored.loaded_by, run_id),
            ),
        )

    def forget(self, stored: Stored) -> None:
        """A part that is published no more; its table goes when nobody can need it."""
        self._retire(stored.parent)
        self.session.run(f"DELETE FROM {self.named('parts')} WHERE part = $1", (stored.part,))  # noqa: S608

    def _free_version(self, parent: str) -> int:
        """A version that no partition has, also none that a publication left behind when it was killed."""
        taken = self.session.value(
            "SELECT max((regexp_match(pg_get_expr(c.relpartbound, c.oid), '[0-9]+'))[1]::integer) "
            "FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1)",
            (self.named(parent),),
        )
        return int(taken) + 1

    def _index(self, part: Part, new: str) -> None:
        settings = self.session.settings
        wanted: list[tuple[str, tuple[str, ...]]] = []
        if part.grain and part.rows <= settings.index_grain_up_to_rows:
            wanted.append(("UNIQUE INDEX", part.grain))
        leading = {columns[0] for _, columns in wanted}
        there = {column.name for column in part.columns}
        wanted += [("INDEX", (name,)) for name in settings.indexed_columns if name in there - leading]
        for kind, columns in wanted:
            try:
                with self.session.savepoint("one_index"):
                    self.session.run(f"CREATE {kind} ON {new} ({', '.join(quote(name) for name in columns)})")
            except PostgresError as error:
                # A value of more than a third of a page fits into no index; the table does without.
                if error.state != _TOO_LARGE_FOR_INDEX:
                    raise

    def _has_shape(self, relation: str, shape: str) -> bool:
        """Whether a table is there, with the names and types of these definitions in this order."""
        there = self.session.rows(
            "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a "
            "WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            (self.named(relation),),
        )
        found = [f"{quote(name)} {kind}" for name, kind in there if name != VERSION_COLUMN]
        return ", ".join(found) == shape.replace(' COLLATE "C"', "")

    def _retire(self, relation: str) -> None:
        self.session.run(
            f"INSERT INTO {self.named('retired')} (relation) VALUES ($1) ON CONFLICT DO NOTHING",  # noqa: S608
            (relation,),
        )

    def view_of(self, stored: Stored, part: Part) -> str:
        """The query of a part's view. Who began before its columns changed is told so, and not shown an empty table."""
        columns = ", ".join(f"s.{quote(column.name)}" for column in part.columns)
        told = text(": its columns changed after this transaction began; begin a new one")
        return (
            f"SELECT {columns} FROM {self.named(stored.parent)} AS s WHERE s.{quote(VERSION_COLUMN)} = ("  # noqa: S608
            f"SELECT CASE WHEN p.parent = {text(stored.parent)} THEN p.version ELSE (p.part || {told})::integer END "
            f"FROM {self.named('parts')} AS p WHERE p.part = {text(stored.part)})"
        )


def _free_name(part: str) -> str:
    """A name that no relation of the store has had: the part's, and eight random digits."""
    name = part
    if len(part.encode()) > _LONGEST_NAME:
        name = f"{part[:20]}~{hashlib.sha256(part.encode()).hexdigest()[:16]}"
    return f"{name}~{secrets.token_hex(4)}"
