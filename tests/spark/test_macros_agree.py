"""Each macro that is written once per engine, on inputs that engines like to read in their own ways."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import jinja2
import polars as pl
import pytest
import yaml
from side_by_side import copy_to_spark, dbt_of, frame_of_duckdb, frame_of_spark

from benchmarks.equality import compare
from orchestration.dbt import PROJECT_DIR

ZONES = (
    "Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "America/Sao_Paulo", "Asia/Kolkata",
    "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll", "UTC",
)  # fmt: skip

NUMBERS = (
    "12", " 12 ", "+12", "-12", "12.", ".5", "-.5", "5.00005", "5.00015", "-5.00005", "1e3", "1E3", "1e-3", "1e99",
    "-1e-99", "1.5e2", "12d", "12f", "12D", "1_000", "1 234", "1 234.5", "1 234 567.89", "1 23", "\u00a012\u00a0",
    "1\u202f234", "\t7", "12\n", "\n12", "12\r", "12\u2028", "0x10", "1e", "1e+", "e1", "--1", "", " ", "nan", "inf",
    "-Infinity", "\u0661\u0662", "\uff11\uff12", "1,5", "99999999999999.9999", "99999999999999.99995",
    "-99999999999999.99995", "100000000000000", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "0000000000000000000000000000000000000000012", "0." + "1" * 60, "1" * 40, "1" * 40 + ".5", "12.0", "12.00",
    "12.5", "12.0\n", "007", "-0", "+0.0", "1e18", "1.e1",
)  # fmt: skip

BOOLEANS = (
    "true", "TRUE", " t ", "Yes", "y", "on", "1", "false", "F", "NO", "n", "oFF", "0", "2", "\u0131", "tru\u0435",
    "true\n",
)  # fmt: skip

DATES = (
    "2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "1000-01-01", "1582-10-04", "1582-10-10", "1582-10-15",
    "1500-02-29", "2999-12-31", "3000-01-01", "0999-01-01", "2024-13-01", "2024-00-10", "2024-01-00", "2024-1-1",
    " 2024-01-01 ", "2024-01-01T", "2024-01-01 ", "2024-01-01 xyz", "2024-01-01\n", "2024-01-01T10:00\nabc",
    "2024-01-01 10:00\u2028abc", "2024-01-01\t10:00", "20240101", "today", "now", "epoch", "infinity", "2024-01-01Z",
)  # fmt: skip

TIMES = (
    "2024-05-01T10:00:00", "2024-05-01 10:00", "2024-05-01T10:00", "2024-05-01", "2024-05-01 24:00:00",
    "2024-05-01 23:59:60", "2024-05-01 23:60:00", "2024-05-01 10:00:00.1", "2024-05-01 10:00:00.123456",
    "2024-05-01 10:00:00.1234564", "2024-05-01 10:00:00.1234565", "2024-05-01 10:00:00.123456789",
    "2024-05-01 10:00:00.999999999", "2024-05-01 10:00:00.9999995", "2024-05-01 10:00:00.0000001",
    "1969-12-31 23:59:59.9999999", "1950-05-01 10:00:00.1234567", "2024-05-01T10:00:00Z", "2024-05-01T10:00Z",
    "2024-05-01T10:00:00 UTC", "2024-05-01T10:00:00UTC", "2024-05-01T10:00:00+02", "2024-05-01T10:00:00+0200",
    "2024-05-01T10:00:00+02:00", "2024-05-01T10:00:00 +02:00", "2024-05-01T10:00:00 -0230",
    "2024-05-01T10:00:00-14:59", "2024-05-01T10:00:00+14:59", "2024-05-01T10:00:00+14:00",
    "2024-05-01T10:00:00+15:00", "2024-05-01 10:00-00:30", "2024-05-01T10:00:00.1234567Z",
    "2024-05-01T10:00:00.999999999+02:00", "2024-05-01T10:00:00.5 +00:00", "2024-02-30T10:00:00Z",
    "2024-05-01T25:00:00Z", "2024-05-01T24:00:00Z", "2024-05-01T24:00:00", "2024-05-01T10:00:00+2",
    "2024-05-01T10:00:00z", "2024-05-01T10:00:00 Europe/Berlin", "2024-05-01T10:00:00\n", "2024-05-01T10:00:00Z\n",
    "1714557600", "1714557600.5", "1714557600.123456", "1714557600.1234567", "1714557600123", "1714557600999",
    "9999999999", "9999999999999", "0000000000", "171455760", "1500-03-01 00:00:00", "1582-10-04 12:00:00",
    "1582-10-10 12:00:00", "1582-10-15 00:00:00", "1000-01-01 00:00:00", "1000-01-01T00:00:00+14:00",
    "2999-12-31 23:59:59.999999", "2999-12-31T23:59:59-14:00", "1890-01-01 12:00:00", "1893-03-31 23:59:59",
    "1893-04-01 00:03:00", "1800-07-01 12:00:00", "2500-07-01 12:00:00", "2500-01-01 12:00:00", "2011-12-30 12:00:00",
    "2011-12-31 00:00:00", "2038-07-01 00:00:00", "Tue, 31 Aug 2010 20:36:29 +0000", "Tue, 31 Aug 2010 20:36:29 GMT",
    "Tue, 31 Aug 2010 20:36:29 -0230", "Tue, 31 Aug 2010 20:36:29 CEST", "Tue, 31 aug 2010 20:36:29 +0000",
)  # fmt: skip

LITERALS = (
    "", " ", "it's", '"', "''", "\\", "\\'", "\\n", "a\nb", "a\tb", "%", "%s", "100 %", "{", "{{", "${HOME}",
    "${env:HOME}", "$1", "\\u0041", "\\Q", "--", "/* */", ";", "?", ":x", "`", "\u00e9", "e\u0301", "\U0001f980",
    "\u0000x"[1:], "\u200b", "\\\\",
)  # fmt: skip

LETTERS = (
    "ABC", "\u00c4\u00d6\u00dc", "\u0130stanbul", "\u039f\u0394\u039f\u03a3", "\u03a3\u03a3 \u03a3", "STRASSE \u1e9e",
    "\u212a", "\ufb01", "\u01c5", "\U00010400", "I\u0307",
)  # fmt: skip

JSONS = (
    '{"a": "x", "b": {"c": "y", "n": 1.5}, "l": ["p", 3, null, {"m": 1}, true], "t": true, "z": null, "e": ""}',
    '{"a": "\\u00e4 \\ud83e\\udd80 \\"q\\" \\\\ \\n", "l": []}', '{"a": "\u00e4\U0001f980"}',
    '[{"n": "1.10"}, {"n": 2}, {"n": "x"}, {"m": 1}, null, "n", {"n": "-0.00005"}]',
    '[{"n": "99999999999999.9999"}, {"n": "0.0001"}]', '[{"n": 1e3}, {"n": 12345678901234567890}]',
    "[]", "{}", "null", '"text"', "12", "true", "not json", "", " ", '{"a": 1', "[1, 2", None,
    '  {"a": "blanks"}  ', '{"A": "capital"}', '{"a.b": "dotted", "a": {"b": "nested"}}', '{"l": [[1, 2], [3]]}',
    '{"n": 1e5, "e": 12345678901234567890, "a": 0.5, "t": -7}', '{"a": [1, {"b": "c"}], "b": "text", "l": {"c": 1}}',
    '[{"key": "k", "value": {"string_value": "s"}}, {"key": "k", "value": {"int_value": 5}}]',
    '[{"key": "i", "value": {"int_value": "7"}}, {"key": "k", "value": {"double_value": 1.5}}]',
    '[{"key": "none", "value": {}}, {"key": "k"}, {"value": {"string_value": "s"}}, "k", null]',
)  # fmt: skip


def at(text: str) -> datetime:
    """A timestamp without zone."""
    return datetime.fromisoformat(text)


def wall_clocks() -> list[tuple[datetime, str]]:
    """Times of day: near each change of a clock from 1980 to 2040, and anywhere from 1000 to 2999."""
    chance = random.Random(3)
    found: list[tuple[datetime, str]] = []
    for name in ZONES:
        zone = ZoneInfo(name)
        day = datetime(1980, 1, 1, tzinfo=UTC)
        # What a zone will decide is in one engine's tables and not yet in the other's: Morocco does so by the year.
        last = 2025 if name == "Africa/Casablanca" else 2040
        while day.year < last:
            after = day + timedelta(days=1)
            if day.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
                start = day.astimezone(zone).replace(tzinfo=None) - timedelta(hours=1)
                found += [(start + timedelta(minutes=chance.randrange(27 * 60)), name) for _ in range(12)]
                noon = start.replace(hour=0, minute=0, second=0)
                found += [(noon + timedelta(minutes=15 * step), name) for step in range(4 * 4)]
            day = after
        for _ in range(300):
            found.append((at(f"{chance.randrange(1000, 3000 if last == 2040 else last)}-01-01")
                          + timedelta(seconds=chance.randrange(365 * 86400)), name))  # fmt: skip
    return found


def numbers() -> list[tuple[Decimal, Decimal, float]]:
    """Amounts, rates and doubles: ties, the largest ones, and what is easily lost in a product."""
    chance = random.Random(5)
    texts = (
        "0 1 -1 0.33333333 -0.00000001 99999999999999.99999999 "
        "123456789012345678.12345678 -99999999999999.5 0.00004999 0.00005"
    )
    amounts = [Decimal(one) for one in texts.split()]
    rates = [Decimal(one) for one in ("1", "0.5", "1.00004999", "9999999999.99999999", "-0.12345678", "0.00000001")]
    doubles = [0.0, -0.0, 0.00005, 1.00005, 2.00005, 12.34565, -12.34565, 0.1 + 0.2, 1e14, 99999999999999.99,
               1e13 + 0.00005, 1e300, float("inf"), float("nan"), 0.9 - 1e-17, 5e-324, 123456789.123450001]  # fmt: skip
    pairs = [(amount, rate, chance.choice(doubles)) for amount in amounts for rate in rates]
    pairs += [(amounts[1], rates[1], one) for one in doubles]
    for _ in range(3000):
        amount = Decimal(chance.randrange(-(10**14), 10**14)) / 10**8
        rate = Decimal(chance.randrange(10**10)) / 10**8
        pairs.append((amount, rate, round(chance.uniform(-1e6, 1e6), chance.randrange(8))))
    return pairs


MODELS = {
    "read_texts": """
select
    id,
    {{ typed_text('text') }} as as_text,
    {{ typed_decimal('text') }} as as_decimal,
    {{ typed_integer('text') }} as as_integer,
    {{ typed_boolean('text') }} as as_boolean,
    {{ typed_date('text') }} as as_date,
    {{ typed_timestamp('text', "'Europe/Berlin'") }} as as_timestamp,
    {{ lower_text('text') }} as in_small_letters,
    {{ capital_letters('text') }} as in_capitals,
    {{ md5_of(['text', 'id', 'cast(null as integer)']) }} as as_md5,
    split_part(text, '.', 1) as before_dot,
    split_part(text, '?', 1) as before_mark,
    length(text) as letters,
    text || 'x' as longer,
    concat_ws('-', text, null, nullif(text, '12')) as joined,
    replace(text, '1', '\u00e9') as replaced,
    substr(text, 1, 3) as beginning,
    position('1' in text) as place
from edges.texts
""",
    "literals": """
{% for text in var('literals') %}
select {{ loop.index }} as id, {{ text_literal(text) }} as text {{ 'union all' }}
{% endfor %}
select 0 as id, {{ text_literal(none) }} as text
""",
    "clocks": """
select
    id,
    {{ local_to_utc('moment', 'zone') }} as to_utc,
    {{ utc_to_local('moment', 'zone') }} as to_local,
    {{ local_day('moment', 'zone') }} as its_day,
    {{ local_month('moment', 'zone') }} as its_month,
    {{ month_number('moment') }} as its_month_number,
    {{ month_number('cast(moment as date)') }} as month_number_of_its_day,
    cast({{ add_days('moment', 'days') }} as timestamp) as days_later,
    cast({{ add_days('cast(moment as date)', 'days') }} as date) as its_day_days_later,
    cast({{ add_months('moment', 'days') }} as timestamp) as months_later,
    cast({{ add_months('cast(moment as date)', 'days') }} as date) as its_day_months_later,
    {{ days_between("cast('2000-02-29' as date)", 'cast(moment as date)') }} as days,
    {{ whole_months("cast('2000-02-29' as date)", 'cast(moment as date)') }} as whole_months,
    {{ whole_months("cast('2000-01-31' as date)", 'cast(moment as date)') }} as whole_months_of_a_last_day,
    {{ seconds_between('moment', "cast('2000-02-29 12:00:00.123457' as timestamp)") }} as seconds,
    moment + interval '1' day as a_day_later,
    moment - interval '1' second as a_second_before,
    cast(moment as {{ dbt.type_string() }}) like '2%' as after_1999
from edges.clocks
""",
    "amounts": """
select
    id,
    {{ as_money(product_of('amount', 'rate')) }} as product,
    {{ as_money('rate') }} as rate,
    {{ double_as_money('number') }} as double_as_money,
    {{ double_as_money('cast(rate as double) * number') }} as product_of_doubles,
    {{ rounded('number', 6) }} as rounded_6,
    {{ rounded('number', 10) }} as rounded_10,
    cast(ceil({{ rounded('case when abs(number) < 1000000 then number end', 6) }}) as bigint) as ceiled,
    cast(rate as double) as as_double,
    cast(rate as double) / nullif(number, 0) as quotient
from edges.amounts
""",
    "groups": """
select
    id % 7 as id,
    {{ joined_texts('text') }} as texts,
    {{ latest_of('text', 'id') }} as latest,
    {{ latest_of("case when text like '%1%' then text end", 'id') }} as latest_with_one,
    {{ latest_of('cast(null as integer)', 'id') }} as nothing,
    count(distinct text) as distinct_texts
from edges.texts
group by id % 7
""",
    "parts": """
{{ split_to_rows('edges.texts', 'text', '.', ['id']) }}
""",
    "json_values": """
with read as (

    select id, text, {{ keyed_values('text') }} as parameters from edges.jsons

)

select
    id,
    {% for path in ('a', 'b.c', 'b.n', 'a.b', 'l', 'l[0]', 'l[3].m', 'l[9]', 't', 'z', 'e', 'n') %}
    {{ json_text('text', '$.' ~ path) }} as value_{{ loop.index }},
    {% endfor %}
    {{ json_text('text', '$[0]') }} as first_element,
    {{ sum_in_json('text', 'x', number_in_json('x', '$.n')) }} as total,
    {{ sum_in_json(json_text('text', '$.l'), 'x', number_in_json('x', '$.m')) }} as total_inside,
    {{ keyed_value('parameters', 'k') }} as k,
    {{ keyed_value('parameters', 'i') }} as i,
    {{ keyed_value('parameters', 'none') }} as nothing
from read
""",
    "json_elements": """
select id, {{ explode_json('text', 'element', 'place') }} from edges.jsons
""",
    "json_members": """
select id, {{ explode_json_object('text', 'name', 'member') }} from edges.jsons
""",
    "matched": """
select
    id,
    {{ matched_part('text', '([0-9]+)') }} as digits,
    {{ matched_part('text', '([0-9]*)[.]') }} as before_dot,
    {{ matched_part('text', '^(.*)$') }} as whole_line,
    {{ matches('text', '^[0-9]+$') }} as is_number,
    {{ matches('text', '[+-]') }} as has_sign,
    {{ trimmed('text') }} as without_blanks,
    {{ rfc_2822_text('text') }} as iso,
    {{ last_known("case when text like '%1%' then text end") }} over (
        partition by id % 3 order by id rows between unbounded preceding and 1 preceding
    ) as known_before
from edges.texts
""",
    "ranks": """
select
    id,
    percent_rank() over (order by coalesce(length(text), 0)) as rank_of_length,
    row_number() over (order by text nulls last, id) as place,
    lag(id, 2) over (order by id) as two_before
from edges.texts
""",
    # Groups of one, of two and of many; of even and odd number; with nulls, and of nulls alone.
    "medians": """
select
    id % 773 as id,
    {{ median_of('number') }} as middle,
    {{ median_of("case when id % 2 = 0 then number end") }} as middle_of_some,
    {{ median_of("case when id % 773 > 300 then number end") }} as middle_or_null,
    {{ median_of("ln(abs(number) + 1)") }} as middle_of_logs,
    {{ percentile_of('number', 0.25) }} as first_quarter,
    {{ percentile_of("case when id % 773 > 300 then number end", 0.75) }} as third_quarter_or_null
from edges.amounts
where abs(number) < 1e200
group by id % 773
""",
}


@pytest.fixture(scope="module")
def built(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
    """Each model as DuckDB and as Spark made it, from the same inputs and the project's own macros."""
    folder = tmp_path_factory.mktemp("macros")
    project = folder / "project"
    (project / "models").mkdir(parents=True)
    for name, sql in MODELS.items():
        (project / "models" / f"{name}.sql").write_text(sql, encoding="utf-8")
    (project / "profiles.yml").write_text((PROJECT_DIR / "profiles.yml").read_text(encoding="utf-8"), encoding="utf-8")
    (project / "dbt_project.yml").write_text(
        "name: regulars\nprofile: regulars\nmodel-paths: [models]\n"
        f"macro-paths: ['{PROJECT_DIR / 'macros'}']\n"
        "models:\n  +schema: made\n  +materialized: table\n"
        + yaml.safe_dump({"vars": {"rules": [], "literals": list(LITERALS)}}, allow_unicode=True),
        encoding="utf-8",
    )
    path = folder / "warehouse.duckdb"
    write_inputs(path)
    with duckdb.connect(str(path), read_only=True) as con:
        con.execute("SET TimeZone='UTC'")
        copy_to_spark(
            spark, con, folder / "inputs", [("edges", name) for name in ("texts", "clocks", "amounts", "jsons")]
        )
    for engine in ("duckdb", "spark"):
        dbt = dbt_of(engine, folder, {}, path)
        dbt.project = project
        dbt.build(["--select", "resource_type:model"])
    return {
        name: (frame_of_duckdb(path, f"SELECT * FROM made.{name}"), frame_of_spark(spark, f"SELECT * FROM made.{name}"))
        for name in MODELS
    }


def write_inputs(path: Path) -> None:
    """The inputs, as DuckDB tables."""
    texts = [*NUMBERS, *BOOLEANS, *DATES, *TIMES, *LETTERS, *LITERALS, None, "12", "12"]
    with duckdb.connect(str(path)) as con:
        con.execute("SET TimeZone='UTC'")
        con.execute("CREATE SCHEMA edges")
        con.execute("CREATE TABLE edges.texts (id BIGINT, text VARCHAR)")
        con.executemany("INSERT INTO edges.texts VALUES (?, ?)", [list(one) for one in enumerate(texts)])
        con.execute("CREATE TABLE edges.jsons (id BIGINT, text VARCHAR)")
        con.executemany("INSERT INTO edges.jsons VALUES (?, ?)", [list(one) for one in enumerate(JSONS)])
        data = pl.DataFrame(
            [(number, moment, zone, number % 90 - 45) for number, (moment, zone) in enumerate(wall_clocks())],
            schema={"id": pl.Int64, "moment": pl.Datetime("us"), "zone": pl.String, "days": pl.Int32},
            orient="row",
        )
        con.register("incoming", data.to_arrow())
        con.execute("CREATE TABLE edges.clocks AS SELECT * FROM incoming")
        con.execute("CREATE TABLE edges.amounts (id BIGINT, amount DECIMAL(26, 8), rate DECIMAL(18, 8), number DOUBLE)")
        con.executemany("INSERT INTO edges.amounts VALUES (?, ?, ?, ?)", [[n, *row] for n, row in enumerate(numbers())])


@pytest.mark.parametrize("model", MODELS)
def test_both_engines_say_the_same(built: dict[str, tuple[pl.DataFrame, pl.DataFrame]], model: str) -> None:
    one, other = built[model]
    found = compare(model, one, other, keys=["id"] if one["id"].n_unique() == one.height else None)
    assert found.is_equal, f"{found}\n{examples(one, other, model)}"
    assert one.height > 5


def test_medians_are_equal_to_the_last_digit(built: dict[str, tuple[pl.DataFrame, pl.DataFrame]]) -> None:
    """A due date is rounded from a median: what is nearly equal may fall on two days."""
    one, other = (frame.sort("id") for frame in built["medians"])
    for name in ("id", "middle", "middle_of_some", "middle_or_null"):
        pairs = zip(one[name].to_list(), other[name].to_list(), strict=True)
        assert [pair for pair in pairs if pair[0] != pair[1]] == [], name
    assert one["middle_or_null"].null_count() > 100


def examples(one: pl.DataFrame, other: pl.DataFrame, model: str) -> str:
    """Some rows that differ. Nothing here is anybody's: the inputs stand above."""
    if one["id"].n_unique() < one.height:
        return ""
    joined = one.sort("id").join(other.sort("id"), on="id", how="full", suffix=" of spark")
    texts = [*NUMBERS, *BOOLEANS, *DATES, *TIMES, *LETTERS, *LITERALS, None, "12", "12"]
    said = []
    for name in one.columns:
        if name in other.columns and name != "id":
            differing = joined.filter(
                pl.col(name).cast(pl.String).ne_missing(pl.col(f"{name} of spark").cast(pl.String))
            )
            for row in differing.select("id", name, f"{name} of spark").head(12).iter_rows():
                source = repr(texts[row[0]]) if model == "read_texts" else str(row[0])
                said.append(f"{name} of {source}: DuckDB {row[1]!r}, Spark {row[2]!r}")
    return "\n".join(said)


def test_spark_reads_what_was_worked_out_by_hand(built: dict[str, tuple[pl.DataFrame, pl.DataFrame]]) -> None:
    """So that both engines cannot be wrong together."""
    known = [*NUMBERS, *BOOLEANS, *DATES, *TIMES]
    frame = built["read_texts"][1]

    def row(text: str) -> dict[str, Any]:
        return frame.row(by_predicate=pl.col("id") == known.index(text), named=True)

    assert row("2024-05-01T10:00:00+02:00")["as_timestamp"] == at("2024-05-01 08:00:00")
    assert row("2024-05-01T10:00:00+02:00")["as_date"] == date(2024, 5, 1)
    assert row("2024-05-01 24:00:00")["as_timestamp"] == at("2024-05-01 22:00:00")
    assert row("2024-05-01 10:00:00.123456789")["as_timestamp"] == at("2024-05-01 08:00:00.123456")
    assert (row("12.5")["as_decimal"], row("12.5")["as_integer"]) == (Decimal("12.5"), None)
    assert row("12\n")["as_decimal"] is None
    assert row("12d")["as_decimal"] is None
    literals = dict(built["literals"][1].iter_rows())
    assert [literals[number] for number in range(1, len(LITERALS) + 1)] == list(LITERALS)


def test_spark_reads_the_hours_of_a_clock_change_as_documented(spark: Any) -> None:
    """The repeated hour is its second pass, the skipped one lies an hour later."""
    sql = "CAST('{}' AS TIMESTAMP)"
    expected = {
        "2024-10-27 01:59:59": at("2024-10-26 23:59:59"),
        "2024-10-27 02:30:00": at("2024-10-27 01:30:00"),
        "2024-10-27 03:00:00": at("2024-10-27 02:00:00"),
        "2024-03-31 02:30:00": at("2024-03-31 01:30:00"),
    }
    macro = (PROJECT_DIR / "macros" / "cross_db" / "local_to_utc.sql").read_text(encoding="utf-8")
    body = macro.split("macro spark__local_to_utc", 1)[1].split("-%}", 1)[1].split("{%- endmacro", 1)[0]
    template = jinja2.Template(body)
    for text, utc in expected.items():
        made = template.render(timestamp_expression=sql.format(text), time_zone_expression="'Europe/Berlin'")
        assert frame_of_spark(spark, f"SELECT {made} AS utc")["utc"].to_list() == [utc], text
