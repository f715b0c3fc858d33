"""`regulars identity`: explaining, and deciding by hand, on a published copy of eleven records made by hand."""

from __future__ import annotations

import json
import shlex
import sys
import types

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.decisions import read_decisions
from orchestration.home import Home

# c-a: four records held by an e-mail address (twice) and, least, by a telephone number; c-b shares that number and an
# e-mail address that may not join; c-d: two records that look alike; c-e: two records and an anonymous one.
PUBLISHED = """
CREATE SCHEMA marts;
CREATE TABLE marts.customer_records AS SELECT * FROM (VALUES
    ('shop', 'account:1', 'c-a', TIMESTAMP '2025-03-01'), ('tills', 'card:2', 'c-a', TIMESTAMP '2025-04-01'),
    ('list', 'email:anna@example.org', 'c-a', TIMESTAMP '2025-05-01'),
    ('tills', 'card:3', 'c-a', TIMESTAMP '2025-06-01'),
    ('shop', 'account:7', 'c-b', TIMESTAMP '2025-01-01'),
    ('list', 'email:carla@example.org', 'c-c', TIMESTAMP '2025-01-01'),
    ('desk', 'account:8', 'c-d', TIMESTAMP '2025-01-01'), ('site', 'visitor:9', 'c-d', TIMESTAMP '2025-01-02'),
    ('shop', 'account:11', 'c-e', TIMESTAMP '2025-01-01'), ('shop', 'account:12', 'c-e', TIMESTAMP '2025-01-01'),
    ('shop', 'account:13', 'c-e', TIMESTAMP '2025-01-01')
) AS rows (source, source_record_id, customer_id, resolved_at);
CREATE TABLE marts.customer_record_identifiers AS SELECT * FROM (VALUES
    ('shop', 'account:1', 'account', 'shop:1'), ('shop', 'account:1', 'email', 'anna@example.org'),
    ('shop', 'account:1', 'phone', '+4930901820'), ('shop', 'account:1', 'email', 'info@example.org'),
    ('tills', 'card:2', 'email', 'anna@example.org'), ('tills', 'card:2', 'loyalty_card', '2'),
    ('list', 'email:anna@example.org', 'email', 'anna@example.org'),
    ('tills', 'card:3', 'phone', '+4930901820'), ('tills', 'card:3', 'loyalty_card', '3'),
    ('shop', 'account:7', 'account', 'shop:7'), ('shop', 'account:7', 'phone', '+4930901820'),
    ('shop', 'account:7', 'email', 'info@example.org'),
    ('list', 'email:carla@example.org', 'email', 'carla@example.org'),
    ('shop', 'account:11', 'email', 'e@example.org'), ('shop', 'account:12', 'email', 'e@example.org'),
    ('shop', 'account:12', 'phone', '+4930111'), ('shop', 'account:13', 'phone', '+4930111')
) AS rows (source, source_record_id, kind, value);
CREATE TABLE marts.customer_contact_points AS
    SELECT DISTINCT customer_id, kind, value FROM marts.customer_records
    JOIN marts.customer_record_identifiers USING (source, source_record_id);
CREATE TABLE marts.customer_record_links AS SELECT * FROM (VALUES
    ('shop', 'account:1', 'tills', 'card:2', 'c-a', 'exact', 'email', 'anna@example.org', 14.0, 1.0, true, NULL),
    ('list', 'email:anna@example.org', 'shop', 'account:1', 'c-a', 'exact', 'email', 'anna@example.org', 14.0, 1.0,
     true, NULL),
    ('shop', 'account:1', 'tills', 'card:3', 'c-a', 'exact', 'phone', '+4930901820', 9.5, 1.0, true, NULL),
    ('shop', 'account:7', 'shop', 'account:1', 'c-b', 'exact', 'phone', '+4930901820', 9.5, 0.2, false,
     'their birth dates differ'),
    ('desk', 'account:8', 'site', 'visitor:9', 'c-d', 'probabilistic', 'profile', NULL, 8.25, 0.997, true, NULL),
    ('shop', 'account:11', 'shop', 'account:12', 'c-e', 'exact', 'email', 'e@example.org', 14.0, 1.0, true, NULL),
    ('shop', 'account:12', 'shop', 'account:13', 'c-e', 'exact', 'phone', '+4930111', 9.5, 1.0, true, NULL)
) AS rows (source, source_record_id, other_source, other_record_id, customer_id, method, kind, value, weight,
    probability, is_holding, reason);
CREATE TABLE marts.identity_blocked_values AS SELECT 'email' AS kind, 'info@example.org' AS value,
    40::BIGINT AS records, 9::BIGINT AS people,
    50::BIGINT AS max_records, 4::BIGINT AS max_people, 'over the limit of people' AS reason;
CREATE TABLE marts.customer_id_aliases AS SELECT 'c-old' AS old_customer_id, 'c-a' AS customer_id,
    TIMESTAMP '2025-07-01' AS since_at;
CREATE TABLE marts.customer_match_profiles AS SELECT * FROM (VALUES
    ('shop', 'account:1', 'anna', 'berg', 'brg', '1980-05-17', 'Berlin'),
    ('tills', 'card:3', 'anna', NULL, NULL, NULL, NULL),
    ('shop', 'account:7', 'ida', 'berg', 'brg', '2009-11-02', NULL),
    ('desk', 'account:8', 'jan', 'kern', 'krn', NULL, 'Bonn'), ('site', 'visitor:9', 'jan', 'kern', 'krn', NULL, 'Bonn')
) AS rows (source, source_record_id, first_name, last_name, last_key, birth_date, city);
"""


@pytest.fixture
def home(tmp_path) -> Home:
    made = Home(tmp_path / "home").create()
    with duckdb.connect(str(made.published_file)) as con:
        con.execute(PUBLISHED)
    return made


@pytest.fixture
def identity(home):
    """Calls `regulars identity …` on the home."""

    def call(*arguments: str, code: int = 0):
        result = CliRunner().invoke(app, ["identity", *arguments, "--home", str(home.path)])
        assert result.exit_code == code, result.output
        return result

    return call


def lines(text: str, *words: str) -> list[str]:
    """The lines that hold all of these words."""
    return [line for line in text.splitlines() if all(word in line for word in words)]


def kept(home: Home):
    return read_decisions(home).kept


def test_help_names_every_command(identity):
    shown = CliRunner().invoke(app, ["identity", "--help"]).output
    for command in ("explain", "weakest", "split", "merge", "undo", "decisions"):
        assert command in shown
        assert f"regulars identity {command}" in CliRunner().invoke(app, ["identity", command, "--help"]).output


# ---- explain


def test_the_way_from_record_to_record(identity):
    told = identity("explain", "tills/card:2", "tills/card:3").output
    assert "Both are one customer: c-a" in told
    rows = [line.strip() for line in told.splitlines() if "/" in line or "│" in line]
    assert rows == [
        "tills/card:2",
        "│ same e-mail anna@example.org  +14.0 bits",
        "shop/account:1",
        "│ same phone number +4930901820  +9.5 bits ← the weakest",
        "tills/card:3",
    ]


@pytest.mark.parametrize(
    ("a", "b", "steps"),
    [
        ("list/email:anna@example.org", "tills/card:2", 2),
        ("2", "3", 2),  # cards
        ("c-a", "3", 1),  # the customer has a record beside it
        ("anna@example.org", "3", 1),  # one of the three that carry the address has it, too
        ("shop:1", "c-old", 1),
        ("c-a", "c-a", 1),
    ],
)
def test_one_customer_by_any_name(identity, a, b, steps):
    told = json.loads(identity("explain", a, b, "--json").output)
    assert told["is_same"]
    assert len(told["path"]) == steps


def test_of_several_records_those_with_the_strongest_link_are_taken(identity):
    told = json.loads(identity("explain", "anna@example.org", "c-a", "--json").output)
    [edge] = told["path"]
    assert edge["link"]["weight"] == 14.0


def test_a_link_between_records_that_look_alike_says_what_agrees(identity, weighed):
    told = identity("explain", "desk/account:8", "site/visitor:9").output
    assert "│ what they say looks alike (99.7 %)  +8.2 bits" in told
    assert "first_name: the same name (jan)  +3.0 bits" in told
    assert "last_name" not in told  # the stand-in weighs it below 0


@pytest.fixture
def weighed(home, monkeypatch):
    """A published model, and a stand-in for what weighs fields by it: first names 3 bits, last names 1 bit against."""
    from dataclasses import dataclass

    @dataclass
    class FieldWeight:
        field: str
        words: str
        left: object
        right: object
        weight: float

    with duckdb.connect(str(home.published_file)) as con:
        con.execute("CREATE TABLE marts.identity_match_model AS SELECT 'the model' AS model")
    module = types.ModuleType("models.identity.explain")

    def compare_pair(con, prepared, model, left, right):
        assert con.execute("SELECT 1").fetchall() == [(1,)]
        assert model == "the model"
        said = {(row["source"], row["source_record_id"]): row for row in prepared.iter_rows(named=True)}
        one, other = said[left], said[right]
        fields = [
            FieldWeight("first_name", "the same name", one["first_name"], other["first_name"], 3.0),
            FieldWeight("last_name", "a frequent name", one["last_name"], other["last_name"], -1.0),
        ]
        return types.SimpleNamespace(fields=fields)

    monkeypatch.setattr("models.identity.training.Model.from_json", lambda text: text)
    module.compare_pair = compare_pair  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "models.identity.explain", module)


def test_why_two_are_not_one(identity, weighed):
    told = identity("explain", "c-a", "c-b").output
    assert "Two customers: c-a (4 records) and c-b (1 record)" in told
    assert lines(told, "e-mail", "info@example.org", "over the limit of people (9 people, at most 4)", "shop/account:7")
    assert lines(told, "phone number", "+4930901820", "their birth dates differ")
    # The stopped link is between the two records that are compared, and is shown from the first customer's side.
    assert lines(told, "shop/account:1 ", " shop/account:7 ", "same phone number", "+9.5", "their birth dates differ")
    assert "shop/account:1 and shop/account:7, field by field" in told
    assert lines(told, "first_name", "anna", "ida", "+3.0")
    assert "The fields together: +2.0 bits" in told


def test_without_a_model_the_fields_stand_side_by_side(identity):
    told = json.loads(identity("explain", "c-b", "shop/account:1", "--json").output)
    assert told["pair"] == [["shop", "account:7"], ["shop", "account:1"]]
    assert [(line["field"], line["words"], line["left"], line["right"], line["weight"]) for line in told["fields"]] == [
        ("first_name", "different", "ida", "anna", None),
        ("last_name", "the same", "berg", "berg", None),
        ("birth_date", "different", "2009-11-02", "1980-05-17", None),
        ("city", "one does not say", None, "Berlin", None),
    ]


def test_two_that_have_nothing_in_common(identity):
    told = identity("explain", "carla@example.org", "c-d").output
    assert "They share no identifier." in told
    assert "says nothing of a person" in told


def test_a_split_between_them_is_told(identity, home):
    identity("split", "c-a", "tills/card:3", "--reason", "mother", "--by", "mia")
    [one] = kept(home)
    for pair in (("tills/card:3", "shop/account:1"), ("shop/account:1", "tills/card:3")):
        told = identity("explain", *pair).output
        assert lines(told, one.decision_id, "split by mia", "“mother” (counts)")
    assert one.decision_id not in identity("explain", "tills/card:2", "shop/account:1").output


def test_nobody_is_found_without_saying_whom(identity):
    for a, b, which in (("c-404", "c-a", "first"), ("c-a", "nobody@example.org", "second")):
        told = identity("explain", a, b, code=1).output
        assert f"Nobody is known by the {which} name" in told
        assert "nobody@" not in told
        assert "404" not in told
    told = identity("explain", "+4930901820", "c-a", code=1).output.replace("\n", " ")
    assert "2 customers have what was given as the first name. Name one by its id: c-a, c-b." in told
    assert "901820" not in told
    assert "same record" in identity("explain", "tills/card:2", "2", code=1).output


def test_a_copy_without_links_says_what_to_do(identity, home):
    with duckdb.connect(str(home.published_file)) as con:
        con.execute("DROP TABLE marts.customer_record_links")
    for command in (("explain", "c-a", "c-b"), ("weakest", "c-a"), ("split", "c-a", "tills/card:3", "--dry-run")):
        assert "Run: regulars run" in identity(*command, code=1).output


# ---- weakest


def test_the_weakest_link_and_the_command_to_split_there(identity, home):
    told = identity("weakest", "anna@example.org").output
    assert "c-a  4 records" in told
    assert lines(told, "shop/account:1", "tills/card:3", "+9.5", "← the weakest")
    assert len(lines(told, "← the weakest")) == 1
    [command] = [line.strip() for line in told.splitlines() if " identity split " in line]
    assert command.endswith(f" identity split c-a tills/card:3 --reason 'two people' --home {home.path}")
    # It does what it says when it is copied as it stands.
    result = CliRunner().invoke(app, shlex.split(command[command.index("identity split") :]))
    assert result.exit_code == 0, result.output
    assert kept(home)[0].records == (("tills", "card:3"),)
    told = json.loads(identity("weakest", "c-old", "--json").output)
    assert told["parts"] == [
        [["tills", "card:3"]],
        [["list", "email:anna@example.org"], ["shop", "account:1"], ["tills", "card:2"]],
    ]
    assert told["weakest"]["value"] == "+4930901820"


def test_a_customer_of_one_record(identity):
    assert "One record: nothing has to hold it together." in identity("weakest", "c-c").output


# ---- split


def test_a_split_is_kept(identity, home):
    told = identity("split", "c-a", "tills/card:3", "--reason", "her mother", "--by", "mia").output
    [one] = kept(home)
    assert (one.decision, one.records, one.reason, one.decided_by) == (
        "split", (("tills", "card:3"),), "her mother", "mia"
    )  # fmt: skip
    assert one.others == (("list", "email:anna@example.org"), ("shop", "account:1"), ("tills", "card:2"))
    assert f"Kept as {one.decision_id}." in told
    assert lines(told, "It takes effect with the next run:", f"run --home {home.path}")
    assert lines(told, "To take it back:", f"identity undo {one.decision_id}")


@pytest.mark.parametrize(
    ("named", "records"),
    [
        (["+4930901820"], [("shop", "account:1"), ("tills", "card:3")]),
        (["ANNA@example.org"], [("list", "email:anna@example.org"), ("shop", "account:1"), ("tills", "card:2")]),
        (["2", "tills/card:3"], [("tills", "card:2"), ("tills", "card:3")]),
        (["shop:1"], [("shop", "account:1")]),
    ],
)
def test_records_may_be_named_by_what_they_carry(identity, home, named, records):
    identity("split", "c-a", *named, "--reason", "why")
    assert list(kept(home)[0].records) == records
    assert len(kept(home)[0].others) == 4 - len(records)


def test_a_dry_run_of_a_split_decides_nothing(identity, home):
    told = identity("split", "c-a", "tills/card:3", "--dry-run").output
    assert "These records  1 record of c-a" in told
    assert "from these  3 records of c-a" in told
    assert "c-a keeps its id with 3 records." in told
    assert "1 record becomes another customer, with an id of its own." in told
    assert "Nothing was decided" in told
    assert kept(home) == ()


def test_a_dry_run_says_what_falls_apart(identity):
    # Without the record in the middle nothing joins the other two.
    told = identity("split", "c-e", "shop/account:12", "--dry-run").output
    assert "would be customer 2 of 2" in told
    assert told.count("1 record becomes another customer") == 2
    assert "falls into several customers" in told
    # The telephone joins these two although only the e-mail address holds them in the list of links.
    told = identity("split", "c-a", "+4930901820", "--dry-run").output
    assert "would be customer" not in told
    assert "c-a keeps its id with 2 records." in told


def test_what_cannot_be_split(identity, home):
    def refused(*words: str) -> str:
        told = identity("split", *words, "--reason", "why", code=1).output.replace("\n", " ")
        assert "example.org" not in told
        assert "card:" not in told
        return told

    assert "Nobody is known" in refused("c-404", "tills/card:3")
    assert "Record 2 of 2 names no record of c-a" in refused("c-a", "tills/card:3", "tills/card:404")
    assert "Record 1 of 1 is of another customer, c-b" in refused("c-a", "shop/account:7")
    assert "Record 1 of 1 names no record of c-a" in refused("c-a", "carla@example.org")
    assert "all 4 records of c-a" in refused("c-a", "anna@example.org", "3")
    assert "all 1 records" in refused("c-c", "carla@example.org")
    assert kept(home) == ()
    identity("split", "c-a", "tills/card:3", "--reason", "why")
    assert "decided before" in refused("c-a", "tills/card:3")
    assert len(kept(home)) == 1


def test_a_decision_needs_a_reason_and_a_name(identity, home, monkeypatch):
    for command in (("split", "c-a", "tills/card:3"), ("merge", "c-a", "c-b")):
        assert "Say why" in identity(*command, code=2).output
        assert "Say why" in identity(*command, "--reason", " ", code=2).output
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "tom")
    identity("merge", "c-a", "c-b", "--reason", "why")
    assert [one.decided_by for one in kept(home)] == ["tom"]

    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert "--by NAME" in identity("merge", "c-a", "c-c", "--reason", "why", code=2).output
    assert len(kept(home)) == 1


# ---- merge


def test_a_merge_is_kept_between_the_best_known_records(identity, home):
    identity("merge", "c-a", "carla@example.org", "--reason", "she called")
    [one] = kept(home)
    # account:1 has three links, the others one each.
    assert (one.decision, one.records, one.others) == (
        "merge", (("shop", "account:1"),), (("list", "email:carla@example.org"),)
    )  # fmt: skip
    told = identity("merge", "c-a", "c-c", "--reason", "again", code=1).output
    assert f"decided before: {one.decision_id}" in told


def test_a_record_that_is_named_is_the_one_that_is_merged(identity, home):
    identity("merge", "tills/card:3", "c-c", "--reason", "why")
    assert kept(home)[0].records == (("tills", "card:3"),)


def test_a_dry_run_of_a_merge_decides_nothing(identity, home):
    told = identity("merge", "c-a", "c-b", "--dry-run").output
    assert "These records  4 records of c-a" in told
    assert "and these  1 record of c-b" in told
    assert "5 records become one customer." in told
    # c-b has its record since January, c-a since March.
    assert "c-b keeps its id; whoever asks for c-a finds it, too." in told
    assert kept(home) == ()


def test_a_customer_is_not_merged_with_itself(identity, home):
    for a, b in (("c-a", "c-a"), ("c-old", "anna@example.org"), ("tills/card:2", "tills/card:3")):
        assert "Both are one customer already: c-a." in identity("merge", a, b, "--reason", "why", code=1).output
    assert kept(home) == ()


# ---- what overrules what


def test_a_merge_overrules_the_split_that_holds_the_two_apart(identity, home):
    identity("split", "c-a", "tills/card:3", "--reason", "mother", "--by", "mia")
    [first] = kept(home)
    with duckdb.connect(str(home.published_file)) as con:  # the run that took it up
        con.execute("UPDATE marts.customer_records SET customer_id = 'c-m' WHERE source_record_id = 'card:3'")
    told = identity("merge", "c-a", "c-m", "--reason", "a mistake").output
    assert lines(told, f"It overrules {first.decision_id}: split", "by mia, “mother”")
    second = kept(home)[-1]
    assert {second.records[0], second.others[0]} == {("tills", "card:3"), ("list", "email:anna@example.org")}
    rows = {row["decision_id"]: row["status"] for row in json.loads(identity("decisions", "--json").output)}
    assert rows == {first.decision_id: "overruled", second.decision_id: "waits for the next run"}
    # And back: without the merge the split counts again.
    assert f"It lets count again {first.decision_id}" in identity("undo", second.decision_id).output
    told = identity("undo", second.decision_id, code=1).output
    assert f"undone before, by {kept(home)[-1].decision_id}" in told


def test_a_split_overrules_the_merge_that_joined_them(identity, home):
    identity("merge", "c-b", "c-c", "--reason", "once", "--by", "mia")
    [first] = kept(home)
    with duckdb.connect(str(home.published_file)) as con:
        con.execute("UPDATE marts.customer_records SET customer_id = 'c-b' WHERE customer_id = 'c-c'")
    told = identity("split", "c-b", "carla@example.org", "--reason", "no").output
    assert f"It overrules {first.decision_id}: merge" in told


# ---- undo and the list


def test_what_cannot_be_undone(identity, home):
    assert "no decision with this id" in identity("undo", "d_000000000000", code=1).output
    assert kept(home) == ()


def test_the_list_of_decisions(identity, home):
    assert "Nothing has been decided yet" in identity("decisions").output
    identity("split", "c-a", "tills/card:3", "--reason", "mother", "--by", "mia")
    identity("merge", "c-a", "c-b", "--reason", "why", "--by", "tom")
    identity("merge", "c-c", "c-d", "--reason", "why", "--by", "tom")
    first, second, third = kept(home)
    with duckdb.connect(str(home.published_file)) as con:
        con.execute(
            "CREATE TABLE marts.identity_decisions AS SELECT * FROM (VALUES (?, 'applied', NULL), "
            "(?, 'unknown record', 'no such record any more')) AS rows (decision_id, status, note)",
            [first.decision_id, second.decision_id],
        )
    told = identity("decisions").output
    assert lines(told, first.decision_id, "split tills/card:3 from 3 records", "mia", "mother", "applied")
    assert lines(told, second.decision_id, "merge shop/account:1 and shop/account:7", "unknown record: no such record")
    assert lines(told, third.decision_id, "waits for the next run")
    assert told.index(third.decision_id) < told.index(first.decision_id)
    identity("undo", first.decision_id, "--by", "mia")
    told = identity("decisions").output
    assert lines(told, first.decision_id, "split", "undone from the next run on")
    assert lines(told, f"undo {first.decision_id}", "waits for the next run")


def test_the_run_has_the_last_word_on_what_overrules_what(identity, home):
    identity("merge", "c-a", "c-b", "--reason", "why")
    identity("split", "c-e", "shop/account:13", "--reason", "why")
    first, second = kept(home)
    table = "CREATE OR REPLACE TABLE marts.identity_decisions AS SELECT * FROM (VALUES {}) AS r (decision_id, status)"

    def shown(*rows: tuple[str, str]) -> list[str]:
        with duckdb.connect(str(home.published_file)) as con:
            con.execute(table.format(", ".join(f"('{name}', '{status}')" for name, status in rows)))
        return [row["status"] for row in json.loads(identity("decisions", "--json").output)]

    waits = "waits for the next run"
    assert shown((first.decision_id, "overruled"), (second.decision_id, "applied")) == ["overruled", "applied"]
    assert shown((first.decision_id, "overruled")) == [waits, waits]  # the second may change what the run said
    identity("undo", second.decision_id)
    assert shown((first.decision_id, "applied"), (second.decision_id, "applied")) == [
        "applied", "undone from the next run on", waits
    ]  # fmt: skip
    assert shown((first.decision_id, "overruled"), (second.decision_id, "undone")) == ["overruled", "undone", "applied"]
    assert shown((first.decision_id, "unknown record")) == ["unknown record", "undone", "applied"]


def test_the_list_needs_no_published_copy_and_tells_of_broken_lines(identity, home):
    identity("merge", "c-a", "c-b", "--reason", "why")
    home.published_file.unlink()
    home.decisions_file.write_bytes(home.decisions_file.read_bytes() + b"anna@example.org\n")
    told = identity("decisions").output
    assert "waits for the next run" in told
    assert f"{home.decisions_file}:2" in told.replace("\n", "")
    assert "anna@example.org" not in told
    assert "Nothing is published yet" in identity("merge", "c-a", "c-b", "--reason", "why", code=1).output


def test_what_a_record_says_does_not_steer_the_terminal(identity, home):
    with duckdb.connect(str(home.published_file)) as con:
        con.execute("UPDATE marts.customer_record_links SET value = chr(27) || '[2J' WHERE kind = 'phone'")
    assert "\x1b[2J" not in identity("weakest", "c-a").output


def test_an_old_id_finds_the_customer(identity, home):
    told = CliRunner().invoke(app, ["customer", "c-old", "--home", str(home.path)])
    assert told.exit_code == 0, told.output
    assert "c-old is now c-a" in told.output
    with duckdb.connect(str(home.published_file)) as con:
        con.execute("UPDATE marts.customer_id_aliases SET customer_id = 'c-gone'")
    assert CliRunner().invoke(app, ["customer", "c-old", "--home", str(home.path)]).exit_code == 1
