"""How customers come, whether they come back, and after what they leave: funnel, cohorts, reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration.charts.chart import (
    BLUE,
    GREY,
    PALE,
    VERMILION,
    Chart,
    Look,
    counted,
    intervals,
    layer,
    month_words,
    number,
    percent,
    spec,
    words_of,
)

if TYPE_CHECKING:
    from orchestration.published import Published, Row

_FATES = {"went on": BLUE, "still open": PALE, "dropped out": VERMILION}
_ROW_HEIGHT = 46
_CELL_HEIGHT = 24
_COHORTS_SHOWN = 24
_LATER = 6  # months after which the title looks a second time
_REASONS_SHOWN = 20


def funnel(chart: Chart, marts: Published, look: Look) -> Chart:
    """How many reached each step, went on, may still come, and dropped out."""
    if not marts.has("customer_journeys", "journey", "channel", "from_step", "from_step_number", "drop_rate"):
        return chart.without("The published copy has no journeys.")
    found = marts.rows("customer_journeys", "journey = 'all' AND channel = 'all'", order="from_step_number")
    if not found:
        return chart.without("No customer has been in touch yet.")
    steps = list({row["from_step"]: row for row in found}.values())
    bars = []
    for step in steps:
        ways = [row for row in found if row["from_step"] == step["from_step"]]
        for fate in _FATES:
            count = sum(row["customers"] for row in ways if _fate(row) == fate)
            bars.append(
                {
                    "step": words_of(step["from_step"]),
                    "fate": fate,
                    "place": list(_FATES).index(fate),
                    "customers": count,
                    "says": f"{words_of(step['from_step'])}: {counted(count, 'customer')} {fate}, "
                    f"{percent(count / step['entered_customers'])} of {step['entered_customers']:,}",
                }
            )
    labels = [
        {
            "step": words_of(step["from_step"]),
            "customers": step["entered_customers"],
            "text": f"{step['entered_customers']:,}{_lost(step)}",
        }
        for step in steps
    ]
    title = _funnel_title(steps)
    y = {"field": "step", "type": "nominal", "sort": [label["step"] for label in labels], "title": None,
         "axis": {"domain": False, "ticks": False}}  # fmt: skip
    x = {"field": "customers", "type": "quantitative", "title": "customers who reached the step",
         "axis": {"format": ",d", "tickMinStep": 1, "tickCount": 7},
         "scale": {"domainMax": 1.25 * max(label["customers"] for label in labels)}}  # fmt: skip
    return chart.showing(
        title,
        spec(
            title,
            "Each customer goes forward only. Dropped out: nothing came from her for "
            f"{look.churn_days} days. The rate is of those who have been there for so long.",
            layer(
                bars,
                {"type": "bar", "height": {"band": 0.6}},
                y=y,
                x={**x, "stack": "zero"},
                color={"field": "fate", "legend": {"orient": "bottom"},
                       "scale": {"domain": list(_FATES), "range": list(_FATES.values())}},
                order={"field": "place"},
            ),
            layer(labels, {"type": "text", "align": "left", "dx": 6}, y=y, x=x, text={"field": "text"}),
            height=_ROW_HEIGHT * len(labels),
        ),
    )  # fmt: skip


def _fate(row: Row) -> str:
    if row["to_step_number"] is not None:
        return "went on"
    return words_of(row["to_step"])


def _lost(step: Row) -> str:
    rate = number(step["drop_rate"])
    return "" if rate is None else f" · {percent(rate)} drop out"


def _funnel_title(steps: list[Row]) -> str:
    known = [step for step in steps if number(step["drop_rate"]) is not None]
    if not known:
        return (
            f"{counted(steps[0]['entered_customers'], 'customer')} on the way; nobody long enough to have dropped out"
        )
    worst = max(known, key=lambda step: (number(step["drop_rate"]) or 0.0, -step["from_step_number"]))
    rate = number(worst["drop_rate"]) or 0.0
    if not rate:
        return "Nobody has dropped out of the way to a regular yet"
    return f"After “{words_of(worst['from_step'])}” the largest share drops out: {percent(rate)}"


def cohorts(chart: Chart, marts: Published, _look: Look) -> Chart:
    """Which share of those who first bought in a month bought again in each later month."""
    if not marts.has("cohort_retention", "cohort_month", "month_number", "is_complete", "retention_rate"):
        return chart.without("The published copy has no cohorts.")
    found = marts.rows("cohort_retention", "is_complete AND month_number > 0", order="cohort_month, month_number")
    if not found:
        return chart.without("No complete month lies behind the first orders yet.")
    months = sorted({row["cohort_month"] for row in found})[-_COHORTS_SHOWN:]
    rows = [row for row in found if row["cohort_month"] >= months[0]]
    cells = [
        {
            "cohort": f"{month_words(row['cohort_month'])[:3]} {row['cohort_month'].year} ({row['customers']:,})",
            "later": row["month_number"],
            "rate": number(row["retention_rate"]) or 0.0,
            "text": f"{(number(row['retention_rate']) or 0.0) * 100:.0f}",
            "says": f"{month_words(row['cohort_month'])}, month {row['month_number']}: "
            f"{row['active_customers']:,} of {counted(row['customers'], 'customer')} bought, "
            f"{percent(number(row['retention_rate']) or 0.0)}",
        }
        for row in rows
    ]
    title = _cohorts_title(rows)
    most = max(cell["rate"] for cell in cells)
    x = {"field": "later", "type": "ordinal", "title": "months after the first order",
         "axis": {"orient": "top", "labelAngle": 0, "domain": False, "ticks": False}}  # fmt: skip
    y = {"field": "cohort", "type": "nominal", "sort": list(dict.fromkeys(cell["cohort"] for cell in cells)),
         "title": "first order in (customers)", "axis": {"domain": False, "ticks": False}}  # fmt: skip
    reading = "Percent of each cohort who bought in the month; complete months only."
    if len({row["cohort_month"] for row in found}) > len(months):
        reading += f" The last {len(months)} cohorts are shown."
    return chart.showing(
        title,
        spec(
            title,
            reading,
            layer(
                cells,
                {"type": "rect", "stroke": "white", "strokeWidth": 1},
                x=x,
                y=y,
                color={"value": BLUE},
                opacity={"field": "rate", "type": "quantitative", "legend": None,
                         "scale": {"domain": [0, most or 1], "range": [0.04, 0.7]}},
            ),
            layer(cells, {"type": "text", "fontSize": 11}, x=x, y=y, text={"field": "text"}),
            height=_CELL_HEIGHT * len(months),
        ),
    )  # fmt: skip


def _cohorts_title(rows: list[Row]) -> str:
    def share(later: int) -> float:
        there = [row for row in rows if row["month_number"] == later]
        return float(sum(row["active_customers"] for row in there) / sum(row["customers"] for row in there))

    said = f"{percent(share(1))} of new customers buy again in the month after"
    later = min(_LATER, max(row["month_number"] for row in rows))
    return said if later == 1 else f"{said}, {percent(share(later))} in the {_ordinal(later)} month"


def _ordinal(place: int) -> str:
    return {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth"}[place]


def reasons(chart: Chart, marts: Published, look: Look) -> Chart:
    """After calls and tickets about what customers leave more often than others who turned to us."""
    if not marts.has("leaving_reasons", "reason", "channel", "buyer_group", "lift", "lift_low", "finding"):
        return chart.without("The published copy has no reasons of leaving.")
    found = marts.rows(
        "leaving_reasons",
        "channel = 'all' AND buyer_group = 'all' AND finding <> 'too_few' AND lift IS NOT NULL",
        order="customers DESC, reason",
    )
    if not found:
        return chart.without("About no reason have so many customers turned to us that it says something.")
    chosen = sorted(found[:_REASONS_SHOWN], key=lambda row: (-row["lift"], row["reason"]))
    points = [_reason(row) for row in chosen]
    title = _reasons_title(chosen)
    return chart.showing(
        title,
        intervals(
            title,
            f"Share who bought nothing in the {look.churn_days} days after the contact, against alike customers "
            "who turned to us about something else; with bounds.",
            points,
            "lift",
            axis={"title": "times as many as expected", "tickCount": 7},
            middle=1,
        ),
    )


def _reason(row: Row) -> dict[str, Any]:
    name = words_of(row["reason"])
    return {
        "name": name,
        "lift": row["lift"],
        "low": row["lift_low"],
        "high": row["lift_high"],
        "colour": {"leaves_more": VERMILION, "leaves_less": BLUE}.get(row["finding"], GREY),
        "says": f"{name}: {row['customers_left']:,} of {counted(row['customers'], 'customer')} left, "
        f"{percent(row['left_rate'])} where {percent(row['expected_rate'])} were to be expected",
    }


def _reasons_title(rows: list[Row]) -> str:
    worse = [row for row in rows if row["finding"] == "leaves_more"]
    if not worse:
        return "After no reason do customers leave more often than chance explains"
    worst = worse[0]
    return f"After “{words_of(worst['reason'])}” {worst['lift']:.1f} times as many customers leave as expected"
