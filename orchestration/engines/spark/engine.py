"""Spark as the engine of a company: raw data and ledger on a storage location, tables in Spark's catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from orchestration.engines.base import EngineError, Judged
from orchestration.engines.kept import KEPT_TABLES
from orchestration.engines.spark.connection import SparkConnection, polars_of
from orchestration.engines.spark.location import Location
from orchestration.warehouse import make_meta, read_state, write_state

if TYPE_CHECKING:
    import duckdb
    import polars as pl
    from pyspark.sql import DataFrame, SparkSession

    from expectations.connection import Connection
    from models.lifetime_value import LifetimeValueFit, LifetimeValueSettings
    from orchestration.company import Company
    from orchestration.company_warehouse import SparkSettings
    from orchestration.engines.base import RowWork
    from orchestration.engines.spark.kept import KeptTables
    from orchestration.engines.spark.publication import SparkWriter
    from orchestration.home import Home
    from orchestration.identity import Identified, Tell
    from orchestration.run import Run
    from sources.files.store import RawStore


@dataclass
class SparkEngine:
    """One company on Spark; see `orchestration.engines.base.Engine` for what each method does.

    The session starts when something first needs it, so that a run that finds nothing new needs no Java.
    """

    company: Company
    home: Home
    name: str = "spark"
    _session: SparkSession | None = field(default=None, repr=False)

    @cached_property
    def _settings(self) -> SparkSettings:
        return self.company.spark_for_use()

    @cached_property
    def location(self) -> Location:
        """Where everything big lies."""
        return Location(self._settings.location or str(self.home.path / "storage"), self.company.base)

    @cached_property
    def store(self) -> RawStore:
        """Raw records and the ledger on the location."""
        from sources.files.store import RawStore

        return RawStore(self.location.text, self.home.landing, company=self.company.id)

    @property
    def session(self) -> SparkSession:
        """The session, started at its first use."""
        if self._session is None:
            from orchestration.engines.spark.session import start_session

            self.location.make("warehouse")
            self._session = start_session(
                self._settings,
                home=self.home.path,
                warehouse=self.location.url("warehouse"),
                memory=self.company.warehouse.memory_limit,
                threads=self.company.warehouse.threads,
            )
        return self._session

    @cached_property
    def _kept(self) -> KeptTables:
        from orchestration.engines.spark.kept import KeptTables

        return KeptTables(self.session, self.location, {**KEPT_TABLES, **_judged_tables()})

    @contextmanager
    def control(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open ledger and meta; what was changed is committed at the end."""
        limits = self.company.warehouse
        with self.store.open(read_only=read_only, memory_limit=limits.memory_limit, threads=limits.threads) as con:
            make_meta(con)
            yield con

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read what dbt has built, through the session."""
        yield SparkConnection(self.session)

    @contextmanager
    def report_reading(self) -> Iterator[Connection | None]:
        """Read through the session if it is up, else from the published copy, else nothing."""
        if self._session is not None:
            yield SparkConnection(self._session)
            return
        from orchestration.published import PublishedError, open_published

        if not self.home.published_file.exists():
            yield None
            return
        try:
            with open_published(self.home.published_file) as published:
                yield published.con
        except PublishedError:
            yield None

    def map_sources(self, run: Run, con: duckdb.DuckDBPyConnection) -> None:
        """Make the catalogue say what raw and ledger hold."""
        from orchestration.engines.spark import catalog
        from sources.files.dialect_spark import SPARK
        from sources.files.mapping import view_queries
        from sources.files.tables import received_columns
        from sources.received import received_queries

        session, location = self.session, self.location
        # dbt-spark switches it off for the whole session; the mapping is written for it, and its views remember it.
        session.conf.set("spark.sql.ansi.enabled", "true")
        catalog.make_schemas(session, location, run.company.sources)
        state = read_state(con)
        known = set(state.get("spark_tables") or ())
        ours = catalog.refuse_foreign_tables(session, known)
        catalog.refuse_lost_catalog(location, known, ours)
        catalog.sweep_folders(session, location)
        # Verdicts with other columns, as from before an upgrade, are given anew.
        if (state.get("judged") or {}).get("tables") != _judged_tables():
            self._kept.forget(con, _judged_tables())
            write_state(con, {"judged": {}})
        self._kept.restore(con)
        for source_name, source in run.company.sources.items():
            for dataset in source.datasets:
                columns = received_columns(con, source_name, dataset)
                if columns is not None:
                    catalog.register_raw(session, location, (source_name, dataset), columns)
        catalog.copy_control(session, con)
        views = view_queries(con, run.company.sources, dialect=SPARK)
        received = received_queries(con, run.company.sources, dialect=SPARK)
        catalog.make_views(session, "mapped", views)
        catalog.make_views(session, "received", received)
        mapping = json.dumps([views, received, run.fingerprint if received else ""], sort_keys=True)
        write_state(con, {"spark_tables": sorted(ours), "mapping": sha256(mapping.encode()).hexdigest()})

    def judge(self, run: Run, con: duckdb.DuckDBPyConnection) -> Judged:
        """Judge the values of loads not looked at yet; of all loads if the mapping is not the one they were seen by."""
        from expectations.judge_spark import judge_new_on_spark
        from expectations.kinds import KINDS

        mapping = read_state(con).get("mapping")
        seen = read_state(con).get("judged") or {}
        held = {load for (load,) in con.execute("SELECT DISTINCT load_id FROM ledger.batches").fetchall()}
        looked_at = set(seen.get("loads") or ()) if seen.get("mapping") == mapping else set()
        if held <= looked_at:
            return Judged()
        self.session.conf.set("spark.sql.ansi.enabled", "true")
        new = judge_new_on_spark(
            self.session,
            load_ids=sorted(held - looked_at) if looked_at else None,
            vendor_views=run.vendor_views,
        )
        written = self._kept.keep(con, {}, {kind.table: getattr(new, name) for name, kind in KINDS.items()})
        write_state(con, {"judged": {"mapping": mapping, "loads": sorted(held), "tables": _judged_tables()}})
        self.store.commit()
        self._kept.show(written)
        return Judged(**{name: written[kind.table].rows for name, kind in KINDS.items()})

    def frame(self, query: str) -> pl.DataFrame:
        """Return a query's rows if they are no more than the company allows on one machine."""
        return self.collected(self.session.sql(query))

    def collected(self, data: DataFrame) -> pl.DataFrame:
        """Return a Spark frame's rows; raises as `frame` does."""
        rows = data.count()
        if rows > self.max_frame_rows:
            raise EngineError(
                f"A Python model would take {rows:,} rows onto one machine, and warehouse.spark.max_frame_rows allows "
                f"{self.max_frame_rows:,}. Raise it if this machine has the memory."
            )
        return polars_of(data)

    @property
    def max_frame_rows(self) -> int:
        """Rows that a Python model may take onto this machine."""
        return self._settings.max_frame_rows

    def resolve_identity(self, run: Run, tell: Tell) -> Identified:
        """Join records to customers: here while the identifiers fit one machine, else on the cluster."""
        from orchestration.engines.spark.identity import identify_on_spark

        return identify_on_spark(self, run, tell)

    def fit_lifetime_value(self, query: str, settings: LifetimeValueSettings, past: pl.DataFrame) -> LifetimeValueFit:
        """Count the customers here while they fit one machine, else on the cluster; the fit needs no more."""
        customers = self.session.sql(query)
        if customers.count() <= self.max_frame_rows:
            from models.lifetime_value import count_chunk, fit

            return fit(count_chunk(polars_of(customers)), settings, past)
        from models.lifetime_value.distributed import fit_distributed

        return fit_distributed(customers, settings, past)

    def map_rows(self, query: str, work: RowWork, table: str) -> Any:
        """Work here while the rows fit one machine, else on the cluster."""
        rows = self.session.sql(query)
        if rows.count() <= self.max_frame_rows:
            return work(polars_of(rows))
        from models.spark_arrow import ddl, in_chunks

        types = {name: kind.lower() for name, kind in KEPT_TABLES[table].items()}
        return rows.mapInArrow(in_chunks(work, types), ddl(types))

    def workers(self) -> int:
        """Tasks that run at a time; a Connect server does not say, and its shuffle has as many parts."""
        if self._settings.connect:
            return int(self.session.conf.get("spark.sql.shuffle.partitions") or 1)
        return int(self.session.sparkContext.defaultParallelism)

    def keep(self, replace: Mapping[str, Any], append: Mapping[str, Any] | None = None) -> None:
        """Write frames into new folders; one commit shows them all."""
        kept = self._kept
        with self.control() as con:
            written = kept.keep(
                con,
                {table: kept.frame(table, rows) for table, rows in replace.items()},
                {table: kept.frame(table, rows) for table, rows in (append or {}).items()},
            )
        kept.show(written)

    @contextmanager
    def writer(self) -> Iterator[SparkWriter]:
        """Write the published copy through the session."""
        from orchestration.engines.spark.publication import SparkWriter

        yield SparkWriter(self.session, self.location, self.company.warehouse.threads)

    def lost(self) -> str | None:
        """Ask the session for one row; a Spark that was killed, or that ran out of memory, has none."""
        if self._session is None:
            return None
        try:
            self._session.sql("SELECT 1").collect()
        except Exception:  # noqa: BLE001 - every way of not answering is the same here
            self._session = None
            return (
                "Spark ended in the middle of the work: it was killed, or its memory did not suffice "
                f"(warehouse.memory_limit). Its own words are in {self.home.logs / 'spark.log'}. Nothing half done is "
                "visible; run again, and it goes on from there."
            )
        return None

    def table_sizes(self) -> dict[str, int]:
        """Return nothing: to count a table of a cluster is a job of its own."""
        return {}

    @contextmanager
    def open_for_dbt(self) -> Iterator[None]:
        """Start the session, which dbt takes where it works in this process. It stays."""
        _ = self.session
        yield

    def dbt_vars(self) -> dict[str, Any]:
        """How growing tables are stored."""
        return {"table_format": self._settings.table_format, "staging_buckets": self._settings.buckets}

    def dbt_environment(self) -> dict[str, str]:
        """Tell dbt's profile how to reach Spark."""
        wanted = {"REGULARS_ENGINE": "spark", "REGULARS_SPARK_METHOD": self._settings.dbt}
        if self._settings.thrift is not None:
            thrift = self._settings.thrift.model_dump(exclude_none=True)
            # dbt keeps what is behind this prefix out of its logs.
            password = thrift.pop("password", None)
            wanted |= {} if password is None else {"DBT_ENV_SECRET_SPARK_PASSWORD": password}
            wanted |= {f"REGULARS_SPARK_{name.upper()}": str(value) for name, value in thrift.items()}
        return wanted


def _judged_tables() -> dict[str, dict[str, str]]:
    """The tables of verdicts and their columns."""
    from expectations.kinds import KINDS

    return {kind.table: kind.sql_types for kind in KINDS.values()}
