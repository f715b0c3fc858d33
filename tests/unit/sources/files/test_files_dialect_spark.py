"""What the mapping writes for Spark, as far as no Spark is needed to judge it: refusals, literals, joins."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from sources.entities import ENTITIES
from sources.files.compile import Compiler
from sources.files.config import FilesSource
from sources.files.dialect import DUCKDB
from sources.files.dialect_spark import SPARK
from sources.files.errors import SourceError
from sources.files.expressions import Expression
from sources.files.load import LoadReport
from sources.files.mapping import CompanyDefaults, mapping_problems, view_queries
from sources.files.patterns import checked_pattern, java_pattern
from sources.files.spark_dates import FORMAT_PARTS

Source = Callable[..., FilesSource]
Load = Callable[[FilesSource], LoadReport]


def on_spark(expression: object) -> str:
    compiler = Compiler(SPARK, lambda name: f"r.{SPARK.ident(name)}", ["a", "b"])
    return compiler.value(Expression.model_validate(expression))


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain ü 🎂", "'plain ü 🎂'"),
        ("it's", r"'it\'s'"),
        ("a\\b", r"'a\\b'"),
        ("${env:HOME}", r"'\U00000024{env:HOME}'"),
        ("a\nb\u00a0\ufeff\x00", r"'a\U0000000ab\U000000a0\U0000feff\U00000000'"),
    ],
)
def test_text_literals(value: str, literal: str) -> None:
    assert SPARK.text(value) == literal


def test_names_are_in_backticks() -> None:
    assert SPARK.ident('it\'s "a" `b`') == '`it\'s "a" ``b```'


@pytest.mark.parametrize("form", ["%Y-%U", "%Y %W", "%G-%V-%u", "%w %Y", "%Y-%m-%d %Z"])
def test_a_date_part_that_spark_cannot_do_is_named_with_those_it_can(form: str) -> None:
    known = re.escape(", ".join(FORMAT_PARTS))
    with pytest.raises(ValueError, match=f"has %[UWVuwGZ], which Spark cannot do; parts that work: {known}"):
        on_spark({"column": "a", "format": form})


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("%d.%m.%d", r"says the day twice \(%d\)"),
        ("%Y %y", r"says the year twice \(%y\)"),
        ("%H %I", r"says the hour twice \(%I\)"),
        ("%j %m %Y", "has %j .* beside a month or a day"),
        ("%%", "has no part of a date"),
    ],
)
def test_a_date_format_that_contradicts_itself_is_refused(form: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        on_spark({"column": "a", "format": form})


def test_every_date_part_that_is_said_to_work_is_written() -> None:
    for part in FORMAT_PARTS:
        if part != "%%":
            assert "regexp_replace" in on_spark({"column": "a", "format": part})


@pytest.mark.parametrize("form", ["%-Y", "%-B", "%D", "%Y%"])
def test_a_date_format_that_no_engine_reads_is_refused_in_the_company_file(form: str) -> None:
    with pytest.raises(ValueError, match="no date part after its %"):
        Expression.model_validate({"column": "a", "format": form})


@pytest.mark.parametrize(
    "path", ["$.*", "$[*]", "$..a", "$[-1]", "$[#-1]", "$.", "$a", '$."a', "$['a']", "$.a[", '$."*"', '$."it\'s [0]"']
)
def test_a_json_path_that_spark_cannot_follow_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"JSON path '{path}': Spark cannot")):
        on_spark({"column": "a", "json": path})


@pytest.mark.parametrize("factor", [10_000, -10_000.0, float("inf"), float("nan")])
def test_a_factor_that_no_engine_can_do_exactly_is_refused_in_the_company_file(factor: float) -> None:
    with pytest.raises(ValueError, match="a factor below 10000"):
        Expression.model_validate({"column": "a", "multiply": factor})


@pytest.mark.parametrize("limit", [float("inf"), float("nan")])
def test_a_limit_is_a_number(limit: float) -> None:
    with pytest.raises(ValueError, match="a number is needed"):
        Expression.model_validate({"flag": {"column": "a", "above": limit}})


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        (r"\u00e4", r"\u"),
        ("\\ä", r"\ä"),
        (r"a\Z", r"\Z"),
        ("a++", "++"),
        ("(?>a)", "(?>"),
        ("(?#x)a", "(?#"),
        ("(?x)a b", "(?x"),
        ("(?a)a", "(?a"),
        ("x{1001}", "{1001}"),
        (r"[\b]", r"\b"),
        ("[[:letters:]]", "[:letters:]"),
    ],
)
def test_a_pattern_that_re2_does_not_know_is_refused_with_the_part(pattern: str, part: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"uses '{part}'")):
        checked_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", [r"\u00e4", "\\ä", r"a\Z", "a++", "(?>a)", "(?#x)a", "(?x)a b", "(?a)a", "x{1001}", r"[\b]"]
)
def test_what_is_refused_is_unknown_to_duckdb_too(pattern: str) -> None:
    with duckdb.connect() as con, pytest.raises(duckdb.Error):
        con.execute(f"SELECT {DUCKDB.matches('x', pattern)} FROM (SELECT 'a' AS x)").fetchall()


@pytest.mark.parametrize(
    ("pattern", "java"),
    [
        ("^a.b$", r"\Aa[^\n]b\z"),
        (r"(?s)a.\s", r"a[\x{0}-\x{10FFFF}][\t\n\f\r ]"),
        ("(?P<name_1>a)", "(a)"),
        ("(?i)k", r"[kK\x{212A}]"),
        ("(?i:a)b", "(?:[aA])b"),
        ("[[:digit:]&&é]", r"[0-9\&\&\x{E9}]"),
        ("[[:^digit:]_]", "[[^0-9]_]"),
        ("a{,3}", r"a\{\,3\}"),
        (r"\x{202f}\.", r"\x{202F}\."),
    ],
)
def test_patterns_as_java_reads_them(pattern: str, java: str) -> None:
    assert java_pattern(pattern) == java


def test_letters_with_long_capitals_are_those_that_duckdb_leaves_short() -> None:
    """The tables behind `upper` on Spark, against DuckDB, for every letter that has one."""
    from sources.files import dialect_spark

    with duckdb.connect() as con:
        rows = con.execute("SELECT c, upper(c) FROM (SELECT unnest(?) AS c)", [dialect_spark._LONG_CAPITALS]).fetchall()
    assert len(rows) == 101
    assert [capital for _, capital in rows] == list(dialect_spark._CAPITALS)


def test_what_spark_cannot_do_is_said_with_source_dataset_and_column(source: Source) -> None:
    entities = [
        {
            "entity": "orders",
            "where": {"column": {"column": "a", "json": "$.*"}, "is_null": False},
            "reject": [{"when": {"column": {"column": "a", "format": "%Z"}, "is_null": True}, "reason": "x"}],
            "columns": {"order_id": "a", "ordered_at": {"column": "b", "format": "%Y %W"}},
        }
    ]
    settings = source(entities=entities)
    problems = mapping_problems({"shop": settings}, SPARK)
    assert [problem.path for problem in problems] == [
        "column 'ordered_at' of orders",
        "'where' of orders",
        "'reject' of orders",
    ]
    assert str(problems[0]).startswith(
        "shop.orders: column 'ordered_at' of orders: date format '%Y %W' has %W, which Spark"
    )
    assert mapping_problems({"shop": settings}, DUCKDB) == []


def test_queries_for_spark_count_only_rows_that_the_ledger_knows(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    settings = source(entities=[{"entity": "orders", "one_per": "id", "columns": {"order_id": "id"}}])
    load(settings)
    views = view_queries(con, {"shop": settings}, CompanyDefaults("Europe/Berlin", "EUR", "DE"), SPARK)
    assert list(views) == [*ENTITIES, "raw_json"]
    join = "JOIN ledger.batches AS b ON b.batch_id = r._batch_id AND b.load_id = r._load_id"
    assert views["orders"].count(f"\n{join}") == 2  # records, and lines that could not be read
    assert views["raw_json"].count(f" {join}") == 1
    assert "`raw_shop`.`orders`" in views["orders"]
    assert not any(re.search(r'"|VARCHAR|LEFT JOIN', query) for query in views.values())
    assert " ORDER BY r._row NULLS LAST) = 1 OR coalesce(" in views["orders"]
    assert views["calls"].endswith(" WHERE FALSE")


def test_a_query_for_spark_that_cannot_be_written_is_an_error_of_the_source(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    settings = source(columns={"order_id": {"column": "id", "json": "$..id"}})
    load(settings)
    with pytest.raises(SourceError, match="column 'order_id' of orders: JSON path"):
        view_queries(con, {"shop": settings}, dialect=SPARK)
