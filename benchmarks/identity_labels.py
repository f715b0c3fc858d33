"""Connected records in SQL, as published: what `benchmarks.identity_exact` runs beside the models.

Both start from the same tables: numbered records, and links of records and values that may join (values that more
records carry than allowed are left out). Both name each record by the smallest number that it hangs together with.

- `labels`: each record takes the smallest label of the values that it carries, each value the smallest label of its
  records, until nothing changes. (S. Mitra: Identity Graph and Identity Resolution in SQL, RudderStack 2020,
  https://rudderstack.com/blog/identity-graph-and-identity-resolution-in-sql.)
- `representatives`: each group takes the smallest representative of its neighbours, groups that met are one from then
  on, and links within a group go, until no link is left. (Splink 5, internals/connected_components.py, after
  H. Bögeholz, M. Brand, R.-A. Todor: In-database connected component analysis, ICDE 2020, arXiv 1802.09478.)

The SQL is written anew for DuckDB, with whole numbers instead of texts, which is faster than what is published.
"""

from __future__ import annotations

from pathlib import Path
from threading import Timer
from time import perf_counter
from typing import Any

import duckdb

from benchmarks.identity_links import MAX_RECORDS_PER_VALUE

_NUMBERED = """
CREATE TEMP TABLE given AS SELECT source, source_record_id, kind, value FROM read_parquet('{links}');
CREATE TEMP TABLE records AS
SELECT source, source_record_id, row_number() OVER () AS record
FROM (SELECT DISTINCT source, source_record_id FROM given);
CREATE TEMP TABLE joining AS
SELECT kind, value, row_number() OVER () AS number
FROM (SELECT kind, value FROM given GROUP BY kind, value HAVING count(*) BETWEEN 2 AND {limit});
CREATE TEMP TABLE links AS
SELECT records.record, joining.number AS value
FROM given
JOIN joining USING (kind, value)
JOIN records USING (source, source_record_id);
DROP TABLE given;
DROP TABLE joining
"""

_LABELS_START = "CREATE TEMP TABLE labels AS SELECT record, record AS label FROM records"
_LABELS_ROUND = """
CREATE OR REPLACE TEMP TABLE of_value AS
SELECT value, min(label) AS label FROM links JOIN labels USING (record) GROUP BY value;
CREATE OR REPLACE TEMP TABLE better AS
SELECT record, min(of_value.label) AS label FROM links JOIN of_value USING (value) GROUP BY record;
CREATE OR REPLACE TEMP TABLE next AS
SELECT labels.record, coalesce(least(labels.label, better.label), labels.label) AS label,
    coalesce(better.label < labels.label, false) AS is_changed
FROM labels LEFT JOIN better USING (record);
CREATE OR REPLACE TEMP TABLE labels AS SELECT record, label FROM next
"""
_LABELS_LEFT = "SELECT count(*) FROM next WHERE is_changed"

# The record of a value that has the smallest number stands in the middle of a star.
_REPRESENTATIVES_START = """
CREATE TEMP TABLE edges AS
WITH stars AS (SELECT value, min(record) AS middle FROM links GROUP BY value),
pairs AS (SELECT DISTINCT middle, record FROM links JOIN stars USING (value) WHERE middle <> record)
SELECT middle AS node, record AS neighbour FROM pairs UNION ALL SELECT record, middle FROM pairs;
CREATE TEMP TABLE labels AS SELECT record, record AS label FROM records
"""
_REPRESENTATIVES_ROUND = """
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT node, least(node, min(neighbour)) AS label FROM edges GROUP BY node;
CREATE OR REPLACE TEMP TABLE labels AS
SELECT labels.record, coalesce(chosen.label, labels.label) AS label
FROM labels LEFT JOIN chosen ON labels.label = chosen.node;
CREATE OR REPLACE TEMP TABLE edges AS
SELECT DISTINCT near.label AS node, far.label AS neighbour
FROM edges
JOIN chosen AS near USING (node)
JOIN chosen AS far ON edges.neighbour = far.node
WHERE near.label <> far.label
"""
_REPRESENTATIVES_LEFT = "SELECT count(*) FROM edges"

ALGORITHMS = {
    "labels": (_LABELS_START, _LABELS_ROUND, _LABELS_LEFT),
    "representatives": (_REPRESENTATIVES_START, _REPRESENTATIVES_ROUND, _REPRESENTATIVES_LEFT),
}


def connect(algorithm: str, links: Path, out: Path, *, seconds: float, memory: str) -> dict[str, Any]:
    """Find what hangs together and write source, source_record_id, label to `out`.

    Args:
        algorithm: one of ALGORITHMS.
        links: Parquet with source, source_record_id, kind, value, no row twice.
        out: what to write; not written where it does not come to an end.
        seconds: after so many it is stopped.
        memory: what DuckDB may take.

    Returns:
        is_finished, rounds (those that came to an end), left (records that changed, or links that were left, in the
        last round), seconds, and of these what numbering, rounds and writing took; customers, where it is finished.
    """
    start, again, left = ALGORITHMS[algorithm]
    told: dict[str, Any] = {"is_finished": False, "rounds": 0, "left": None}
    with duckdb.connect() as con:
        con.execute(f"SET threads = 2; SET memory_limit = '{memory}'; SET temp_directory = '{out.parent / 'spilled'}'")
        stop = Timer(seconds, con.interrupt)
        stop.start()
        begun = perf_counter()
        try:
            con.execute(_NUMBERED.format(links=links, limit=MAX_RECORDS_PER_VALUE))
            told["number_seconds"] = round(perf_counter() - begun, 2)
            con.execute(start)
            while told["left"] != 0:
                if perf_counter() - begun > seconds:
                    # DuckDB forgets an interrupt that comes between two statements.
                    raise TimeoutError
                con.execute(again)
                told["left"] = con.execute(left).fetchall()[0][0]
                told["rounds"] += 1
                told["rounds_seconds"] = round(perf_counter() - begun - told["number_seconds"], 2)
            writing = perf_counter()
            con.execute(
                "COPY (SELECT source, source_record_id, label FROM records JOIN labels USING (record)) "
                f"TO '{out}.part' (FORMAT parquet)"
            )
            told["write_seconds"] = round(perf_counter() - writing, 2)
            told["is_finished"] = True
            stop.cancel()
        except (duckdb.InterruptException, TimeoutError):
            return told | {"seconds": round(perf_counter() - begun, 2)}
        finally:
            stop.cancel()
        told["seconds"] = round(perf_counter() - begun, 2)
        told["customers"] = con.execute("SELECT count(DISTINCT label) FROM labels").fetchall()[0][0]
    Path(f"{out}.part").rename(out)
    return told
