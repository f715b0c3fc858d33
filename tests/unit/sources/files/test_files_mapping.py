"""Views from raw tables to entities: expressions, conditions, grain, rejects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.entities import ENTITIES, TECHNICAL_COLUMNS
from sources.files.compile import Compiler
from sources.files.config import FilesSource
from sources.files.dialect import DUCKDB
from sources.files.errors import SourceError
from sources.files.expressions import Expression
from sources.files.load import LoadReport
from sources.files.mapping import CompanyDefaults, refresh_views

Source = Callable[..., FilesSource]
Load = Callable[[FilesSource], LoadReport]
View = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


@pytest.fixture
def value(memory: duckdb.DuckDBPyConnection) -> Callable[..., Any]:
    """The value that an expression makes of one record with the columns a, b, c and d (which is x)."""

    def run(expression: Any, a: str | None = None, b: str | None = None, c: str | None = None) -> Any:
        compiler = Compiler(DUCKDB, lambda name: f"r.{name}", ["a", "b", "c", "d"])
        sql = compiler.value(Expression.model_validate(expression))
        record = "(SELECT ?::VARCHAR AS a, ?::VARCHAR AS b, ?::VARCHAR AS c, 'x' AS d) AS r"
        return memory.execute(f"SELECT {sql} FROM {record}", [a, b, c]).fetchall()[0][0]

    return run


@pytest.mark.parametrize(
    ("expression", "received", "expected"),
    [
        ("a", "  x ", "x"),
        ("a", "\u00a0x\t", "x"),
        ("A", "x", "x"),
        ("a", "   ", None),
        ("a", None, None),
        ({"column": "a", "trim": False}, " x ", " x "),
        ({"constant": "it's"}, None, "it's"),
        ({"constant": None}, "x", None),
        ({"column": "a", "null_if": ["-", "n/a"]}, "n/a", None),
        ({"column": "a", "null_if": "-"}, "x", "x"),
        ({"column": "a", "remove_prefix": "ID-"}, "ID-7", "7"),
        ({"column": "a", "remove_prefix": "ID-"}, "7ID-", "7ID-"),
        ({"column": "a", "remove_prefix": "ID-"}, "ID-", None),
        ({"column": "a", "remove_suffix": ".0"}, "17850.0", "17850"),
        ({"column": "a", "remove_suffix": ".0"}, "178.05", "178.05"),
        ({"column": "a", "lower": True}, "ÄB", "äb"),
        ({"column": "a", "upper": True}, "äb", "ÄB"),
        ({"column": "a", "split": {"by": "+", "part": 2}}, "AA0101 + 33116", "33116"),
        ({"column": "a", "split": {"by": "+", "part": -1}}, "a+b+c", "c"),
        ({"column": "a", "split": {"by": "+", "part": 4}}, "a+b+c", None),
        ({"column": "a", "regex": r"(\d+)"}, "no 42 of 43", "42"),
        ({"column": "a", "regex": r"\d+"}, "no 42", "42"),
        ({"column": "a", "regex": r"^(C)?"}, "X", None),
        ({"column": "a", "regex": r"^(C)"}, "X", None),
        ({"column": "a", "map": {"Y": "true", "N": None}}, "Y", "true"),
        ({"column": "a", "map": {"Y": "true", "N": None}}, "N", None),
        ({"column": "a", "map": {"Y": "true"}}, "maybe", "maybe"),
        ({"column": "a", "map": {"Y": "true"}, "default": "false"}, "maybe", "false"),
        ({"column": "a", "map": {"Y": "true"}, "default": None}, "maybe", None),
        ({"column": "a", "map": {"Y": "true"}, "default": "false"}, None, None),
        ({"column": "a", "map": {"it's": "ok'"}}, "it's", "ok'"),
        ({"column": "a", "prefix": "19"}, "990201", "19990201"),
        ({"column": "a", "prefix": "19"}, None, None),
        ({"column": "a", "suffix": "%"}, "5", "5%"),
        ({"column": "a", "multiply": -1}, "12.50", "-12.5"),
        ({"column": "a", "multiply": 0.01}, "1999", "19.99"),
        ({"column": "a", "multiply": 60}, "100", "6000"),
        ({"column": "a", "multiply": 2}, "n/a", "n/a"),
        ({"column": "a", "multiply": 2}, "99999999999999999999999999", "99999999999999999999999999"),
        ({"column": "a", "absolute": True}, "-12.50", "12.50"),
        ({"column": "a", "absolute": True}, "12", "12"),
        ({"column": "a", "absolute": True}, "-x", "-x"),
        ({"column": "a", "decimal_comma": True}, "1.234,50", "1234.50"),
        ({"column": "a", "decimal_comma": True}, "-0,5", "-0.5"),
        ({"column": "a", "decimal_comma": True}, "1 234 567", "1234567"),
        ({"column": "a", "decimal_comma": True}, "1\u00a0234,5", "1234.5"),
        ({"column": "a", "decimal_comma": True}, "12.50", "12.50"),
        ({"column": "a", "decimal_comma": True, "multiply": 100}, "1.234,5", "123450"),
        ({"column": "a", "format": "%d.%m.%Y %H:%M"}, "1.12.2010 8:26", "2010-12-01 08:26:00"),
        ({"column": "a", "format": ["%d.%m.%Y", "%Y/%m/%d"]}, "2010/12/01", "2010-12-01 00:00:00"),
        ({"column": "a", "format": "%Y-%m-%d %H:%M:%S.%f"}, "2024-01-02 03:04:05.25", "2024-01-02 03:04:05.25"),
        ({"column": "a", "format": "%Y-%m-%dT%H:%M:%S%z"}, "2024-01-02T03:04:05+0200", "2024-01-02 01:04:05+00"),
        ({"column": "a", "format": "%d.%m.%Y"}, "31.02.2024", "31.02.2024"),
        ({"column": "a", "format": "%d.%m.%Y"}, None, None),
        ({"column": "a", "prefix": "19", "format": "%Y%m%d"}, "990201", "1999-02-01 00:00:00"),
        ({"column": "a", "json": "$.who.name"}, '{"who": {"name": "Ann"}}', "Ann"),
        ({"column": "a", "json": "$.list[1]"}, '{"list": [1, {"x": 2}]}', '{"x":2}'),
        ({"column": "a", "json": "$.who"}, "{broken", None),
        ({"flag": {"column": "a", "starts_with": "C"}}, "C536379", "true"),
        ({"flag": {"column": "a", "starts_with": "C"}}, "536379", "false"),
        ({"flag": {"column": "a", "starts_with": "C"}}, None, "false"),
        ({"flag": {"column": "a", "starts_with": "C", "not": True}}, None, "true"),
        ({"flag": {"column": "a", "ends_with": "%_"}}, "100%_", "true"),
        ({"flag": {"column": "a", "ends_with": "%_"}}, "100xy", "false"),
        ({"flag": {"column": "a", "equals": 0}}, " 0 ", "true"),
        ({"flag": {"column": "a", "in": ["x", "y'"]}}, "y'", "true"),
        ({"flag": {"column": "a", "matches": "^[0-9]{3}$"}}, "123", "true"),
        ({"flag": {"column": "a", "matches": "^[0-9]{3}$"}}, "1234", "false"),
        ({"flag": {"column": "a", "is_null": True}}, " ", "true"),
        ({"flag": {"column": "a", "is_null": False}}, " ", "false"),
        ({"flag": {"column": "a", "above": 0}}, "0.01", "true"),
        ({"flag": {"column": "a", "above": 0}}, "x", "false"),
        ({"flag": {"column": "a", "below": 0}}, "-1", "true"),
        ({"flag": {"column": {"column": "a", "lower": True}, "equals": "x"}}, "X", "true"),
    ],
)
def test_expressions(value: Callable[..., Any], expression: Any, received: str | None, expected: str | None) -> None:
    assert value(expression, received) == expected


def test_values_made_of_several_columns(value: Callable[..., Any]) -> None:
    assert value({"concat": ["a", "b", "c"], "separator": " "}, "Ann", " ", "Lee ") == "Ann Lee"
    joined = {"concat": ["a", "b"], "separator": " ", "format": "%y%m%d %H:%M:%S"}
    assert value(joined, "990201", "7:02:47") == "1999-02-01 07:02:47"
    assert value({"concat": ["b", "c"]}, "x") is None
    assert value({"first_of": ["a", {"column": "b", "upper": True}, {"constant": "none"}]}, "", "bo") == "BO"
    assert value({"first_of": ["a", {"constant": "none"}]}, " ") == "none"


def test_hashes(value: Callable[..., Any]) -> None:
    assert value({"hash": ["a", "b"]}, "x", None, "c") == hashlib.md5(b"x\x1f").hexdigest()
    assert value({"hash": ["a", "b"]}, None, None, "c") is None
    everything = hashlib.md5(b"a=x\x1fc=y\x1fd=x").hexdigest()
    assert value({"hash": "*"}, "x", None, "y") == everything


def test_a_hash_of_all_columns_stays_when_a_column_is_added(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load
) -> None:
    settings = source(columns={"order_id": {"hash": "*"}})
    (incoming / "a.csv").write_text("b,a\n1,2\n")
    load(settings)
    (incoming / "b.csv").write_text("b,a,new\n1,2,\n")
    load(settings)
    refresh_views(con, {"shop": settings})
    assert con.execute("SELECT count(*), count(DISTINCT order_id) FROM mapped.orders").fetchall() == [(2, 1)]


@pytest.fixture
def view(con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load) -> View:
    def run(entities: list[dict[str, Any]], select: str, **files: str) -> list[tuple[Any, ...]]:
        for name, content in files.items():
            (incoming / f"{name}.csv").write_text(content)
        settings = source(entities=entities)
        assert load(settings).problems == []
        refresh_views(con, {"shop": settings}, defaults=CompanyDefaults("Europe/Berlin", "EUR", "DE"))
        return con.execute(select).fetchall()

    return run


def test_where_reject_and_one_per_make_orders_of_lines(view: View) -> None:
    entities = [
        {
            "entity": "orders",
            "one_per": "no",
            "where": [{"column": "kind", "equals": "sale"}, {"column": "no", "equals": "9", "not": True}],
            "reject": [
                {"when": {"column": "no", "starts_with": "A"}, "reason": "bad_debt"},
                {"when": [{"column": "qty", "below": 0}, {"column": "no", "equals": "2"}], "reason": "it's less"},
            ],
            "columns": {"order_id": "no", "status": "qty"},
        }
    ]
    lines = "no,kind,qty\n1,gift,1\n1,sale,2\n1,sale,3\n9,sale,1\nA1,sale,1\n2,sale,-1\n,sale,7\n,sale,8\n3,sale,-4\n"
    more = "no,kind,qty\n1,sale,5\n"
    found = view(
        entities, "SELECT order_id, status, _row, _reject_reason FROM mapped.orders ORDER BY status", a=lines, b=more
    )
    assert found == [
        ("2", "-1", 6, "it's less"),
        ("3", "-4", 9, None),
        ("A1", "1", 5, "bad_debt"),
        ("1", "2", 2, None),
        ("1", "5", 1, None),
        (None, "7", 7, None),
        (None, "8", 8, None),
    ]


def test_refused_lines_appear_once_in_the_first_entity(view: View) -> None:
    entities = [
        {"entity": "order_lines", "columns": {"order_line_id": "id"}},
        {
            "entity": "order_lines",
            "where": {"column": "n", "above": 0},
            "columns": {"order_line_id": {"constant": "fee"}},
        },
        {"entity": "orders", "columns": {"order_id": "id"}},
    ]
    found = view(
        entities,
        "SELECT order_line_id, _row, _reject_reason FROM mapped.order_lines ORDER BY _row, 1",
        a="id,n\n1,5\n2\n",
    )
    assert found == [
        ("1", 1, None),
        ("fee", 1, None),
        (None, 2, "unreadable line: line 3: 1 values, the header has 2"),
    ]
    assert view(entities, "SELECT order_id, _reject_reason FROM mapped.orders") == [("1", None)]


def test_technical_columns(con: duckdb.DuckDBPyConnection, incoming: Path, load: Load, source: Source) -> None:
    data = source().model_dump(by_alias=True, exclude_unset=True)
    settings = FilesSource.model_validate(data | {"currency": "GBP", "accounts_of": "crm", "channel": "web"})
    (incoming / "a.csv").write_text("id\n1\n")
    load(settings)
    refresh_views(con, {"shop": settings}, defaults=CompanyDefaults("Europe/Berlin", "EUR", "DE"))
    assert con.execute(
        "SELECT _source, _channel, _dataset, _load_id, _row, _time_zone, _currency, _country, _accounts_of, "
        "_products_of, _reject_reason, _loaded_at = (SELECT loaded_at FROM ledger.batches) FROM mapped.orders"
    ).fetchall() == [("shop", "web", "orders", "load-1", 1, "Europe/Berlin", "GBP", "DE", "crm", "shop", None, True)]


def test_every_view_has_its_columns_with_and_without_data(
    con: duckdb.DuckDBPyConnection, incoming: Path, load: Load, source: Source
) -> None:
    def shape() -> dict[str, list[tuple[str, str]]]:
        return {
            name: [(row[0], row[1]) for row in con.execute(f"DESCRIBE mapped.{name}").fetchall()] for name in ENTITIES
        }

    refresh_views(con, {"shop": source()})
    empty = shape()
    assert con.execute("SELECT count(*) FROM mapped.orders").fetchall() == [(0,)]
    assert con.execute("SELECT count(*) FROM mapped.raw_json").fetchall() == [(0,)]
    (incoming / "a.csv").write_text("id\n1\n")
    load(source())
    refresh_views(con, {"shop": source()})
    assert shape() == empty
    for name, entity in ENTITIES.items():
        assert empty[name] == [(column, "VARCHAR") for column in entity.columns] + list(TECHNICAL_COLUMNS.items())
    assert con.execute("SELECT order_id FROM mapped.orders").fetchall() == [("1",)]


def test_a_mapped_column_nobody_brought_is_said(
    con: duckdb.DuckDBPyConnection, incoming: Path, load: Load, source: Source
) -> None:
    (incoming / "a.csv").write_text("id,n\n1,2\n")
    load(source())
    refresh_views(con, {"shop": source()})
    with pytest.raises(SourceError, match=r"'number'.*columns there: id, n"):
        refresh_views(con, {"shop": source(columns={"order_id": "number"})})
    assert con.execute("SELECT order_id FROM mapped.orders").fetchall() == [("1",)]


def test_a_json_key_nobody_brought_is_null(
    con: duckdb.DuckDBPyConnection, incoming: Path, load: Load, source: Source
) -> None:
    (incoming / "a.jsonl").write_text('{"id": 1}\n')
    settings = source("in/*.jsonl", columns={"order_id": "id", "email": "mail"})
    load(settings)
    refresh_views(con, {"shop": settings})
    assert con.execute("SELECT order_id, email FROM mapped.orders").fetchall() == [("1", None)]


def test_a_filter_on_the_load_reaches_the_raw_table_below_the_window(
    con: duckdb.DuckDBPyConnection, view: View
) -> None:
    entities = [{"entity": "orders", "one_per": "id", "columns": {"order_id": {"column": "id", "upper": True}}}]
    view(entities, "SELECT 1", a="id\n1\n")
    view(entities, "SELECT 1", b="id\n2\n")
    query = "EXPLAIN (FORMAT json) SELECT order_id FROM mapped.orders WHERE _load_id = 'load-1'"
    plan = json.loads(con.execute(query).fetchall()[0][1])

    def scans(node: dict[str, Any], below_window: bool) -> list[tuple[bool, dict[str, Any]]]:
        window = below_window or node["name"] == "WINDOW"
        own = [(below_window, node["extra_info"])] if "orders" in node["extra_info"].get("Table", "") else []
        return own + [found for child in node["children"] for found in scans(child, window)]

    found = [
        info for below, info in scans({"name": "", "extra_info": {}, "children": plan}, below_window=False) if below
    ]
    assert len(found) == 1
    assert "load-1" in str(found[0].get("Filters"))


def test_raw_json_gives_the_record_as_received(view: View) -> None:
    entities = [{"entity": "orders", "columns": {"order_id": "id"}}]
    assert view(
        entities, "SELECT source, dataset, row_number, raw FROM mapped.raw_json ORDER BY 3", a='id,"a b"\n1,\n2\n'
    ) == [
        ("shop", "orders", 1, '{"id":"1","a b":null}'),
        ("shop", "orders", 2, '{"_raw_line":"2"}'),
    ]
