"""Readers of a published copy, each in a process of its own, until the file `stop` is there.

Arguments: the home, the file `stop`, and kinds of readers. Writes `ready` once each has read, and at the end what each
saw as one line of JSON: queries, failed ones, answers of two runs, connections tried again, and runs with their number.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import adbc_driver_duckdb
import adbc_driver_manager.dbapi as adbc
import duckdb
import polars as pl
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

TABLES = ("customer_value", "customer_segments", "kpi_scorecard")
Query = Callable[[str], set[Any]]


def with_duckdb(file: Path) -> tuple[Query, Callable[[], None]]:
    con = duckdb.connect(str(file), read_only=True)
    return lambda sql: {value for (value,) in con.execute(sql).fetchall()}, con.close


def with_sqlalchemy(file: Path) -> tuple[Query, Callable[[], None]]:
    engine = sa.create_engine(f"duckdb:///{file}", connect_args={"read_only": True}, poolclass=NullPool)
    con = engine.connect()
    return lambda sql: set(con.execute(sa.text(sql)).scalars()), con.close


def with_adbc(file: Path) -> tuple[Query, Callable[[], None]]:
    con = adbc.connect(
        driver=adbc_driver_duckdb.driver_path(),
        entrypoint="duckdb_adbc_init",
        db_kwargs={"path": str(file), "access_mode": "READ_ONLY"},
        autocommit=True,
    )

    def query(sql: str) -> set[Any]:
        with con.cursor() as cursor:
            cursor.execute(sql)
            return set(cursor.fetch_arrow_table().column(0).to_pylist())

    return query, con.close


CONNECT = {"duckdb": with_duckdb, "sqlalchemy": with_sqlalchemy, "adbc": with_adbc}


def read_database(kind: str, home: Path, saw: dict[str, Any]) -> None:
    """Connect, ask the run and every table, each in a query of its own, and let go."""
    file = home / "published" / "regulars.duckdb"
    try:
        query, close = CONNECT[kind](file)
    except Exception:  # noqa: BLE001 - each driver has errors of its own
        # DuckDB 2.0 opens the file by its name more than once; see docs/bi.md.
        saw["again"] += 1
        query, close = CONNECT[kind](file)
    try:
        [run] = query("SELECT run_id FROM marts.publication")
        for table in TABLES:
            saw["inconsistent"] += query(f"SELECT DISTINCT run FROM marts.{table}") != {run}
            saw["queries"] += 1
    finally:
        close()
    saw["runs"][run] = saw["runs"].get(run, 0) + 1


def read_parquet(kind: str, home: Path, saw: dict[str, Any]) -> None:
    """Resolve the link once, then open one file after the other, slowly."""
    folder = (home / "published" / "parquet").resolve()

    def values(name: str, column: str) -> set[Any]:
        if kind == "polars":
            return set(pl.scan_parquet(folder / f"{name}.parquet").select(column).unique().collect()[column])
        return set(pq.read_table(folder / f"{name}.parquet", columns=[column]).column(0).to_pylist())

    [run] = values("publication", "run_id")
    for table in TABLES:
        time.sleep(0.01)
        saw["inconsistent"] += values(table, "run") != {run}
        saw["queries"] += 1
    saw["runs"][run] = saw["runs"].get(run, 0) + 1


def read(kind: str, home: Path, stop: Path, ready: int) -> dict[str, Any]:
    saw: dict[str, Any] = {
        "kind": kind, "queries": 0, "failed": 0, "inconsistent": 0, "again": 0, "runs": {}, "errors": [],
    }  # fmt: skip
    is_ready = is_last = False
    while not is_last:
        is_last = stop.exists()  # so that the last reading begins when nothing is published any more
        try:
            (read_database if kind in CONNECT else read_parquet)(kind, home, saw)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            saw["failed"] += 1
            saw["errors"].append(f"{type(error).__name__}: {error}")
        if not is_ready:
            os.write(ready, b".")
            is_ready = True
        time.sleep(0.2)
    return saw


def main() -> None:
    warnings.simplefilter("ignore")
    home, stop, kinds = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    os.nice(10)  # twenty readers on a small machine would keep the publisher from its work
    ready_out, ready_in = os.pipe()
    answers = []
    for kind in kinds:
        out, into = os.pipe()
        if os.fork() == 0:
            # The imports above are paid once for all readers; nothing has been opened yet.
            saw = read(kind, home, stop, ready_in)
            with os.fdopen(into, "w") as file:
                file.write(json.dumps(saw))
            os._exit(0)
        os.close(into)
        answers.append(out)
    waiting = len(kinds)
    while waiting:
        waiting -= len(os.read(ready_out, waiting))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    found = []
    for out in answers:
        with os.fdopen(out) as file:
            found.append(json.load(file))
    for _ in kinds:
        os.wait()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
