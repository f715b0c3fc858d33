"""The embedded engine: one warehouse file in the home, transactions for everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration.engines.base import Judged
from orchestration.engines.kept import KEPT_TABLES
from orchestration.sql import quote
from orchestration.warehouse import open_warehouse, sweep_leftovers, table_sizes

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from models.lifetime_value import LifetimeValueFit, LifetimeValueSettings
    from orchestration.company import Company
    from orchestration.engines.base import RowWork
    from orchestration.engines.duckdb_publication import DuckDBWriter
    from orchestration.home import Home
    from orchestration.identity import Identified, Tell
    from orchestration.run import Run


@dataclass
class DuckDBEngine:
    """The warehouse file of one home; see `orchestration.engines.base.Engine` for what each method does."""

    company: Company
    home: Home
    name: str = "duckdb"

    @property
    def store(self) -> None:
        """Nothing: raw records and ledger are in the warehouse file."""
        return

    @contextmanager
    def control(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:  # noqa: ARG002 - DuckDB shuts others out either way
        """Open the warehouse, which holds the ledger too."""
        with open_warehouse(self.home.warehouse, self.company) as con:
            yield con

    reading = control
    report_reading = control

    def map_sources(self, run: Run, con: duckdb.DuckDBPyConnection) -> None:
        """Refresh the mapped and received views."""
        from sources.files.mapping import refresh_views
        from sources.received import refresh_received

        sweep_leftovers(con)
        refresh_views(con, run.company.sources)
        refresh_received(con, run.company.sources)
        for table, columns in KEPT_TABLES.items():
            schema, name = table.split(".")
            spelled = ", ".join(f"{quote(column)} {kind}" for column, kind in columns.items())
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
            con.execute(f"CREATE TABLE IF NOT EXISTS {quote(schema, name)} ({spelled})")
            for column, kind in columns.items():  # an earlier version may have made it with fewer
                con.execute(f"ALTER TABLE {quote(schema, name)} ADD COLUMN IF NOT EXISTS {quote(column)} {kind}")

    def judge(self, run: Run, con: duckdb.DuckDBPyConnection) -> Judged:
        """Judge the contact values that have no verdict yet."""
        from expectations.judge import judge_new

        return Judged(**judge_new(con, vendor_views=run.vendor_views)._asdict())

    def frame(self, query: str) -> pl.DataFrame:
        """Return a query's rows; what the warehouse file holds fits this machine."""
        with self.reading() as con:
            frame: pl.DataFrame = con.sql(query).pl()
            return frame

    def resolve_identity(self, run: Run, tell: Tell) -> Identified:
        """Join records to customers on this machine."""
        from orchestration.identity import identify

        return identify(self, run, tell)

    def fit_lifetime_value(self, query: str, settings: LifetimeValueSettings, past: pl.DataFrame) -> LifetimeValueFit:
        """Fit on this machine."""
        from models.lifetime_value import count_chunk, fit

        return fit(count_chunk(self.frame(query)), settings, past)

    def map_rows(self, query: str, work: RowWork, table: str) -> pl.DataFrame:  # noqa: ARG002 - one machine knows its types
        """Work on this machine."""
        return work(self.frame(query))

    def keep(self, replace: Mapping[str, Any], append: Mapping[str, Any] | None = None) -> None:
        """Write frames in one transaction."""
        with self.control() as con:
            con.execute("BEGIN")
            for table, frame in replace.items():
                con.execute(f"DELETE FROM {quote(*table.split('.'))}")  # noqa: S608 - quoted name
                _insert(con, table, frame)
            for table, frame in (append or {}).items():
                _insert(con, table, frame)
            con.execute("COMMIT")

    @contextmanager
    def writer(self) -> Iterator[DuckDBWriter]:
        """Open the warehouse to copy its marts."""
        from orchestration.engines.duckdb_publication import DuckDBWriter

        with self.control() as con:
            yield DuckDBWriter(con)

    def lost(self) -> None:
        """Nothing to lose: the engine lives in this process."""

    def table_sizes(self) -> dict[str, int]:
        """Return the rows of every table, from DuckDB's own catalogue."""
        with open_warehouse(self.home.warehouse) as con:
            return table_sizes(con)

    @contextmanager
    def open_for_dbt(self) -> Iterator[None]:
        """Keep the file open: dbt opens and closes it for every model, and each last closing writes it out anew."""
        import duckdb

        try:
            held = duckdb.connect(str(self.home.warehouse))
        except duckdb.Error:
            held = None  # dbt says for itself what is wrong
        try:
            yield
        finally:
            if held is not None:
                held.close()

    def dbt_vars(self) -> dict[str, Any]:
        """Nothing: DuckDB has one way to store a table."""
        return {}

    def dbt_environment(self) -> dict[str, str]:
        """Name the warehouse file."""
        return {
            "REGULARS_ENGINE": "duckdb",
            "REGULARS_WAREHOUSE": str(self.home.warehouse),
            "REGULARS_MEMORY_LIMIT": self.company.warehouse.memory_limit,
        }


def _insert(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Append a frame to a table by column name."""
    con.register("incoming_frame", frame.to_arrow())
    con.execute(f"INSERT INTO {quote(*table.split('.'))} BY NAME SELECT * FROM incoming_frame")  # noqa: S608 - quoted name
    con.unregister("incoming_frame")
