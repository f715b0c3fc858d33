"""One input in any order of arrival gives one set of marts; the 200 shuffles are `python -m benchmarks.shuffles`."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from benchmarks.shuffle_input import Delivery, deliveries
from benchmarks.shuffles import Company, differing, in_order, marts_of, shuffled

Marts = dict[str, pl.DataFrame]

FEW_PEOPLE, SEED = 40, 3


@pytest.fixture(scope="module")
def everything() -> list[Delivery]:
    return deliveries(people=FEW_PEOPLE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(tmp_path_factory.mktemp("shuffles"))


@pytest.fixture(scope="module")
def expected(place: Company, everything: list[Delivery]) -> Marts:
    return marts_of(place, in_order(everything))


def _unequal(expected: Marts, found: Marts) -> list[str]:
    return [str(one) for one in differing(expected, found) if not one.is_equal]


def test_the_input_is_what_it_says(everything: list[Delivery]) -> None:
    records = [record for one in everything for record in one.records]
    contents = [
        (
            one.dataset,
            repr([{key: value for key, value in record.items() if key != "delivery"} for record in one.records]),
        )
        for one in everything
    ]
    assert len({record["delivery"] for record in records}) == len(everything)
    copies = len(contents) - len(set(contents))
    assert copies / len(contents) == pytest.approx(0.2, abs=0.03)
    assert max(contents.count(one) for one in set(contents)) >= 5
    assert {one.dataset.split(".")[0] for one in everything} == {
        "shop", "tills", "newsletter", "phone", "site", "webshop", "mailer", "tracker",
    }  # fmt: skip


def test_a_shuffle_keeps_every_record(everything: list[Delivery]) -> None:
    loads = shuffled(everything, SEED, loads=4)
    assert len(loads) == 4
    came = sorted((dataset, repr(one.records)) for load in loads for dataset, part in load for one in part)
    assert came == sorted((one.dataset, repr(one.records)) for one in everything)
    assert {dataset for dataset, _ in loads[0]} == {one.dataset for one in everything}


def test_the_marts_hold_what_the_shuffles_are_about(expected: Marts) -> None:
    """Else equal marts would say little: records that wait, foreign money, joined customers, duplicates."""
    reasons = set(", ".join(expected["quarantined_records"]["reasons"]).split(", "))
    assert {"orders_exchange_rate_known", "orders_account_received", "order_lines_product_received"} <= reasons
    assert expected["fct_orders"].filter(pl.col("original_currency") == "USD")["net_amount"].null_count() == 0
    assert expected["source_loads"]["duplicates"].sum() > 0
    assert expected["customer_records"]["customer_id"].n_unique() < expected["customer_records"].height


def test_two_loads_in_another_order_give_the_same_marts(
    place: Company, everything: list[Delivery], expected: Marts
) -> None:
    found = marts_of(place, shuffled(everything, SEED, loads=2))
    assert _unequal(expected, found) == []


def test_a_difference_would_be_seen(expected: Marts) -> None:
    other = {**expected, "fct_orders": expected["fct_orders"].with_columns(pl.col("net_amount") + 1)}
    assert [words.split(" ")[0] for words in _unequal(expected, other)] == ["fct_orders"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 24))
def test_twenty_shuffles_of_the_whole_input(seed: int, whole: Callable[[int], list[str]]) -> None:
    assert whole(seed) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], list[str]]:
    """Compares a shuffle of the benchmark's own input, five loads, with that input in its order."""
    everything, place = deliveries(), Company(tmp_path_factory.mktemp("whole"))
    expected = marts_of(place, in_order(everything))
    return lambda seed: _unequal(expected, marts_of(place, shuffled(everything, seed)))
