# ruff: noqa: RUF001 - digits of other scripts are what is tried here
"""Contact values are judged on Spark as on DuckDB: the same values, the same verdicts, each once."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from expectations.judge import judge_new
from expectations.judge_spark import judge_new_on_spark
from expectations.kinds import KINDS

EMAILS = [
    "Anna@Example.com",
    " Anna@Example.com ",
    "anna@example.com",
    "nobody",
    "",
    "   ",
    None,
    "a\x00@example.com",
    "ü@exämple.de",
    "дом@example.com",
    "x" * 300 + "@y.example",
    "x" * 20_000 + "@y.example",
    "\u202eanna@example.com",
    "anna@example.test",
]
PHONES = [
    ("030 123456", "DE"),
    ("030 123456", "GB"),
    ("030 123456", None),
    ("+49 30 123456", "DE"),
    ("٠٣٠ ١٢٣٤٥٦", "DE"),
    ("4930123456.0", "DE"),
    ("9" * 260, "DE"),
    ("9" * 2000, None),
    ("9" * 2000, "DE"),
    ("", "DE"),
    (None, "DE"),
    ("030 123456 ext. 12", "DE"),
]
# Names, postcodes and countries of the records with the values above.
NAMES = ["Anna", "Null", "n/a", "  Anna  Maria ", "йцукен", "王", "An\x00na", "x" * 3000, "", None, "123", "\u202eanna"]
POSTCODES = ["10115", "4051", "ec1y8sy", "00000", "١١٥١١", "10115.0", "9" * 2000, "", None, "??", "D-10115", "1 \x00"]
COUNTRIES = ["DE", "Schweiz", "UK", "Narnia", " ", None, "CH", "x" * 2000, "", "\x00", None, "at"]
VIEWS = {
    "customers": "SELECT * FROM received.contacts",
    "calls": "SELECT phone, _country, _load_id FROM received.contacts",
    "email_events": "SELECT email, _load_id FROM received.contacts WHERE email LIKE '%example%'",
    "products": "SELECT _load_id FROM received.contacts",
    # Whole records as text have nothing to judge, and not every column either.
    "raw_json": "SELECT email AS raw FROM received.contacts",
}


def rows():
    """Each value in two loads; phones are spread over the rows of the e-mails."""
    for load in ("one", "two"):
        for place in range(max(len(EMAILS), len(PHONES))):
            email = EMAILS[place] if place < len(EMAILS) else None
            phone, country = PHONES[place] if place < len(PHONES) else (None, None)
            name = NAMES[place % len(NAMES)]
            yield {
                "email": email, "phone": phone, "first_name": name, "last_name": NAMES[(place + 1) % len(NAMES)],
                "full_name": name and f"{name} {name}", "postal_code": POSTCODES[place % len(POSTCODES)],
                "country_code": COUNTRIES[place % len(COUNTRIES)], "_country": country, "_load_id": load,
            }  # fmt: skip
    yield {
        "email": "late@example.com", "phone": "+44 20 7946 0000", "first_name": "Late", "last_name": None,
        "full_name": None, "postal_code": "4051", "country_code": "Austria", "_country": None, "_load_id": "three",
    }  # fmt: skip


@pytest.fixture(scope="module")
def mapped(spark):
    """Both engines with the same mapped views."""
    names = (
        "email", "phone", "first_name", "last_name", "full_name", "postal_code", "country_code", "_country", "_load_id"
    )  # fmt: skip
    table = pa.Table.from_pylist(list(rows()), schema=pa.schema([(name, pa.string()) for name in names]))
    con = duckdb.connect(":memory:")
    con.execute("CREATE SCHEMA received; CREATE SCHEMA mapped")
    con.register("incoming", table)
    con.execute("CREATE TABLE received.contacts AS SELECT * FROM incoming")
    for schema in ("received", "mapped", "quality"):
        spark.sql(f"CREATE DATABASE {schema}")
    spark.createDataFrame(table).write.saveAsTable("received.contacts")
    for view, query in VIEWS.items():
        con.execute(f"CREATE VIEW mapped.{view} AS {query}")
        spark.sql(f"CREATE VIEW mapped.{view} AS {query}")
    yield con
    con.close()
    for schema in ("mapped", "received", "quality"):
        spark.sql(f"DROP DATABASE {schema} CASCADE")


def order(row):
    return [(value is not None, str(value)) for value in row]


def on_spark(data):
    return sorted((tuple(row) for row in data.collect()), key=order)


def on_duckdb(con, table):
    return sorted(con.execute(f"SELECT * FROM {table}").fetchall(), key=order)


def forget(con):
    con.execute("DROP SCHEMA IF EXISTS quality CASCADE")


def same(new, con):
    """Both engines have the same columns and the same rows, and there are some."""
    for name, kind in KINDS.items():
        frame = getattr(new, name)
        assert frame.columns == list(kind.verdicts)
        rows = on_spark(frame)
        assert rows == on_duckdb(con, kind.table), name
        assert rows


def test_verdicts_are_those_of_duckdb_and_known_values_are_left_alone(spark, mapped):
    forget(mapped)
    judge_new(mapped, load_ids=["one"])
    first = judge_new_on_spark(spark, load_ids=["one"])
    same(first, mapped)

    for name, kind in KINDS.items():
        getattr(first, name).write.saveAsTable(kind.table)
    # The blank text is a value; the text that is not there is none. Keys without a region are known like the others.
    second = judge_new_on_spark(spark)
    assert on_spark(second.emails) == [("late@example.com", "late@example.com", True, None, "example.com", False)]
    # The late number is read with the late record's own country, too.
    assert [row[:2] for row in on_spark(second.phones)] == [("+44 20 7946 0000", None), ("+44 20 7946 0000", "AT")]
    assert on_spark(second.postcodes) == [("4051", "AT", "4051", True, None)]
    assert on_spark(second.countries) == [("Austria", "AT", True, None)]
    assert [row[0] for row in on_spark(second.names)] == ["Late"]
    for name, kind in KINDS.items():
        getattr(second, name).write.insertInto(kind.table)
    third = judge_new_on_spark(spark)
    assert [frame.count() for frame in third] == [0] * len(KINDS)

    judge_new(mapped)
    same(judge_new_on_spark(spark, again=True, partitions=3), mapped)


def test_nothing_to_judge_gives_empty_frames(spark, mapped):
    none = judge_new_on_spark(spark, load_ids=[], again=True)
    assert [frame.count() for frame in none] == [0] * len(KINDS)
    assert dict(none.phones.dtypes)["is_valid"] == "boolean"


def test_a_catalogue_without_mapped_views_gives_empty_frames(spark, monkeypatch):
    monkeypatch.setattr(type(spark.catalog), "databaseExists", lambda *_: False)
    verdicts = judge_new_on_spark(spark, again=True)
    assert [frame.collect() for frame in verdicts] == [[]] * len(KINDS)
    assert verdicts.emails.columns == ["raw_value", "normalised", "is_valid", "reason", "domain", "is_disposable"]
