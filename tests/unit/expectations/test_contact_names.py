# ruff: noqa: RUF001 - names of many scripts
"""Names: what is none, what may be one, and that the names of real people pass."""

import csv
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.contacts import NAME_VERDICTS, NO_VALUE, NOT_JUDGED, judge_names
from expectations.contacts.names import name_verdict
from sources.sample.names import first_names, last_names

NICKNAMES = Path(__file__).resolve().parents[4] / "shared" / "data" / "contact" / "nicknames" / "names.csv"

PLACEHOLDER = "it is a placeholder"
KEYS = "it is a run of neighbouring keys"
REPEATED = "it is one character repeated"
NO_LETTER = "it has no letter"
DOUBTFUL = "it may be a placeholder, though people are called so"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, NO_VALUE), ("", NO_VALUE), (" \u200b\u00a0", NO_VALUE),
        ("-", NO_LETTER), ("...", NO_LETTER), ("12345", NO_LETTER), ("٣٤٥", NO_LETTER), ("???", NO_LETTER),
        ("😀", NO_LETTER),
        ("n/a", PLACEHOLDER), ("N/A", PLACEHOLDER), ("#N/A", PLACEHOLDER), ("NaN", PLACEHOLDER),
        ("<null>", PLACEHOLDER),
        ("unknown", PLACEHOLDER), ("Unbekannt", PLACEHOLDER), ("INCONNU", PLACEHOLDER), ("desconocido", PLACEHOLDER),
        ("неизвестно", PLACEHOLDER), ("不明", PLACEHOLDER), ("anonym", PLACEHOLDER), ("Anonymous", PLACEHOLDER),
        ("keine Angabe", PLACEHOLDER), ("Sin nombre", PLACEHOLDER), ("not available", PLACEHOLDER),
        ("Vorname Nachname", PLACEHOLDER), ("foo bar", PLACEHOLDER), ("Test Test", PLACEHOLDER),
        ("null null", PLACEHOLDER),
        ("Test User", PLACEHOLDER), ("Neu, Kunde", PLACEHOLDER), ("first last", PLACEHOLDER), ("テスト", PLACEHOLDER),
        ("asdf", KEYS), ("ASDFGH", KEYS), ("qwertz", KEYS), ("qwerty", KEYS), ("azerty", KEYS), ("yxcv", KEYS),
        ("йцукен", KEYS),
        ("fdsa", KEYS), ("asdasd", KEYS), ("qweasd", KEYS), ("asdf jkl", KEYS), ("asdf jklö", KEYS),
        ("aaa", REPEATED), ("XXXX", REPEATED), ("xxx yyy", REPEATED), ("ффф", REPEATED),
        ("anna@example.com", "it is an e-mail address"), ("Anna <anna@example.com>", "it is an e-mail address"),
        ("Win money http://spam.example", "it has a web address"), ("www.spam.example", "it has a web address"),
        ("An\x00na", "it has control characters"), ("Anna\ud800", "it has control characters"),
        ("x" * 10_000_000, "it is too long"),
    ],
)  # fmt: skip
def test_what_is_no_name(value, reason):
    assert name_verdict(value) == (None, reason, ())


@pytest.mark.parametrize(
    "value",
    [
        "Null",
        "NULL",
        "Test",
        "None",
        "Tester",
        "Muster",
        "Mustermann",
        "Max Mustermann",
        "John Doe",
        "Gast",
        "Kunde",
        "Foo",
        "N.A.",
    ],
)
def test_names_that_are_often_placeholders_pass_and_are_doubtful(value):
    assert name_verdict(value) == (value, DOUBTFUL, (True,))


# Short ones, ones that are placeholders or runs of keys in part or in another script, ones with digits and marks.
REAL = (
    """
Ng|O|Ó|E|Wu|Oo|Aa|Ii|Ye|Xu|Yu|Na|No|Bo|Ek|Å|X Æ A-12|K.|J. R. R.|O'Brien|O’Neill|d'Arc|Al-Sayed|Müller-Lüdenscheidt
Anna Null|Jennifer Null|Null, Anna|Christopher Test|Test, Maria|Jon Tester|Nan Goldin
Nil Karaibrahimgil|Nemo|Sin|Sans|Vide
Bar|Baz Luhrmann|Foo Mei Ling|Leeroy|Azer|Аzer|Смит|Анна Смит|Asad|Asda|Qasem|Were|Fred|Dewey|Poppy
Weert|Treweek|Trewern|Opi|Iop
Jürgen|Ångström|Łukasz|Şükrü|Đặng|Nguyễn Thị Ánh|Þórdís|Ñáñez|Ōno|Ğ|İnci|Œuvrard|ẞ|Ŷ
Иван Петров|Щукин|Їжак|Ђорђе|Γιώργος|Ζ|Աննա|ანა|אברהם|بن سلمان|محمد|فاطمة الزهراء|علی‌رضا|نور
नरेन्द्र मोदी|प्रिया|শেখ হাসিনা|தமிழ்|ไพบูลย์|မြင့်
王|李小龙|欧阳|山田 太郎|さくら|ソフィー|木木木|김|남궁 민|박서준|ᏍᏏᏉᏯ|ተስፋዬ|ꦲꦤ
Hubert Blaine Wolfeschlegelsteinhausenbergerdorff|Jean-Baptiste Emmanuel|de la Cruz|van der Leer
von und zu|Ludwig XIV|Sr.|3rd Anna
Anna anna|Lee Lee|Bo Bo|José María|Maria da Conceição|bin Abdullah|ibn Sina|Yy|Ana Laura López Test
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


@pytest.mark.parametrize("value", REAL)
def test_real_names_pass_without_a_doubt(value):
    assert name_verdict(value).reason is None
    assert name_verdict(value).value is not None


def test_the_names_of_the_sample_company_pass_in_every_spelling():
    names = set()
    for table in (first_names(), last_names()):
        for spelling in (table.home, table.latin, table.other, table.plain, table.short, table.short_latin):
            names |= set(spelling.to_list())
    assert len(names) > 10_000
    assert [name for name in sorted(names) if name_verdict(name).reason] == []


@pytest.mark.skipif(not NICKNAMES.is_file(), reason="the folder ../shared/data is missing")
def test_nicknames_pass():
    with NICKNAMES.open(newline="", encoding="utf-8") as file:
        names = {row[column] for row in csv.DictReader(file) for column in ("name1", "name2")}
    assert len(names) > 1_000
    assert [name for name in sorted(names) if name_verdict(name).reason] == []


@pytest.mark.parametrize(
    ("value", "normalised"),
    [
        ("  Anna \t Maria\n", "Anna Maria"),
        ("\u202eAnna\u202c", "Anna"),
        ("\ufeffAnna", "Anna"),
        ("Bjo\u0308rn", "Björn"),
        ("ANNA", "ANNA"),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("x" * 7 + "y" + " " * 2_000, "xxxxxxxy"),
    ],
)
def test_the_normal_form(value, normalised):
    assert name_verdict(value) == (normalised, None, (False,))


def test_frames_keep_rows_order_and_types():
    found = judge_names(pl.DataFrame({"raw_value": ["n/a", "Null", " Anna", "n/a"]}))
    assert found.schema == pl.Schema(NAME_VERDICTS)
    assert found.rows() == [
        ("n/a", None, False, PLACEHOLDER, None),
        ("Null", "Null", True, DOUBTFUL, True),
        (" Anna", "Anna", True, None, False),
        ("n/a", None, False, PLACEHOLDER, None),
    ]
    assert judge_names(pl.DataFrame(schema={"raw_value": pl.String})).height == 0


def test_a_judge_that_stumbles_does_not_stop_the_load(monkeypatch):
    def stumble(*_args):
        raise AssertionError("a defect")

    monkeypatch.setattr("expectations.contacts.names._lists", stumble)
    assert name_verdict("Anna") == (None, NOT_JUDGED, ())


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=200), st.text(alphabet="asdfqwe нулl .-1", max_size=30)))
def test_every_text_gets_a_verdict_and_a_normal_form_stays(text):
    found = name_verdict(text)
    assert found.reason != NOT_JUDGED
    if found.value is None:
        assert found.reason
    else:
        assert name_verdict(found.value) == found
