# ruff: noqa: RUF001 - look-alikes and digits of other scripts are what is tried here
import polars as pl
import pytest

import expectations.judge as judge_module
from expectations.contacts import NOT_JUDGED
from expectations.contacts.countries import country_verdict
from expectations.contacts.emails import email_verdict
from expectations.contacts.names import name_verdict
from expectations.contacts.phones import phone_verdict
from expectations.contacts.postcodes import postcode_verdict
from expectations.judge import Judged, judge_new
from expectations.kinds import EMAILS, KINDS, PHONES


@pytest.fixture
def warehouse(con):
    con.execute(
        """
        CREATE SCHEMA mapped;
        CREATE TABLE received (email VARCHAR, phone VARCHAR, _country VARCHAR, _load_id VARCHAR);
        CREATE VIEW mapped.customers AS SELECT * FROM received;
        CREATE VIEW mapped.calls AS SELECT phone, _country, _load_id FROM received;
        CREATE VIEW mapped.products AS SELECT _load_id FROM received;
        INSERT INTO received VALUES
            ('Anna@Example.com', '030 123456', 'DE', 'one'),
            ('Anna@Example.com', '030 123456', 'GB', 'one'),
            ('nobody', '+49 30 123456', 'DE', 'one'),
            (NULL, NULL, 'DE', 'two'),
            ('ben@example.com', '030 123456', 'DE', 'two');
        """
    )
    return con


def emails(con):
    return con.execute("SELECT * FROM quality.judged_emails ORDER BY raw_value").fetchall()


def phones(con):
    return con.execute("SELECT * FROM quality.judged_phones ORDER BY raw_value, region").fetchall()


def test_each_distinct_value_gets_one_verdict(warehouse):
    assert judge_new(warehouse) == Judged(emails=3, phones=3)
    assert emails(warehouse) == [
        ("Anna@Example.com", "anna@example.com", True, None, "example.com", False),
        ("ben@example.com", "ben@example.com", True, None, "example.com", False),
        ("nobody", None, False, "it has no @ sign", None, None),
    ]
    # The digits 30 123456 are no number in Britain.
    assert [row[:4] for row in phones(warehouse)] == [
        ("+49 30 123456", "DE", "+4930123456", True),
        ("030 123456", "DE", "+4930123456", True),
        ("030 123456", "GB", None, False),
    ]


def test_known_values_are_not_judged_again(warehouse):
    judge_new(warehouse)
    warehouse.execute("UPDATE quality.judged_emails SET reason = 'judged before'")
    warehouse.execute("INSERT INTO received VALUES ('cleo@example.com', NULL, 'DE', 'three')")
    assert judge_new(warehouse) == Judged(emails=1, phones=0)
    assert [row[3] for row in emails(warehouse)] == ["judged before", "judged before", None, "judged before"]
    assert judge_new(warehouse) == Judged(emails=0, phones=0)


def test_verdicts_can_be_given_anew(warehouse):
    judge_new(warehouse)
    warehouse.execute("UPDATE quality.judged_emails SET is_valid = false")
    assert judge_new(warehouse, again=True) == Judged(emails=3, phones=3)
    assert [row[2] for row in emails(warehouse)] == [True, True, False]


def test_only_the_named_loads_are_looked_at(warehouse):
    assert judge_new(warehouse, load_ids=["two"]) == Judged(emails=1, phones=1)
    assert judge_new(warehouse, load_ids=[]) == Judged(emails=0, phones=0)


@pytest.mark.parametrize("batch", [1, 2, 7, 8])
def test_batches_lose_and_double_nothing(con, batch):
    con.execute("CREATE SCHEMA mapped")
    con.execute(
        "CREATE VIEW mapped.customers AS SELECT 'c' || i || '@example.com' AS email, '030 12345' || i AS phone, "
        "'DE' AS _country, 'one' AS _load_id FROM range(7) AS t(i)"
    )
    assert judge_new(con, batch=batch) == Judged(emails=7, phones=7)
    assert [row[1] for row in emails(con)] == [f"c{i}@example.com" for i in range(7)]
    assert len(phones(con)) == 7


def test_very_long_values_are_refused_without_leaving_the_database(warehouse, monkeypatch):
    warehouse.execute(
        "INSERT INTO received VALUES (repeat('x', 10000000) || '@y.example', repeat('9', 2000), 'DE', 'l')"
    )
    lengths = []
    honest = EMAILS.judge
    monkeypatch.setitem(
        judge_module.KINDS,
        "emails",
        EMAILS._replace(judge=lambda frame: lengths.append(frame["raw_value"].str.len_chars().max()) or honest(frame)),
    )
    assert judge_new(warehouse) == Judged(emails=4, phones=4)
    long = warehouse.execute(
        "SELECT length(raw_value), is_valid, reason FROM quality.judged_emails WHERE length(raw_value) > 100"
    ).fetchall()
    assert long == [(10_000_010, False, "it is too long")]
    assert max(lengths) < 100
    assert judge_new(warehouse) == Judged(emails=0, phones=0)


def test_nul_bytes_are_kept_and_judged(con):
    con.execute("CREATE SCHEMA mapped")
    con.execute("CREATE VIEW mapped.customers AS SELECT 'a' || chr(0) || '@example.com' AS email, 'l' AS _load_id")
    assert judge_new(con) == Judged(emails=1, phones=0)
    assert emails(con) == [
        ("a\x00@example.com", None, False, "a character may not stand before the @ sign", None, None)
    ]


def test_a_failure_leaves_no_half_of_the_verdicts(warehouse, monkeypatch):
    def stumble(_frame):
        raise KeyboardInterrupt

    monkeypatch.setitem(judge_module.KINDS, "phones", PHONES._replace(judge=stumble))
    with pytest.raises(KeyboardInterrupt):
        judge_new(warehouse)
    monkeypatch.undo()
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'quality'"
    assert warehouse.execute(tables).fetchall() == [(0,)]
    assert judge_new(warehouse) == Judged(emails=3, phones=3)


def test_a_warehouse_without_mapped_views_gets_empty_tables(con):
    assert judge_new(con) == Judged(emails=0, phones=0)
    assert emails(con) == []
    assert phones(con) == []


@pytest.fixture
def people(con):
    con.execute(
        """
        CREATE SCHEMA mapped;
        CREATE TABLE received (
            first_name VARCHAR, last_name VARCHAR, full_name VARCHAR, phone VARCHAR, postal_code VARCHAR,
            country_code VARCHAR, _country VARCHAR, _load_id VARCHAR
        );
        CREATE VIEW mapped.customers AS SELECT * FROM received;
        INSERT INTO received VALUES
            ('Anna', 'Null', NULL, '061 261 11 11', '4051', 'Schweiz', 'DE', 'one'),
            ('Null', 'Anna', 'Anna Null', '061 261 11 11', '4051', 'CH', 'DE', 'one'),
            (NULL, 'n/a', NULL, '030 123456', '10115', NULL, 'DE', 'one'),
            (NULL, NULL, NULL, '030 123456', '10115', 'Narnia', 'DE', 'one'),
            (NULL, NULL, NULL, NULL, '10115', ' ', 'DE', 'two');
        """
    )
    return con


def verdicts(con, kind, *columns):
    table = KINDS[kind].table
    return con.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY ALL").fetchall()


def test_what_a_verdict_belongs_to(people):
    # Names: five texts in three columns. Countries: the blank text is judged, too.
    assert judge_new(people) == Judged(emails=0, phones=3, postcodes=3, countries=4, names=4)
    assert verdicts(people, "countries", "raw_value", "normalised") == [
        (" ", None), ("CH", "CH"), ("Narnia", None), ("Schweiz", "CH"),
    ]  # fmt: skip
    # The own country and the source's; the number is one of Switzerland only.
    assert verdicts(people, "phones", "raw_value", "region", "e164") == [
        ("030 123456", "DE", "+4930123456"),
        ("061 261 11 11", "CH", "+41612611111"),
        ("061 261 11 11", "DE", "+49612611111"),
    ]
    # A country that is none judges no postcode; staging takes a blank one for none, and reads with the source's.
    assert verdicts(people, "postcodes", "raw_value", "region", "is_valid") == [
        ("10115", "DE", True),
        ("10115", "ZZ", True),
        ("4051", "CH", True),
    ]
    assert verdicts(people, "names", "raw_value", "is_valid", "is_doubtful") == [
        ("Anna", True, False), ("Anna Null", True, False), ("Null", True, True), ("n/a", False, None),
    ]  # fmt: skip
    assert judge_new(people) == Judged()


def test_known_values_with_another_country_are_judged_for_it(people):
    judge_new(people)
    people.execute(
        "INSERT INTO received (postal_code, country_code, _country, _load_id) VALUES ('4051', 'AT', 'DE', 'l')"
    )
    assert judge_new(people) == Judged(postcodes=1, countries=1)


def test_verdicts_of_an_older_version_are_given_anew(warehouse):
    warehouse.execute(
        "CREATE SCHEMA quality; CREATE TABLE quality.judged_emails "
        "(raw_value VARCHAR, normalised VARCHAR, is_valid BOOLEAN, reason VARCHAR); "
        "INSERT INTO quality.judged_emails VALUES ('Anna@Example.com', NULL, false, 'as judged before')"
    )
    assert judge_new(warehouse) == Judged(emails=3, phones=3)
    assert emails(warehouse)[0] == ("Anna@Example.com", "anna@example.com", True, None, "example.com", False)


# Nothing of these may stop a load or be changed: control characters, ten megabytes, right-to-left text, digits and
# look-alikes of other scripts, unassigned characters, SQL, templates, formulas.
NAUGHTY = [
    "", " ", "\t\r\n", "\x00", "a\x00b@example.com", "\x7f\x1b[31m", "x" * 10_000_000, "@" * 100_000, "9" * 300,
    "\u00a0", "\u202eanna@example.com", "محمد", "\u202eabc", "٠٣٠١٢٣٤٥٦", "１０１１５", "Аnna", "a\u0300" * 500,
    "\ufffe\uffff", "\U0010ffff", "😀", "'; DROP TABLE quality.judged_emails; --", "{{ 1 }}", "=1+1", "null", "NaN",
    "<script>alert(1)</script>", "%s%n", "None", "-1", "1e309", "../../etc/passwd", "ﷺ" * 50, "İ", "ß", "ﬁ",
    "\u0000\u0001", "xn--", "a@xn--.com", "a@xn--a",
]  # fmt: skip


def test_naughty_values_in_every_field_are_judged_and_kept_as_they_are(con):
    fields = [column for kind in KINDS.values() for column in kind.columns]
    con.execute("CREATE SCHEMA mapped")
    con.register("naughty", pl.DataFrame(dict.fromkeys(fields, NAUGHTY)).to_arrow())
    con.execute("CREATE VIEW mapped.customers AS SELECT *, 'DE' AS _country, 'one' AS _load_id FROM naughty")
    judge_new(con)
    for kind in KINDS.values():
        rows = con.execute(f"SELECT raw_value, is_valid, reason FROM {kind.table}").fetchall()
        assert {row[0] for row in rows} == set(NAUGHTY)
        assert [row for row in rows if not row[1] and row[2] is None] == []
        assert NOT_JUDGED not in {row[2] for row in rows}
    assert judge_new(con) == Judged()


def test_lone_surrogates_are_refused():
    """They cannot be stored as UTF-8, but Python can hold them."""
    for verdict in (
        email_verdict("a\ud800@example.com"), phone_verdict("030 12\udfff3456", "DE"), country_verdict("\ud800"),
        postcode_verdict("1011\ud800", "DE"), name_verdict("An\ud800na"),
    ):  # fmt: skip
        assert verdict.value is None
        assert verdict.reason not in (None, NOT_JUDGED)
