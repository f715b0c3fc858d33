"""Pairs that are probably one person: which are compared, what they weigh, and what stays from run to run."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import log2
from random import Random
from string import ascii_lowercase
from typing import Any

import duckdb
import polars as pl
import pytest

from models.identity.blocking import RULES, candidate_pairs
from models.identity.explain import PairWeight, compare_pair, pair_reasons, weights_table
from models.identity.names import Familiar
from models.identity.probable import PAIRS_SCHEMA, ProbableLinks, ProbableSettings, find_probable
from models.identity.profiles import prepare
from models.identity.scoring import load_records
from models.identity.training import Model, untrained

FAMILIAR = Familiar([("Robert", "Bob")])
KEY = ("source", "source_record_id")
FROZEN = ProbableSettings(always_train_below=0, retrain_growth=1000.0)

FIRST = (
    "Anna", "Boris", "Clara", "David", "Elena", "Frank", "Greta", "Hugo", "Irene", "Jakob",
    "Karin", "Lukas", "Maria", "Nikolai", "Olga", "Peter", "Rosa", "Stefan", "Teresa", "Viktor",
)  # fmt: skip
LAST = (
    "Weber", "Fischer", "Braun", "Krause", "Lehmann", "Novak", "Petrov", "Santos", "Tanaka", "Ulrich",
    "Vogel", "Winter", "Zimmer", "Albrecht", "Busch", "Dietrich", "Engel", "Friedrich", "Gruber", "Haas",
)  # fmt: skip
CITIES = (("10115", "Berlin"), ("20095", "Hamburg"), ("80331", "Munich"), ("50667", "Cologne"), ("04109", "Leipzig"))
DOUBLES, PEOPLE = 40, 120

Person = dict[str, Any]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as opened:
        yield opened


def table(people: Sequence[Person]) -> pl.DataFrame:
    """Prepared records, numbered in the order of the people unless they have keys."""
    rows = [{"source": "shop", "source_record_id": f"{number:05}", **one} for number, one in enumerate(people)]
    return prepare(pl.DataFrame(rows, infer_schema_length=None), FAMILIAR)


def drawn(random: Random) -> Person:
    postal_code, city = random.choice(CITIES)
    return {
        "first_name": random.choice(FIRST),
        "last_name": random.choice(LAST),
        "birth_date": f"{random.randint(1940, 2005)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
        "street": f"{''.join(random.choices(ascii_lowercase, k=8))}weg {random.randint(1, 60)}",
        "postal_code": postal_code,
        "city": city,
        "email": f"{''.join(random.choices(ascii_lowercase, k=9))}@{random.choice('xyz')}.example",
        "phone": f"+49{random.randrange(10**9, 10**10)}",
    }


def double(one: Person, number: int) -> Person:
    """The same person as another source knows it: the birth date and at least two other fields stay."""
    changes: tuple[Person, ...] = (
        {"last_name": one["last_name"][:-1] + "tt"},
        {"email": None, "street": None},
        {"phone": None, "street": "Neue Gasse 1"},
        {"first_name": one["first_name"][0] + ".", "city": None},
    )
    return one | changes[number % len(changes)]


def population() -> list[Person]:
    """120 people in the shop, 40 of them a second time in the till, under the same id."""
    random = Random(20260301)
    people = [drawn(random) | {"source": "shop", "source_record_id": f"{number:03}"} for number in range(PEOPLE)]
    return people + [double(people[number], number) | {"source": "till"} for number in range(DOUBLES)]


@pytest.fixture(scope="module")
def prepared() -> pl.DataFrame:
    return table(population())


@pytest.fixture(scope="module")
def found(prepared: pl.DataFrame) -> ProbableLinks:
    with duckdb.connect(config={"threads": 2}) as opened:
        return find_probable(opened, prepared, settings=ProbableSettings())


@pytest.fixture(scope="module")
def model(found: ProbableLinks) -> Model:
    assert found.model is not None
    return found.model


def keyed(pairs: pl.DataFrame) -> dict[frozenset[tuple[str, str]], tuple[float, ...]]:
    """The weights of each pair, whichever record comes first."""
    columns = [name for name, dtype in PAIRS_SCHEMA.items() if dtype == pl.Float64()]
    keys = [frozenset([(row[0], row[1]), (row[2], row[3])]) for row in pairs.iter_rows()]
    assert len(set(keys)) == pairs.height, "a pair is there twice"
    return dict(zip(keys, pairs.select(columns).iter_rows(), strict=True))


# Which pairs are compared -------------------------------------------------------------------------------------------


def candidates(
    con: duckdb.DuckDBPyConnection, people: pl.DataFrame, most: int = 40, only_with: Iterable[int] | None = None
) -> tuple[set[tuple[int, int]], list[tuple[str, int, int]]]:
    load_records(con, people)
    wanted = None
    if only_with is not None:
        wanted = "wanted"
        con.register("wanted_frame", pl.DataFrame({"record": list(only_with)}, schema={"record": pl.Int64}).to_arrow())
        con.execute("CREATE OR REPLACE TEMP TABLE wanted AS SELECT record FROM wanted_frame")
        con.unregister("wanted_frame")
    large = candidate_pairs(con, max_block_records=most, only_with=wanted)
    rows = con.execute("SELECT join_key_l, join_key_r FROM candidate_pairs").fetchall()
    assert len(rows) == len(set(rows)), "a pair is compared twice"
    assert all(left < right for left, right in rows)
    return set(rows), large


TWINS: dict[str, tuple[Person, Person]] = {
    "e-mail": ({"email": "schnuffel@x.example"}, {"email": "schnuffel@x.example"}),
    "e-mail before the @": ({"email": "schnuffel@x.example"}, {"email": "schnuffel@y.example"}),
    "e-mail domain": ({"email": "anna@weber.example"}, {"email": "hello@weber.example"}),
    "phone": ({"phone": "+4930123456"}, {"phone": "+4930123456"}),
    "end of the phone": ({"phone": "+4930123456", "first_name": "Anna"}, {"phone": "+123456", "first_name": "Anna"}),
    "both names": ({"full_name": "Anna Weber"}, {"full_name": "Anna Weber"}),
    "names swapped": ({"full_name": "Anna Weber"}, {"full_name": "Weber Anna"}),
    "names in two scripts": ({"full_name": "Ольга Шевченко"}, {"full_name": "Olga Schewtschenko"}),
    "vowels of names": ({"full_name": "Peter Jansen"}, {"full_name": "Petar Janson"}),
    "birth date": ({"birth_date": "1980-03-01"}, {"birth_date": "1980-03-01"}),
    "first name, month of birth": (
        {"first_name": "Anna", "birth_date": "1980-03-01"},
        {"first_name": "Anna", "birth_date": "1980-03-11"},
    ),
    "last name, year of birth": (
        {"last_name": "Weber", "birth_date": "1980-03-01"},
        {"last_name": "Weber", "birth_date": "1980-11-27"},
    ),
    "first name, day of birth": (
        {"first_name": "Anna", "birth_date": "1980-03-01"},
        {"first_name": "Anna", "birth_date": "1908-03-01"},
    ),
    "first name, postal code": ({"first_name": "Anna", "postal_code": "10115"},) * 2,
    "last name, postal code": ({"last_name": "Weber", "postal_code": "10115"},) * 2,
    "last name, city": ({"last_name": "Weber", "city": "Köln"}, {"last_name": "Weber", "city": "KOELN"}),
    "first name, city": ({"first_name": "Anna", "city": "Berlin"},) * 2,
    "address": (
        {"street": "Lindenstraße 4", "postal_code": "10115"},
        {"street": "4 Lindenstr.", "postal_code": "10117"},
    ),
    "house, first name": (
        {"first_name": "Anna", "street": "Lindenweg 4", "postal_code": "10115"},
        {"first_name": "Annette", "street": "Gasse 4", "postal_code": "10115"},
    ),
}
STRANGER = {
    "full_name": "Viktor Tanaka", "birth_date": "1955-12-24", "street": "Am Markt 77", "postal_code": "99084",
    "city": "Erfurt", "email": "tanaka@z.example", "phone": "+49361987654",
}  # fmt: skip


@pytest.mark.parametrize("key", TWINS)
def test_a_pair_is_found_by_any_of_the_keys(con: duckdb.DuckDBPyConnection, key: str) -> None:
    pairs, large = candidates(con, table([*TWINS[key], STRANGER]))
    assert pairs == {(0, 1)}
    assert large == []


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"city": "Berlin"},
        {"postal_code": "10115"},
        {"street": "Lindenweg 4"},
        {"first_name": "Anna"},
        {"last_name": "Weber"},
    ],
)
def test_what_half_the_world_has_is_no_key(con: duckdb.DuckDBPyConnection, said: Person) -> None:
    assert candidates(con, table([said, said])) == (set(), [])


def test_ten_thousand_equal_records_make_no_pairs_and_are_told(con: duckdb.DuckDBPyConnection) -> None:
    """Nothing parts the blocks, so none of them is compared."""
    pairs, large = candidates(con, table([{"full_name": "Anna Weber", "birth_date": "1980-03-01"}] * 10_000))
    assert pairs == set()
    assert {(blocks, records) for _, blocks, records in large} == {(1, 10_000)}
    assert {"both names", "birth date"} <= {rule for rule, *_ in large} <= set(RULES)


def test_a_block_that_is_too_large_is_parted_and_other_keys_still_work(con: duckdb.DuckDBPyConnection) -> None:
    """Twenty people of one birth date are more than ten. Those with one name are left, those with one phone, and Weber
    and Winter, who were born on one day and begin alike."""
    people = [
        {"birth_date": "1980-01-01", "first_name": first, "last_name": last}
        for first, last in zip(FIRST, LAST, strict=True)
    ]
    for number in (3, 17):
        people[number] = people[number] | {"phone": "+4930123456"}
    pairs, _ = candidates(con, table([*people, people[5]]), most=10)
    assert pairs == {(5, 20), (3, 17), (LAST.index("Weber"), LAST.index("Winter"))}


@pytest.mark.parametrize("most", [2, 5, 40])
def test_no_block_gives_more_pairs_than_its_bound(con: duckdb.DuckDBPyConnection, most: int) -> None:
    random = Random(5)
    people = [drawn(random) | {"first_name": random.choice(FIRST[:3]), "birth_date": "1980-01-01"} for _ in range(400)]
    pairs, large = candidates(con, table(people), most)
    # Every record is in one block per key, with at most one less than `most` others.
    assert len(pairs) <= len(people) * len(RULES) * (most - 1) / 2
    degree = [0] * len(people)
    for pair in pairs:
        for record in pair:
            degree[record] += 1
    assert max(degree) <= len(RULES) * (most - 1)
    assert all(records > most * blocks for _, blocks, records in large)


@pytest.mark.parametrize(("records", "pairs"), [(4, 6), (5, 10), (6, 0)])
def test_a_block_has_as_many_records_as_allowed_or_none(
    con: duckdb.DuckDBPyConnection, records: int, pairs: int
) -> None:
    """Five equal records are ten pairs; a sixth one is too many."""
    assert len(candidates(con, table([{"phone": "+4930123456"}] * records), most=5)[0]) == pairs


@pytest.mark.parametrize("most", [3, 40])
def test_only_with_gives_exactly_the_pairs_of_the_new_records(con: duckdb.DuckDBPyConnection, most: int) -> None:
    people = table(population())
    new = {3, 10, 77, people.height - 1}
    every, _ = candidates(con, people, most)
    some, _ = candidates(con, people, most, new)
    assert some == {pair for pair in every if new & set(pair)}
    assert some
    assert candidates(con, people, most, [])[0] == set()


# What is found ------------------------------------------------------------------------------------------------------


def test_people_who_are_there_twice_are_found_and_nobody_else(found: ProbableLinks) -> None:
    probable = found.pairs.filter(pl.col("probability") >= 0.95).select(*KEY, "other_source", "other_record_id")
    assert {frozenset([row[:2], row[2:]]) for row in probable.iter_rows()} == {
        frozenset([("shop", f"{number:03}"), ("till", f"{number:03}")]) for number in range(DOUBLES)
    }
    assert found.is_trained
    assert found.records_new == PEOPLE + DOUBLES
    assert found.compared >= found.pairs.height


def test_pairs_as_they_are_returned(found: ProbableLinks) -> None:
    assert found.pairs.schema == PAIRS_SCHEMA
    keys = found.pairs.select(list(PAIRS_SCHEMA)[:4])
    assert keys.equals(keys.sort(keys.columns))
    assert all(row[:2] < row[2:] for row in keys.iter_rows())
    for row in found.pairs.iter_rows(named=True):
        assert row["probability"] == pytest.approx(1 / (1 + 2 ** -row["weight"]), abs=1e-3)
        # Never surer than against a household alone.
        assert row["weight"] <= row["household_weight"] + 0.01


def test_another_order_of_records_finds_the_same(
    con: duckdb.DuckDBPyConnection, prepared: pl.DataFrame, found: ProbableLinks
) -> None:
    mixed = prepared.sample(fraction=1, shuffle=True, seed=11)
    again = find_probable(con, mixed, settings=ProbableSettings())
    assert again.model == found.model
    assert keyed(again.pairs) == keyed(found.pairs)
    assert (again.compared, again.large_blocks) == (found.compared, found.large_blocks)


def test_what_strangers_have_in_common_is_measured(model: Model) -> None:
    """Everybody lives in one of five cities with one postal code each: a fifth of all strangers share it.

    What is assumed beforehand, 0.5 %, weighs as 5,000 pairs beside the 12,720 of the 160 records.
    """
    names = [
        level for level, *_ in weights_table(model).filter(pl.col("comparison") == "address").select("level").rows()
    ]
    same_code = dict(zip(names, model.u["address"], strict=True))["same postal code"]
    assert 0.11 < same_code < 0.20


def test_shares_of_levels_add_up(model: Model) -> None:
    for of in (model.m, model.u):
        for column, shares in of.items():
            assert all(share > 0 for share in shares), column
    for column, shares in model.m.items():
        assert sum(shares) == pytest.approx(1, abs=0.05), column
    assert 0 < model.prior <= 0.25
    assert model.records == PEOPLE + DOUBLES


# Little to compare --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "people",
    [
        [],
        [{"full_name": "Anna Weber"}],
        [{}, {}, {}],
        [{"full_name": "Anna Weber", "email": "anna@x.example"}, STRANGER],
        [{"full_name": "Anna Weber"}] * 100,
    ],
    ids=["no record", "one record", "all null", "nothing in common", "a hundred equal ones"],
)
def test_nothing_to_compare_finds_nothing(con: duckdb.DuckDBPyConnection, people: list[Person]) -> None:
    frame = table(people) if people else table([STRANGER]).clear()
    result = find_probable(con, frame, settings=ProbableSettings())
    assert result.pairs.is_empty()
    assert result.pairs.schema == PAIRS_SCHEMA
    assert result.model is None
    assert (result.compared, result.is_trained, result.records_new) == (0, False, len(people))


def test_ten_equal_records_are_all_compared_and_weigh_the_same(con: duckdb.DuckDBPyConnection) -> None:
    same = {"full_name": "Anna Weber", "birth_date": "1980-03-01", "email": "schnuffel@x.example"}
    result = find_probable(con, table([same] * 10), settings=ProbableSettings())
    assert result.compared == result.pairs.height == 45
    assert result.pairs["weight"].n_unique() == 1
    assert result.pairs["probability"].min() >= 0.95


NAUGHTY = (
    "\x00",
    "'; DROP TABLE compared; --",
    "|",
    "\x1f",
    "👩‍👩‍👧",
    "%s",
    "\u202e",
    "{{ x }}",
    "a\x00b",
    "田中",
    "NULL",
)


def test_naughty_and_very_long_texts_do_no_harm(con: duckdb.DuckDBPyConnection) -> None:
    """Two equal good records among them are found all the same."""
    odd = [dict.fromkeys(STRANGER.keys() - {"phone"}, text) for text in NAUGHTY]
    long = [{"full_name": f"{'anna' * 500}{end} Weber", "email": "schnuffel@x.example"} for end in ("", "b")]
    people = table([STRANGER, STRANGER, *odd, *odd, *long])
    result = find_probable(con, people, settings=ProbableSettings())
    likely = result.pairs.filter(pl.col("probability") >= 0.95).select(*KEY, "other_source", "other_record_id")
    assert ("shop", "00000", "shop", "00001") in likely.rows()


def test_a_phone_that_is_no_number_does_no_harm(con: duckdb.DuckDBPyConnection) -> None:
    people = table([STRANGER | {"phone": "ab"}, STRANGER | {"phone": "äb"}])
    assert find_probable(con, people, settings=ProbableSettings()).compared == 1


# From run to run ----------------------------------------------------------------------------------------------------


def keys_of(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(KEY)


def test_records_added_in_two_steps_find_what_all_at_once_finds(
    con: duckdb.DuckDBPyConnection, prepared: pl.DataFrame, model: Model
) -> None:
    """With one model. Pairs with a new record are weighed as all at once, to the last digit.

    How frequent a name is depends on all records of a run, so pairs that were weighed earlier may weigh a little less
    or more; those that are probably one person are the same.
    """
    nothing = PAIRS_SCHEMA.to_frame()
    once = find_probable(con, prepared, settings=FROZEN, model=model, known=nothing, changed=keys_of(prepared))
    # In the first step the shop without its last people, then those and the till.
    old = prepared.filter((pl.col("source") == "shop") & (pl.col("source_record_id") < "110"))
    new = prepared.join(old, on=KEY, how="anti")
    first = find_probable(con, old, settings=FROZEN, model=model, known=nothing, changed=keys_of(old))
    second = find_probable(con, prepared, settings=FROZEN, model=model, known=first.pairs, changed=keys_of(new))
    assert not once.is_trained
    assert not second.is_trained
    assert second.records_new == new.height

    fresh = set(keys_of(new).iter_rows())
    all_at_once, in_two = keyed(once.pairs), keyed(second.pairs)
    touched = {pair for pair in all_at_once if pair & fresh}
    assert {pair for pair in in_two if pair & fresh} == touched
    assert {pair: in_two[pair] for pair in touched} == {pair: all_at_once[pair] for pair in touched}
    assert {pair for pair, (_, likely, *_) in in_two.items() if likely >= 0.95} == {
        pair for pair, (_, likely, *_) in all_at_once.items() if likely >= 0.95
    }
    keys = second.pairs.select(list(PAIRS_SCHEMA)[:4])
    assert keys.equals(keys.sort(keys.columns))


ANNA = {"full_name": "Anna Schulzenhauer", "birth_date": "1980-03-01"}
CHAIN = [
    # The first shares a number with each of the others. These share no key; names are similar, birthdays near.
    ANNA | {"email": "schnuffel@x.example", "phone": "+4930123456"},
    {"last_name": "Schulzenhauer", "email": "schnuffel@x.example", "birth_date": "1980-05-03"},
    {"last_name": "Schulzenhaber", "phone": "+4930123456", "birth_date": "1980-05-20"},
]


@pytest.mark.parametrize("last", [0, 1])
def test_a_group_is_compared_throughout_whichever_record_came_last(
    con: duckdb.DuckDBPyConnection, prepared: pl.DataFrame, model: Model, last: int
) -> None:
    """Whether a group is one person is asked of all its pairs, so the two that share no key have to be compared."""
    people = [one | {"source": "web", "source_record_id": str(number)} for number, one in enumerate(CHAIN)]
    every = pl.concat([prepared, table(people)]).sort(KEY)
    is_last = (pl.col("source") == "web") & (pl.col("source_record_id") == str(last))
    before, late = every.filter(~is_last), every.filter(is_last)
    web = before.filter(pl.col("source") == "web")
    nothing = PAIRS_SCHEMA.to_frame()
    first = find_probable(con, before, settings=FROZEN, model=model, known=nothing, changed=keys_of(web))
    second = find_probable(con, every, settings=FROZEN, model=model, known=first.pairs, changed=keys_of(late))
    pairs = keyed(second.pairs)
    assert {frozenset([("web", "0"), ("web", str(other))]) for other in (1, 2)} <= set(pairs)
    assert frozenset([("web", "1"), ("web", "2")]) in pairs


def test_the_pairs_of_a_changed_or_deleted_record_go(
    con: duckdb.DuckDBPyConnection, prepared: pl.DataFrame, found: ProbableLinks
) -> None:
    is_changed = (pl.col("source") == "till") & (pl.col("source_record_id") == "007")
    is_deleted = (pl.col("source") == "till") & (pl.col("source_record_id") == "011")
    other = table([STRANGER | {"source": "till", "source_record_id": "007"}])
    now = pl.concat([prepared.filter(~is_changed & ~is_deleted), other]).sort(KEY)
    result = find_probable(con, now, settings=FROZEN, model=found.model, known=found.pairs, changed=keys_of(other))
    before, after = keyed(found.pairs), keyed(result.pairs)
    gone = {("till", "007"), ("till", "011")}
    assert {frozenset([("shop", one), ("till", one)]) for one in ("007", "011")} <= set(before)
    assert after == {pair: weights for pair, weights in before.items() if not pair & gone}
    assert not result.is_trained


def test_when_nothing_changed_nothing_is_compared(
    con: duckdb.DuckDBPyConnection, prepared: pl.DataFrame, found: ProbableLinks
) -> None:
    result = find_probable(
        con, prepared, settings=FROZEN, model=found.model, known=found.pairs, changed=keys_of(prepared.clear())
    )
    assert result.pairs.equals(found.pairs)
    assert (result.compared, result.records_new, result.is_trained) == (0, 0, False)
    assert result.model == found.model


@pytest.mark.parametrize(
    ("settings", "change", "holds"),
    [
        (ProbableSettings(always_train_below=4, retrain_growth=0.10), {}, True),
        (ProbableSettings(always_train_below=5, retrain_growth=0.10), {}, False),
        (ProbableSettings(always_train_below=0, retrain_growth=0.10), {"records": 3}, False),
        (ProbableSettings(always_train_below=0, retrain_growth=0.10), {"records": 5}, False),
        (ProbableSettings(always_train_below=0, retrain_growth=0.50), {"records": 3}, True),
        (ProbableSettings(always_train_below=0, retrain_growth=0.50), {"records": 5}, True),
        (ProbableSettings(always_train_below=0, retrain_growth=0.10), {"assumed": "something else"}, False),
    ],
    ids=["holds", "few records", "grown", "shrunk", "grown little", "shrunk little", "other assumptions"],
)
def test_when_a_model_no_longer_holds_all_is_compared_anew(
    con: duckdb.DuckDBPyConnection, settings: ProbableSettings, change: dict[str, Any], *, holds: bool
) -> None:
    """Four records without anything in common, two of them a pair of old: it is taken over, or not found again."""
    people = table([{"email": f"{letter * 5}@{letter}.example"} for letter in "abcd"])
    row = dict.fromkeys(PAIRS_SCHEMA, 9.0) | {"source": "shop", "source_record_id": "00000"}
    known = pl.DataFrame([row | {"other_source": "shop", "other_record_id": "00001"}], schema=PAIRS_SCHEMA)
    model = replace(untrained(4), **change)
    result = find_probable(con, people, settings=settings, model=model, known=known, changed=keys_of(people.clear()))
    assert result.pairs.equals(known if holds else known.clear())
    assert result.model == (model if holds else None)


# What a pair weighs -------------------------------------------------------------------------------------------------

HOME = {"street": "Lindenweg 4", "postal_code": "10115", "city": "Berlin"}
PETRA = {"first_name": "Petra", "last_name": "Ostermann"}
OTHERS: dict[str, Person] = {
    "base": PETRA | HOME | {"birth_date": "1980-03-12", "email": "schnuffel@q.example", "phone": "+4930123456"},
    "name": PETRA,
    "name and birth date": PETRA | {"birth_date": "1980-03-12"},
    "name and a birth date with a slip": PETRA | {"birth_date": "1980-03-13"},
    "name and another birth date": PETRA | {"birth_date": "1951-11-27"},
    "all": PETRA | HOME | {"birth_date": "1980-03-12", "email": "schnuffel@q.example", "phone": "+4930123456"},
    "all but a slip in the name": {"first_name": "Petra", "last_name": "Osterman"}
    | HOME
    | {"birth_date": "1980-03-12", "email": "schnuffel@q.example"},
    "a child at home": {"first_name": "Lukas", "last_name": "Ostermann", "birth_date": "2009-11-27"}
    | HOME
    | {"phone": "+4930123456"},
    "a husband with her e-mail": {"first_name": "Viktor", "last_name": "Ostermann", "email": "schnuffel@q.example"}
    | HOME,
    "nothing": {"full_name": "Hugo Tanaka", "birth_date": "1955-12-24", "city": "Hamburg"},
}


@pytest.fixture(scope="module")
def weighed(prepared: pl.DataFrame, model: Model) -> dict[str, PairWeight]:
    """Each of the others compared with the base."""
    mine = [one | {"source": "web", "source_record_id": name} for name, one in OTHERS.items()]
    every = pl.concat([prepared, table(mine)]).sort(KEY)
    told = {}
    with duckdb.connect(config={"threads": 2}) as opened:
        for name in OTHERS:
            pair = compare_pair(opened, every, model, ("web", "base"), ("web", name))
            if pair is not None:
                told[name] = pair
    return told


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("all", "name and birth date"),
        ("name and birth date", "name"),
        ("name and birth date", "name and a birth date with a slip"),
        ("name and a birth date with a slip", "name and another birth date"),
        ("all", "all but a slip in the name"),
        ("all but a slip in the name", "a husband with her e-mail"),
        ("name", "nothing"),
    ],
)
def test_what_agrees_more_weighs_more(weighed: dict[str, PairWeight], more: str, less: str) -> None:
    assert weighed[more].weight > weighed[less].weight


def test_who_is_one_person_and_who_is_not(weighed: dict[str, PairWeight]) -> None:
    for name in ("all", "name and birth date", "all but a slip in the name"):
        assert weighed[name].probability >= 0.95, name
    for name in ("a child at home", "nothing", "name and another birth date"):
        assert weighed[name].probability < 0.5, name
    # Her e-mail and no birth date: perhaps a second first name, but not sure enough to join.
    assert weighed["a husband with her e-mail"].probability < 0.95


def test_a_name_alone_joins_nobody(weighed: dict[str, PairWeight]) -> None:
    assert weighed["name"].probability <= 0.5
    fields = {field.field: field.weight for field in weighed["name"].fields}
    assert fields["first name"] > 0
    assert fields["last name"] > 0


def test_a_comparison_says_what_was_compared(weighed: dict[str, PairWeight]) -> None:
    fields = {field.field: (field.words, field.left, field.right) for field in weighed["name and birth date"].fields}
    assert fields["first name"] == ("same", "petra", "petra")
    assert fields["birth date"] == ("same", "19800312", "19800312")
    assert fields["phone"] == ("one does not say", "+4930123456", None)
    weights = {field.field: field.weight for field in weighed["name and birth date"].fields}
    assert weights["phone"] == weights["email"] == weights["address"] == 0
    swapped = {field.field: field.words for field in weighed["name and a birth date with a slip"].fields}
    assert swapped["birth date"] == "one digit off, or day and month swapped"


def test_a_record_is_not_compared_with_itself_or_with_one_that_is_not_there(
    con: duckdb.DuckDBPyConnection, prepared: pl.DataFrame, model: Model
) -> None:
    known = ("shop", "000")
    assert compare_pair(con, prepared, model, known, known) is None
    assert compare_pair(con, prepared, model, known, ("shop", "none")) is None
    assert compare_pair(con, prepared, model, ("none", "000"), known) is None


def test_a_pair_weighs_the_same_from_either_side_and_as_in_the_run(
    con: duckdb.DuckDBPyConnection, prepared: pl.DataFrame, found: ProbableLinks, model: Model
) -> None:
    one, other = ("shop", "002"), ("till", "002")
    forth, back = (compare_pair(con, prepared, model, *pair) for pair in ((one, other), (other, one)))
    assert forth is not None
    assert back is not None
    assert forth.weight == back.weight
    assert [field.left for field in forth.fields] == [field.right for field in back.fields]
    assert (forth.weight, forth.probability, forth.household_weight) == keyed(found.pairs)[frozenset([one, other])][:3]


def test_the_reason_of_a_pair_by_hand() -> None:
    people = table(
        [
            {"full_name": "Anna Weber", "birth_date": "1980-03-01", "phone": "+4930123456", "city": "Berlin"},
            {"full_name": "Anna Veber", "birth_date": "1980-03-01", "phone": "+4930999999", "city": "Hamburg"},
            {"full_name": "Boris Weber"},
        ]
    )
    weights = {
        "first_name_weight": 4.0, "last_name_weight": 5.61, "birth_date_weight": 13.04, "email_weight": 0.0,
        "phone_weight": -1.8, "address_weight": -2.0,
    }  # fmt: skip
    key = {"source": "shop", "source_record_id": "00000", "other_source": "shop"}
    rows = [
        key | {"other_record_id": "00001", "weight": 5.77, "probability": 0.982, "household_weight": 6.0} | weights,
        key | {"other_record_id": "00002", "weight": -1.0, "probability": 0.333, "household_weight": 6.0} | weights,
    ]
    told = pair_reasons(pl.DataFrame(rows, schema=PAIRS_SCHEMA), people)
    assert told["reason"].to_list() == [
        "probably one person (98.2 %): first name anna (+4.0 bits); last name weber / veber (+5.6 bits); "
        "birth date 19800301 (+13.0 bits)",
        None,
    ]
    assert told.drop("reason").equals(pl.DataFrame(rows, schema=PAIRS_SCHEMA))
    assert pair_reasons(PAIRS_SCHEMA.to_frame(), people).is_empty()


def test_a_model_is_kept_as_text(model: Model) -> None:
    assert Model.from_json(model.to_json()) == model
    assert Model.from_json(untrained(7).to_json()) == untrained(7)
    assert model.is_current
    assert not replace(model, assumed="something else").is_current


def test_the_model_of_another_version_is_none() -> None:
    told = json.loads(untrained(7).to_json())
    del told["household"]
    assert Model.from_json(json.dumps(told)) is None
    assert Model.from_json(json.dumps(json.loads(untrained(7).to_json()) | {"more": 1})) is None


def test_the_weights_as_people_read_them() -> None:
    """Of the model before any data: 0.78 against 0.008 are 6.607 bits, 0.03 against 0.95 are 4.985 against."""
    rows = weights_table(untrained(1000))
    assert rows.columns == [
        "comparison", "place", "level", "m_probability", "u_probability", "household_probability", "weight",
    ]  # fmt: skip
    first = rows.filter(pl.col("comparison") == "first name")
    assert first.row(0) == ("first name", 0, "same", 0.78, 0.008, 0.01, 6.607)
    assert first["level"].to_list()[-1] == "different"
    assert first["weight"].to_list()[-1] == -4.985
    assert first["place"].to_list() == list(range(first.height))
    assert rows["comparison"].unique(maintain_order=True).to_list() == [
        "first name", "last name", "birth date", "email", "phone", "address",
    ]  # fmt: skip
    for row in rows.iter_rows(named=True):
        assert row["weight"] == pytest.approx(log2(row["m_probability"] / row["u_probability"]), abs=1e-3)
    # Of 1,000 records one number is that of 0.05 or 0.2 other people, a mailbox or a phone.
    shared = rows.filter(pl.col("place") == 0).select("comparison", "u_probability").rows()
    assert ("email", 5e-05) in shared
    assert ("phone", 2e-04) in shared
