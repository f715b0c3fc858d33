"""Customers with evidence beside identifiers: what separates, probable links, stewards' decisions. All by hand."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise, product
from random import Random
from typing import Any

import networkx as nx
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.identity import IdentityResult, resolve
from models.identity.names import Familiar
from models.identity.profiles import prepare
from models.identity.rules import COMPARED_SCHEMA, DECISIONS_SCHEMA, TRAITS_SCHEMA, Evidence
from models.identity.separators import traits_of

KINDS = ("account", "loyalty_card", "email", "phone", "visitor")
SCHEMA = {"source": pl.String, "source_record_id": pl.String, "kind": pl.String, "value": pl.String}
FAMILIAR = Familiar([("Robert", "Bob")])
SEPARATES = ("birth_date", "first_name")
MAIL = "home@example.com"
#: What a record without any identifier is given by: it is there, and says nothing.
NOTHING = (None, None)

Row = tuple[str, str | None, str | None]
Pair = tuple[str, str, float]
Decision = tuple[str, str, Sequence[str], Sequence[str]]


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 1, number, tzinfo=dt.UTC)


def naive(number: int) -> dt.datetime:
    return day(number).replace(tzinfo=None)


def people(**said: tuple[str | None, ...]) -> pl.DataFrame:
    """The traits of records: first name, last name, birth date, as far as each says them."""
    fields = ("first_name", "last_name", "birth_date")
    rows = [
        {"source": "shop", "source_record_id": record} | dict(zip(fields, values, strict=False))
        for record, values in said.items()
    ]
    return (
        traits_of(prepare(pl.DataFrame(rows, infer_schema_length=None), FAMILIAR)) if rows else TRAITS_SCHEMA.to_frame()
    )


def probability(weight: float) -> float:
    return 1 / (1 + 2**-weight)


def pairs(*compared: Pair) -> pl.DataFrame:
    """Compared pairs of records with their bits."""
    rows = [
        ("shop", left, "shop", right, weight, probability(weight), f"{left} looks like {right}")
        for left, right, weight in compared
    ]
    return pl.DataFrame(rows, schema=COMPARED_SCHEMA, orient="row")


def decided(*decisions: Decision) -> pl.DataFrame:
    """Stewards' decisions, one a day: id, merge or split, records, others."""
    rows = [
        (decision_id, decision, naive(on), side, "shop", record)
        for on, (decision_id, decision, *sides) in enumerate(decisions, start=1)
        for side, records in zip(("records", "others"), sides, strict=True)
        for record in records
    ]
    return pl.DataFrame(rows, schema=DECISIONS_SCHEMA, orient="row")


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame([("shop", *row) for row in rows], schema=SCHEMA, orient="row")


def join(
    rows: Iterable[Row],
    previous: pl.DataFrame | None = None,
    *,
    on: int = 1,
    traits: pl.DataFrame | None = None,
    compared: Sequence[Pair] = (),
    decisions: Sequence[Decision] = (),
    separates: Sequence[str] = SEPARATES,
    join_from: float = 0.95,
    most: int = 100,
    **options: Any,
) -> IdentityResult:
    evidence = Evidence(
        traits=TRAITS_SCHEMA.to_frame() if traits is None else traits,
        pairs=pairs(*compared),
        are_compared=bool(compared),
        decisions=decided(*decisions),
        separates=separates,
        join_from_probability=join_from,
        max_records_per_customer=most,
    )
    arguments: dict[str, Any] = {"kinds": KINDS, "max_records_per_value": 50, "resolved_at": day(on)}
    return resolve(frame(rows), previous, evidence=evidence, **(arguments | options))


def sharing(records: Iterable[str], kind: str = "email", value: str = MAIL) -> list[Row]:
    return [(record, kind, value) for record in records]


def alone(records: Iterable[str]) -> list[Row]:
    return [(record, *NOTHING) for record in records]


def groups(result: IdentityResult) -> set[str]:
    """The customers, each as the ids of its records in a row."""
    found = result.records.group_by("customer_id").agg(pl.col("source_record_id").sort())
    return {" ".join(ids) for ids in found["source_record_id"].to_list()}


def column(result: IdentityResult, name: str) -> dict[str, Any]:
    return dict(result.records.select("source_record_id", name).iter_rows())


def ids(result: IdentityResult) -> dict[str, str]:
    return column(result, "customer_id")


def stopped(result: IdentityResult) -> list[tuple[str, str, str]]:
    """The links that were stopped: the records, and why."""
    rows = result.links.filter(~pl.col("is_holding")).select("source_record_id", "other_record_id", "reason")
    return sorted(rows.rows())


def statuses(result: IdentityResult) -> dict[str, str]:
    return dict(result.decisions.select("decision_id", "status").iter_rows())


def changes(result: IdentityResult, *kinds: str) -> list[tuple[str, str | None, str]]:
    told = result.changes.filter(pl.col("change").is_in(kinds or ("created", "merged", "split")))
    return told.select("change", "old_customer_id", "new_customer_id").rows()


# What separates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (("Anna", "Weber", "1980-03-01"), ("Boris", "Weber", "1978-11-27"), "their birth dates contradict each other"),
        (("Anna", "Weber"), ("Boris", "Weber"), "their first names contradict each other"),
        ((None, None, "1980-03-01"), (None, None, "1978-11-27"), "their birth dates contradict each other"),
    ],
)
def test_a_family_that_shares_an_email_stays_two_customers(
    one: tuple[str | None, ...], other: tuple[str | None, ...], why: str
) -> None:
    result = join(sharing("ab"), traits=people(a=one, b=other))
    assert groups(result) == {"a", "b"}
    assert stopped(result) == [("a", "b", f"same e-mail; but {why}")]
    assert column(result, "match_method") == {"a": "single", "b": "single"}
    assert all(why in reason for reason in column(result, "match_reason").values())


def test_without_separators_the_family_is_one_customer() -> None:
    traits = people(a=("Anna", "Weber", "1980-03-01"), b=("Boris", "Weber", "1978-11-27"))
    result = join(sharing("ab"), traits=traits, separates=())
    assert groups(result) == {"a b"}
    assert stopped(result) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Anna", "Weber", "1980-03-01"), ("Anna", "Weber", "1980-03-01")),
        (("Anna", "Weber", "1980-03-01"), ("Anna", "Weber")),
        (("Anna", "Weber"), (None, "Fischer", None)),
        (("Anna", "Weber"), ()),
    ],
)
def test_nothing_to_contradict_keeps_nobody_apart(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> None:
    assert groups(join(sharing("ab"), traits=people(a=one, b=other))) == {"a b"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Anna", "Weber"), ("Ana", "Weber")),
        (("Bob", "Miller"), ("Robert", "Miller")),
        (("A.", "Weber"), ("Anna", "Weber")),
        (("Anna", "Weber", "1980-03-12"), ("Anna", "Weber", "1980-12-03")),
    ],
)
def test_a_slip_or_a_familiar_form_keeps_nobody_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """With the pair compared, as it is where probable links are looked for."""
    result = join(sharing("ab"), traits=people(a=one, b=other), compared=[("a", "b", 6.0)])
    assert groups(result) == {"a b"}


def test_a_slip_keeps_nobody_apart_where_no_pairs_were_compared() -> None:
    """Probable links may be switched off; then no pair can vote, and an equal e-mail joins what nothing contradicts."""
    result = join(sharing("ab"), traits=people(a=("Anna", "Weber"), b=("Ana", "Weber")))
    assert groups(result) == {"a b"}


def test_the_third_of_a_family_goes_to_one_of_the_two_and_to_that_one_only() -> None:
    traits = people(a=("Anna", "Weber"), b=("Boris", "Weber"), c=("Boris", "Weber"), d=())
    result = join(sharing("abcd"), traits=traits, compared=[("b", "c", 6.0)])
    assert groups(result) == {"a d", "b c"}


def test_much_that_agrees_outweighs_a_contradicting_name() -> None:
    """Average votes of 3 bits or more do; a loyalty card is never outweighed."""
    rows = [*sharing("ab"), ("a", "loyalty_card", "1"), ("b", "loyalty_card", "2")]
    traits = people(a=("Anna", "Weber"), b=("Boris", "Weber"))
    assert groups(join(rows, traits=traits, compared=[("a", "b", 2.9)])) == {"a", "b"}
    assert groups(join(rows, traits=traits, compared=[("a", "b", 3.0)])) == {"a b"}
    cards = (*SEPARATES, "loyalty_card")
    assert groups(join(rows, traits=traits, compared=[("a", "b", 8.0)], separates=cards)) == {"a", "b"}


@pytest.mark.parametrize(("kind", "words"), [("loyalty_card", "loyalty cards"), ("account", "accounts")])
def test_two_numbers_of_which_one_has_one_keep_apart(kind: str, words: str) -> None:
    rows = [*sharing("abc"), ("a", kind, "1"), ("b", kind, "2")]
    result = join(rows, separates=(kind,))
    assert groups(result) == {"a c", "b"}
    assert ("a", "b", f"same e-mail; but their {words} contradict each other") in stopped(result)
    assert groups(join(rows, separates=())) == {"a b c"}


def test_who_shares_a_card_has_no_second_one() -> None:
    rows = [*sharing("ab"), ("a", "loyalty_card", "1"), ("b", "loyalty_card", "1"), ("b", "loyalty_card", "2")]
    assert groups(join(rows, separates=("loyalty_card",))) == {"a b"}


def test_a_separator_that_joins_nothing_here_still_separates_by_chains() -> None:
    """a and c meet only through b: the weaker link, a phone, is the one that is cut."""
    rows = [*sharing("ab"), *sharing("bc", "phone", "+491"), ("a", "account", "1"), ("c", "account", "2")]
    result = join(rows, separates=("account",))
    assert groups(result) == {"a b", "c"}
    assert [why for *_, why in stopped(result)] == ["same phone number; but their accounts contradict each other"]


# Values that may not join -------------------------------------------------------------------------------------------


def test_people_are_counted_by_their_names() -> None:
    """Three spellings of one name are one person; with her husband and a child they are three."""
    traits = people(
        a=("Ольга", "Шевченко"),
        b=("Olga", "Shevchenko"),
        c=("OLGA", "Schewtschenko"),
        d=("Ivan", "Shevchenko"),
        e=("Taras", "Shevchenko"),
        f=(),
    )
    limits = {"max_people_per_value": {"email": 3}}
    result = join(sharing("abcdef"), traits=traits, separates=(), **limits)
    assert groups(result) == {"a b c d e f"}
    assert result.report.blocked_values.is_empty()

    result = join(sharing("abcdef"), traits=traits, separates=(), max_people_per_value={"email": 2})
    assert groups(result) == set("abcdef")
    assert result.report.blocked_values.rows() == [("email", MAIL, 6, 3, 50, 2, "over the limit of people")]
    assert set(column(result, "match_reason").values()) == {"its e-mail is excluded or used by too many records"}


def test_the_limit_of_people_is_that_of_its_kind() -> None:
    traits = people(a=("Anna", "Weber"), b=("Boris", "Weber"))
    rows = [*sharing("ab", "phone", "+491"), *sharing("ab", "email", MAIL)]
    result = join(rows, traits=traits, separates=(), max_people_per_value={"phone": 1})
    assert groups(result) == {"a b"}
    assert result.report.blocked_values.select("kind", "people", "max_people").rows() == [("phone", 2, 1)]


EXCLUDED = {
    "info@*": [("info@example.com", True), ("myinfo@example.com", False), ("info.berlin@example.com", False)],
    "no.reply@example.com": [("no.reply@example.com", True), ("noxreply@example.com", False)],
    "no.reply@*": [("no.reply@a.example", True), ("noxreply@a.example", False)],
    "*@shop.example": [("anna@shop.example", True), ("anna@shopxexample", False), ("anna@shop.example.com", False)],
    "test?@example.com": [("test1@example.com", True), ("test@example.com", False), ("test12@example.com", False)],
    "a+b (c)|d@*": [("a+b (c)|d@example.com", True), ("d@example.com", False), ("aab (c)|d@example.com", False)],
    "[ab]@*": [("[ab]@example.com", True), ("a@example.com", False)],
    "müller@*": [("müller@example.com", True), ("mueller@example.com", False)],
}


@pytest.mark.parametrize("pattern", EXCLUDED)
def test_excluded_patterns(pattern: str) -> None:
    rows = [(f"{number}{side}", "email", value) for number, (value, _) in enumerate(EXCLUDED[pattern]) for side in "ab"]
    result = join(rows, excluded_values={"email": [pattern]})
    expected = set()
    for number, (_, is_excluded) in enumerate(EXCLUDED[pattern]):
        expected |= {f"{number}a", f"{number}b"} if is_excluded else {f"{number}a {number}b"}
    assert groups(result) == expected
    barred = sorted(value for value, is_excluded in EXCLUDED[pattern] if is_excluded)
    told = result.report.blocked_values.select("value", "records", "reason")
    assert sorted(told.rows()) == [(value, 2, "excluded") for value in barred]


def test_a_pattern_is_for_its_kind_only() -> None:
    result = join(sharing("ab", "account", "info@example.com"), excluded_values={"email": ["info@*"]})
    assert groups(result) == {"a b"}


# Probable links -----------------------------------------------------------------------------------------------------


def test_a_probable_pair_joins_and_one_below_the_threshold_does_not() -> None:
    """5 bits are 96.97 %, 4 bits are 94.12 %."""
    result = join(alone("abcd"), compared=[("a", "b", 5.0), ("c", "d", 4.0)])
    assert groups(result) == {"a b", "c", "d"}
    assert column(result, "match_method") == {"a": "exact", "b": "probabilistic", "c": "single", "d": "single"}
    told = column(result, "match_probability")
    assert told["b"] == pytest.approx(32 / 33)
    assert [told[record] for record in "acd"] == [1.0, 1.0, 1.0]
    assert column(result, "match_reason")["b"] == "a looks like b"
    assert groups(join(alone("abcd"), compared=[("a", "b", 5.0), ("c", "d", 4.0)], join_from=0.94)) == {"a b", "c d"}


def test_the_records_that_identifiers_join_are_the_core_and_probable_ones_hang_on_it() -> None:
    rows = [*sharing("bcd"), *alone("a")]
    result = join(rows, compared=[("a", "b", 5.0), ("a", "c", 6.0)])
    assert groups(result) == {"a b c d"}
    assert column(result, "match_method") == {"a": "probabilistic", "b": "exact", "c": "exact", "d": "exact"}
    assert column(result, "match_probability")["a"] == pytest.approx(64 / 65)
    holding = result.links.filter("is_holding").select("source_record_id", "other_record_id", "method", "weight")
    assert sorted(holding.rows()) == [
        ("a", "c", "probabilistic", 6.0),
        ("b", "c", "exact", 40.0),
        ("b", "d", "exact", 40.0),
    ]


def test_pairs_of_records_that_are_not_there_do_no_harm() -> None:
    result = join(alone("ab"), compared=[("a", "z", 9.0), ("y", "z", 9.0), ("a", "a", 9.0)])
    assert groups(result) == {"a", "b"}


NAMED = dict.fromkeys("abcd", ("Anna", "Weber"))


@pytest.mark.parametrize(
    ("with_a", "with_b", "expected"),
    [
        # d looks like c by 4.4 bits (95.5 %). Of the three pairs with a, b, c the average decides.
        (-2.0, -3.0, {"a b c", "d"}),
        (-2.0, -2.0, {"a b c d"}),
        (1.0, 2.0, {"a b c d"}),
        # Nobody's vote is worth more than 4 bits against.
        (-40.0, 3.0, {"a b c d"}),
        (-40.0, -0.5, {"a b c", "d"}),
    ],
)
def test_pairs_below_the_threshold_vote(with_a: float, with_b: float, expected: set[str]) -> None:
    compared = [
        ("a", "b", 8.0),
        ("a", "c", 8.0),
        ("b", "c", 8.0),
        ("c", "d", 4.4),
        ("a", "d", with_a),
        ("b", "d", with_b),
    ]
    result = join(alone("abcd"), traits=people(**NAMED), compared=compared)
    assert groups(result) == expected
    if len(expected) == 2:
        assert stopped(result) == [
            ("c", "d", "c looks like d; but most of their records do not look like one person's")
        ]


def test_pairs_that_were_never_found_vote_against() -> None:
    """Of three against one, one pair of 4.4 bits and two that have nothing in common: 4.4 - 4 - 4 is below 0."""
    compared = [("a", "b", 8.0), ("a", "c", 8.0), ("b", "c", 8.0), ("c", "d", 4.4)]
    assert groups(join(alone("abcd"), traits=people(**NAMED), compared=compared)) == {"a b c", "d"}


def test_records_of_which_nothing_is_known_do_not_vote() -> None:
    compared = [("a", "b", 8.0), ("a", "c", 8.0), ("b", "c", 8.0), ("c", "d", 4.4)]
    assert groups(join(alone("abcd"), compared=compared)) == {"a b c d"}


def test_a_chain_of_weak_links_makes_no_giant() -> None:
    """Neighbours look alike by 4.5 bits, others not at all. A third one has 4.5 - 4 for it, a fourth 4.5 - 4 - 4."""
    records = "abcdefghij"
    chain = [(left, right, 4.5) for left, right in pairwise(records)]
    traits = people(**dict.fromkeys(records, ("Anna", "Weber")))
    result = join(alone(records), traits=traits, compared=chain)
    assert groups(result) == {"a b c", "d e f", "g h i", "j"}


def test_too_large_a_customer_is_cut_at_its_weakest_probable_link() -> None:
    compared = [("a", "b", 9.0), ("b", "c", 5.0), ("c", "d", 7.0)]
    result = join(alone("abcd"), compared=compared, most=3)
    assert groups(result) == {"a b", "c d"}
    assert stopped(result) == [
        ("b", "c", "b looks like c; but the customer would have more records than a probable link may join")
    ]
    assert groups(join(alone("abcd"), compared=compared, most=4)) == {"a b c d"}
    falling = [("a", "b", 9.0), ("b", "c", 7.0), ("c", "d", 5.0)]
    assert groups(join(alone("abcd"), compared=falling, most=3)) == {"a b c", "d"}
    rising = [("a", "b", 5.0), ("b", "c", 7.0), ("c", "d", 9.0)]
    assert groups(join(alone("abcd"), compared=rising, most=3)) == {"a", "b c d"}


def test_exact_links_are_not_cut_by_size() -> None:
    rows = [*sharing("abcde"), *alone("f")]
    assert groups(join(rows, most=3)) == {"a b c d e", "f"}
    assert groups(join(rows, compared=[("a", "f", 9.0)], most=3)) == {"a b c d e", "f"}
    assert groups(join(rows, compared=[("a", "f", 9.0)], most=6)) == {"a b c d e f"}


# Stewards -----------------------------------------------------------------------------------------------------------

TWO_PEOPLE = people(a=("Anna", "Weber", "1980-03-01"), b=("Boris", "Weber", "1978-11-27"))


@pytest.mark.parametrize("rows", [alone("ab"), sharing("ab")], ids=["nothing in common", "an e-mail in common"])
def test_a_merge_beats_what_separates(rows: list[Row]) -> None:
    result = join(rows, traits=TWO_PEOPLE, compared=[("a", "b", -4.0)], decisions=[("d_1", "merge", "a", "b")])
    assert groups(result) == {"a b"}
    assert statuses(result) == {"d_1": "applied"}
    assert column(result, "match_method") == {"a": "exact", "b": "exact"}
    holding = result.links.filter("is_holding").select("method", "kind", "value", "reason")
    assert holding.rows() == [("steward", "decision", None, "a steward joined them (d_1)")]
    assert all("a steward joined them (d_1)" in reason for reason in column(result, "match_reason").values())


def test_a_merge_beats_declared_separators() -> None:
    rows = [("a", "loyalty_card", "1"), ("b", "loyalty_card", "2")]
    result = join(rows, separates=("loyalty_card",), decisions=[("d_1", "merge", "a", "b")])
    assert groups(result) == {"a b"}


def test_a_split_beats_an_identifier_and_later_records_go_to_one_side() -> None:
    split: list[Decision] = [("d_1", "split", "a", "b")]
    first = join(sharing("ab"))
    second = join(sharing("ab"), first.records, on=2, decisions=split)
    assert groups(second) == {"a", "b"}
    assert statuses(second) == {"d_1": "applied"}
    assert stopped(second) == [("a", "b", "same e-mail; but a steward keeps them apart (d_1)")]
    assert [change for change, *_ in changes(second)] == ["split"]
    reasons = second.changes["reason"].to_list()
    assert "a steward keeps them apart (d_1)" in reasons[0]

    third = join(sharing("abc"), second.records, on=3, decisions=split)
    assert groups(third) == {"a c", "b"}
    assert changes(third) == []
    assert {record: ids(third)[record] for record in "ab"} == ids(second)


def test_a_split_beats_probable_links_too() -> None:
    result = join(alone("ab"), compared=[("a", "b", 9.0)], decisions=[("d_1", "split", "a", "b")])
    assert groups(result) == {"a", "b"}
    assert stopped(result) == [("a", "b", "a looks like b; but a steward keeps them apart (d_1)")]


def test_a_split_names_groups_of_records() -> None:
    result = join(sharing("abcde"), decisions=[("d_1", "split", "ac", "be")])
    assert groups(result) == {"a c d", "b e"}


def test_a_split_of_records_that_nothing_joins_is_kept() -> None:
    result = join(alone("ab"), decisions=[("d_1", "split", "a", "b")])
    assert groups(result) == {"a", "b"}
    assert statuses(result) == {"d_1": "applied"}


def test_a_merge_after_a_split_overrules_it() -> None:
    result = join(sharing("ab"), decisions=[("d_1", "split", "a", "b"), ("d_2", "merge", "b", "a")])
    assert groups(result) == {"a b"}
    assert statuses(result) == {"d_1": "overruled", "d_2": "applied"}
    assert result.decisions.filter(pl.col("decision_id") == "d_1")["note"].to_list() == [
        "a later decision joins records that it keeps apart"
    ]


@pytest.mark.parametrize("rows", [alone("ab"), sharing("ab")])
def test_a_split_after_a_merge_overrules_it(rows: list[Row]) -> None:
    result = join(rows, decisions=[("d_1", "merge", "a", "b"), ("d_2", "split", "a", "b")])
    assert groups(result) == {"a", "b"}
    assert statuses(result) == {"d_1": "overruled", "d_2": "applied"}


def test_the_last_word_counts() -> None:
    words: list[Decision] = [
        ("d_1", "merge", "a", "b"),
        ("d_2", "split", "a", "b"),
        ("d_3", "merge", "a", "b"),
        ("d_4", "split", "b", "a"),
    ]
    for count, expected in enumerate([{"a b"}, {"a", "b"}, {"a b"}, {"a", "b"}], start=1):
        assert groups(join(alone("ab"), decisions=words[:count])) == expected


CYCLE = [("d_1", "merge", "a", "b"), ("d_2", "merge", "b", "c"), ("d_3", "split", "a", "c")]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 2, 0), (2, 1, 0), (1, 0, 2)])
def test_of_three_words_that_cannot_all_hold_one_gives_way(order: tuple[int, ...]) -> None:
    """What is told of the decisions is what was done: those applied hold, and only one is overruled."""
    result = join(alone("abc"), decisions=[CYCLE[place] for place in order])
    told = statuses(result)
    assert sorted(told.values()) == ["applied", "applied", "overruled"]
    of = ids(result)
    for decision_id, decision, (left,), (right,) in CYCLE:
        holds = (of[left] == of[right]) is (decision == "merge")
        assert holds is (told[decision_id] == "applied")


def test_decisions_of_unknown_records_are_told_and_harmless() -> None:
    result = join(
        sharing("ab"),
        decisions=[("d_1", "merge", "a", "z"), ("d_2", "split", "y", "z"), ("d_3", "split", "a", "z")],
    )
    assert groups(result) == {"a b"}
    assert statuses(result) == dict.fromkeys(("d_1", "d_2", "d_3"), "unknown record")


def test_a_split_holds_for_the_records_that_are_still_there() -> None:
    result = join(sharing("ab"), decisions=[("d_1", "split", "az", "b")])
    assert groups(result) == {"a", "b"}
    assert statuses(result) == {"d_1": "unknown record"}


def test_a_record_on_both_sides_of_a_split_does_no_harm() -> None:
    result = join(sharing("ab"), decisions=[("d_1", "split", "ab", "a")])
    assert groups(result) == {"a", "b"}


def test_a_merge_of_a_record_with_itself_does_no_harm() -> None:
    assert groups(join(alone("ab"), decisions=[("d_1", "merge", "a", "a")])) == {"a", "b"}


# Ids from run to run ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "records",
    [
        ("a", "b"),
        ("c", "d"),
        ("e", "f"),
        ("g", "h"),
        ("i", "j"),
    ],
)
def test_a_merge_undone_gives_the_old_ids_back(records: tuple[str, str]) -> None:
    """The ids are of one age, so the smaller one stays: of e, g and i that of the first record, of a and c not."""
    left, right = records
    first = join(alone(records))
    merged = join(alone(records), first.records, on=2, decisions=[("d_1", "merge", left, right)])
    kept, gone = sorted(ids(first).values())
    assert set(ids(merged).values()) == {kept}
    assert changes(merged) == [("merged", gone, kept)]
    undone = join(alone(records), merged.records, on=3)
    assert ids(undone) == ids(first)
    assert changes(undone) == [("split", kept, gone)]


def test_a_merge_undone_leaves_the_older_id_with_its_record() -> None:
    first = join(alone("b"))
    both = join(alone("ab"), first.records, on=2)
    merged = join(alone("ab"), both.records, on=3, decisions=[("d_1", "merge", "a", "b")])
    assert set(ids(merged).values()) == {ids(first)["b"]}
    assert ids(join(alone("ab"), merged.records, on=4)) == ids(both)


def test_a_merge_undone_gives_the_larger_part_the_id_that_stayed() -> None:
    rows = [*sharing("bcd"), *alone("a")]
    first = join(rows)
    merged = join(rows, first.records, on=2, decisions=[("d_1", "merge", "a", "b")])
    # Both ids are of one age; the one with most records stays.
    assert set(ids(merged).values()) == {ids(first)["b"]}
    undone = join(rows, merged.records, on=3)
    assert ids(undone) == ids(first)
    assert changes(undone) == [("split", ids(first)["b"], ids(first)["a"])]


def test_a_split_undone_gives_the_old_id_back() -> None:
    first = join(sharing("abc"))
    split = join(sharing("abc"), first.records, on=2, decisions=[("d_1", "split", "ac", "b")])
    undone = join(sharing("abc"), split.records, on=3)
    assert ids(undone) == ids(first)
    assert changes(undone) == [("merged", ids(split)["b"], ids(first)["a"])]


# Whatever the data --------------------------------------------------------------------------------------------------

RECORDS = "abcdefghij"
FIRST_NAMES = ("Anna", "Ana", "Boris", "Bob", "Robert", None)
BIRTH_DATES = ("1980-03-01", "1980-01-03", "1978-11-27", None)


@cache
def known_traits() -> dict[tuple[str | None, str | None], pl.DataFrame]:
    """What a record says that has a name and a birth date of the lists."""
    said = list(product(FIRST_NAMES, BIRTH_DATES))
    told = people(**{str(number): (first, "Weber", born) for number, (first, born) in enumerate(said)})
    return {one: told.filter(pl.col("source_record_id") == str(number)) for number, one in enumerate(said)}


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """Everything at once: identifiers, names, compared pairs and decisions of ten records."""
    record = st.sampled_from(RECORDS)
    two = st.tuples(record, record).filter(lambda pair: pair[0] < pair[1])
    value = st.tuples(record, st.sampled_from(["account", "email", "phone"]), st.sampled_from("xyz"))
    compared = draw(st.lists(two, max_size=14, unique=True))
    sides = draw(st.lists(st.tuples(st.sampled_from(["merge", "split"]), two), max_size=4))
    named = draw(st.dictionaries(record, st.sampled_from(list(known_traits())), max_size=10))
    traits = [known_traits()[said].with_columns(source_record_id=pl.lit(one)) for one, said in named.items()]
    return {
        "rows": [*alone(RECORDS), *draw(st.lists(value, max_size=16))],
        "traits": pl.concat([TRAITS_SCHEMA.to_frame(), *traits]),
        "compared": [(left, right, draw(st.integers(-8, 24)) / 2) for left, right in compared],
        "decisions": [(f"d_{n}", what, left, right) for n, (what, (left, right)) in enumerate(sides)],
        "most": draw(st.sampled_from([3, 100])),
        "separates": draw(st.sampled_from([SEPARATES, (), (*SEPARATES, "account")])),
    }


CAREFULLY = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def everything(result: IdentityResult) -> list[pl.DataFrame]:
    return [
        result.records,
        result.changes,
        result.links,
        result.decisions,
        result.report.blocked_values,
        result.report.customer_sizes,
    ]


def previous_of(world: Mapping[str, Any]) -> pl.DataFrame:
    """A run with other rules before it, so that there are ids to keep."""
    return join(world["rows"], separates=()).records


@CAREFULLY
@given(world=worlds(), seed=st.integers(0, 2**32))
def test_the_order_of_rows_does_not_matter(world: dict[str, Any], seed: int) -> None:
    random = Random(seed)

    def mixed(one: pl.DataFrame) -> pl.DataFrame:
        order = list(range(one.height))
        random.shuffle(order)
        return one[order]

    previous = previous_of(world)
    evidence = Evidence(
        traits=world["traits"],
        pairs=pairs(*world["compared"]),
        are_compared=bool(world["compared"]),
        decisions=decided(*world["decisions"]),
        separates=world["separates"],
        max_records_per_customer=world["most"],
    )
    shuffled = Evidence(
        traits=mixed(evidence.traits),
        pairs=mixed(evidence.pairs),
        are_compared=evidence.are_compared,
        decisions=mixed(evidence.decisions),
        separates=evidence.separates,
        max_records_per_customer=evidence.max_records_per_customer,
    )
    options: dict[str, Any] = {"kinds": KINDS, "max_records_per_value": 6, "resolved_at": day(2)}
    options |= {"max_people_per_value": {"phone": 2}}
    one = resolve(frame(world["rows"]), previous, evidence=evidence, **options)
    other = resolve(mixed(frame(world["rows"])), mixed(previous), evidence=shuffled, **options)
    for left, right in zip(everything(one), everything(other), strict=True):
        assert left.equals(right)


@CAREFULLY
@given(world=worlds())
def test_whatever_the_data_the_outcome_holds_together(world: dict[str, Any]) -> None:
    result = join(**world)
    assert_holding_links_are_trees(result, world["rows"])
    assert_applied_decisions_hold(result, world["decisions"])
    again = join(previous=result.records, on=2, **world)
    assert again.changes.is_empty(), "a second run changes something"
    assert again.records.equals(result.records)
    assert again.links.equals(result.links)


def assert_holding_links_are_trees(result: IdentityResult, rows: Sequence[Row]) -> None:
    of = ids(result)
    graph = nx.Graph()
    graph.add_nodes_from(of)
    for row in result.links.iter_rows(named=True):
        left, right = row["source_record_id"], row["other_record_id"]
        assert row["customer_id"] == of[left]
        if row["is_holding"]:
            assert of[left] == of[right], "a holding link connects two customers"
            assert not graph.has_edge(left, right)
            graph.add_edge(left, right)
        if row["kind"] in KINDS:
            carried = {record for record, kind, value in rows if (kind, value) == (row["kind"], row["value"])}
            assert {left, right} <= carried, "a link by a value that one of its records does not carry"
    for customer in set(of.values()):
        # Connected, with one link less than records.
        assert nx.is_tree(graph.subgraph([record for record, its in of.items() if its == customer]))


def assert_applied_decisions_hold(result: IdentityResult, decisions: Sequence[Decision]) -> None:
    of, told = ids(result), statuses(result)
    assert set(told) == {decision_id for decision_id, *_ in decisions}
    for decision_id, decision, left, right in decisions:
        if told[decision_id] == "applied":
            assert (of[left[0]] == of[right[0]]) is (decision == "merge")


@CAREFULLY
@given(world=worlds())
def test_no_customer_has_two_accounts_that_separate(world: dict[str, Any]) -> None:
    """Two records with one account each, joined by no steward, and the accounts differ: two customers."""
    result = join(**(world | {"separates": ("account",), "decisions": []}))
    accounts: dict[str, set[str]] = {}
    for record, kind, value in world["rows"]:
        if kind == "account":
            accounts.setdefault(record, set()).add(value)
    for customer in set(ids(result).values()):
        held = [accounts[record] for record, its in ids(result).items() if its == customer and record in accounts]
        graph = nx.Graph([(number, value) for number, values in enumerate(held) for value in values])
        assert not held or nx.is_connected(graph)


@CAREFULLY
@given(edges=st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), min_size=1, max_size=50), seed=st.integers())
def test_the_strongest_links_hold(edges: list[tuple[int, int]], seed: int) -> None:
    """Of links with distinct weights one set is the strongest: the maximum spanning forest."""
    joined = sorted({(min(pair), max(pair)) for pair in edges if pair[0] != pair[1]})
    bits = Random(seed).sample(range(5, 5 + len(joined)), len(joined))
    compared = [
        (f"{left:02}", f"{right:02}", float(weight)) for (left, right), weight in zip(joined, bits, strict=True)
    ]
    graph = nx.Graph()
    graph.add_weighted_edges_from(compared)
    expected = {frozenset(edge) for edge in nx.maximum_spanning_edges(graph, data=False)}
    result = join(alone(f"{number:02}" for number in range(15)), compared=compared)
    held = result.links.filter("is_holding").select("source_record_id", "other_record_id")
    assert {frozenset(pair) for pair in held.iter_rows()} == expected


def test_the_strongest_kind_of_link_holds() -> None:
    """An account (60 bits) before a card (50), an e-mail (40), a phone (30), a cookie (20) and a probable link."""
    rows = [row for kind in KINDS for row in sharing("ab", kind, "1")]
    for count in range(len(KINDS)):
        result = join([*rows[2 * count :], *alone("ab")], compared=[("a", "b", 9.0)])
        held = result.links.filter("is_holding").select("kind", "weight").rows()
        assert held == [(KINDS[count], 60.0 - 10 * count)]
    result = join(rows, weights={"visitor": 70.0})
    assert result.links.filter("is_holding")["kind"].to_list() == ["visitor"]
