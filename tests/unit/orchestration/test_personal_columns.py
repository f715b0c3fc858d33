"""Which columns are personal, and what stands in their place."""

import hashlib
import hmac
import re

import duckdb
import pytest
import yaml

from orchestration.dbt import PROJECT_DIR
from orchestration.postgres.pseudonyms import (
    NOT_PERSONAL,
    SEED,
    PersonalColumnsError,
    Rule,
    hidden,
    pads,
    pseudonym,
    read_personal_columns,
)

SEEDS = PROJECT_DIR / "seeds"
# What a column that holds personal data may be called, and words in which the same letters mean nothing of the kind.
SOUNDS_PERSONAL = re.compile(
    r"name|mail|phone|mobile|address|street|house|postal|zip|birth|(^|_)first|(^|_)last|(^|_)value$|^raw|url|landing_page"
    r"|detail|subject|cookie|visitor|(^|_)ip(_|$)|agent|owner|_by$|note|recording|card|account|record_id|person|comment"
    r"|reason|message$|contact$|manager"
)
OTHER_WORDS = re.compile(r"^(first|last)_(seen|ordered|bought|answer|complaint|contact|reply|touch|order)\w*$")
MAY_HOLD_TEXT = ("string", "varchar", "text", "date")


def columns_of_marts():
    """The columns of every table that is published, as (table, column, type)."""
    for path in (PROJECT_DIR / "models").rglob("*.yml"):
        in_marts = "marts" in path.parts
        for model in (yaml.safe_load(path.read_text("utf-8")) or {}).get("models") or []:
            enforced = ((model.get("config") or {}).get("contract") or {}).get("enforced", in_marts)
            if not enforced or model.get("access", "public" if in_marts else None) != "public":
                continue
            for column in model.get("columns") or []:
                yield model["name"], column["name"], str(column.get("data_type", "")).lower()


def test_every_column_that_sounds_personal_has_been_looked_at():
    known = read_personal_columns(SEEDS)
    marts = list(columns_of_marts())
    assert ("dim_customers", "primary_email", "string") in marts
    unseen = []
    for table, column, kind in marts:
        if kind not in MAY_HOLD_TEXT or not SOUNDS_PERSONAL.search(column) or OTHER_WORDS.match(column):
            continue
        said = known.said(table, column)
        if said is None or not said.is_exact:
            unseen.append(f"{table}.{column}")
    assert unseen == [], f"say in {SEED} what these columns hold, or `{NOT_PERSONAL}`"


def test_every_line_is_of_a_column_that_is_there():
    marts = {(table, column): kind for table, column, kind in columns_of_marts()}
    rules = read_personal_columns(SEEDS).rules
    assert {(r.table, r.column) for r in rules if r.is_exact and r.table != "*"} - set(marts) == set()
    assert {(r.table, r.where[0]) for r in rules if r.where} - set(marts) == set()


@pytest.mark.parametrize(
    ("column", "kind"),
    [("second_email", "email"), ("phone_of_work", "phone"), ("birth_day", "birth_date"), ("orders", None)],
)
def test_a_table_nobody_looked_at_is_hidden_by_the_names_of_its_columns(column, kind):
    found = read_personal_columns(SEEDS).of("made_by_an_analyst", column)
    assert (found.kind if found else None) == kind


def test_an_exact_line_counts_before_a_pattern():
    known = read_personal_columns(SEEDS)
    assert known.of("forecast_models", "value") is None
    assert known.of("customer_contact_points", "value").kind == "text"


# RFC 4231, test cases 1 to 4, 6 and 7: keys shorter and longer than a block.
RFC_4231 = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
]


@pytest.mark.parametrize(("key", "message", "expected"), RFC_4231)
def test_pseudonyms_are_hmac_sha_256(key, message, expected):
    assert pseudonym(key.decode(), message.decode()) == "p_" + expected[:32]


@pytest.mark.parametrize("key", ["k" * 32, "k" * 64, "k" * 65, "Schlüssel mit Umlauten, lang genug für alles " * 3])
def test_the_sql_gives_the_same(key):
    words = ["anna@mail.example", "", "Zoë 🥖", "x" * 500]
    query = f"SELECT {hidden(Rule('t', 'c', 'text'), 'c', is_text=True)} FROM (SELECT unnest($words) AS c)"
    with duckdb.connect() as con:
        found = [value for (value,) in con.execute(query, {"words": [*words, None], **pads(key)}).fetchall()]
    by_hand = ["p_" + hmac.new(key.encode(), word.encode(), hashlib.sha256).hexdigest()[:32] for word in words]
    assert found == [*by_hand, None]


def test_only_the_rows_that_are_meant_are_hidden():
    rule = Rule("t", "c", "employee", ("kind", ("agent", "person")))
    rows = "(VALUES ('agent', 'Ida'), ('product', 'Ida'), (NULL, 'Ida')) AS t(kind, c)"
    query = f"SELECT c = 'Ida', {hidden(rule, 'c', is_text=True)} = 'Ida' FROM {rows}"
    with duckdb.connect() as con:
        assert con.execute(query, pads("k" * 32)).fetchall() == [(True, False), (True, True), (True, False)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dim_customers,city,place,,,", ":2: a line needs"),
        ("dim_customers,,email,,,", ":2: a line needs"),
        ("dim_customers,city,text,kind,,", "go together"),
        ("dim_customers,city,text,,,\ndim_customers,city,not_personal,,,", "said twice: dim_customers.city"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path, line, words):
    head = (SEEDS / SEED).read_text("utf-8").splitlines()[0]
    (tmp_path / SEED).write_text(f"{head}\n{line}\n", "utf-8")
    with pytest.raises(PersonalColumnsError, match=words):
        read_personal_columns(tmp_path)
    with pytest.raises(PersonalColumnsError, match="cannot be read"):
        read_personal_columns(tmp_path / "nowhere")
