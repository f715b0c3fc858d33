"""A load that is killed anywhere is completed by the next one: nothing lost, nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from sources.files.config import FilesSource
from sources.files.load import load_source

FILES = 60
RECORDS = 400

# The child kills itself at the n-th call of one function: before it, or after it has done its work.
_CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import duckdb
from sources.files import ledger, load, tables, write
from sources.files.config import FilesSource

base, point, moment, left = Path(sys.argv[2]), sys.argv[5], sys.argv[6], [int(sys.argv[7])]

def deadly(function):
    def call(*arguments, **named):
        left[0] -= 1
        if left[0] == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **named)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

for module in (ledger, tables, write):
    if hasattr(module, point):
        setattr(module, point, deadly(getattr(module, point)))
progress = deadly(lambda *step: None) if point == "progress" else None
load.GROUP_FILES = 4
source = FilesSource.model_validate_json(sys.argv[3])
con = duckdb.connect(str(base / "kill.duckdb"))
load.load_source(con, "shop", source, base=base, landing=base / "landing", load_id=sys.argv[4], progress=progress)
"""

_POINTS = [
    ("_stage", "after", 2),
    ("_insert_staged", "after", 1),
    ("record_batches", "before", 3),
    ("record_batches", "after", 3),
    ("insert_block", "after", 2),
    ("progress", "after", 2),
    ("grow_table", "after", 4),
]


@pytest.fixture
def full(incoming: Path, source: Callable[..., FilesSource]) -> FilesSource:
    for file in range(FILES):
        lines = [f"{file}-{n},x" for n in range(RECORDS)]
        if file % 7 == 0:
            lines[5] = "ragged"
        (incoming / f"{file:03d}.csv").write_text("id,n\n" + "\n".join(lines) + "\n")
    return source()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_loads_neither_lose_nor_double(tmp_path: Path, full: FilesSource) -> None:
    settings = full.model_dump_json(by_alias=True, exclude_unset=True)
    seen: list[int] = []
    for number, (point, moment, count) in enumerate(_POINTS):
        arguments = [str(Path.cwd()), str(tmp_path), settings, f"load-{number}", point, moment, str(count)]
        done = subprocess.run([sys.executable, "-c", _CHILD, *arguments], capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        with duckdb.connect(str(tmp_path / "kill.duckdb")) as con:
            seen.append(_consistent(con))
    assert seen == sorted(seen)
    # Most kills came after some group was written, none after all were.
    assert 0 < seen[0] < seen[-1] < FILES * RECORDS
    with duckdb.connect(str(tmp_path / "kill.duckdb")) as con:
        report = load_source(con, "shop", full, base=tmp_path, landing=tmp_path / "landing", load_id="load-last")
        assert report.problems == []
        assert _consistent(con) == FILES * RECORDS
        assert con.execute(
            "SELECT count(DISTINCT id), count(_rejected), count(DISTINCT (_batch_id, _row)) FROM raw_shop.orders"
        ).fetchall() == [(FILES * RECORDS - 9, 9, FILES * RECORDS)]


def _consistent(con: duckdb.DuckDBPyConnection) -> int:
    """Rows in the raw table; they must be those of the ledger, batch by batch and load by load."""
    tables = con.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw_shop'").fetchall()
    if tables == [(0,)]:
        return 0
    wrong = con.execute(
        "SELECT * FROM (SELECT _batch_id AS id, count(*) AS n, count(_rejected) AS r FROM raw_shop.orders GROUP BY 1) "
        "FULL JOIN ledger.batches ON batch_id = id "
        "WHERE n IS DISTINCT FROM rows_received OR r IS DISTINCT FROM rows_rejected"
    ).fetchall()
    assert wrong == []
    (rows,) = con.execute("SELECT count(*) FROM raw_shop.orders").fetchall()[0]
    assert con.execute("SELECT coalesce(sum(rows), 0) FROM ledger.loads").fetchall() == [(rows,)]
    assert con.execute("SELECT count(*) FROM ledger.files ANTI JOIN ledger.batches USING (batch_id)").fetchall() == [
        (0,)
    ]
    return int(rows)
