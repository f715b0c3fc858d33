"""The engines a company may choose: DuckDB, embedded in the home, or Spark, for those who outgrow one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.engines.base import Engine
    from orchestration.home import Home


def engine_of(company: Company, home: Home) -> Engine:
    """Return the engine that the company file names; nothing is opened or started yet."""
    if company.warehouse.engine == "spark":
        from orchestration.engines.spark.engine import SparkEngine

        return SparkEngine(company, home)
    from orchestration.engines.duckdb import DuckDBEngine

    return DuckDBEngine(company, home)
