"""`python -m benchmarks.postgres`: marts to PostgreSQL, beside its own COPY of the same rows from binary files.

Both write the same columns to the same server on this machine, which syncs to disk as it would for a company. COPY
reads files that the server wrote itself, in its own format, and makes tables without indexes; beside it stands COPY
with the indexes and statistics that readers of the published tables have. The rows are made up, in the marts' columns.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml

from benchmarks.measure import Measured, command, machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
MODELS = ROOT / "dbt_project" / "models"
LIMIT, MEMORY_LIMIT = 1.5, 4
GIB = 2**30
SERVER = (
    "fsync = on\nfull_page_writes = on\nshared_buffers = 1GB\nmax_wal_size = 8GB\nmaintenance_work_mem = 256MB\n"
    "checkpoint_timeout = 30min\n"
)
USER, PASSWORD, KEY = "bench", "bench", "a key of the benchmark, long enough"
GRAINS = {"dim_customers": ("customer_id",), "fct_orders": ("order_id",), "fct_order_lines": ("order_line_id",)}

# Columns whose values matter for size or for joins; `i` numbers the row. All others follow from their type.
OWN = {
    "dim_customers": {
        "customer_id": "'c_' || right(md5(i::VARCHAR), 16)",
        "display_name": "'Anna Example ' || i",
        "primary_email": "'anna.example' || i || '@mail.example'",
        "primary_phone": "'+4930' || (10000000 + i)",
        "birth_date": "DATE '1940-01-01' + (i % 25000)::INTEGER",
    },
    "fct_orders": {
        "order_id": "'webshop:' || (5600000000000 + i)",
        "order_number": "(5600000000000 + i)::VARCHAR",
        "customer_id": "'c_' || right(md5((i % {customers})::VARCHAR), 16)",
    },
    "fct_order_lines": {
        "order_line_id": "'webshop:' || (14000000000000 + i)",
        "order_id": "'webshop:' || (5600000000000 + i // 3)",
        "product_id": "'webshop:' || (45100000000000 + i % 500)",
        "sku": "'BR-' || (i % 500)",
    },
}
BY_TYPE = {
    "string": "['web', 'store', 'completed', 'EUR', NULL][1 + (i % 5)::INTEGER]",
    "boolean": "i % 3 = 0",
    "date": "DATE '2024-01-01' + (i % 900)::INTEGER",
    "timestamp": "TIMESTAMP '2024-01-01' + INTERVAL (i % 1000000) MINUTE",
    "bigint": "i % 1000",
    "integer": "(i % 100)::INTEGER",
    "double": "(i % 997) / 7.0",
    "decimal(18,4)": "((i % 99991) / 100)::DECIMAL(18,4)",
}


def main() -> None:
    """Measure and write `results/postgres.json` and `results/postgres.md`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=2, help="how often; the shortest time counts (default: 2)")
    parser.add_argument("--publish", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.publish:
        publish_here(json.loads(given.publish))
        return
    from tests.postgres_server import running

    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as name, running(SERVER) as server:
        record = measure(Path(name), server, given.customers, given.lines, given.times)
    RESULTS.joinpath("postgres.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    RESULTS.joinpath("postgres.md").write_text(as_markdown(record), encoding="utf-8")
    print(as_markdown(record))


def publish_here(given: dict[str, Any]) -> None:
    """Publish in this process, and print what it did."""
    import duckdb

    from orchestration.company_postgres import PostgresSettings
    from orchestration.postgres.connection import Secrets
    from orchestration.postgres.pseudonyms import read_personal_columns
    from orchestration.postgres.publication import Source, publish

    settings = PostgresSettings.model_validate(given["settings"])
    with duckdb.connect(given["file"], read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET memory_limit = '3GB'")
        con.execute("SET threads = 2")
        source = Source(con, read_personal_columns(ROOT / "dbt_project" / "seeds"), GRAINS, "bench")
        report = publish(source, settings, Secrets(PASSWORD, KEY))
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"seconds": report.seconds, "written": report.written, "rows": report.rows}
    print(json.dumps({**told, "cpu_seconds": used.ru_utime + used.ru_stime}))


def columns_of(table: str) -> dict[str, str]:
    """The columns of a mart with their types, as its contract says."""
    [file] = MODELS.rglob(f"{table}.yml")
    [model] = yaml.safe_load(file.read_text("utf-8"))["models"]
    return {column["name"]: column["data_type"] for column in model["columns"]}


def make(file: Path, customers: int, lines: int) -> dict[str, int]:
    """A published file with the three largest marts; return their rows."""
    import duckdb

    rows = {"dim_customers": customers, "fct_orders": lines * 3 // 10, "fct_order_lines": lines}
    with duckdb.connect(str(file)) as con:
        con.execute("CREATE SCHEMA marts")
        for table, count in rows.items():
            chosen = ", ".join(
                f"({OWN[table].get(name, BY_TYPE[kind]).format(customers=customers)})::{kind} AS {name}"
                for name, kind in columns_of(table).items()
            )
            con.execute(f"CREATE TABLE marts.{table} AS SELECT {chosen} FROM (SELECT range AS i FROM range({count}))")
        con.execute(
            "CREATE TABLE marts.publication AS SELECT 'run-1' AS run_id, now()::TIMESTAMP AS published_at, "
            "now()::TIMESTAMP AS as_of, '1' AS version"
        )
    return rows


def measure(folder: Path, server: Any, customers: int, lines: int, times: int) -> dict[str, Any]:
    """Publish and copy in turns; the shortest of each counts."""
    server.execute(f"CREATE ROLE {USER} LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
    server.execute(f"ALTER DATABASE regulars OWNER TO {USER}")
    file = folder / "regulars.duckdb"
    rows = make(file, customers, lines)
    where = {"host": server.host, "port": server.port, "dbname": "regulars", "user": USER, "password": "${ENV:UNUSED}"}
    hidden = {**where, "pseudonymous": {"secret_key": "${ENV:UNUSED}"}}
    found: dict[str, list[dict[str, Any]]] = {"publish": [], "copy": [], "copy_indexed": []}
    for number in range(times):
        start_anew(server)
        found["publish"].append(published(folder, server, file, where))
        if number == 0:
            again = published(folder, server, file, where)
            copies = export(server)
        start_anew(server)
        found["copy"].append(timed(copy, server, copies))
        found["copy_indexed"].append(timed(index, server, copies))
    start_anew(server)
    both = published(folder, server, file, hidden)
    best = {name: min(many, key=lambda one: one["seconds"]) for name, many in found.items()}
    indexed = best["copy"]["seconds"] + best["copy_indexed"]["seconds"]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "postgresql": server.execute("SHOW server_version")[0][0],
        "rows": rows,
        "bytes": {table: path.stat().st_size for table, (path, _) in copies.items()},
        "publish": best["publish"],
        "nothing_changed": again,
        "with_pseudonyms": both,
        "copy": best["copy"],
        "copy_indexed": {
            "seconds": indexed,
            "cpu_seconds": best["copy"]["cpu_seconds"] + best["copy_indexed"]["cpu_seconds"],
        },
        "ratio": best["publish"]["seconds"] / best["copy"]["seconds"],
        "ratio_indexed": best["publish"]["seconds"] / indexed,
        "all": found,
    }


def start_anew(server: Any) -> None:
    """Remove what is there, so that each begins on an empty database and a disk at rest."""
    server.execute("DROP SCHEMA IF EXISTS marts, marts_store, marts_pseudonymous, plain CASCADE")
    server.execute("CHECKPOINT")


def published(folder: Path, server: Any, file: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Publish in a process of its own; its seconds without start and imports, and the memory of both sides."""
    log = folder / "log"
    given = json.dumps({"file": str(file), "settings": settings})
    before = server_cpu(server)
    with Watched(server) as watched:
        measured: Measured = command([sys.executable, "-m", "benchmarks.postgres", "--publish", given], log)
    said = log.read_text(encoding="utf-8")
    if measured.exit_code:
        raise SystemExit(said)
    told = json.loads(said.strip().splitlines()[-1])
    told["cpu_seconds"] += server_cpu(server) - before
    return {**told, "peak_bytes": measured.peak_bytes, "server_bytes": watched.peak}


def server_cpu(server: Any) -> float:
    """Processor seconds of all processes of the server, those that have ended included."""
    import psutil

    postmaster = psutil.Process(server._process.pid)
    total = sum(postmaster.cpu_times()[:4])  # itself, and its children that have ended
    for process in postmaster.children():
        with suppress(psutil.Error):
            total += sum(process.cpu_times()[:2])
    return float(total)


class Watched:
    """The most memory that the server's processes held together, shared memory counted once."""

    def __init__(self, server: Any) -> None:
        self.server, self.peak, self._stop = server, 0, threading.Event()

    def __enter__(self) -> Watched:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        import psutil

        postmaster = psutil.Process(self.server._process.pid)
        while not self._stop.wait(0.5):
            private, shared = 0, 0
            for process in (postmaster, *postmaster.children()):
                try:
                    held = process.memory_info()
                except psutil.Error:
                    continue
                private += held.rss - held.shared
                shared = max(shared, held.shared)
            self.peak = max(self.peak, private + shared)


def timed(work: Callable[..., object], *given: object) -> dict[str, Any]:
    """Seconds of a piece of work that the server given first does: by the clock, and of a processor."""
    server = given[0]
    before, begun = server_cpu(server), perf_counter()
    work(*given)
    seconds = perf_counter() - begun
    time.sleep(1)  # the process that worked ends, and is counted
    return {"seconds": seconds, "cpu_seconds": server_cpu(server) - before}


def export(server: Any) -> dict[str, tuple[Path, str]]:
    """Have the server write what was published as binary files; return file and columns of each table."""
    copies = {}
    for table, relation in server.execute("SELECT part, relation FROM marts_store.parts ORDER BY rows"):
        columns = server.execute(
            "SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) || CASE WHEN "
            "attcollation = 'pg_catalog.\"C\"'::regcollation THEN ' COLLATE \"C\"' ELSE '' END, ', ' ORDER BY attnum) "
            "FROM pg_attribute WHERE attrelid = %s::regclass",
            [f"marts.{table}"],
        )[0][0]
        path = server.folder / f"{table}.bin"
        names = ", ".join(f'"{name}"' for name in columns_of(table))
        server.execute(f"COPY (SELECT {names} FROM marts_store.\"{relation}\") TO '{path}' WITH (FORMAT binary)")
        copies[table] = (path, columns)
    return copies


def copy(server: Any, copies: dict[str, tuple[Path, str]]) -> None:
    """PostgreSQL's own COPY into new tables, in one transaction."""
    with server.connect(autocommit=False) as con:
        con.execute("CREATE SCHEMA plain")
        for table, (path, columns) in copies.items():
            con.execute(f"CREATE TABLE plain.{table} ({columns})")
            con.execute(f"COPY plain.{table} FROM '{path}' WITH (FORMAT binary)")


def index(server: Any, copies: dict[str, tuple[Path, str]]) -> None:
    """The indexes and statistics that the published tables have."""
    with server.connect(autocommit=False) as con:
        for table in copies:
            names = columns_of(table)
            if con.execute(f"SELECT count(*) FROM plain.{table}").fetchone()[0] <= 1_000_000:
                con.execute(f"CREATE UNIQUE INDEX ON plain.{table} ({', '.join(GRAINS[table])})")
                names.pop(GRAINS[table][0])
            for column in ("customer_id", "order_id"):
                if column in names:
                    con.execute(f"CREATE INDEX ON plain.{table} ({column})")
            con.execute(f"ANALYZE plain.{table}")


def as_markdown(record: dict[str, Any]) -> str:
    """The page of results."""
    versions = ", ".join(f"{name} {value}" for name, value in record["machine"].items())
    rows = ", ".join(f"{count:,} {table}" for table, count in record["rows"].items())
    size = sum(record["bytes"].values()) / 1e6
    once, again, both = record["publish"], record["nothing_changed"], record["with_pseudonyms"]
    peak = max(once["peak_bytes"], both["peak_bytes"]) / GIB
    met = "met" if record["ratio"] <= LIMIT else "missed"
    room = "met" if peak <= MEMORY_LIMIT else "missed"

    def line(words: str, one: dict[str, Any]) -> str:
        memory = "|"
        if "peak_bytes" in one:
            memory = f"{one['peak_bytes'] / GIB:.2f} GiB | {one['server_bytes'] / GIB:.2f} GiB"
        return f"| {words} | {one['seconds']:.1f} | {one['cpu_seconds']:.1f} | {memory} |"

    return "\n".join(
        [
            "# Marts to PostgreSQL",
            "",
            f"{record['date']}, {versions}, PostgreSQL {record['postgresql']}.",
            "",
            f"{rows}: {size:,.0f} MB in PostgreSQL's binary format. Publishing against COPY from binary files: "
            f"{record['ratio']:.2f} (limit {LIMIT}: {met}); against COPY with the same indexes and statistics: "
            f"{record['ratio_indexed']:.2f}. Memory of the publishing process: {peak:.2f} GiB (limit {MEMORY_LIMIT}: "
            f"{room}). Publishing includes the fingerprints of all tables, indexes and statistics.",
            "",
            "| what | seconds | of a processor, client and server | peak memory | of the server |",
            "| --- | ---: | ---: | ---: | ---: |",
            line("published, everything new", once),
            line("published again, nothing changed", again),
            line("published, and the customers once more without personal data", both),
            line("COPY from binary files, no indexes", record["copy"]),
            line("the same with indexes and statistics", record["copy_indexed"]),
            "",
        ]
    )


if __name__ == "__main__":
    main()
