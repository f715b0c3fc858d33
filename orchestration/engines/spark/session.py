"""Starting Spark for one company, with an error that says what to do where it cannot be had."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestration.engines.base import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from orchestration.company_warehouse import SparkSettings

_SECONDS_TO_ANSWER = 5.0
_LOCAL_SHUFFLE_PARTITIONS = "4"  # a partition of a small company costs more than it brings

_BEFORE_JAVA = ("spark.driver.", "spark.jars", "spark.submit.")

_INSTALL_SPARK = "Install it: pip install 'regulars[spark]', or in a clone: make spark."
_INSTALL_JAVA = (
    "Install Java 17 or 21 (Debian, Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17), "
    "or set JAVA_HOME to where it is."
)


def start_session(settings: SparkSettings, *, home: Path, warehouse: str, memory: str, threads: int) -> SparkSession:
    """Return the process's Spark session, started with the company's settings if there is none.

    Args:
        settings: From the company file, variables filled in.
        home: The company's home: Spark's own catalogue and log lie there when the master is local.
        warehouse: URL of the folder for tables.
        memory: What the driver may take, as the company file says it.
        threads: Threads of a local master.

    Raises:
        EngineError: PySpark or Java is missing, nobody answers at the address, or Spark does not start.
    """
    if find_spec("pyspark") is None:
        raise EngineError(f"warehouse.engine is spark, but PySpark is not installed. {_INSTALL_SPARK}")
    address = settings.connect or settings.master or f"local[{threads}]"
    _require_java(address)
    _require_answer(address)
    log = home / "logs" / "spark.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # The workers of Python functions must be this interpreter, with these packages.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # What we ask of it works with the pandas that is locked; the tests on Spark say so.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    try:
        session = _session(_configuration(settings, address, home, warehouse, memory), settings.connect, address, log)
        session.sql("SELECT 1").collect()
    except Exception as error:
        raise EngineError(_what_failed(address, error, log)) from error
    return session


def _session(configuration: dict[str, str], connect: str | None, address: str, log: Path) -> SparkSession:
    from pyspark.sql import SparkSession

    if connect:
        builder = SparkSession.builder.remote(connect)
        for name, value in configuration.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    if SparkContext._active_spark_context is None:
        conf = SparkConf(loadDefaults=False).setMaster(address).setAppName("regulars").setAll(configuration.items())
        # Everybody on the machine can read a command line: only what Java must know before it starts goes there.
        before = SparkConf(loadDefaults=False).setAll(
            (name, value) for name, value in configuration.items() if name.startswith(_BEFORE_JAVA)
        )
        # Java writes its log to standard error, which belongs to the progress of the run.
        with log.open("ab") as file:
            gateway = launch_gateway(before, popen_kwargs={"stdout": file, "stderr": file})
        SparkContext(conf=conf, gateway=gateway)
    return SparkSession.builder.getOrCreate()


def _configuration(settings: SparkSettings, address: str, home: Path, warehouse: str, memory: str) -> dict[str, str]:
    """What our SQL relies on, what a local master needs, and what the company says, which wins."""
    ours = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        # A column may be called ${total}.
        "spark.sql.variable.substitute": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Published Parquet is read by others: the standard's own encodings, microseconds, no INT96.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    }
    if settings.catalog:
        ours["spark.sql.defaultCatalog"] = settings.catalog
    if not settings.connect:
        ours |= {
            "spark.sql.catalogImplementation": "hive",
            "spark.sql.warehouse.dir": warehouse,
            "spark.ui.showConsoleProgress": "false",
        }
    if address.startswith("local"):
        store = home / "spark"
        ours |= {
            "spark.driver.memory": _java_size(memory),
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": _LOCAL_SHUFFLE_PARTITIONS,
            "spark.local.dir": str(store / "tmp"),
            # The embedded catalogue; a company with a Hive metastore names it in `conf`.
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={store / 'catalog'};create=true",
            "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={home / 'logs' / 'derby.log'}",
        }
        (store / "tmp").mkdir(parents=True, exist_ok=True)
    return ours | settings.conf


def _java_size(memory: str) -> str:
    """A size of the company file (`3GB`, `60%`) as Java writes it (`3g`)."""
    found = re.fullmatch(r"([0-9.]+) ?([KMGT%])\S*", memory)
    if found is None:
        raise ValueError(f"warehouse.memory_limit is no size: {memory}")  # the company file has been checked
    number, unit = found.groups()
    if unit == "%":
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return f"{int(whole * float(number) / 100) >> 20}m"
    return f"{int(float(number) * {'K': 1 / 1024, 'M': 1, 'G': 1024, 'T': 1024**2}[unit])}m"


def _require_java(address: str) -> None:
    if address.startswith("sc://"):
        return
    java_home = os.environ.get("JAVA_HOME")
    if java_home and not (Path(java_home) / "bin" / "java").exists():
        raise EngineError(f"Spark needs Java, but JAVA_HOME is {java_home}, where there is none. {_INSTALL_JAVA}")
    if not java_home and shutil.which("java") is None:
        raise EngineError(f"Spark needs Java, and there is none on this machine. {_INSTALL_JAVA}")


def _require_answer(address: str) -> None:
    """Ask at once what Spark would otherwise ask for minutes: does anybody answer there?"""
    if not address.startswith(("spark://", "sc://")):
        return
    # A master may be a list: spark://one:7077,two:7077; one that answers is enough.
    hosts = urlsplit(address).netloc.split(",")
    reasons = []
    for host in hosts:
        name, _, port = host.partition(":")
        try:
            with socket.create_connection((name, int(port or 15002)), timeout=_SECONDS_TO_ANSWER):
                return
        except (OSError, ValueError) as error:
            reasons.append(str(getattr(error, "strerror", None) or error))
    key = "connect" if address.startswith("sc://") else "master"
    raise EngineError(
        f"Nobody answers at {_without_token(address)} ({'; '.join(reasons)}). Correct warehouse.spark.{key} in the "
        "company file, or start the cluster; nothing was loaded or changed."
    )


def _without_token(address: str) -> str:
    """A Connect address may carry a token behind its host."""
    return address.partition("/;")[0]


def _what_failed(address: str, error: Exception, log: Path) -> str:
    said = f"{type(error).__name__}: {error}"
    if "UnsupportedClassVersionError" in said or "class file version" in said:
        return f"This Java is too old for Spark. {_INSTALL_JAVA}"
    if "Another instance of Derby" in said or "XSDB6" in said:
        return (
            "Spark's catalogue in the home is still held by another process. Wait until that one has ended, then run "
            "again."
        )
    return f"Spark does not start at {_without_token(address)} ({type(error).__name__}). Its own words are in {log}."
