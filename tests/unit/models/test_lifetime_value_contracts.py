"""Subscriptions: the published parameters, the shares by hand, and defined results for few and for strange ones."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest

from models.lifetime_value import LifetimeValueSettings, contracts, subscriptions
from models.lifetime_value.contracts import ContractFit
from models.lifetime_value.likelihood import FitStatus

# Of 1,000 customers, how many are left after each year: Fader and Hardie (2007), table 1.
REGULAR = (1000, 631, 468, 382, 326, 289, 262, 241)
HIGH_END = (1000, 869, 743, 653, 593, 551, 517, 491)


def cohort(left: tuple[int, ...]) -> pl.DataFrame:
    """The contracts of a cohort, counted: those that went in each year, and those that are still there."""
    gone = [(year, False, before - after) for year, (before, after) in enumerate(itertools.pairwise(left))]
    rows = [*gone, (len(left) - 1, True, left[-1])]
    return pl.DataFrame(rows, schema=["renewals", "is_active", "count"], orient="row")


@pytest.mark.parametrize(("left", "published"), [(REGULAR, (0.704, 1.182)), (HIGH_END, (0.668, 3.806))])
def test_the_published_parameters(left: tuple[int, ...], published: tuple[float, float]) -> None:
    """Fader and Hardie (2007), section 4: fitted to seven years."""
    fit = contracts.fit(cohort(left))
    assert fit.status is FitStatus.FITTED
    assert (round(fit.a, 3), round(fit.b, 3)) == published
    assert (fit.contracts, fit.cancelled) == (1000, 1000 - left[-1])


def test_survival_by_hand() -> None:
    """After two renewals the chance of a third is (b + 2) / (a + b + 2), of a fourth (b + 3) / (a + b + 3) of that."""
    kept = contracts.survival(ContractFit(1.0, 2.0), np.array([0.0, 2.0]), 2)
    assert kept[0] == pytest.approx([2 / 3, 2 / 3 * 3 / 4])
    assert kept[1] == pytest.approx([4 / 5, 4 / 5 * 5 / 6])


def test_residual_renewals_are_the_discounted_sum() -> None:
    model, renewals = ContractFit(0.668, 3.806), np.array([0.0, 1.0, 4.0])
    kept = contracts.survival(model, renewals, 20_000)
    summed = (kept * 1.1 ** -np.arange(20_000)).sum(axis=1)
    assert contracts.residual_renewals(model, renewals, 0.1) == pytest.approx(summed, rel=1e-6)


def test_parameters_of_a_simulation_come_back() -> None:
    rng = np.random.default_rng(3)
    cancels = rng.beta(0.8, 3.0, 30_000)
    lasted, watched = rng.geometric(cancels), rng.integers(0, 36, 30_000)
    frame = pl.DataFrame({"renewals": np.minimum(lasted - 1, watched), "is_active": lasted > watched})
    fit = contracts.fit(frame)
    assert fit.status is FitStatus.FITTED
    assert np.abs(np.array([fit.a - 0.8, fit.b - 3.0])) == pytest.approx(0, abs=4 * max(fit.standard_errors))


def test_without_anybody_who_left_nothing_is_fitted() -> None:
    everyone = pl.DataFrame({"renewals": [3, 4], "is_active": [True, True]})
    assert contracts.fit(everyone).status is FitStatus.FEW_REPEAT_CUSTOMERS
    assert contracts.fit(everyone.clear()).status is FitStatus.FEW_REPEAT_CUSTOMERS


COUNTS = pl.DataFrame(
    [(12.0, 2, False, 1), (12.0, 5, True, 2), (1.0, 0, True, 1)],
    schema=["periods_per_year", "renewals", "is_active", "count"],
    orient="row",
)


def test_the_simple_estimate_by_hand() -> None:
    # Twelve a year: one cancelled at the third chance, two renewed five times: 12 renewals and 1 no, so 2 in 15.
    model = subscriptions.fit(COUNTS, LifetimeValueSettings(discount_rate=0.1))
    assert model.rates == {1.0: pytest.approx(1 / 2), 12.0: pytest.approx(2 / 15)}
    running = pl.DataFrame(
        [
            ("s1", 12.0, 5, 10.0),
            ("s2", 1.0, 0, 100.0),
            ("s3", 12.0, 0, None),
            ("s4", 0.5, 0, 50.0),
            ("s5", 0.0, 0, 1.0),
        ],
        schema=["subscription_id", "periods_per_year", "renewals", "price_amount"],
        orient="row",
    )
    found = {row[0]: row[1:] for row in subscriptions.score(running, model).iter_rows()}
    kept = [(13 / 15) ** month for month in range(1, 13)]
    assert found["s1"][0] == pytest.approx(kept[-1])
    assert found["s1"][1] == pytest.approx(sum(kept))
    assert found["s1"][2] == pytest.approx(
        sum(10 * share / 1.1 ** (month / 12) for month, share in enumerate(kept, start=1))
    )
    assert found["s2"] == (pytest.approx(0.5), pytest.approx(0.5), pytest.approx(100 * 0.5 / 1.1), "simple")
    # Nobody knows what a subscription without a price brings; one that is renewed in two years brings nothing in one.
    assert found["s3"][2] is None
    assert found["s4"] == (1.0, 0.0, 0.0, "simple")
    assert "s5" not in found


def test_the_model_is_used_where_it_could_be_fitted() -> None:
    counts = cohort(HIGH_END).with_columns(periods_per_year=pl.lit(1.0))
    model = subscriptions.fit(counts)
    running = pl.DataFrame({"subscription_id": ["a"], "periods_per_year": [1.0], "renewals": [0], "price_amount": [10]})
    a, b = model.fits[1.0].a, model.fits[1.0].b
    row = subscriptions.score(running, model).row(0, named=True)
    assert row["status"] == "modelled"
    assert row["probability_active_12m"] == pytest.approx(b / (a + b))
    card = {(name, parameter): value for name, parameter, value, _ in model.parameters.iter_rows()}
    assert card["sbg_1", "contracts"] == 1000
    assert card["sbg_1", "a"] == pytest.approx(0.668, abs=1e-3)


def test_no_subscriptions_give_no_scores() -> None:
    model = subscriptions.fit(COUNTS.clear())
    nobody = pl.DataFrame(schema=dict.fromkeys(subscriptions.INPUT_COLUMNS, pl.Float64))
    assert subscriptions.score(nobody, model).columns == list(subscriptions.SCORES_SCHEMA)
    assert model.parameters.is_empty()
