"""The published tables as readers see them, and what of them tells two runs apart."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import yaml
from helpers import ROOT

MODELS = ROOT / "dbt_project" / "models"

Row = dict[str, Any]


@contextlib.contextmanager
def opened(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB file, open for reading."""
    with duckdb.connect(str(file), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


def rows(file: Path, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """The rows of a query on a DuckDB file."""
    with opened(file) as con:
        return con.execute(query, list(values)).fetchall()


def records(file: Path, query: str, values: Sequence[object] = ()) -> list[Row]:
    """The rows of a query on a DuckDB file, by column name."""
    with opened(file) as con:
        answer = con.execute(query, list(values))
        names = [column[0] for column in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def contract() -> dict[str, list[str]]:
    """The columns of every contract table, read from the YAML beside the models, without dbt."""
    tables = {}
    for file in MODELS.rglob("*.yml"):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
            is_mart = file.is_relative_to(MODELS / "marts")
            if is_mart or model.get("access") == "public":
                tables[model["name"]] = [column["name"] for column in model["columns"]]
    return dict(sorted(tables.items()))


# Of one run and no other: when something was measured or loaded, and under which run.
OF_ONE_RUN = frozenset(
    {
        "load_id",
        "measured_at",
        "resolved_at",
        "started_at",
        "finished_at",
        "quarantined_at",
        "released_at",
        "released_by_run",
        "changed_at",
        "since_at",
        "found_at",
        "run_id",
    }
)


def tables_of(file: Path, without: Iterable[str] = OF_ONE_RUN) -> dict[str, list[tuple[Any, ...]]]:
    """All contract tables of a published file as sorted rows, without the columns that belong to one run.

    What stands per load is summed over loads, because a run that was killed splits a load in two: source_loads and
    data_validity. The index is that of everything held; of the history only the last judgement is compared.
    """
    left_out = set(without)
    made = {}
    for table, columns in contract().items():
        query = f"SELECT {{}} FROM marts.{table}"
        if table == "source_loads":
            query = (
                "SELECT source, entity, sum(received), sum(valid), sum(quarantined), sum(duplicates) "
                "FROM marts.source_loads GROUP BY ALL"
            )
        elif table == "data_validity":
            query = (
                "SELECT source, entity, field, rule, dimension, weight, sum(records), sum(valid_records) "
                "FROM marts.data_validity GROUP BY ALL"
            )
        elif table in ("data_validity_index", "data_validity_by_field"):
            query += " WHERE load_id = 'all'"
        elif table == "data_validity_history":
            query = (
                "SELECT source, entity, rule, validity, goal, weight, records, failed_records, passed "
                "FROM marts.data_validity_history WHERE run_id = (SELECT max(run_id) FROM marts.data_validity_history)"
            )
        elif table == "forecast_models":
            query += " WHERE run_id = (SELECT max(run_id) FROM marts.forecast_models)"
        kept = ", ".join(f'"{column}"' for column in columns if column not in left_out)
        made[table] = sorted(rows(file, query.format(kept)), key=repr)
    return made


def differences(one: Mapping[str, list[Any]], other: Mapping[str, list[Any]]) -> dict[str, tuple[list[Any], list[Any]]]:
    """Per table the rows that only the one and only the other has, three of each; empty where all are equal."""
    found = {}
    for table in one.keys() | other.keys():
        left, right = one.get(table, []), other.get(table, [])
        if left != right:
            found[table] = (
                [row for row in left if row not in right][:3] or left[:1],
                [row for row in right if row not in left][:3] or right[:1],
            )
    return found


def fingerprint(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """What the files of a folder are: inode, time of change and content; two equal answers mean nobody wrote."""
    return {
        str(file.relative_to(folder)): (file.stat().st_ino, file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def balance(file: Path) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """(source, entity) -> received, valid, quarantined, duplicates of a published file; fails unless they add up."""
    found = {}
    for load, source, entity, *numbers in rows(
        file, "SELECT load_id, source, entity, received, valid, quarantined, duplicates FROM marts.source_loads"
    ):
        assert numbers[0] == sum(numbers[1:]), (load, source, entity, numbers)
        before = found.get((source, entity), (0, 0, 0, 0))
        found[source, entity] = tuple(old + new for old, new in zip(before, numbers, strict=True))
    return found
