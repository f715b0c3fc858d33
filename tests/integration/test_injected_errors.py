"""What the rules find of the wrong values that the sample company was given: a small size of `benchmarks.validity`."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.injected import Comparison, RuleLine, compare, stage, true_index
from benchmarks.validity import DISTANCE, SHARE
from expectations.catalogue import Rule, load_rules
from sources.sample.generator import generate


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A company of 400 people, staged, beside its truth."""
    folder = tmp_path_factory.mktemp("injected")
    generate(folder / "company", customers=400, seed=5)
    return compare(folder / "company", stage(folder / "company", folder / "home"))


def test_every_rule_finds_what_was_injected_and_nothing_else(comparison: Comparison) -> None:
    lines = {line.rule: line for line in comparison.lines if line.expected}
    assert len(lines) > 45
    assert sum(line.injected for line in comparison.lines) > 700
    assert {rule: line for rule, line in lines.items() if (line.recall or 0) < SHARE} == {}, comparison.differences
    assert {rule: line for rule, line in lines.items() if (line.precision or 0) < SHARE} == {}, comparison.differences


def test_rules_that_nothing_was_injected_for_find_nothing_by_themselves(comparison: Comparison) -> None:
    others = [line for line in comparison.lines if not line.expected]
    assert len(others) > 30
    assert {line.rule: line.false for line in others if line.false} == {}, comparison.differences


def test_the_index_is_the_true_share(comparison: Comparison) -> None:
    assert set(comparison.index) == {
        "all", "app", "boxes", "desk", "list", "mailer", "office", "phone", "rates", "site", "survey", "tills",
        "trials", "webshop",
    }  # fmt: skip
    assert {source: both for source, both in comparison.index.items() if abs(both[0] - both[1]) > DISTANCE} == {}
    assert comparison.index["site"][0] < 0.995, "a site with errors in 6 % of its records is not nearly faultless"


def test_a_source_whose_errors_are_all_its_own_has_the_true_share_to_the_last_digit(comparison: Comparison) -> None:
    # Ten decimals are what the index is rounded to.
    for source in ("site", "app", "boxes", "desk", "list", "mailer", "rates"):
        measured, true = comparison.index[source]
        assert measured == pytest.approx(true, abs=5.1e-11), source


def test_shares_of_a_rule_are_by_hand() -> None:
    line = RuleLine("one", injected=8, expected=8, found=6, false=2) + RuleLine("one", injected=2, expected=2, found=2)
    assert (line.recall, line.precision) == (0.8, 0.8)
    assert (RuleLine("none").recall, RuleLine("none").precision) == (None, None)


def _rule(name: str, weight: float) -> Rule:
    return load_rules()[0].model_copy(update={"id": name, "entity": "orders", "weight": weight})


def test_the_true_index_weighs_rules_over_all_records() -> None:
    received = {("shop", "orders"): 10, ("tills", "orders"): 30}
    failures = Counter({("shop", "first"): 5, ("tills", "first"): 3, ("tills", "second"): 6})
    index = true_index([_rule("first", 1), _rule("second", 3)], received, failures)
    # By hand: the shop has 1 of 2 and all right, the tills 9 of 10 and 4 of 5, together 4 of 5 and 17 of 20.
    assert index == {"shop": 0.875, "tills": 0.825, "all": 0.8375}
