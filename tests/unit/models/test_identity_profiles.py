"""What records say about a person, made comparable: names, homes, addresses of all sorts, and whatever people type."""

import datetime as dt
from typing import Any

import polars as pl
import pytest

from models.identity.names import Familiar, latin, sound
from models.identity.profiles import FORM_SIGN, PREPARED_SCHEMA, PROFILE_COLUMNS, prepare

FAMILIAR = Familiar([("Robert", "Bob"), ("Александр", "Саша")])
NOTHING = [name for name in PREPARED_SCHEMA if name not in ("source", "source_record_id")]


def heard(name: str) -> str:
    return sound(latin(name))


def prepared(*people: dict[str, Any]) -> list[dict[str, Any]]:
    """The prepared rows of people, who are numbered in their order."""
    rows = [{"source": "shop", "source_record_id": f"{number:04}", **one} for number, one in enumerate(people)]
    return prepare(pl.DataFrame(rows, infer_schema_length=None), FAMILIAR).to_dicts()


def one(**said: Any) -> dict[str, Any]:
    (row,) = prepared(said)
    return row


def test_a_full_record_by_hand() -> None:
    row = one(
        first_name=" Jörg ",
        last_name="Müller",
        birth_date=dt.date(1980, 3, 1),
        street="Lindenstraße 4",
        postal_code="10 115",
        city="Köln",
        country_code="de",
        email="J.Schnuffel77@Example.com",
        phone="+4930123456",
        company_name="Müller GmbH",
    )
    assert row == {
        "source": "shop",
        "source_record_id": "0000",
        "first": "joerg",
        "first_key": heard("joerg"),
        "first_forms": heard("joerg"),
        "last": "mueller",
        "last_key": heard("mueller"),
        "birth_date": "19800301",
        "street": heard("linden"),
        "house_number": "4",
        "postal_code": "10115",
        "city": "koeln",
        "country_code": "DE",
        "email": "j.schnuffel77@example.com",
        "email_local": "j.schnuffel77",
        "email_domain": "example.com",
        "email_own": "j.schnuffel77",
        "phone": "+4930123456",
        "company_name": "Müller GmbH",
    }


STREETS = {
    "Lindenstraße": [
        "Lindenstraße 4",
        "Lindenstr. 4",
        "4 Lindenstrasse",
        "Linden Str. 4",
        "LINDENSTRASSE 4",
        "Lindenstr.4",
    ],
    "Baker Street": ["Baker Street 4", "4 Baker Street", "4, Baker St.", "Baker St 4", "BAKER STREET 4"],
    "rue de la Paix": ["4 rue de la Paix", "4, rue de la Paix", "Rue de la Paix 4", "RUE DE LA PAIX, 4"],
    "Via Roma": ["Via Roma, 4", "Via Roma 4", "via roma 4"],
    "Elm Avenue": ["4 Elm Avenue", "4 Elm Ave.", "Elm Ave 4"],
    "Oak Lane": ["4 Oak Lane", "4 Oak Ln"],
    "ул. Ленина": ["ул. Ленина, 4", "ул. Ленина 4", "ul. Lenina 4"],
    "Große Gasse": ["Große Gasse 4", "Grosse Gasse 4"],
}


@pytest.mark.parametrize("name", STREETS)
def test_a_street_is_the_same_in_whatever_order_and_spelling(name: str) -> None:
    rows = prepared(*[{"street": street} for street in STREETS[name]])
    assert {row["house_number"] for row in rows} == {"4"}
    streets = {row["street"] for row in rows}
    assert len(streets) == 1
    assert None not in streets


def test_streets_with_other_names_differ() -> None:
    rows = prepared(*[{"street": streets[0]} for streets in STREETS.values()])
    assert len({row["street"] for row in rows}) == len(STREETS)


@pytest.mark.parametrize(
    ("street", "number"),
    [
        ("Hauptstr. 12a", "12a"),
        ("Hauptstr. 12 A", "12a"),
        ("Hauptstr. 12-14", "12"),
        ("Hauptstr. 12/3", "12"),
        ("221B Baker Street", "221b"),
        ("5 bis rue Cler", "5"),
        ("350 5th Avenue", "350"),
        ("Am Markt", None),
        ("", None),
        ("ул. Ленина, 12а", "12a"),  # noqa: RUF001
        ("人民路5号", "5"),
        ("Straße des 17. Juni 135", "135"),
        ("5th Avenue 350", "350"),
        ("Main St 5, Apt 3", "5"),
    ],
)
def test_house_numbers(street: str, number: str | None) -> None:
    assert one(street=street)["house_number"] == number


@pytest.mark.parametrize(
    "spellings",
    [
        ["Hauptstr. 12 a", "Hauptstr. 12a", "Hauptstr.12A"],
        ["Hauptstraße 12a", "Hauptstr. 12a", "Hauptstrasse 12 a"],
        ["7c Mill Road", "Mill Road 7c", "7c Mill Rd"],
    ],
    ids=["one spelling", "two spellings", "two orders"],
)
def test_the_letter_of_a_house_is_no_part_of_the_street(spellings: list[str]) -> None:
    rows = prepared(*[{"street": street} for street in spellings])
    assert len({row["street"] for row in rows}) == 1


def test_numbered_streets_differ() -> None:
    fifth, sixth = prepared({"street": "350 5th Avenue"}, {"street": "350 6th Avenue"})
    assert fifth["street"] != sixth["street"]


def test_a_street_that_is_only_the_word_for_a_street_keeps_it() -> None:
    assert one(street="Street 5")["street"] == heard("street")


def test_a_street_of_a_number_alone_is_no_street() -> None:
    row = one(street="12")
    assert (row["street"], row["house_number"]) == (None, "12")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("10115", "10115"),
        ("10 115", "10115"),
        ("D-10115", "D10115"),
        ("sw1a 1aa", "SW1A1AA"),
        ("SW1A1AA", "SW1A1AA"),
        ("1010-1", "10101"),
        ("--", None),
        ("  ", None),
    ],
)
def test_postal_codes(said: str, code: str | None) -> None:
    assert one(postal_code=said)["postal_code"] == code


@pytest.mark.parametrize(
    ("email", "local", "domain"),
    [
        ("petra.fischer@example.com", "petra.fischer", "example.com"),
        ("Petra.Fischer@Example.COM", "petra.fischer", "example.com"),
        ("petra+shop@example.com", "petra", "example.com"),
        ("pf@example.com", None, "example.com"),
        ("no address", "no address", None),
        ("@example.com", None, "example.com"),
    ],
)
def test_parts_of_an_email(email: str, local: str | None, domain: str | None) -> None:
    row = one(email=email)
    assert (row["email_local"], row["email_domain"], row["email"]) == (local, domain, email.lower())


@pytest.mark.parametrize(
    ("email", "own"),
    [
        ("schnuffel77@example.com", "schnuffel77"),
        ("petra.schnuffel@example.com", "petra.schnuffel"),
        ("petra.fischer@example.com", None),
        ("fischer.petra@example.com", None),
        ("petra.fischer57@example.com", None),
        ("petra_fischer_57@example.com", None),
        ("petra@example.com", None),
        ("petra+anything@example.com", None),
        ("PetraFischer@example.com", None),
        ("pf1@example.com", None),
        ("p.fischer57@example.com", None),
    ],
)
def test_an_address_is_ones_own_only_beyond_the_name(email: str, own: str | None) -> None:
    assert one(first_name="Petra", last_name="Fischer", email=email)["email_own"] == own


def test_without_a_name_every_address_is_ones_own() -> None:
    assert one(email="petra.fischer@example.com")["email_own"] == "petra.fischer"
    assert one(email="petra.fischer@example.com", first_name="Anna")["email_own"] == "petra.fischer"


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ("Weber, Anna", "anna", "weber"),
        ("Anna Maria Weber", "annamaria", "weber"),
        ("欧阳志明", "zhiming", "ouyang"),
        ("Weber", None, "weber"),
        ("   ", None, None),
    ],
)
def test_a_name_in_one_piece_is_taken_apart(full: str, first: str | None, last: str | None) -> None:
    row = one(full_name=full)
    assert (row["first"], row["last"]) == (first, last)


@pytest.mark.parametrize("given", [{"first_name": "Boris"}, {"last_name": "Boris"}])
def test_a_name_in_one_piece_does_not_mix_with_given_parts(given: dict[str, str]) -> None:
    row = one(full_name="Anna Weber", **given)
    assert {row["first"], row["last"]} == {"boris", None}


def test_forms_of_a_first_name() -> None:
    assert one(first_name="Bob")["first_forms"].split(FORM_SIGN) == sorted([heard("Bob"), heard("Robert")])
    assert one(first_name="Саша")["first_forms"].split(FORM_SIGN) == sorted([heard("Sasha"), heard("Aleksandr")])
    assert one(last_name="Bob")["first_forms"] is None


@pytest.mark.parametrize(
    ("said", "held"),
    [
        (dt.date(1980, 3, 1), "19800301"),
        ("1980-03-01", "19800301"),
        ("1980-03-01 00:00:00", "19800301"),
        (dt.datetime(1980, 3, 1, 0, 0), "19800301"),  # noqa: DTZ001 - a column of times without zone
        ("1980", None),
        ("1980-03", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_birth_dates(said: object, held: str | None) -> None:
    assert one(birth_date=said)["birth_date"] == held


@pytest.mark.parametrize("blank", ["", " ", "\t\n", None])
def test_blanks_say_nothing(blank: str | None) -> None:
    row = one(**{name: blank for name in PROFILE_COLUMNS if not name.startswith("source")})
    assert {name: row[name] for name in NOTHING} == dict.fromkeys(NOTHING)


def test_no_rows() -> None:
    empty = prepare(pl.DataFrame(schema=dict.fromkeys(PROFILE_COLUMNS, pl.String)), FAMILIAR)
    assert empty.is_empty()
    assert empty.schema == PREPARED_SCHEMA


def test_columns_may_be_missing_and_further_ones_are_left_out() -> None:
    frame = pl.DataFrame({"source": ["shop"], "source_record_id": ["1"], "shoe_size": [42]})
    result = prepare(frame, FAMILIAR)
    assert result.schema == PREPARED_SCHEMA
    assert result.select(NOTHING).null_count().row(0) == (1,) * len(NOTHING)


def test_rows_come_sorted_by_their_keys() -> None:
    keys = [("b", "1"), ("a", "2"), ("a", "10"), ("a", "1")]
    frame = pl.DataFrame(keys, schema=["source", "source_record_id"], orient="row").with_columns(
        last_name=pl.col("source") + pl.Series(["w", "x", "y", "z"])
    )
    result = prepare(frame, FAMILIAR).select("source", "source_record_id", "last")
    assert result.rows() == [("a", "1", "az"), ("a", "10", "ay"), ("a", "2", "ax"), ("b", "1", "bw")]
    assert prepare(frame.reverse(), FAMILIAR).equals(prepare(frame, FAMILIAR))


# What people and machines really put into forms.
NAUGHTY = [
    "undefined",
    "NULL",
    "true",
    "1/0",
    "0x0",
    "NaN",
    "-1.00",
    ",./;'[]\\-=",
    '<>?:"{}|_+',
    "!@#$%^&*()`~",
    "\x00",
    "a\x00b",
    "\x1f",
    "\ufeff",
    "\u202etest\u202e",
    "\u200bAnna",
    "Ω≈ç√∫˜µ≤≥÷",  # noqa: RUF001
    "田中さんにあげて下さい",
    "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤",
    "👩‍👩‍👧‍👦",
    "１２３",  # noqa: RUF001
    "' OR 1=1 -- 1",
    '"; DROP TABLE records; --',
    "<script>alert(0)</script>",
    "%s%s%s %d",
    "$(touch /tmp/blns.fail)",
    "../../../etc/passwd",
    "=1+1",
    "|",
    "{{ 7 * 7 }}",
    "İIıi",  # noqa: RUF001
]


def test_naughty_texts_do_no_harm_in_any_column() -> None:
    fields = [name for name in PROFILE_COLUMNS if not name.startswith("source")]
    good = {"first_name": "Anna", "last_name": "Weber", "email": "anna@example.com", "street": "Lindenstr. 4"}
    rows = prepared(good, *[dict.fromkeys(fields, text) for text in NAUGHTY], good)
    assert len(rows) == len(NAUGHTY) + 2
    first, *_, last = ({name: value for name, value in row.items() if name != "source_record_id"} for row in rows)
    assert first == last
    assert (first["first"], first["last"], first["house_number"]) == ("anna", "weber", "4")
    letters = {"first", "first_key", "last", "last_key", "street", "city"}
    for row in rows:
        for name in letters:
            assert row[name] is None or (row[name].isascii() and row[name].isalnum()), (name, row[name])


def test_keys_may_hold_anything() -> None:
    frame = pl.DataFrame({"source": ["s"] * len(NAUGHTY), "source_record_id": NAUGHTY})
    assert sorted(prepare(frame, FAMILIAR)["source_record_id"]) == sorted(NAUGHTY)


def test_a_text_too_long_to_be_compared_says_nothing() -> None:
    row = one(first_name="anna" * 2_500_000, last_name="b" * 300, street="Lindenweg" * 40 + " 4", city="c" * 301)
    assert (row["first"], row["last"]) == (None, "b" * 300)
    assert (row["street"], row["house_number"], row["city"]) == (None, None, None)
