"""People: names in their scripts, numbers and addresses of nobody, households, and what the distributions promise."""

# ruff: noqa: RUF001 - letters of other scripts that look like Latin ones are the point here

from __future__ import annotations

import re
from datetime import date

import numpy as np
import phonenumbers
import polars as pl
import pytest

from sources.sample import contact, scripts
from sources.sample.baskets import prices_at
from sources.sample.buying import BGNBD, GAMMA_GAMMA, draw_habits, draw_purchases
from sources.sample.clock import offset_text, utc_text
from sources.sample.names import first_names, last_names
from sources.sample.people import draw_people
from sources.sample.records import CLERK, FORM, mistyped, mistyped_date, write_down
from sources.sample.rhythm import Rhythm
from sources.sample.text import cents, hex_ids, uuids

RHYTHM = Rhythm.two_years_to(date(2026, 6, 30))


@pytest.fixture(scope="module")
def people():
    return draw_people(np.random.default_rng([5, 0]), 20_000, RHYTHM, 5, 8)


def test_numbers_are_valid_and_everybody_has_another_one(people):
    every = pl.concat([people.phone, people.phone_2.rename("phone"), people.family_phone.unique().rename("phone")])
    assert every.is_unique().all()
    for number in every.sample(400, seed=1):
        parsed = phonenumbers.parse(number, None)
        assert phonenumbers.is_valid_number(parsed), number
        assert re.fullmatch(r"\+49158[0-7]\d{7}|\+33(19900|26191|35301|46571|53649)\d{4}", number)


def test_any_number_of_people_gets_numbers_of_their_own():
    places = np.concatenate([np.arange(50_000), contact.NUMBERS - 1 - np.arange(50_000)])
    assert contact.phone_numbers(places, 7).is_unique().all()


def test_numbers_as_people_type_them_are_the_same_numbers(people):
    part = people.phone.head(600)
    written = contact.as_written(part, (np.arange(600) % 6).astype(np.int8))
    for number, text in zip(part, written, strict=True):
        parsed = phonenumbers.parse(text, "DE")
        assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number, text
    assert any(text.startswith("0158/") for text in written)


def test_addresses_are_reserved_ones_and_all_different(people):
    every = pl.concat([people.email, people.email_2.rename("email"), people.family_email.unique().rename("email")])
    assert every.is_unique().all()
    assert every.str.contains(r"^[a-z0-9._]+@([a-z]+\.example|mail\.example\.org|example\.(com|net|org))$").all()


def test_households_share_a_home_and_mostly_a_name(people):
    frame = people.frame.with_columns(size=pl.len().over("household"))
    assert frame.select((pl.col("size") > 1).mean()).item() == pytest.approx(0.375, abs=0.03)
    together = frame.filter(pl.col("size") > 1).group_by("household").agg(pl.col("street", "house", "town").n_unique())
    assert together.select(pl.col("street", "house", "town").max()).row(0) == (1, 1, 1)
    shared = frame.filter("shares_email").group_by("household").len()
    assert (shared["len"] >= 2).all()


def test_every_script_is_there():
    first, last = first_names(), last_names()
    home = pl.concat([first.home, last.home])
    assert home.str.contains("[А-я]").any()
    assert home.str.contains("[一-龥]").any()
    assert home.str.contains("[ışğçÇŞ]").any()
    assert home.str.contains("ʻ").any()
    for table in (first, last):
        assert table.plain.str.contains("^[a-z-]+$").all()
        assert not table.latin.str.contains("[А-яЁёЇїЎўҚқ一-龥]").any()


@pytest.mark.parametrize(
    ("text", "latin"), [("Щербаков", "Shcherbakov"), ("Ольга", "Olga"), ("Фёдоров", "Fyodorov"), ("Наталья", "Natalya")]
)
def test_russian_as_in_a_passport(text, latin):
    assert scripts.from_cyrillic(text) == latin


def test_other_ways_to_write_a_name():
    assert scripts.from_cyrillic("Шевченко", german=True) == "Schewtschenko"
    assert scripts.from_cyrillic("Микола", ukrainian=True) == "Mykola"
    assert scripts.uzbek_to_cyrillic("Oʻrinboyev") == "Ўринбоев"
    assert scripts.uzbek_to_cyrillic("Shavkat") == "Шавкат"
    assert scripts.uzbek_to_cyrillic("Ergashev") == "Эргашев"
    assert scripts.from_hanzi("志明") == "Zhiming"
    assert scripts.in_latin1("Łukasz Müller") == "Lukasz Müller"
    assert scripts.garbled("Müller") == "MÃ¼ller"
    assert scripts.without_marks("Jürgen Yılmaz") == "Juergen Yilmaz"


def test_slips_change_one_thing():
    rng = np.random.default_rng(1)
    names = pl.Series(["Schneider"] * 500)
    slipped = mistyped(rng, names)
    assert set(slipped.str.len_chars()) == {8, 9, 10}
    assert (slipped != names).mean() > 0.9
    assert mistyped(rng, pl.Series(["Li"])).to_list() == ["Li"]
    dates = mistyped_date(rng, pl.Series(["1980-02-05", "1984-02-29", "1975-11-30"] * 50))
    assert dates.str.to_date(strict=True).null_count() == 0
    assert "1980-05-02" in set(dates)


def test_a_record_is_of_its_day(people):
    moved = np.flatnonzero(people.column("moved_at") < 2**50)[:200]
    before = write_down(np.random.default_rng(2), people, moved, people.column("moved_at")[moved] - 10, FORM)
    after = write_down(np.random.default_rng(2), people, moved, people.column("moved_at")[moved] + 10, FORM)
    assert before["old_address"].all()
    assert not after["old_address"].any()
    assert (before["street"] != after["street"]).mean() > 0.9


def test_a_system_that_knows_one_script_gets_a_name_in_it(people):
    rows = np.arange(20_000)
    held = write_down(np.random.default_rng(3), people, rows, np.full(20_000, RHYTHM.last_second), CLERK)
    assert (held["spelling"] == "other").any()
    for name in (held["first_name"], held["last_name"]):
        assert name.str.contains(r"\p{L}").all()
        assert not name.str.contains(r"[\p{L}--\p{Latin}]").any()


def test_clerks_write_latin_letters_only(people):
    rows = np.arange(2_000)
    held = write_down(np.random.default_rng(3), people, rows, np.full(2_000, RHYTHM.last_second), CLERK)
    text = pl.concat([held["first_name"].rename("n"), held["last_name"].rename("n"), held["street"].rename("n")])
    assert all(ord(char) < 256 for name in text for char in name)
    assert held["slip"].drop_nulls().n_unique() >= 6


def test_purchases_are_those_of_the_published_model(people):
    habits = draw_habits(np.random.default_rng(6), people)
    private = ~people.column("is_business")
    assert habits.rate[private].mean() == pytest.approx(BGNBD[0] / BGNBD[1], rel=0.06)
    assert habits.drop_out[private].mean() == pytest.approx(BGNBD[2] / (BGNBD[2] + BGNBD[3]), rel=0.03)
    p, q, v = GAMMA_GAMMA
    assert habits.value[private].mean() == pytest.approx(p * v / (q - 1), rel=0.05)
    purchases = draw_purchases(np.random.default_rng(7), people, habits, RHYTHM)
    again = purchases.group_by("person").len()["len"]
    assert (again >= 2).mean() == pytest.approx(0.43, abs=0.06)


def test_expected_purchases_follow_the_closed_form():
    # E[X(t)] of BG/NBD, equation 9 of Fader, Hardie and Lee (2005), by its hypergeometric series.
    r, alpha, a, b = BGNBD
    weeks = 104.0
    z = weeks / (alpha + weeks)
    term = total = 1.0
    for k in range(20_000):
        term *= (r + k) * (b + k) / ((a + b - 1 + k) * (k + 1)) * z
        total += term
    expected = (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + weeks)) ** r * total)
    rng = np.random.default_rng(8)
    count = 60_000
    rate, leaves = rng.gamma(r, 1 / alpha, count), rng.beta(a, b, count)
    bought = np.minimum(rng.poisson(rate * weeks), rng.geometric(np.maximum(leaves, 1e-9)))
    assert bought.mean() == pytest.approx(expected, rel=0.04)


def test_ids_are_all_different():
    numbers = np.arange(100_000)
    assert hex_ids(numbers, 3).is_unique().all()
    assert uuids(numbers, 3).is_unique().all()
    assert (
        uuids(numbers[:50], 3).str.contains(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$").all()
    )
    assert hex_ids(numbers[:5], 3).to_list() != hex_ids(numbers[:5], 4).to_list()


def test_amounts_and_prices():
    frame = pl.DataFrame({"a": [0, 5, -250, 123456]})
    assert frame.select(cents("a")).to_series().to_list() == ["0.00", "0.05", "-2.50", "1234.56"]
    assert frame.select(cents("a", comma=True)).to_series().to_list() == ["0,00", "0,05", "-2,50", "1234,56"]
    assert prices_at(np.array([0, 0]), np.array([False, True])).tolist() == [490, 510]


def test_the_hour_that_summer_time_skips_is_moved():
    midnight = 20_177 * 86_400  # 2025-03-30, when Berlin goes from 2:00 to 3:00
    frame = pl.DataFrame({"at": [midnight + 3_600, midnight + 2 * 3_600 + 5, midnight + 12 * 3_600]})
    assert frame.select(utc_text(pl.col("at"))).to_series().to_list() == [
        "2025-03-30T00:00:00Z", "2025-03-30T01:00:05Z", "2025-03-30T10:00:00Z",
    ]  # fmt: skip
    assert frame.select(offset_text(pl.col("at"))).to_series()[2] == "2025-03-30T12:00:00+02:00"
