"""The part of a company file that says which engine builds the marts, and what it may take."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchestration.company_fields import Count, Memory, Strict, Text, WholeNumber, plain_text, wrong

# Schemes of a Spark master; a bare `local` is one thread.
_MASTER = re.compile(r"local(\[(\*|[0-9]+)(,[0-9]+)?\])?|spark://\S+|yarn|k8s://\S+")


def _check_master(value: str) -> str:
    if not _MASTER.fullmatch(value):
        raise wrong("local[2], local[*], spark://HOST:7077, yarn or k8s://HOST:PORT")
    return value


def _check_connect(value: str) -> str:
    if not re.fullmatch(r"sc://[^/\s]+(/.*)?", value):
        raise wrong("the address of a Spark Connect server, such as sc://HOST:15002")
    return value


def _check_location(value: str) -> str:
    if "://" in value and not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", value):
        raise wrong("a folder, or a URL such as s3://bucket/regulars or hdfs://name/regulars")
    return value


def _check_conf_name(value: str) -> str:
    if not value.startswith("spark."):
        raise wrong("settings of Spark, whose names start with `spark.`")
    return value


def _setting(value: object) -> object:
    """Spark's settings are text; YAML reads true and 8 as what they look like."""
    return str(value).lower() if isinstance(value, bool) else plain_text(value)


class ThriftSettings(Strict):
    """Spark's Thrift server, where dbt is to send its statements; user and password come from the environment."""

    host: Text
    port: Annotated[WholeNumber, Field(ge=1, le=65535)] = 10000
    user: Text | None = None
    password: Text | None = None
    auth: Literal["NONE", "LDAP", "KERBEROS", "NOSASL"] | None = None
    kerberos_service_name: Text | None = None
    use_ssl: bool = False


class SparkSettings(Strict):
    """Where Spark is, where its tables lie, and how dbt speaks to it.

    Attributes:
        master: Where the driver finds its cluster; `local[<threads>]` without it.
        connect: A Spark Connect server, in the place of a master.
        catalog: The catalogue that tables are registered in; Spark's own (a Hive metastore) without it.
        location: Folder or URL of raw data, ledger and tables; `<home>/storage` without it.
        dbt: `session` in this process, or `thrift` through a Thrift server.
        thrift: The Thrift server.
        table_format: Format of dbt's tables. `parquet` needs nothing; the others need their library on the cluster.
        buckets: Parts that an incremental staging table is rewritten by, where the format has no merge.
        max_frame_rows: Rows that a Python model may take onto one machine; above, it works on the cluster.
        conf: Any further settings of Spark.
    """

    master: Annotated[Text, AfterValidator(_check_master)] | None = None
    connect: Annotated[Text, AfterValidator(_check_connect)] | None = None
    catalog: Text | None = None
    location: Annotated[Text, AfterValidator(_check_location)] | None = None
    dbt: Literal["session", "thrift"] = "session"
    thrift: ThriftSettings | None = None
    table_format: Literal["parquet", "delta", "iceberg"] = "parquet"
    buckets: Annotated[WholeNumber, Field(ge=1, le=256)] = 16
    max_frame_rows: Count = 5_000_000
    conf: dict[Annotated[str, AfterValidator(_check_conf_name)], Annotated[Text, BeforeValidator(_setting)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _fits_together(self) -> SparkSettings:
        if self.master is not None and self.connect is not None:
            raise wrong("either `master` or `connect`: a Connect server knows its own master")
        if self.connect is not None and self.dbt == "session":
            raise wrong("`dbt: thrift` beside `connect`: dbt-spark's session method needs a Spark in this process")
        if self.dbt == "thrift" and self.thrift is None:
            raise wrong("`thrift` with at least its `host`, since `dbt` is thrift")
        return self


class WarehouseSettings(Strict):
    """The engine, and what it may take of the machine."""

    engine: Literal["duckdb", "spark"] = "duckdb"
    memory_limit: Memory = "3GB"
    threads: Count = 2
    spark: SparkSettings = Field(default_factory=SparkSettings)
