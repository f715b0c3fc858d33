"""What a run asks of an engine, so that steps, gate, predictive models and publication are written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from orchestration.warehouse import WarehouseError

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from expectations.connection import Connection
    from models.lifetime_value import LifetimeValueFit, LifetimeValueSettings
    from orchestration.contract import ContractTable
    from orchestration.identity import Identified, Tell
    from orchestration.run import Run
    from sources.files.store import RawStore


class EngineError(WarehouseError):
    """The engine is not there, cannot be reached or cannot be used; the message says what to do."""


class Judged(NamedTuple):
    """How many distinct contact values were judged, by kind; 0 where all were known."""

    emails: int = 0
    phones: int = 0
    postcodes: int = 0
    countries: int = 0
    names: int = 0


# What a predictive model makes of some rows; nobody's result depends on who else is among them.
RowWork = Callable[["pl.DataFrame"], "pl.DataFrame"]


class Engine(Protocol):
    """One company's engine; `name` is `duckdb` or `spark`."""

    name: str

    @property
    def store(self) -> RawStore | None:
        """Where raw records and the ledger go, if not into the warehouse file."""
        ...

    def control(self, *, read_only: bool = False) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the ledger and the facts that outlive a run (schemas `ledger` and `meta`).

        Args:
            read_only: Nothing will be written, so that it may be opened beside a run where the engine allows it.
        """
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """Open what dbt has built, for reading."""
        ...

    def report_reading(self) -> AbstractContextManager[Connection | None]:
        """Open what a report can be read from without starting anything; None where there is nothing yet."""
        ...

    def map_sources(self, run: Run, con: duckdb.DuckDBPyConnection) -> None:
        """Sweep what a killed run left, and make the views over raw: entities as mapped, vendors' records as received.

        Args:
            run: The run.
            con: The open control connection.
        """
        ...

    def judge(self, run: Run, con: duckdb.DuckDBPyConnection) -> Judged:
        """Judge contact values not seen before, of the mapped views and of the vendors' dbt views.

        Args:
            run: The run.
            con: The open control connection.
        """
        ...

    def frame(self, query: str) -> pl.DataFrame:
        """Return the rows of a query that fits into the memory of this machine.

        Raises:
            EngineError: It has more rows than the company allows.
        """
        ...

    def resolve_identity(self, run: Run, tell: Tell) -> Identified:
        """Join records to customers, here or on the cluster; nothing is written. `tell` hears what is being done."""
        ...

    def fit_lifetime_value(self, query: str, settings: LifetimeValueSettings, past: pl.DataFrame) -> LifetimeValueFit:
        """Fit the value models to the customers of a query, counted here or on the cluster."""
        ...

    def map_rows(self, query: str, work: RowWork, table: str) -> Any:
        """Work through the rows of a query, here or on the cluster.

        Args:
            query: What to work through.
            work: Makes rows of the kept table from some of them.
            table: The kept table that they are meant for, which says their columns.

        Returns:
            A frame for `keep`.
        """
        ...

    def keep(self, replace: Mapping[str, Any], append: Mapping[str, Any] | None = None) -> None:
        """Write the tables of predictive models (`schema.name` to frame), all of them or none."""
        ...

    def writer(self) -> AbstractContextManager[PublicationWriter]:
        """Open what writes the published copy."""
        ...

    def lost(self) -> str | None:
        """Say in words that the engine has ended in the middle of the work; None while it answers."""
        ...

    def table_sizes(self) -> dict[str, int]:
        """Return the rows of tables as `{"schema.table": rows}`, of those where they cost nothing to know."""
        ...

    def open_for_dbt(self) -> AbstractContextManager[None]:
        """Make ready what dbt finds in this process, and keep it so while a command goes on."""
        ...

    def dbt_vars(self) -> dict[str, Any]:
        """Return what the dbt project must know of how this engine stores tables."""
        ...

    def dbt_environment(self) -> dict[str, str]:
        """Return the environment variables that dbt's profile reads."""
        ...


class PublicationWriter(Protocol):
    """Writes one published copy, its files beside the old ones; whoever calls it swaps them."""

    def violations(self, names: Sequence[str], contract: Mapping[str, ContractTable]) -> list[str]:
        """Return how the tables differ from the contract; empty where they keep it."""
        ...

    def write(
        self,
        names: Sequence[str],
        contract: Mapping[str, ContractTable],
        publication: Sequence[object],
        *,
        new_file: Path,
        new_parquet: Path,
        snapshot: Path,
    ) -> dict[str, int]:
        """Write the DuckDB file, and the Parquet folder under its last name; return the rows of each table.

        Args:
            names: The tables, in the schema marts.
            contract: Their columns and descriptions.
            publication: The one row of marts.publication.
            new_file: Where the DuckDB file goes.
            new_parquet: A free name for the Parquet folder while it is being written.
            snapshot: The folder's name once it is whole.
        """
        ...
