"""Which first names and birth dates are those of two people, and which only look so."""

from typing import Any

import polars as pl
import pytest

from models.identity.names import Familiar
from models.identity.profiles import prepare
from models.identity.rules import TRAITS_SCHEMA
from models.identity.separators import contradicts, traits_of

FAMILIAR = Familiar(
    [
        ("Robert", "Bob"),
        ("Robert", "Rob"),
        ("Александр", "Саша"),
        ("Elizabeth", "Betty"),
        ("Elizabeth", "Liz"),
    ]
)
Person = tuple[str | None, str | None]


def traits(*people: dict[str, Any]) -> pl.DataFrame:
    """The traits of people, who are numbered in their order."""
    rows = [{"source": "shop", "source_record_id": f"{number:04}", **one} for number, one in enumerate(people)]
    return traits_of(prepare(pl.DataFrame(rows, infer_schema_length=None), FAMILIAR))


def values(frame: pl.DataFrame, trait: str) -> list[str]:
    return frame.filter(pl.col("trait") == trait).sort("source", "source_record_id")["value"].to_list()


def two_people(trait: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    left, right = values(traits(one, other), trait)
    told = contradicts(trait)(left, right)
    assert contradicts(trait)(right, left) is told, "it depends on who is asked first"
    return told


def named(person: Person) -> dict[str, Any]:
    return {"first_name": person[0], "last_name": person[1]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Anna", "Weber"), ("Anna", "Weber")),
        (("ANNA", "Weber"), ("anna", "Fischer")),
        # initials and given names left out
        (("A.", "Weber"), ("Anna", "Weber")),
        (("A", None), ("Anna", None)),
        (("Anna", "Weber"), ("Anna Maria", "Weber")),
        (("Max", "Braun"), ("Maximilian", "Braun")),
        # familiar forms
        (("Bob", "Miller"), ("Robert", "Miller")),
        (("Bob", "Miller"), ("Rob", "Miller")),
        (("Betty", "Miller"), ("Liz", "Miller")),
        (("Саша", "Шевченко"), ("Aleksandr", "Shevchenko")),
        # spellings
        (("Ольга", "Шевченко"), ("Olga", "Shevchenko")),
        (("Jörg", "Weber"), ("Joerg", "Weber")),
        (("Philipp", "Weber"), ("Filip", "Weber")),
        # one slip: left out, put in, changed, swapped
        (("Anna", "Weber"), ("Ana", "Weber")),
        (("Boris", "Weber"), ("Borris", "Weber")),
        (("Boris", "Weber"), ("Boriz", "Weber")),
        (("Boris", "Weber"), ("Boirs", "Weber")),
        (("Stefan", "Weber"), ("Setfan", "Weber")),
        # two slips in a long name
        (("Katharina", "Weber"), ("Catarina", "Weber")),
        # first and last name in each other's place
        (("Anna", "Weber"), ("Weber", "Anna")),
        (("志明", "李"), ("Li", "Zhiming")),
    ],
)
def test_first_names_of_one_person(one: Person, other: Person) -> None:
    assert not two_people("first_name", named(one), named(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Anna", "Weber"), ("Boris", "Weber")),
        (("A.", "Weber"), ("Boris", "Weber")),
        (("A.", "Weber"), ("B.", "Weber")),
        (("Ivan", "Petrov"), ("Ira", "Petrov")),
        (("Joanna", "Weber"), ("Anna", "Weber")),
        (("Bob", "Miller"), ("Betty", "Miller")),
        (("Ольга", "Шевченко"), ("Иван", "Шевченко")),
        (("Tim", "Weber"), ("Jan", "Weber")),
        # the other half of a swap does not fit
        (("Anna", "Weber"), ("Weber", "Boris")),
        (("志明", "李"), ("芳", "李")),
    ],
)
def test_first_names_of_two_people(one: Person, other: Person) -> None:
    assert two_people("first_name", named(one), named(other))


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("1980-03-01", "1980-03-01", False),
        ("1980-03-01", "1980-03-02", False),
        ("1980-03-01", "1990-03-01", False),
        # day and month swapped
        ("1980-03-12", "1980-12-03", False),
        # day and month swapped, and another year
        ("1980-03-12", "1981-12-03", True),
        ("1980-03-01", "1980-04-02", True),
        ("1980-03-01", "1991-03-01", True),
        ("1980-03-01", "2009-11-27", True),
        # a twin has the same date
        ("2009-11-27", "2009-11-27", False),
    ],
)
def test_birth_dates(one: str, other: str, *, told: bool) -> None:
    assert two_people("birth_date", {"birth_date": one}, {"birth_date": other}) is told


@pytest.mark.parametrize("trait", ["loyalty_card", "account"])
def test_numbers_that_one_has_one_of_differ_or_do_not(trait: str) -> None:
    assert contradicts(trait)("77", "78")
    assert contradicts(trait)("77", "177")
    assert not contradicts(trait)("77", "77")


def test_traits_of_a_record() -> None:
    frame = traits({"first_name": "Anna", "last_name": "Weber", "birth_date": "1980-03-01"})
    assert frame.schema == TRAITS_SCHEMA
    assert sorted(frame["trait"]) == ["birth_date", "first_name", "person"]
    assert values(frame, "birth_date") == ["19800301"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, []),
        ({"email": "anna@example.com"}, []),
        ({"birth_date": "1980-03-01"}, ["birth_date"]),
        ({"first_name": "Anna"}, ["first_name"]),
        # Without a first name nobody can say which of the Webers it is.
        ({"last_name": "Weber"}, []),
        ({"first_name": "…", "last_name": "Weber"}, []),
        ({"first_name": "", "last_name": "", "birth_date": ""}, []),
    ],
)
def test_what_a_record_does_not_say_separates_nobody(said: dict[str, Any], told: list[str]) -> None:
    assert sorted(traits(said)["trait"]) == told


def test_a_person_is_counted_once_however_the_name_is_spelt() -> None:
    people = [("Ольга", "Шевченко"), ("Olga", "Shevchenko"), ("OLGA", "Schewtschenko"), ("Ivan", "Shevchenko")]
    persons = values(traits(*map(named, people)), "person")
    assert len(set(persons[:3])) == 1
    assert persons[3] != persons[0]


def test_no_records_have_no_traits() -> None:
    empty = pl.DataFrame(schema={"source": pl.String, "source_record_id": pl.String})
    assert traits_of(prepare(empty, FAMILIAR)).is_empty()


def test_names_with_signs_of_our_own_do_no_harm() -> None:
    odd = [("Anna\x1f|", "We|ber\x1f"), ("|", "\x1f"), ("Boris|Anna", "Weber")]
    found = values(traits(*map(named, odd)), "first_name")
    assert len(found) == 2
    assert contradicts("first_name")(*found)
