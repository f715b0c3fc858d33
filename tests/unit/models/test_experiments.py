"""Experiments: intervals as published and as another library has them; a verdict whatever goes wrong."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from math import isclose, log
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import chi2_contingency, chisquare, norm, t, ttest_ind

from models.experiments import (
    ARMS_SCHEMA,
    CHECKS_SCHEMA,
    OUTCOMES_SCHEMA,
    RESULTS_SCHEMA,
    Analysis,
    ExperimentSettings,
    Verdict,
    analyse,
)
from models.experiments.amounts import Amounts
from models.experiments.shares import Share

# Roots are found to 1e-13; what an optimiser of scipy finds by itself is good to half of the digits of a double.
OPTIMISED = 1e-6

# Newcombe (1998), table II, method 5 (Mee), at 95 %.
PUBLISHED = [
    ((56, 70), (48, 80), (0.0533, 0.3377)),
    ((9, 10), (3, 10), (0.1821, 0.8370)),
    ((6, 7), (2, 7), (0.0544, 0.8478)),
    ((5, 56), (0, 29), (-0.0313, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.7225, 1.0000)),
    ((10, 10), (0, 10), (0.6777, 1.0000)),
]


@pytest.mark.parametrize(("one", "other", "bounds"), PUBLISHED)
def test_intervals_of_differences_as_published(one, other, bounds) -> None:
    found = Share(*one).difference_interval(Share(*other), 0.95)
    assert tuple(round(bound, 4) for bound in found) == bounds
    # Turned round it is the same with the other sign.
    turned = Share(*other).difference_interval(Share(*one), 0.95)
    assert turned == pytest.approx((-found[1], -found[0]), abs=1e-10)


def likelihood(hits: int, count: int, share: float) -> float:
    """The logarithm of the likelihood of a share."""
    return (hits * log(share) if hits else 0.0) + ((count - hits) * log(1 - share) if count > hits else 0.0)


def scipy_bounds(one: tuple[int, int], other: tuple[int, int], level: float, kind: str) -> tuple[float, float]:
    """The bounds once more: the restricted likelihood by an optimiser, its inversion by a root finder, both scipy's."""
    (x1, n1), (x0, n0), critical = one, other, norm.ppf((1 + level) / 2)

    def statistic(value: float) -> float:
        def first(second: float) -> float:
            return second + value if kind == "difference" else second * value

        low = max(0.0, -value) if kind == "difference" else 0.0
        high = min(1.0, 1 - value) if kind == "difference" else min(1.0, 1 / value)
        best = minimize_scalar(
            lambda second: -likelihood(x1, n1, first(second)) - likelihood(x0, n0, second),
            bounds=(low + 1e-12, high - 1e-12), method="bounded", options={"xatol": 1e-13},
        ).x  # fmt: skip
        p1, weight = first(best), 1.0 if kind == "difference" else value**2
        distance = x1 / n1 - x0 / n0 - value if kind == "difference" else x1 / n1 - value * x0 / n0
        return distance / np.sqrt(p1 * (1 - p1) / n1 + weight * best * (1 - best) / n0)

    estimate = x1 / n1 - x0 / n0 if kind == "difference" else x1 / n1 / (x0 / n0)
    ends = (-0.999, 0.999) if kind == "difference" else (estimate / 100, estimate * 100)
    return (
        brentq(lambda value: statistic(value) - critical, ends[0], estimate),
        brentq(lambda value: statistic(value) + critical, estimate, ends[1]),
    )


TABLES = [((56, 70), (48, 80)), ((17, 900), (9, 1100)), ((1, 40), (7, 60)), ((130, 10_778), (60, 10_586))]


@pytest.mark.parametrize(("tables", "level"), [*product(TABLES, (0.9, 0.95, 0.9917))])
def test_intervals_of_shares_equal_those_worked_out_with_scipy(tables, level) -> None:
    one, other = tables
    difference = Share(*one).difference_interval(Share(*other), level)
    assert difference == pytest.approx(scipy_bounds(one, other, level, "difference"), abs=OPTIMISED)
    ratio = Share(*one).ratio_interval(Share(*other), level)
    assert ratio == pytest.approx(scipy_bounds(one, other, level, "ratio"), rel=OPTIMISED * 10)


def tables_at_random(count: int) -> list[tuple[Share, Share]]:
    rng = np.random.default_rng(5)
    made = []
    for _ in range(count):
        n1, n0 = (int(size) for size in rng.integers(1, 400, 2))
        made.append((Share(int(rng.integers(0, n1 + 1)), n1), Share(int(rng.integers(0, n0 + 1)), n0)))
    return made


def test_intervals_leave_out_nothing_exactly_if_the_test_rejects() -> None:
    rejected = 0
    for one, other in tables_at_random(150):
        p = one.p_value(other)
        table = [[one.hits, one.count - one.hits], [other.hits, other.count - other.hits]]
        if 0 < one.hits + other.hits < one.count + other.count:
            assert isclose(p, chi2_contingency(table, correction=False).pvalue, rel_tol=1e-9)
        for alpha in (0.05, 0.05 / 6, p * 1.001, p * 0.999):
            # Below that a level of 1 - alpha has no digits left.
            if not 1e-6 < alpha < 1:
                continue
            lower, upper = one.difference_interval(other, 1 - alpha)
            assert lower <= one.mean - other.mean <= upper
            assert (lower > 0 or upper < 0) == (p < alpha)
            ratio = one.ratio_interval(other, 1 - alpha)
            assert (ratio is None) == (other.hits == 0)
            if ratio is not None:
                assert (ratio[0] > 1 or ratio[1] < 1) == (p < alpha)
            rejected += p < alpha
    assert 100 < rejected < 500


def amounts_of(values: np.ndarray) -> Amounts:
    exact = [Decimal(f"{value:.2f}") for value in values]
    return Amounts(len(exact), sum(exact, Decimal(0)), sum((value * value for value in exact), Decimal(0)))


def spending(rng: np.random.Generator, count: int, share: float, mean: float) -> np.ndarray:
    return np.round(np.where(rng.random(count) < share, rng.gamma(2, mean / 2, count), 0), 2)


def test_means_equal_scipys_welch() -> None:
    rng = np.random.default_rng(6)
    for n1, n0, level in [(40, 60, 0.95), (900, 300, 0.9917), (5000, 5000, 0.95)]:
        one, other = spending(rng, n1, 0.4, 30), spending(rng, n0, 0.5, 28)
        theirs = ttest_ind(one, other, equal_var=False)
        mine = amounts_of(one), amounts_of(other)
        assert isclose(mine[0].p_value(mine[1]), theirs.pvalue, rel_tol=1e-9)
        bounds = theirs.confidence_interval(level)
        assert mine[0].difference_interval(mine[1], level) == pytest.approx((bounds.low, bounds.high), rel=1e-9)
        # Fieller's bounds are the ratios at which Welch's test of `one - ratio * other` just rejects.
        ratio = mine[0].ratio_interval(mine[1], level)
        assert ratio is not None
        e1, e0 = one.var(ddof=1) / n1, other.var(ddof=1) / n0
        critical = t.isf((1 - level) / 2, theirs.df)
        for bound in ratio:
            statistic = (one.mean() - bound * other.mean()) / np.sqrt(e1 + bound**2 * e0)
            assert isclose(abs(statistic), critical, rel_tol=1e-9)
        assert (ratio[0] > 1 or ratio[1] < 1) == (bounds.low > 0 or bounds.high < 0)


def test_sums_that_doubles_would_lose_keep_their_spread() -> None:
    # A million customers spend a hundred million and one cent more or less: doubles have no digits left for the cents.
    base = Decimal("100000000.00")
    values = [base, base + Decimal("0.01")] * 500_000
    one = Amounts(1_000_000, sum(values), sum(value * value for value in values[:2]) * 500_000)
    assert isclose(one.error * 1_000_000, 0.005**2, rel_tol=1e-5)


def test_a_ratio_to_what_may_be_nothing_has_no_bounds() -> None:
    few = Amounts(50, Decimal(10), Decimal(100))
    assert Amounts(50, Decimal(900), Decimal(20_000)).ratio_interval(few, 0.95) is None
    assert Share(5, 10).ratio_interval(Share(0, 10), 0.95) is None
    assert Share(0, 50).ratio_interval(Share(10, 50), 0.95)[0] == 0.0


# --- a whole experiment ---------------------------------------------------------------------------------------------


def arms_frame(*arms: dict[str, Any], **common: Any) -> pl.DataFrame:
    usual = {
        "experiment_id": "e", "role": "treatment", "is_control": False, "planned_share": None, "alpha": 0.05,
        "is_running": False,
    }  # fmt: skip
    return pl.DataFrame([{**usual, **common, **arm} for arm in arms], schema=ARMS_SCHEMA)


def outcomes_frame(*rows: dict[str, Any]) -> pl.DataFrame:
    usual = {"experiment_id": "e", "outcome": "converted", "unit": "share", "needs_contact": False}
    made = [{**usual, **row} for row in rows]
    for row in made:
        row.setdefault("total", Decimal(row["customers_with"]))
        row.setdefault("squares", Decimal(row["customers_with"]))
    return pl.DataFrame(made, schema=OUTCOMES_SCHEMA)


def two_arms(
    control: tuple[int, int] = (60, 1000), treated: tuple[int, int] = (60, 1000), **common: Any
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Hits and customers of the control and of arm A."""
    return (
        arms_frame(
            {"arm": "A", "customers": treated[1]},
            {"arm": "none", "role": "holdout", "is_control": True, "customers": control[1]},
            **common,
        ),
        outcomes_frame(
            {"arm": "A", "customers": treated[1], "customers_with": treated[0]},
            {"arm": "none", "customers": control[1], "customers_with": control[0]},
        ),
    )


def verdict_of(analysis: Analysis, arm: str = "A", outcome: str = "converted") -> dict[str, Any]:
    return analysis.results.row(by_predicate=(pl.col("arm") == arm) & (pl.col("outcome") == outcome), named=True)


COMPARING = [name for name in RESULTS_SCHEMA if RESULTS_SCHEMA[name] in (pl.Float64, pl.Int64) and "mean" not in name]


@pytest.mark.parametrize(
    ("frames", "verdict"),
    [
        (two_arms((60, 1000), (100, 1000)), Verdict.BETTER),
        (two_arms((100, 1000), (60, 1000)), Verdict.WORSE),
        (two_arms((60, 1000), (70, 1000)), Verdict.NOT_SHOWN),
        (two_arms((0, 1000), (0, 1000)), Verdict.TOO_FEW),
        (two_arms((2, 1000), (7, 1000)), Verdict.TOO_FEW),
        (two_arms((998, 1000), (993, 1000)), Verdict.TOO_FEW),
        (two_arms((15, 40), (1, 1), planned_share=0.5), Verdict.RATIO_OFF),
        (two_arms((60, 1000), (100, 1200)), Verdict.RATIO_OFF),
        (two_arms((60, 1000), (100, 1000), is_running=True), Verdict.RUNNING),
    ],
)
def test_verdicts(frames: tuple[pl.DataFrame, pl.DataFrame], verdict: Verdict) -> None:
    found = verdict_of(analyse(*frames))
    assert found["verdict"] == verdict
    assert found["reason"]
    is_tested = verdict in (Verdict.BETTER, Verdict.WORSE, Verdict.NOT_SHOWN)
    assert {name for name in COMPARING if found[name] is None} == (set() if is_tested else set(COMPARING))
    if is_tested:
        inside = found["adjusted_lower"] <= 0 <= found["adjusted_upper"]
        assert inside == (verdict == Verdict.NOT_SHOWN)
        assert found["difference"] == pytest.approx(found["mean"] - found["control_mean"], abs=1e-15)
        assert found["uplift"] == pytest.approx(found["mean"] / found["control_mean"] - 1, abs=1e-12)
    # Whatever the verdict, what each arm did is told.
    assert found["mean"] is not None and found["control_mean"] is not None


def test_an_arm_of_one_person_is_too_few_and_no_error() -> None:
    frames = two_arms((15, 40), (1, 1))
    # The plan says that it was to be so small: the ratio is then unknown, not off.
    arms = frames[0].with_columns(planned_share=pl.col("customers") / 41)
    found = verdict_of(analyse(arms, frames[1]))
    assert (found["verdict"], found["reason"]) == (Verdict.TOO_FEW, "an arm has 1 customers, fewer than 30")
    empty = two_arms((15, 40), (0, 0))
    assert verdict_of(analyse(empty[0].with_columns(planned_share=pl.lit(None, pl.Float64)), empty[1]))["mean"] is None


def test_without_a_control_nothing_is_compared() -> None:
    arms, outcomes = two_arms()
    results = analyse(arms.with_columns(is_control=pl.lit(value=False)), outcomes).results
    assert results["verdict"].to_list() == [Verdict.NO_CONTROL] * 2
    assert results["mean"].to_list() == [0.06, 0.06]
    alone = analyse(arms.filter(pl.col("arm") == "A"), outcomes.filter(pl.col("arm") == "A"))
    assert alone.results["verdict"].to_list() == [Verdict.NO_CONTROL]
    assert alone.checks["sample_ratio"].to_list() == ["unknown"]


def test_nobody_responds_to_what_he_was_not_sent() -> None:
    arms, outcomes = two_arms((0, 1000), (80, 1000))
    clicks = outcomes.with_columns(outcome=pl.lit("responded"), needs_contact=pl.lit(value=True))
    bought = two_arms((60, 1000), (100, 1000))[1]
    analysis = analyse(arms, pl.concat([clicks, bought]))
    assert verdict_of(analysis, outcome="responded")["verdict"] == Verdict.NOT_COMPARED
    # And what is not compared is not paid for by what is.
    assert verdict_of(analysis)["comparisons"] == 1
    # Where the control got the usual mail, clicks are compared.
    control = arms.with_columns(role=pl.when("is_control").then(pl.lit("control")).otherwise("role"))
    assert verdict_of(analyse(control, clicks), outcome="responded")["verdict"] == Verdict.BETTER


def test_amounts_that_do_not_vary_say_nothing_about_chance() -> None:
    arms, _ = two_arms()
    same = [
        {
            "arm": arm, "customers": 1000, "customers_with": 1000, "outcome": "revenue", "unit": "amount",
            "total": Decimal(1000) * each, "squares": Decimal(1000) * each * each,
        }
        for arm, each in (("A", 12), ("none", 10))
    ]  # fmt: skip
    found = verdict_of(analyse(arms, outcomes_frame(*same)), outcome="revenue")
    assert (found["verdict"], found["mean"], found["control_mean"]) == (Verdict.TOO_FEW, 12.0, 10.0)
    few = [{**row, "customers_with": 20, "total": Decimal(300), "squares": Decimal(9000)} for row in same]
    assert verdict_of(analyse(arms, outcomes_frame(*few)), outcome="revenue")["verdict"] == Verdict.TOO_FEW


def test_several_arms_and_outcomes_are_one_family() -> None:
    # p = 0.0254 alone: shown. One of four comparisons: not shown.
    arms, outcomes = two_arms((60, 1000), (86, 1000))
    alone = verdict_of(analyse(arms, outcomes))
    assert (alone["verdict"], alone["comparisons"]) == (Verdict.BETTER, 1)
    assert alone["adjusted_p_value"] == alone["p_value"]
    assert alone["adjusted_lower"] == alone["difference_lower"]
    more_arms = pl.concat([arms, arms.filter(pl.col("arm") == "A").with_columns(arm=pl.lit("B"))])
    more = pl.concat([outcomes, outcomes.filter(pl.col("arm") == "A").with_columns(arm=pl.lit("B"))])
    visits = more.with_columns(outcome=pl.lit("visited"))
    crowded = analyse(more_arms, pl.concat([more, visits]))
    found = verdict_of(crowded)
    assert (found["verdict"], found["comparisons"]) == (Verdict.NOT_SHOWN, 4)
    assert found["adjusted_p_value"] == pytest.approx(4 * found["p_value"], rel=1e-12)
    assert found["adjusted_lower"] < 0 < found["difference_lower"]
    assert (found["difference_lower"], found["p_value"]) == (alone["difference_lower"], alone["p_value"])
    # Two experiments are two families.
    other = [frame.with_columns(experiment_id=pl.lit("f")) for frame in (arms, outcomes)]
    both = analyse(pl.concat([more_arms, other[0]]), pl.concat([more, visits, other[1]]))
    assert both.results.filter(pl.col("experiment_id") == "f")["comparisons"].drop_nulls().to_list() == [1]


def test_sample_ratio_is_chi_squares() -> None:
    arms = arms_frame(
        {"arm": "A", "customers": 4100, "planned_share": 0.4},
        {"arm": "B", "customers": 3900, "planned_share": 0.4},
        {"arm": "none", "customers": 2000, "planned_share": 0.2, "is_control": True},
    )
    checks = analyse(arms, outcomes_frame().clear()).checks
    assert checks.schema == CHECKS_SCHEMA
    assert checks["expected_customers"].to_list() == pytest.approx([4000, 4000, 2000])
    theirs = chisquare([4100, 3900, 2000], [4000, 4000, 2000]).pvalue
    assert checks["sample_ratio_p_value"].to_list() == pytest.approx([theirs] * 3, rel=1e-12)
    assert checks["sample_ratio"].unique().to_list() == ["as planned"]
    # Without a plan, equal shares are due.
    unplanned = arms.with_columns(planned_share=pl.lit(None, pl.Float64))
    assert analyse(unplanned, outcomes_frame().clear()).checks["sample_ratio"].unique().to_list() == ["off"]
    # A plan with a gap is none.
    gap = arms.with_columns(planned_share=pl.when(pl.col("arm") == "A").then("planned_share"))
    assert analyse(gap, outcomes_frame().clear()).checks["sample_ratio"].unique().to_list() == ["unknown"]
    # An arm that nobody got into, though it was planned, is seen.
    lost = arms.with_columns(customers=pl.when(pl.col("arm") == "B").then(0).otherwise("customers"))
    assert analyse(lost, outcomes_frame().clear()).checks["sample_ratio"].unique().to_list() == ["off"]


def test_nothing_gives_nothing_and_bad_frames_say_so() -> None:
    nothing = analyse(pl.DataFrame(schema=ARMS_SCHEMA), pl.DataFrame(schema=OUTCOMES_SCHEMA))
    assert (nothing.checks.schema, nothing.results.schema) == (CHECKS_SCHEMA, RESULTS_SCHEMA)
    assert (nothing.checks.height, nothing.results.height) == (0, 0)
    arms, outcomes = two_arms()
    with pytest.raises(ValueError, match="the arms lack the columns alpha, is_running"):
        analyse(arms.drop("alpha", "is_running"), outcomes)
    with pytest.raises(ValueError, match="units are share and amount, found 'percent'"):
        analyse(arms, outcomes.with_columns(unit=pl.lit("percent")))


def test_order_of_rows_changes_nothing() -> None:
    arms, outcomes = two_arms((60, 1000), (100, 1000))
    again = [frame.with_columns(experiment_id=pl.lit("a")) for frame in (arms, outcomes)]
    arms, outcomes = pl.concat([arms, again[0]]), pl.concat([outcomes, again[1]])
    turned = analyse(arms.reverse(), outcomes.reverse())
    straight = analyse(arms, outcomes)
    assert turned.results.equals(straight.results)
    assert turned.checks.equals(straight.checks)


def test_where_nothing_differs_it_is_seldom_said_that_something_does() -> None:
    """300 experiments without any effect, three arms and two outcomes each: at most alpha of them may show anything."""
    rng, runs, alpha = np.random.default_rng(8), 300, 0.05
    false_alarms = 0
    for _ in range(runs):
        arms = arms_frame(*({"arm": arm, "customers": 1000, "is_control": arm == "0"} for arm in "012"), alpha=alpha)
        rows = [
            {"arm": arm, "outcome": outcome, "customers": 1000, "customers_with": int(rng.binomial(1000, rate))}
            for arm in "012"
            for outcome, rate in (("visited", 0.2), ("converted", 0.05))
        ]
        verdicts = analyse(arms, outcomes_frame(*rows)).results["verdict"]
        assert not {Verdict.RATIO_OFF, Verdict.TOO_FEW} & set(verdicts)
        false_alarms += bool({Verdict.BETTER, Verdict.WORSE} & set(verdicts))
    # Three standard errors of a share of 300; without the correction some 50 would be expected.
    assert false_alarms <= runs * alpha + 3 * np.sqrt(runs * alpha * (1 - alpha))
    assert false_alarms > 0


def test_the_detectable_difference_is_detected_as_often_as_it_says() -> None:
    arms, outcomes = two_arms((1000, 10_000), (1000, 10_000))
    detectable = verdict_of(analyse(arms, outcomes))["detectable_difference"]
    rng, runs = np.random.default_rng(9), 400
    shown = 0
    for _ in range(runs):
        hits = int(rng.binomial(10_000, 0.1)), int(rng.binomial(10_000, 0.1 + detectable))
        shown += Share(hits[1], 10_000).p_value(Share(hits[0], 10_000)) < 0.05
    # Three standard errors of a share of 400 at 0.8.
    assert abs(shown / runs - ExperimentSettings().power) < 3 * np.sqrt(0.8 * 0.2 / runs)


# --- a published experiment -----------------------------------------------------------------------------------------


def test_hillstroms_uplifts_equal_scipys(shared_data) -> None:
    file = shared_data / "email" / "hillstrom" / "hillstrom_dev.csv"
    raw = pl.read_csv(file, schema_overrides={"spend": pl.String})
    customers = raw.select(
        arm="segment", visited="visit", converted="conversion", revenue=pl.col("spend").cast(pl.Decimal(18, 4))
    )
    sizes = dict(customers.group_by("arm").len().iter_rows())
    arms = arms_frame(
        *({"arm": arm, "customers": size, "is_control": arm == "No E-Mail"} for arm, size in sizes.items())
    )
    outcomes = []
    for arm, outcome in product(sizes, ("visited", "converted", "revenue")):
        values = customers.filter(pl.col("arm") == arm)[outcome]
        exact = [Decimal(str(value)) for value in values if value]
        outcomes.append(
            {
                "arm": arm, "outcome": outcome, "unit": "amount" if outcome == "revenue" else "share",
                "customers": sizes[arm], "customers_with": len(exact), "total": sum(exact, Decimal(0)),
                "squares": sum((value * value for value in exact), Decimal(0)),
            }
        )  # fmt: skip
    analysis = analyse(arms, outcomes_frame(*outcomes))
    assert analysis.checks["sample_ratio"].unique().to_list() == ["as planned"]
    assert analysis.checks["sample_ratio_p_value"][0] == pytest.approx(chisquare(list(sizes.values())).pvalue, rel=1e-9)
    verdicts = {}
    for arm, (outcome, column) in product(
        ("Mens E-Mail", "Womens E-Mail"), (("visited", "visit"), ("converted", "conversion"), ("revenue", "spend"))
    ):
        one, other = (
            raw.filter(pl.col("segment") == segment)[column].cast(pl.Float64).to_numpy()
            for segment in (arm, "No E-Mail")
        )
        found = verdict_of(analysis, arm, outcome)
        assert found["difference"] == pytest.approx(one.mean() - other.mean(), rel=1e-9)
        assert found["uplift"] == pytest.approx(one.mean() / other.mean() - 1, rel=1e-9)
        bounds = found["difference_lower"], found["difference_upper"]
        adjusted = found["adjusted_lower"], found["adjusted_upper"]
        if outcome == "revenue":
            theirs = ttest_ind(one, other, equal_var=False)
            assert found["p_value"] == pytest.approx(theirs.pvalue, rel=1e-8)
            assert bounds == pytest.approx(tuple(theirs.confidence_interval(0.95)), rel=1e-8)
            assert adjusted == pytest.approx(tuple(theirs.confidence_interval(1 - 0.05 / 6)), rel=1e-8)
        else:
            table = [[part.sum(), (1 - part).sum()] for part in (one, other)]
            assert found["p_value"] == pytest.approx(chi2_contingency(table, correction=False).pvalue, rel=1e-8)
            counts = [(int(part.sum()), len(part)) for part in (one, other)]
            assert bounds == pytest.approx(scipy_bounds(*counts, 0.95, "difference"), abs=OPTIMISED)
            assert adjusted == pytest.approx(scipy_bounds(*counts, 1 - 0.05 / 6, "difference"), abs=OPTIMISED)
            uplifts = found["uplift_lower"] + 1, found["uplift_upper"] + 1
            assert uplifts == pytest.approx(scipy_bounds(*counts, 0.95, "ratio"), rel=OPTIMISED * 10)
        verdicts[arm, outcome] = found["verdict"]
    # Women's mail and orders: p = 0.0135 alone, and one of six.
    assert verdicts == {
        ("Mens E-Mail", "visited"): "shown: better",
        ("Mens E-Mail", "converted"): "shown: better",
        ("Mens E-Mail", "revenue"): "shown: better",
        ("Womens E-Mail", "visited"): "shown: better",
        ("Womens E-Mail", "converted"): "not shown",
        ("Womens E-Mail", "revenue"): "shown: better",
    }
