"""Where revenue and profit come from: the concentration curve, the bridge, and profit by segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration.charts.chart import (
    BLUE,
    GREY,
    INK,
    PERCENT_LABEL,
    QUIET,
    SKY,
    VERMILION,
    Chart,
    Look,
    counted,
    layer,
    number,
    percent,
    spec,
    words_of,
)

if TYPE_CHECKING:
    from orchestration.published import Published, Row

_STEPS = {
    "gross": "goods at full price",
    "uncosted_revenue": "revenue of unknown cost",
    "cost_of_goods": "cost of goods",
    "service": "calls and tickets",
}
_FEW_CUSTOMERS = 20  # below, people are counted and not percents of them
_BAR_HEIGHT = 30


def concentration(chart: Chart, marts: Published, look: Look) -> Chart:
    """Which share of revenue and profit the best customers bring, with the end where they lose money."""
    found = marts.rows("portfolio_concentration", order="measure, top_percent")
    curves = {
        measure: rows
        for measure in ("profit", "revenue")
        if (rows := [row for row in found if row["measure"] == measure]) and number(rows[-1]["cumulative_share"])
    }
    if not found:
        return chart.without("Nobody has bought yet, so there is no curve.")
    if not curves:
        return chart.without("All customers together brought nothing, so nobody's share of it can be said.")
    measure, rows = next(iter(curves.items()))
    last, best = rows[-1], rows[round(look.key_customer_share * 100)]
    title = _concentration_title(measure, best, last)
    return chart.showing(
        title,
        spec(
            title,
            _concentration_reading(measure, last, look),
            *_tail(measure, last, look),
            layer(
                [{"x": 0, "y": 0}, {"x": 1, "y": 1}],
                {"type": "line", "color": GREY, "strokeDash": [4, 4]},
                x={"field": "x", "type": "quantitative"},
                y={"field": "y", "type": "quantitative"},
            ),
            layer(
                [{"x": 0.5, "y": 0.5, "text": "if all brought the same"}],
                {"type": "text", "align": "left", "dx": 10, "dy": 8, "color": QUIET},
                x={"field": "x", "type": "quantitative"},
                y={"field": "y", "type": "quantitative"},
                text={"field": "text"},
            ),
            *_curves(curves, look),
            *_best_point(measure, best),
            height=380,
        ),
    )


def _concentration_title(measure: str, best: Row, last: Row) -> str:
    total, few, share = last["customers"], best["customers"], percent(best["cumulative_share"])
    if total == 1:
        return f"One customer brings all of the {measure}"
    if total < _FEW_CUSTOMERS:
        verb = "brings" if few == 1 else "bring"
        return f"The best {few} of {total} customers {verb} {share} of the {measure}"
    return f"The best {percent(best['top_percent'] / 100)} of customers bring {share} of the {measure}"


def _concentration_reading(measure: str, last: Row, look: Look) -> str:
    said = [f"{counted(last['customers'], 'customer')} from the best to the worst."]
    if last["losing_customers"]:
        lost = look.money(-last["losing_amount"])
        said.append(f"{counted(last['losing_customers'], 'customer was', 'customers were')} a loss of {lost} in all.")
    if last["unknown_customers"]:
        known = counted(last["unknown_customers"], "customer")
        said.append(f"{known} of unknown {measure} not included.")
    return " ".join(said)


def _tail(measure: str, last: Row, look: Look) -> list[Any]:
    if not last["losing_customers"]:
        return []
    starts = 1 - last["losing_customers"] / last["customers"]
    words = f"{last['losing_customers']:,} at a loss: {look.money(last['losing_amount'])}"
    tail = {"from": starts, "upto": 1, "low": 0, "says": f"{measure}: {words}", "text": words}
    x = {"field": "from", "type": "quantitative"}
    return [
        layer([tail], {"type": "rect", "color": VERMILION, "opacity": 0.35}, x=x, x2={"field": "upto"}),
        layer(
            [tail],
            {"type": "text", "align": "right", "dx": -6, "dy": -12, "color": VERMILION, "fontWeight": "bold"},
            x=x,
            y={"field": "low", "type": "quantitative"},
            text={"field": "text"},
        ),
    ]


def _curves(curves: dict[str, list[Row]], look: Look) -> list[Any]:
    points = [
        {
            "measure": measure,
            "x": row["customer_share"],
            "y": row["cumulative_share"],
            "says": f"best {row['customers']:,} customers ({percent(row['customer_share'])}): "
            f"{percent(row['cumulative_share'])} of the {measure}, {look.money(row['amount'])}",
        }
        for measure, rows in curves.items()
        for row in rows
        if not row["customers"] or row["step_customers"]  # the others repeat the point before
    ]
    x = {
        "field": "x", "type": "quantitative", "title": "share of customers, the best first",
        "scale": {"domain": [0, 1]}, "axis": {"labelExpr": PERCENT_LABEL, "grid": False},
    }  # fmt: skip
    y = {
        "field": "y", "type": "quantitative", "title": "share of the whole",
        "axis": {"labelExpr": PERCENT_LABEL, "tickCount": 5},
    }  # fmt: skip
    colour = {
        "field": "measure",
        "scale": {"domain": ["profit", "revenue"], "range": [BLUE, SKY]},
        "legend": {"orient": "bottom-right", "offset": 30} if len(curves) > 1 else None,
    }
    drawn = [point for point in points if point["says"]]
    return [
        layer(
            [{key: value for key, value in point.items() if key != "says"} for point in points],
            {"type": "line", "strokeWidth": 3},
            x=x,
            y=y,
            color=colour,
            strokeDash={"field": "measure", "scale": {"domain": ["profit", "revenue"], "range": [[1, 0], [6, 3]]},
                        "legend": None},
        ),
        layer(drawn, {"type": "point", "filled": True, "size": 60, "opacity": 0}, x=x, y=y),
    ]  # fmt: skip


def _best_point(measure: str, best: Row) -> list[Any]:
    words = f"{percent(best['customer_share'])} of customers: {percent(best['cumulative_share'])} of the {measure}"
    point = {"x": best["customer_share"], "y": best["cumulative_share"], "text": words}
    x, y = {"field": "x", "type": "quantitative"}, {"field": "y", "type": "quantitative"}
    return [
        layer([point], {"type": "point", "filled": True, "size": 90, "color": BLUE, "opacity": 1}, x=x, y=y),
        layer(
            [point],
            {"type": "text", "align": "left", "dx": 12, "dy": 14, "fontWeight": "bold", "color": INK},
            x=x,
            y=y,
            text={"field": "text"},
        ),
    ]


def bridge(chart: Chart, marts: Published, look: Look) -> Chart:
    """The way from the goods at full price to the profit, step by step."""
    found = marts.rows("portfolio_bridge", order="step_number")
    amounts = {row["step"]: number(row["amount"]) for row in found}
    if not amounts.get("gross"):
        return chart.without("Nothing has been sold yet, so nothing leads to a profit.")
    gross, profit = amounts["gross"] or 0.0, amounts.get("profit")
    coverage = next((number(row["coverage_rate"]) for row in found if row["step"] == "profit"), None)
    bars = _bars(found, look)
    title = _bridge_title(gross, profit, look)
    reading = "To date; each bar starts where the one above it ends."
    if coverage is not None and coverage < 1:
        reading += f" {percent(coverage)} of the costs are known: what they are unknown of is in no profit."
    order = [bar["step"] for bar in bars]
    ends = [end for bar in bars if bar["from"] is not None for end in (bar["from"], bar["upto"])]
    room = 0.3 * (max(ends) - min(0.0, *ends))
    x = {
        "field": "from", "type": "quantitative", "title": look.currency, "axis": {"format": ",.0f", "tickCount": 6},
        "scale": {"domain": [min(0.0, *ends), max(ends) + room], "nice": False},
    }  # fmt: skip
    y = {"field": "step", "type": "nominal", "sort": order, "title": None, "axis": {"domain": False, "ticks": False}}
    return chart.showing(
        title,
        spec(
            title,
            reading,
            layer(
                [bar for bar in bars if bar["from"] is not None],
                {"type": "bar", "height": {"band": 0.7}},
                x=x,
                x2={"field": "upto"},
                y=y,
                color={"field": "colour", "scale": None},
            ),
            layer(
                [{**bar, "end": bar["end"] or 0} for bar in bars],
                {"type": "text", "align": "left", "dx": 6},
                x={"field": "end", "type": "quantitative"},
                y=y,
                text={"field": "text"},
            ),
            height=_BAR_HEIGHT * len(bars),
        ),
    )


def _bridge_title(gross: float, profit: float | None, look: Look) -> str:
    sold = f"goods worth {look.money(gross)} at full price"
    if profit is None:
        return f"What remains of {sold} is unknown, because costs are"
    if profit < 0:
        return f"Of {sold} nothing remains: they lose {look.money(-profit)}"
    return f"Of {sold}, {look.money(profit)} remain as profit: {percent(profit / gross)}"


def _bars(found: list[Row], look: Look) -> list[dict[str, Any]]:
    bars = []
    reached: float | None = 0.0
    for row in found:
        amount, is_total = number(row["amount"]), row["kind"] == "total"
        gained, lost = (BLUE, VERMILION) if is_total else (SKY, GREY)
        starts = 0.0 if is_total else reached
        reached = None if amount is None or starts is None else starts + amount
        name = _STEPS.get(row["step"], words_of(row["step"]))
        shown = "unknown" if amount is None else look.money(amount)
        bars.append(
            {
                "step": name,
                "from": None if reached is None else starts,
                "upto": reached,
                "end": None if reached is None or starts is None else max(starts, reached),
                "text": shown,
                "colour": gained if amount and amount > 0 else lost,
                "says": f"{name}: {shown}",
            }
        )
    return bars


def profit_by(chart: Chart, marts: Published, look: Look, *, dimension: str) -> Chart:
    """The profit of the groups of one dimension of the portfolio, with what belongs to none of them."""
    found = marts.rows("portfolio_profit", "dimension IN (?, 'all')", [dimension])
    whole = next((row for row in found if row["dimension"] == "all"), {})
    parts = [row for row in found if row["dimension"] == dimension and number(row["profit_amount"]) is not None]
    groups = sorted((row for row in parts if row["row_kind"] == "group"), key=lambda row: -row["profit_amount"])
    others = [row for row in parts if row["row_kind"] != "group" and row["profit_amount"]]
    if not groups:
        known = any(row["dimension"] == dimension for row in found)
        return chart.without(
            "The profit is unknown, because of one kind of cost nothing is known."
            if known and whole.get("customers")
            else "There are no customers yet, so there are no segments.",
        )
    title = _profit_title(groups, whole, look)
    bars = [_profit_bar(row, look) for row in (*groups, *others)]
    ends = [bar["amount"] for bar in bars]
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = 0.62 * (high - low or 1.0)
    y = {"field": "group", "type": "nominal", "sort": [bar["group"] for bar in bars], "title": None,
         "axis": {"domain": False, "ticks": False}}  # fmt: skip
    x = {
        "field": "amount", "type": "quantitative", "title": f"profit to date, {look.currency}",
        "axis": {"format": ",.0f", "tickCount": 6}, "scale": {"domain": [low, high + room], "nice": False},
    }  # fmt: skip
    reading = "To date. The rows add up to the whole; grey ones are no segment."
    if whole.get("unprofitable_customers"):
        losing = counted(whole["unprofitable_customers"], "customer was", "customers were")
        reading += f" {losing} a loss of {look.money(-whole['unprofitable_amount'])} in all."
    return chart.showing(
        title,
        spec(
            title,
            reading,
            layer(bars, {"type": "bar", "height": {"band": 0.7}}, x=x, y=y, color={"field": "colour", "scale": None}),
            layer(
                [{**bar, "end": max(bar["amount"], 0)} for bar in bars],
                {"type": "text", "align": "left", "dx": 6},
                x={"field": "end", "type": "quantitative"},
                y=y,
                text={"field": "text"},
            ),
            height=_BAR_HEIGHT * len(bars),
        ),
    )


def _profit_title(groups: list[Row], whole: Row, look: Look) -> str:
    best = groups[0]
    name, share = f"“{words_of(best['group_name'])}”", number(best["profit_share"])
    if best["profit_amount"] <= 0:
        return "No segment brings a profit"
    if share is None or not whole.get("customers"):
        return f"{name} brings the most: {look.money(best['profit_amount'])} of profit"
    people = percent(best["customers"] / whole["customers"])
    return f"{name} is {people} of the customers and brings {percent(share)} of the profit"


def _profit_bar(row: Row, look: Look) -> dict[str, Any]:
    amount, share = float(row["profit_amount"]), number(row["profit_share"])
    parts = [look.money(amount)]
    if share is not None:
        parts.append(percent(share))
    if row["customers"]:
        parts.append(counted(row["customers"], "customer"))
    name = words_of(row["group_name"])
    colour = GREY if row["row_kind"] != "group" else BLUE if amount >= 0 else VERMILION
    text = " · ".join(parts)
    return {"group": name, "amount": amount, "text": text, "colour": colour, "says": f"{name}: {text}"}
