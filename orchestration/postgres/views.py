"""What readers see: a view for each mart and audience, with descriptions, and roles that may read them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.contract import PUBLICATION_TABLE
from orchestration.postgres.errors import LockedError, PostgresError
from orchestration.postgres.store import Store, Stored
from orchestration.postgres.tables import Part
from orchestration.sql import quote, text

# A reader who comes while we wait for a lock waits behind us, so that we wait for moments only.
_MOMENT = "300ms"
_PAUSE_SECONDS = 0.7
_CANNOT_REPLACE = "42P16"
_INSUFFICIENT = "42501"


@dataclass(frozen=True)
class View:
    """A view: what it shows, of which part (None for marts.publication), and its descriptions."""

    schema: str
    name: str
    query: str
    part: str | None = None
    description: str = ""
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def quoted(self) -> str:
        """Its name for SQL."""
        return quote(self.schema, self.name)


def wanted_views(store: Store, parts: Mapping[str, Part], stored: Mapping[str, Stored]) -> list[View]:
    """The views of all audiences: the public marts, and the same without personal data where that is asked for."""
    settings = store.session.settings
    schemas = [(settings.schema_name, False)]
    if settings.pseudonymous_schema is not None:
        schemas.append((settings.pseudonymous_schema, True))
    publication = f"SELECT run_id, published_at, as_of, version FROM {store.named('publication')}"  # noqa: S608
    views = []
    for schema, is_hidden in schemas:
        views.append(View(schema, PUBLICATION_TABLE, publication, None, "Which run this is. One row."))
        for table in sorted({part.table for part in parts.values()}):
            kept = next(
                part for part in sorted(parts.values(), key=lambda p: p.is_hidden != is_hidden) if part.table == table
            )
            columns = tuple((column.name, column.description) for column in kept.columns)
            query = store.view_of(stored[kept.name], kept)
            views.append(View(schema, table, query, kept.name, kept.description, columns))
    return views


class Views:
    """Makes and mends the views of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.session = store.session

    def arrange(self, views: list[View]) -> None:
        """Bring the views to what is wanted. Those that stand are left alone, so that no reader is disturbed.

        Raises:
            PostgresError: a reader held one of them too long, or something else of the same name is in the way.
        """
        self.session.doing = "looking at the views"
        there = {
            (schema, name): (kind, self._mark(definition) if definition else "")
            for schema, name, kind, definition in self.session.rows(
                "SELECT n.nspname::text, c.relname::text, c.relkind::text, "
                "CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END "
                "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
                "WHERE n.nspname IN ($1, $2) AND c.relkind IN ('r', 'v', 'm', 'f', 'p')",
                (views[0].schema, views[-1].schema),
            )
        }
        known = {
            (schema, name): (query, definition)
            for schema, name, query, definition in self.session.rows(
                f"SELECT schema_name, view_name, query, definition FROM {self.store.named('views')}"  # noqa: S608
            )
        }
        self._refuse_strangers(views, there, known)
        keys = {(view.schema, view.name) for view in views}
        gone = [key for key in known if key not in keys]
        changed = [
            view
            for view in views
            if known.get((view.schema, view.name), ("", ""))
            != (self._mark(view.query), there.get((view.schema, view.name), ("", "-"))[1])
        ]
        if gone or changed:
            self._when_free(gone, changed)
        self._describe(views)

    @staticmethod
    def _mark(definition: str) -> str:
        import hashlib

        return hashlib.sha256(definition.encode()).hexdigest()

    def _refuse_strangers(
        self,
        views: list[View],
        there: Mapping[tuple[str, str], tuple[str, str]],
        known: Mapping[tuple[str, str], tuple[str, str]],
    ) -> None:
        strangers = [
            f"{view.schema}.{view.name}"
            for view in views
            if (view.schema, view.name) in there
            and ((view.schema, view.name) not in known or there[(view.schema, view.name)][0] != "v")
        ]
        if strangers:
            raise PostgresError(
                f"{self.session.settings.shown}: {', '.join(strangers[:5])} is there already and was not made by "
                "Regulars.",
                "Rename it, or name another schema in postgres.schema of the company file.",
            )

    def _when_free(self, gone: list[tuple[str, str]], changed: list[View]) -> None:
        """Replace views at a moment when nobody reads them; all of them or none, so that no reader waits long."""
        settings = self.session.settings
        until = time.monotonic() + settings.lock_wait_seconds
        while True:
            try:
                with self.session.savepoint("views"):
                    self.session.run(f"SET LOCAL lock_timeout = '{_MOMENT}'")
                    for schema, name in gone:
                        self.session.doing = f"removing {schema}.{name}"
                        self.session.run(f"DROP VIEW IF EXISTS {quote(schema, name)}")
                        self.session.run(
                            f"DELETE FROM {self.store.named('views')} "  # noqa: S608 - a quoted name
                            "WHERE schema_name = $1 AND view_name = $2",
                            (schema, name),
                        )
                    for view in changed:
                        self.session.doing = f"making {view.schema}.{view.name}"
                        self._replace(view)
            except LockedError:
                if time.monotonic() > until:
                    raise self._held(settings.lock_wait_seconds) from None
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def _replace(self, view: View) -> None:
        try:
            with self.session.savepoint("one_view"):
                self.session.run(f"CREATE OR REPLACE VIEW {view.quoted} AS {view.query}")
        except PostgresError as error:
            if error.state != _CANNOT_REPLACE:
                raise
            # A column went, moved or has another type.
            self.session.run(f"DROP VIEW {view.quoted}")
            self.session.run(f"CREATE VIEW {view.quoted} AS {view.query}")
        definition = self.session.value("SELECT pg_get_viewdef(to_regclass($1))", (view.quoted,))
        self.session.run(
            f"INSERT INTO {self.store.named('views')} VALUES ($1, $2, $3, $4, $5) "  # noqa: S608 - a quoted name
            "ON CONFLICT (schema_name, view_name) DO UPDATE SET part = $3, query = $4, definition = $5",
            (view.schema, view.name, view.part, self._mark(view.query), self._mark(definition)),
        )

    def _held(self, seconds: int) -> PostgresError:
        who = self.session.rows(
            "SELECT DISTINCT l.pid, a.usename::text, a.application_name FROM pg_locks AS l "
            "JOIN pg_class AS c ON c.oid = l.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE l.granted AND l.pid <> pg_backend_pid() "
            "AND n.nspname IN ($1, $2) AND a.datname = current_database() "
            "ORDER BY l.pid LIMIT 5",
            (
                self.session.settings.schema_name,
                self.session.settings.pseudonymous_schema or self.session.settings.schema_name,
            ),
        )
        readers = ", ".join(f"process {pid} of {user or '?'} ({program or 'no name'})" for pid, user, program in who)
        return PostgresError(
            f"{self.session.settings.shown}: columns of a table changed, and for {seconds} s some reader held it: "
            f"{readers or 'unknown'}.",
            "End that reader's transaction (SELECT pg_terminate_backend(<process>) as an administrator), then: "
            "regulars publish",
        )

    def _describe(self, views: list[View]) -> None:
        """Descriptions of the contract as comments, where they differ from what is there."""
        self.session.doing = "writing descriptions"
        there = {
            (schema, name, column or ""): comment
            for schema, name, column, comment in self.session.rows(
                "SELECT n.nspname::text, c.relname::text, a.attname::text, d.description "
                "FROM pg_description AS d JOIN pg_class AS c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass "
                "JOIN pg_namespace AS n ON n.oid = c.relnamespace "
                "LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0 "
                "WHERE n.nspname IN ($1, $2)",
                (views[0].schema, views[-1].schema),
            )
        }
        for view in views:
            for column, comment in [("", view.description), *view.columns]:
                if comment and there.get((view.schema, view.name, column)) != comment:
                    what = f"COLUMN {view.quoted}.{quote(column)}" if column else f"VIEW {view.quoted}"
                    self.session.run(f"COMMENT ON {what} IS {text(comment)}")

    def grant(self, views: list[View]) -> None:
        """Let each role read its schema, and see that the second reads no other.

        Raises:
            PostgresError: a role is missing and may not be made, or the second can reach personal data.
        """
        settings = self.session.settings
        audiences = [(settings.schema_name, settings.role)]
        if settings.pseudonymous is not None and settings.pseudonymous_schema is not None:
            audiences.append((settings.pseudonymous_schema, settings.pseudonymous.role))
        for schema, role in audiences:
            self.session.doing = f"granting rights to {role}"
            if not self.session.value("SELECT count(*) FROM pg_roles WHERE rolname = $1", (role,)):
                self._make_role(role)
            if not self.session.value("SELECT has_schema_privilege($1::name, $2::text, 'USAGE')", (role, schema)):
                self.session.run(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(role)}")
            for (name,) in self.session.rows(
                "SELECT c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
                "WHERE n.nspname = $1 AND c.relkind = 'v' AND NOT has_table_privilege($2::name, c.oid, 'SELECT')",
                (schema, role),
            ):
                if any(view.schema == schema and view.name == name for view in views):
                    self.session.run(f"GRANT SELECT ON {quote(schema, name)} TO {quote(role)}")
        if settings.pseudonymous is not None:
            self._see_that_it_is_shut_out(settings.pseudonymous.role)

    def _make_role(self, role: str) -> None:
        try:
            with self.session.savepoint("one_role"):
                self.session.run(f"CREATE ROLE {quote(role)} NOLOGIN")
        except PostgresError as error:
            if error.state != _INSUFFICIENT:
                raise
            settings = self.session.settings
            raise PostgresError(
                f"{settings.shown}: there is no role {role}, and {settings.user} may make none.",
                f"As an administrator: CREATE ROLE {role}; then: regulars publish",
            ) from None

    def _see_that_it_is_shut_out(self, role: str) -> None:
        settings = self.session.settings
        reached = self.session.rows(
            "SELECT nspname::text FROM pg_namespace WHERE nspname IN ($1, $2) "
            "AND has_schema_privilege($3::name, oid, 'USAGE')",
            (settings.schema_name, self.store.schema, role),
        )
        if reached:
            raise PostgresError(
                f"{settings.shown}: the role {role}, which must see no personal data, may use the schema "
                f"{reached[0][0]}: by itself, through another role or through PUBLIC.",
                f"Take that away (REVOKE USAGE ON SCHEMA {reached[0][0]} FROM …), then: regulars publish",
            )
