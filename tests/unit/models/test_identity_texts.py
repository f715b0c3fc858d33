"""Texts by the million: equal ones are found, and all are put in order, whatever bytes they are of."""

from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.identity import texts
from models.identity.keys import Records, located, number_records

TEXTS = st.lists(st.text(alphabet="01ab\0é€😀", max_size=20), max_size=40)
NO_PREVIOUS = pl.DataFrame(schema={"source": pl.String, "source_record_id": pl.String})


@settings(max_examples=200, deadline=None)
@given(some=TEXTS, seed=st.integers(0, 99))
def test_texts_are_ordered_by_their_bytes_within_their_numbers(some: list[str], seed: int) -> None:
    within = np.random.default_rng(seed).integers(0, 3, len(some))
    ordered = texts.text_order(pl.Series(some, dtype=pl.String))
    assert [some[place] for place in ordered] == sorted(some, key=str.encode)
    ordered = texts.text_order(pl.Series(some, dtype=pl.String), within)
    assert [(within[place], some[place]) for place in ordered] == sorted(
        zip(within, some, strict=True), key=lambda pair: (pair[0], pair[1].encode())
    )


def test_one_long_text_among_many_costs_no_more_than_sorting() -> None:
    """Ten megabytes: by words of eight bytes it would take a million of them for every row."""
    some = ["b" * 10_000_000, "b" * 600 + "a", "é", "b", "a", ""]
    within = np.array([1, 0, 1, 0, 1, 0])
    ordered = texts.text_order(pl.Series(some))
    assert [some[place] for place in ordered] == sorted(some, key=str.encode)
    assert texts.text_order(pl.Series(some), within).tolist() == [5, 3, 1, 4, 0, 2]


@pytest.mark.parametrize("digits", [8, 16, 17, 40])
def test_digits_that_fit_one_number_and_those_that_do_not_are_ordered_alike(digits: int) -> None:
    numbers = np.random.default_rng(digits).permutation(3_000)
    some = [f"shop:{number:0{digits}}" for number in numbers]
    assert numbers[texts.text_order(pl.Series(some))].tolist() == list(range(3_000))


@settings(max_examples=100, deadline=None)
@given(some=TEXTS, seed=st.integers(0, 99), has_one_hash=st.booleans())
def test_equal_texts_of_one_number_are_one_group(some: list[str], seed: int, *, has_one_hash: bool) -> None:
    within = np.random.default_rng(seed).integers(0, 3, len(some))
    rows = list(zip(within.tolist(), some, strict=True))
    with patch.object(texts, "_are_equal", lambda *_: False) if has_one_hash else nullcontext():
        groups = texts.grouped(pl.Series(some, dtype=pl.String), within)
    members: dict[int, set[tuple[int, str]]] = {}
    for row, group in zip(rows, groups.of_row.tolist(), strict=True):
        members.setdefault(group, set()).add(row)
    assert all(len(group) == 1 for group in members.values())
    assert len(members) == len(set(rows)) == groups.starts.size
    assert [rows[place] for place in groups.first.tolist()] == [members[group].pop() for group in sorted(members)]
    assert sorted(groups.first.tolist()) == sorted(
        {row: place for place, row in reversed(list(enumerate(rows)))}.values()
    )


def test_texts_with_one_hash_are_told_apart_by_comparison() -> None:
    class OneHash(pl.Series):
        def hash(self, *_: int, **__: int) -> pl.Series:
            return pl.Series([7] * self.len(), dtype=pl.UInt64)

    groups = texts.grouped(OneHash(["a", "b", "a"]))
    first, second, third = groups.of_row.tolist()
    assert first == third != second


def _records(*keys: tuple[str, str]) -> Records:
    return number_records(pl.DataFrame(list(keys), schema=NO_PREVIOUS.schema, orient="row"), NO_PREVIOUS)


@pytest.mark.parametrize("has_one_hash", [False, True])
def test_records_are_found_by_their_keys(*, has_one_hash: bool) -> None:
    records = _records(("till", "1"), ("shop", "2"), ("shop", "1"), ("shop", "1"))
    assert records.frame.rows() == [("shop", "1"), ("shop", "2"), ("till", "1")]
    left = pl.DataFrame({"source": ["till", "shop", "shop"], "source_record_id": ["1", "1", "9"]})
    right = pl.DataFrame({"other_source": ["till", "call"], "other_record_id": ["2", "1"]})
    with patch.object(pl.Expr, "hash", lambda _: pl.lit(7, pl.UInt64)) if has_one_hash else nullcontext():
        found = located(records, [left, NO_PREVIOUS, right])
    assert [places.tolist() for places in found] == [[2, 0, -1], [], [-1, -1]]
    assert [places.tolist() for places in located(_records(), [left, right])] == [[-1, -1, -1], [-1, -1]]
