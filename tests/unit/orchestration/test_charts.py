"""What the charts say of hand-made marts, and what they say where there is nothing to draw."""

from __future__ import annotations

from datetime import date

import altair
import marts_by_hand as by_hand
import pytest

from orchestration.charts.chart import Chart, Look, apart, listed, percent
from orchestration.charts.forecasts import calibration, orders_check
from orchestration.charts.journeys import cohorts, funnel, reasons
from orchestration.charts.portfolio import bridge, concentration, profit_by
from orchestration.charts.satisfaction import satisfaction_by
from orchestration.charts.segments import movement, moves, rfm_grid, uplift
from orchestration.value_report import SECTIONS

LOOK = Look(currency="EUR", key_customer_share=0.2, churn_days=180, confidence_z=1.96)
PLACE = Chart("name", "Heading", "table")


def drawn(drawer, *tables: str, **more) -> Chart:
    return drawer(PLACE, by_hand.published(*tables), LOOK, **more)


def values(chart: Chart, layer: int = 0) -> list[dict]:
    assert chart.spec is not None
    return chart.spec["layer"][layer]["data"]["values"]


def reading(chart: Chart) -> str:
    assert chart.spec is not None
    return " ".join(chart.spec["title"]["subtitle"])


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0, "0 EUR"), (0.314, "0.31 EUR"), (-9.5, "-9.50 EUR"), (10.4, "10 EUR"), (72153.2, "72,153 EUR"),
     (999_600, "1.00 million EUR"), (-1_250_000, "-1.25 million EUR")],
)  # fmt: skip
def test_money_is_as_short_as_a_chart_needs_it(amount, words):
    assert LOOK.money(amount) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0.7, "70 %"), (0.004, "0.4 %"), (0, "0 %"), (-0.002, "-0.2 %"), (1.5, "150 %")]
)
def test_a_small_share_never_reads_as_nothing(share, words):
    assert percent(share) == words


def test_many_names_are_cut():
    assert [listed(["a"]), listed(["a", "b"]), listed(list("abcde"))] == ["a", "a and b", "a, b, c and 2 more"]


def test_labels_do_not_lie_over_each_other():
    assert apart([5.0, 5.1, 1.0], 0.5) == [5.0, 5.5, 1.0]


def test_the_best_fifth_and_the_tail():
    chart = drawn(concentration, by_hand.CONCENTRATION.format(size=10))
    # 150 of 200; the last tenth of a hundred customers loses 100.
    assert chart.title == "The best 20 % of customers bring 75 % of the profit"
    assert "10 customers were a loss of 100 EUR in all." in reading(chart)
    assert "3 customers of unknown profit not included." in reading(chart)
    [tail] = values(chart, 0)
    assert (tail["from"], tail["text"]) == (0.9, "10 at a loss: -100 EUR")


def test_few_customers_are_counted():
    assert drawn(concentration, by_hand.CONCENTRATION.format(size=1)).title == (
        "The best 2 of 10 customers bring 75 % of the profit"
    )


def test_one_customer_brings_all():
    one = """CREATE TABLE marts.portfolio_concentration AS SELECT 'revenue' AS measure, n::INTEGER AS top_percent,
        (n > 0)::BIGINT AS customers, (n > 0)::DOUBLE AS customer_share, 10 * (n > 0)::INTEGER AS amount,
        (n > 0)::DOUBLE AS cumulative_share, (n = 1)::BIGINT AS step_customers, 0 AS losing_customers,
        0 AS losing_amount, 0 AS unknown_customers FROM range(101) AS percents (n)"""
    assert drawn(concentration, one).title == "One customer brings all of the revenue"


def test_no_share_of_a_loss():
    table = by_hand.CONCENTRATION.format(size=1)
    nothing = "UPDATE marts.portfolio_concentration SET cumulative_share = NULL"
    assert "brought nothing" in drawn(concentration, table, nothing).empty
    only_profit = f"{nothing} WHERE measure = 'profit'"
    assert drawn(concentration, table, only_profit).title.endswith("of the revenue")


def test_the_bridge_goes_down_step_by_step():
    chart = drawn(bridge, by_hand.BRIDGE)
    assert chart.title == "Of goods worth 160 EUR at full price, 33 EUR remain as profit: 21 %"
    assert "70 % of the costs are known" in reading(chart)
    spans = {bar["step"]: (bar["from"], bar["upto"]) for bar in values(chart)}
    assert spans["returns"] == (150, 100)
    assert spans["revenue"] == (0, 100)
    assert spans["cost of goods"] == (70, 45)
    assert spans["calls and tickets"] == pytest.approx((35, 33.4))


def test_what_is_unknown_is_no_bar():
    unknown = "UPDATE marts.portfolio_bridge SET amount = NULL WHERE step IN ('service', 'profit')"
    chart = drawn(bridge, by_hand.BRIDGE, unknown)
    assert chart.title == "What remains of goods worth 160 EUR at full price is unknown, because costs are"
    assert {"calls and tickets", "profit"}.isdisjoint(bar["step"] for bar in values(chart))
    assert [bar["text"] for bar in values(chart, 1)][-2:] == ["unknown", "unknown"]


def test_a_loss_is_called_one():
    lost = "UPDATE marts.portfolio_bridge SET amount = -12 WHERE step = 'profit'"
    assert drawn(bridge, by_hand.BRIDGE, lost).title.endswith("nothing remains: they lose 12 EUR")


def test_profit_by_segment():
    chart = drawn(profit_by, by_hand.PROFIT, dimension="value_segment")
    assert chart.title == "“top” is 10 % of the customers and brings 70 % of the profit"
    assert "4 customers were a loss of 20 EUR in all." in reading(chart)
    assert [bar["text"] for bar in values(chart)] == [
        "700 EUR · 70 % · 5 customers", "-50 EUR · -5 % · 45 customers", "350 EUR · 35 %",
    ]  # fmt: skip


def test_unknown_profit_is_no_chart():
    assert "profit is unknown" in drawn(profit_by, by_hand.PROFIT, dimension="behaviour_segment").empty
    assert "no customers yet" in drawn(profit_by, dimension="value_segment").empty


def test_the_rfm_grid():
    chart = drawn(rfm_grid, by_hand.RFM)
    assert chart.title == "2 of 4 buyers bought most lately and often: 200 EUR of profit each, others 40 EUR"
    assert "1 customer without an order not included." in reading(chart)
    cells = {(cell["recency"], cell["frequency"]): (cell["customers"], cell["text"]) for cell in values(chart)}
    assert cells == {(5, 5): (2, "200 EUR"), (1, 2): (1, "40 EUR"), (1, 1): (1, "unknown")}


def test_moves_of_the_last_complete_month():
    chart = drawn(moves, by_hand.TRANSITIONS, kind="value")
    assert chart.title == "May 2026: 10 customers moved up, 3 moved down, 5 came, 1 left"
    assert {(cell["from"], cell["to"], cell["shown"], cell["part"]) for cell in values(chart)} == {
        ("low", "low", "90", "90 %"), ("low", "high", "10", "10 %"), ("top", "high", "3", "30 %"),
        ("(new)", "low", "5", "100 %"), ("high", "none", "1", "5 %"),
    }  # fmt: skip
    assert chart.spec is not None
    # Who goes up comes from below: none, low, high, top.
    assert chart.spec["layer"][0]["encoding"]["x"]["sort"] == ["(none)", "none", "low", "high", "top"]


def test_ranks_that_were_changed_are_no_error():
    contradicting = "UPDATE marts.segment_transitions SET movement = 'up' WHERE movement = 'down'"
    chart = drawn(moves, by_hand.TRANSITIONS, contradicting, kind="value")
    assert chart.spec is not None
    assert chart.spec["layer"][0]["encoding"]["x"]["sort"] == ["(none)", "high", "low", "none", "top"]


def test_movement_by_month():
    chart = drawn(movement, by_hand.MOVEMENTS, kind="value")
    # In March nobody was inside, and June is still running.
    assert chart.title == "May 2026: 10.0 % moved up and 3.0 % down; more up than down in 1 of 2 months"
    bars = {(bar["month"], bar["movement"]): bar["share"] for bar in values(chart)}
    assert (bars["Apr 2026", "down"], bars["May 2026", "up"], bars["May 2026", "left"]) == (-0.1, 0.1, -0.01)
    assert {month for month, _ in bars} == {"Apr 2026", "May 2026"}


def test_from_where_customers_move_up():
    chart = drawn(uplift, by_hand.MOVEMENTS, ladder="value")
    assert chart.title == "From “store (channel)” customers move up 2.0 times as often as others"
    assert [point["name"] for point in values(chart, 2)] == ["store (channel)", "bargains (price)"]
    only_less = "DELETE FROM marts.tactical_uplift WHERE finding = 'raises'"
    assert drawn(uplift, by_hand.MOVEMENTS, only_less, ladder="value").title == (
        "From “bargains (price)” customers move up only 0.5 times as often as others"
    )


def test_where_customers_drop_out():
    chart = drawn(funnel, by_hand.JOURNEYS)
    # 15 of the 50 who have been there long enough: 30 %, more than 10 of 90.
    assert chart.title == "After “first order” the largest share drops out: 30 %"
    bars = {(bar["step"], bar["fate"]): bar["customers"] for bar in values(chart)}
    assert (bars["first contact", "went on"], bars["first order", "still open"]) == (60, 25)
    assert [label["text"] for label in values(chart, 1)] == ["100 · 11 % drop out", "60 · 30 % drop out", "20"]
    young = "UPDATE marts.customer_journeys SET drop_rate = NULL"
    assert drawn(funnel, by_hand.JOURNEYS, young).title.startswith("100 customers on the way; nobody long enough")


def test_cohorts_of_complete_months():
    chart = drawn(cohorts, by_hand.COHORTS)
    assert chart.title == "20 % of new customers buy again in the month after, 10 % in the second month"
    assert {(cell["cohort"], cell["later"], cell["text"]) for cell in values(chart)} == {
        ("Mar 2026 (20)", 1, "25"), ("Mar 2026 (20)", 2, "10"), ("Apr 2026 (10)", 1, "10"),
    }  # fmt: skip
    first = "DELETE FROM marts.cohort_retention WHERE month_number > 0"
    assert "No complete month" in drawn(cohorts, by_hand.COHORTS, first).empty


def test_after_which_reasons_customers_leave():
    chart = drawn(reasons, by_hand.LEAVING)
    assert chart.title == "After “quality” 2.5 times as many customers leave as expected"
    # Too few about billing; by telephone is a part of all.
    assert [point["name"] for point in values(chart, 2)] == ["quality", "other"]
    chance = "UPDATE marts.leaving_reasons SET finding = 'none'"
    assert "chance" in drawn(reasons, by_hand.LEAVING, chance).title


def test_the_model_in_use_beside_the_naive_rate():
    chart = drawn(orders_check, by_hand.FORECASTS)
    assert chart.title == "Forecast orders are off by 1.20 a customer, 25 % less than the naive rate"
    ends = {point["series"]: (point["before"], point["orders"]) for point in values(chart, 2)}
    assert ends == {
        "orders that came": ("7+ (20)", 8.0), "expected by naive rate": ("7+ (20)", 12.0),
        "expected by MBG/NBD": ("7+ (20)", 7.5),
    }  # fmt: skip
    assert chart.rows[1:] == (
        ("MBG/NBD", "1.20", "25 %", "210", "200", "81 %", "yes"),
        ("naive rate", "1.60", "", "300", "200", "", ""),
        ("NBD", "not converged", "", "", "200", "", ""),
    )


def test_a_naive_rate_that_nothing_beats():
    chart = drawn(orders_check, by_hand.FORECASTS, "UPDATE marts.forecast_checks SET is_used = model = 'naive'")
    assert chart.title == "No model beats the naive rate, which is off by 1.60 orders a customer and year"
    assert {point["series"] for point in values(chart, 1)} == {"orders that came", "expected by naive rate"}


def test_the_risk_to_leave_is_too_low():
    chart = drawn(calibration, by_hand.FORECASTS)
    # |0.3 − 0.2| and 0, of as many customers: 0.05 on average, all of it too low.  # noqa: RUF003
    assert chart.title == "The risk to leave is off by 5.0 percentage points on average, mostly too low"
    # Chance reaches 1.96 × √(0.2 × 0.8 ÷ 100) = 0.0784: 0.3 lies beyond 0.2784, 0.8 within.  # noqa: RUF003
    low, right = values(chart, 1)
    assert low["high"] == pytest.approx(0.2784)
    assert low["colour"] != right["colour"]


def test_agents_are_told_apart_without_their_addresses():
    chart = drawn(satisfaction_by, by_hand.SATISFACTION, kind="agent")
    assert chart.title == "Agents: agent 3 better; 77 worse than expected"
    assert [point["name"] for point in values(chart, 2)] == ["agent 3", "78", "77"]


def test_chance_is_no_finding():
    chart = drawn(satisfaction_by, by_hand.SATISFACTION, kind="product")
    assert chart.title == "No product lies above or below what was to be expected by more than chance"


@pytest.mark.parametrize("tables", [(), by_hand.ALL], ids=["absent", "empty"])
def test_nothing_to_draw_is_one_sentence(tables):
    marts = by_hand.published(*tables)
    for name in marts.columns:
        marts.con.execute(f"DELETE FROM marts.{name}")
    for _, charts in SECTIONS:
        for chart, drawer in charts:
            made = drawer(chart, marts, LOOK)
            assert (made.spec, made.title) == (None, ""), chart.name
            assert made.empty.endswith("."), chart.name


def test_every_specification_is_vega_lite():
    marts = by_hand.published(*by_hand.ALL)
    made = [drawer(chart, marts, LOOK) for _, charts in SECTIONS for chart, drawer in charts]
    assert [chart.name for chart in made if chart.spec is None] == ["profit_by_behaviour_segment"]
    for chart in made:
        if chart.spec is not None:
            altair.LayerChart.from_dict(chart.spec)  # raises what does not fit the schema


def test_months_are_named_whatever_the_machine_speaks():
    from orchestration.charts.chart import month_words

    assert month_words(date(2026, 5, 1)) == "May 2026"
