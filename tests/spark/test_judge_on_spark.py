"""Contact values are judged on Spark as on DuckDB: the same values, the same verdicts, each once."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from expectations.judge import judge_new
from expectations.judge_spark import judge_new_on_spark

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
VIEWS = {
    "customers": "SELECT email, phone, _country, _load_id FROM received.contacts",
    "calls": "SELECT phone, _country, _load_id FROM received.contacts",
    "email_events": "SELECT email, _load_id FROM received.contacts WHERE email LIKE '%example%'",
    "products": "SELECT _load_id FROM received.contacts",
}


def rows():
    """Each value in two loads; phones are spread over the rows of the e-mails."""
    for load in ("one", "two"):
        for place in range(max(len(EMAILS), len(PHONES))):
            email = EMAILS[place] if place < len(EMAILS) else None
            phone, country = PHONES[place] if place < len(PHONES) else (None, None)
            yield {"email": email, "phone": phone, "_country": country, "_load_id": load}
    yield {"email": "late@example.com", "phone": "+44 20 7946 0000", "_country": None, "_load_id": "three"}


@pytest.fixture(scope="module")
def mapped(spark):
    """Both engines with the same mapped views."""
    names = ("email", "phone", "_country", "_load_id")
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
    return sorted(con.execute(f"SELECT * FROM quality.{table}").fetchall(), key=order)


def forget(con):
    con.execute("DROP SCHEMA IF EXISTS quality CASCADE")


def test_verdicts_are_those_of_duckdb_and_known_values_are_left_alone(spark, mapped):
    forget(mapped)
    judge_new(mapped, load_ids=["one"])
    first = judge_new_on_spark(spark, load_ids=["one"])
    assert first.emails.columns == ["raw_value", "normalised", "is_valid", "reason"]
    assert first.phones.columns == ["raw_value", "region", "e164", "is_valid", "reason"]
    assert on_spark(first.emails) == on_duckdb(mapped, "judged_emails")
    assert on_spark(first.phones) == on_duckdb(mapped, "judged_phones")

    first.emails.write.saveAsTable("quality.judged_emails")
    first.phones.write.saveAsTable("quality.judged_phones")
    # The blank text is a value; the text that is not there is none. Keys without a region are known like the others.
    second = judge_new_on_spark(spark)
    assert on_spark(second.emails) == [("late@example.com", "late@example.com", True, None)]
    assert [row[:2] for row in on_spark(second.phones)] == [("+44 20 7946 0000", None)]
    second.emails.write.insertInto("quality.judged_emails")
    second.phones.write.insertInto("quality.judged_phones")
    third = judge_new_on_spark(spark)
    assert (third.emails.count(), third.phones.count()) == (0, 0)

    judge_new(mapped)
    again = judge_new_on_spark(spark, again=True, partitions=3)
    assert on_spark(again.emails) == on_duckdb(mapped, "judged_emails")
    assert on_spark(again.phones) == on_duckdb(mapped, "judged_phones")


def test_nothing_to_judge_gives_empty_frames(spark, mapped):
    none = judge_new_on_spark(spark, load_ids=[], again=True)
    assert (none.emails.count(), none.phones.count()) == (0, 0)
    assert dict(none.phones.dtypes)["is_valid"] == "boolean"


def test_a_catalogue_without_mapped_views_gives_empty_frames(spark, monkeypatch):
    monkeypatch.setattr(type(spark.catalog), "databaseExists", lambda *_: False)
    verdicts = judge_new_on_spark(spark, again=True)
    assert (verdicts.emails.collect(), verdicts.phones.collect()) == ([], [])
    assert verdicts.emails.columns == ["raw_value", "normalised", "is_valid", "reason"]
