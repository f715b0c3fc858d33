"""One dbt project on two engines: a DuckDB file, and a Spark session with the same inputs as tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.equality import compare
from expectations.catalogue import load_rules, to_dbt_vars
from orchestration.company import load_company
from orchestration.dbt import PROJECT_DIR, Dbt
from orchestration.engines.spark.connection import SparkConnection

INPUTS = ("mapped", "received", "ledger", "meta", "quality", "identity", "scores", "anomalies")
# Schema quality has tables of both: what Python writes is an input, what dbt builds is not.
MADE_BY_DBT = frozenset(f"quality.{file.stem}" for file in (PROJECT_DIR / "models" / "quality").glob("*.sql"))
BUILT = ("staging", "quality", "intermediate", "marts", "reference")
GROWING = (
    "calls", "customers", "email_events", "experiment_assignments", "order_lines", "orders", "partner_contacts",
    "partner_links", "partners", "products", "subscriptions", "surveys", "web_events",
)  # fmt: skip


def dbt_of(engine: str, folder: Path, variables: dict[str, Any], warehouse: Path | None = None) -> Dbt:
    """The project bound to an engine; artifacts in a folder of their own."""
    environment = {"REGULARS_ENGINE": engine}
    if warehouse is not None:
        environment["REGULARS_WAREHOUSE"] = str(warehouse)
    return Dbt(
        target=folder / engine / "target",
        logs=folder / engine / "logs",
        variables=variables,
        environment=environment,
    )


def input_tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Schema and name of all that dbt reads and does not make."""
    rows = con.execute(
        f"SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN {INPUTS} ORDER BY 1, 2"
    ).fetchall()
    return [(schema, name) for schema, name in rows if f"{schema}.{name}" not in MADE_BY_DBT]


def copy_to_spark(spark: Any, con: duckdb.DuckDBPyConnection, folder: Path, tables: Sequence[tuple[str, str]]) -> None:
    """Copy tables and views, as tables; timestamps without zone become the ones that Spark counts in UTC."""
    folder.mkdir(parents=True, exist_ok=True)
    for schema, name in tables:
        data = con.sql(f'SELECT * FROM {schema}."{name}"').to_arrow_table()
        data = data.cast(
            pa.schema(
                [
                    pa.field(one.name, pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(one.type) else one.type)
                    for one in data.schema
                ]
            )
        )
        path = folder / f"{schema}.{name}.parquet"
        pq.write_table(data, path)
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        spark.sql(f"DROP TABLE IF EXISTS {schema}.{name}")
        spark.read.parquet(str(path)).write.mode("overwrite").saveAsTable(f"{schema}.{name}")


def frame_of_duckdb(path: Path, query: str) -> pl.DataFrame:
    """The rows of a query on a warehouse file."""
    with duckdb.connect(str(path), read_only=True) as con:
        con.execute("SET TimeZone='UTC'")
        return con.sql(query).pl()


def frame_of_spark(spark: Any, query: str) -> pl.DataFrame:
    """The rows of a query on Spark."""
    return SparkConnection(spark).frame(query)


def grains(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """The columns that name a row of each model and seed, by schema and name, as its tests state them."""
    found: dict[str, list[str]] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        model = manifest["nodes"].get(node.get("attached_node") or "")
        if node["resource_type"] != "test" or model is None:
            continue
        name = f"{model['schema']}.{model['alias']}"
        if test["name"] == "unique_combination":
            found[name] = test["kwargs"]["columns"]
        elif test["name"] in ("is_key", "unique") and name not in found:
            found[name] = [node["column_name"]]
        elif test["name"] == "one_record_per_key":
            found[name] = ["batch_id", "row_number", "record_key"]
    return found


def built_tables(manifest: dict[str, Any]) -> list[str]:
    """Schema and name of every model and seed."""
    return sorted(
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    )


def project_variables(rules: Sequence[dict[str, Any]], goals: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The dbt vars of a company."""
    return json.loads(json.dumps({"rules": list(rules), "goals": list(goals)}, default=str))


class Sides:
    """The DuckDB file of a run, and dbt on a Spark session with the same inputs."""

    def __init__(self, spark: Any, folder: Path, company: Path, warehouse: Path) -> None:
        settings = load_company(company)
        variables = {**settings.dbt_vars(), "rules": to_dbt_vars(load_rules()), "staging_buckets": 4}
        self.spark = spark
        self.warehouse = warehouse
        self.folder = folder
        self.dbt: Dbt = dbt_of("spark", folder, variables)

    def copy_inputs(self, *, first_half: bool = False) -> None:
        """Copy what dbt reads; of the mapped records all, or those of every second batch."""
        with duckdb.connect(str(self.warehouse), read_only=True) as con:
            con.execute("SET TimeZone='UTC'")
            copy_to_spark(self.spark, con, self.folder / "inputs", input_tables(con))
            self.spark.sql("TRUNCATE TABLE meta.gate_passes")  # the run measured before its gate let it pass
            if not first_half:
                return
            half = con.execute("SELECT batch_id FROM ledger.batches ORDER BY md5(batch_id)").fetchall()[::2]
        self.spark.createDataFrame(half, "batch_id string").createOrReplaceTempView("half")
        for schema, name, key in [
            *(("mapped", entity, "_batch_id") for entity in (*GROWING, "campaigns")),
            ("mapped", "raw_json", "batch_id"),
            ("ledger", "batches", "batch_id"),
        ]:
            kept = self.spark.sql(f"SELECT * FROM {schema}.{name} WHERE {key} IN (SELECT batch_id FROM half)")
            kept.write.mode("overwrite").saveAsTable(f"{schema}.half")
            self.spark.sql(f"DROP TABLE {schema}.{name}")
            self.spark.sql(f"ALTER TABLE {schema}.half RENAME TO {schema}.{name}")

    def build(self, *select: str, tests: bool = True) -> None:
        """Build on Spark."""
        left_out = ["unit_test"] if tests else ["unit_test", "test"]
        options = [part for kind in left_out for part in ("--exclude-resource-type", kind)]
        self.dbt.build(["--select", *select, *options, "--indirect-selection", "buildable"])

    def compare(self, *tables: str) -> list[Any]:
        """Compare tables of both sides."""
        keys = grains(self.dbt.manifest())
        return [
            compare(
                name,
                frame_of_duckdb(self.warehouse, f"SELECT * FROM {name}"),
                frame_of_spark(self.spark, f"SELECT * FROM {name}"),
                keys=keys.get(name),
            )
            for name in tables
        ]

    def drop(self) -> None:
        """Take everything off the session again."""
        for schema in {*BUILT, *INPUTS}:
            self.spark.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        self.spark.conf.set("spark.sql.ansi.enabled", "true")  # dbt-spark turns it off
