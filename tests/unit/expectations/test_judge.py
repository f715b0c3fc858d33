import pytest

import expectations.judge as judge_module
from expectations.judge import Judged, judge_new


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
        ("Anna@Example.com", "anna@example.com", True, None),
        ("ben@example.com", "ben@example.com", True, None),
        ("nobody", None, False, "it has no @ sign"),
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
    honest = judge_module.EMAILS.judge
    monkeypatch.setattr(
        judge_module,
        "EMAILS",
        judge_module.EMAILS._replace(
            judge=lambda frame: lengths.append(frame["raw_value"].str.len_chars().max()) or honest(frame)
        ),
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
    assert emails(con) == [("a\x00@example.com", None, False, "a character may not stand before the @ sign")]


def test_a_failure_leaves_no_half_of_the_verdicts(warehouse, monkeypatch):
    def stumble(_frame):
        raise KeyboardInterrupt

    monkeypatch.setattr(judge_module, "PHONES", judge_module.PHONES._replace(judge=stumble))
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
