"""What these models need of an open DuckDB connection; the package itself opens none and does not know DuckDB."""

from __future__ import annotations

from typing import Any, Protocol


class Connection(Protocol):
    """The part of a DuckDB connection that is used here."""

    def execute(self, query: str, parameters: object = None) -> Any:
        """Run SQL; what comes back has `fetchall` and `fetchone`."""

    def sql(self, query: str) -> Any:
        """Return what SQL finds; `pl` makes a Polars frame of it."""

    def register(self, view_name: str, python_object: object) -> Any:
        """Show an Arrow table under a name."""

    def unregister(self, view_name: str) -> Any:
        """Take the name away."""
