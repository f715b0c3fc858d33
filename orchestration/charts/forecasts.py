"""Whether the forecasts hold: expected orders against those that came, and the risk to leave against who left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration.charts.chart import (
    BLUE,
    GREY,
    INK,
    PERCENT_LABEL,
    QUIET,
    VERMILION,
    Chart,
    Look,
    apart,
    counted,
    layer,
    number,
    percent,
    spec,
    words_of,
)

if TYPE_CHECKING:
    from orchestration.published import Published, Row

_NAIVE = "naive"
_MODELS = {
    _NAIVE: "naive rate",
    "simple": "simple rate",
    "nbd": "NBD",
    "bg_nbd": "BG/NBD",
    "mbg_nbd": "MBG/NBD",
}
_AND_MORE = 7  # forecast_check_orders has all who bought as often or more often in this row
_LABELS_APART = 0.06  # of the height of the plot
_HEIGHT = 340


def orders_check(chart: Chart, marts: Published, _look: Look) -> Chart:
    """What the model in use and the naive rate would have said of the last twelve months, beside what came."""
    checks = {row["model"]: row for row in marts.rows("forecast_checks")}
    found = marts.rows("forecast_check_orders", order="orders_before")
    used = next((model for model, row in checks.items() if row["is_used"]), _NAIVE)
    if used not in checks or not any(row["model"] == used for row in found):
        return chart.without(
            "Nobody had bought a year ago, so no forecast can be held against what happened since."
            if not checks
            else "No model of orders could be checked against the last twelve months."
        )
    title = _check_title(checks, used)
    return chart.showing(title, _check_spec(title, found, checks, used), _check_table(checks))


def _check_title(checks: dict[str, Row], used: str) -> str:
    error, better = (number(checks[used][column]) for column in ("mean_error_orders", "better_than_naive_share"))
    if error is None:
        return f"The {_model(used)} is used; its error is unknown"
    if used == _NAIVE:
        return f"No model beats the naive rate, which is off by {error:.2f} orders a customer and year"
    said = f"Forecast orders are off by {error:.2f} a customer"
    if better is None:
        return said
    return f"{said}, {percent(abs(better))} {'less' if better >= 0 else 'more'} than the naive rate"


def _check_spec(title: str, found: list[Row], checks: dict[str, Row], used: str) -> dict[str, Any]:
    series = {"came": ("mean_orders_seen", INK)}
    if used != _NAIVE:
        series[_NAIVE] = ("mean_orders_expected", GREY)
    series[used] = ("mean_orders_expected", BLUE)
    points: list[dict[str, Any]] = []
    for name, (column, colour) in series.items():
        words = "orders that came" if name == "came" else f"expected by {_model(name)}"
        for row in found:
            height = number(row[column])
            if row["model"] != (used if name == "came" else name) or height is None:
                continue
            before = f"{row['orders_before']}{'+' if row['orders_before'] == _AND_MORE else ''}"
            label = f"{before} ({row['customers']:,})"
            points.append(
                {
                    "series": words,
                    "before": label,
                    "orders": height,
                    "colour": colour,
                    "says": f"{counted(row['customers'], 'customer')} with {before} repeat orders before: "
                    f"{words} {height:.2f}",
                }
            )
    ends = list({point["series"]: point for point in points}.values())
    top = max(point["orders"] for point in points)
    for end, height in zip(ends, apart([end["orders"] for end in ends], _LABELS_APART * top), strict=True):
        end["label"] = height
    order = list(dict.fromkeys(point["before"] for point in points))
    x = {
        "field": "before", "type": "ordinal", "sort": order, "axis": {"labelAngle": 0}, "scale": {"padding": 0.2},
        "title": "order days after the first one, up to a year ago (customers)",
    }  # fmt: skip
    y = {"field": "orders", "type": "quantitative", "title": "order days in the year since, by customer"}
    in_colour = {"field": "colour", "scale": None}
    customers = counted(checks[used]["customers"], "customer")
    shown = spec(
        title,
        f"{customers} who had bought by a year ago: what would have been said of the year since, beside what came.",
        layer(
            [{key: point[key] for key in ("before", "orders", "colour", "series")} for point in points],
            {"type": "line", "strokeWidth": 3},
            x=x,
            y=y,
            color=in_colour,
            detail={"field": "series"},
        ),
        layer(points, {"type": "point", "filled": True, "size": 60, "opacity": 1}, x=x, y=y, color=in_colour),
        layer(
            ends,
            {"type": "text", "align": "left", "dx": 10, "fontWeight": "bold"},
            x=x,
            y={"field": "label", "type": "quantitative"},
            text={"field": "series"},
            color=in_colour,
        ),
        height=_HEIGHT,
    )
    shown["width"] -= _LABEL_ROOM
    return shown


_LABEL_ROOM = 150


def _check_table(checks: dict[str, Row]) -> tuple[tuple[str, ...], ...]:
    head = ("model", "mean error, orders", "better than naive", "expected in all", "came", "within bounds", "used")
    rows = []
    for model, row in sorted(checks.items(), key=lambda item: (number(item[1]["mean_error_orders"]) or 1e9, item[0])):
        error, better, expected, seen, within = (
            number(row[name])
            for name in (
                "mean_error_orders", "better_than_naive_share", "orders_expected", "orders_seen", "share_within_bounds",
            )
        )  # fmt: skip
        rows.append(
            (
                _model(model),
                words_of(row["status"] or "") if error is None else f"{error:.2f}",
                "" if better is None or model == _NAIVE else percent(better),
                "" if expected is None else f"{expected:,.0f}",
                "" if seen is None else f"{seen:,.0f}",
                "" if within is None else percent(within),
                "yes" if row["is_used"] else "",
            )
        )
    return (head, *rows)


def calibration(chart: Chart, marts: Published, look: Look) -> Chart:
    """Whether as many stayed away as the risk to leave had said, by tenths of the customers."""
    rows = [
        row
        for row in marts.rows("churn_calibration", order="bin")
        if row["customers"] and number(row["mean_risk"]) is not None and number(row["share_stayed_away"]) is not None
    ]
    if not rows:
        return chart.without("The risk to leave could not be checked: too few customers are known for long enough.")
    points = [_bin(row, look) for row in rows]
    title = _calibration_title(rows)
    whole = {"type": "quantitative", "scale": {"domain": [0, 1]}, "axis": {"labelExpr": PERCENT_LABEL}}
    x = {**whole, "field": "risk", "title": f"risk to buy nothing within {look.churn_days} days, as foretold"}
    y = {**whole, "field": "share", "title": "who bought nothing"}
    tenth = counted(round(sum(row["customers"] for row in rows) / len(rows)), "customer")
    return chart.showing(
        title,
        spec(
            title,
            f"Each point is about {tenth} whom the model had not seen. On the line the risk is just right. "
            "Grey bars reach as far as chance would; orange points lie beyond.",
            layer(
                [{"risk": 0, "share": 0}, {"risk": 1, "share": 1}],
                {"type": "line", "color": GREY, "strokeDash": [4, 4]},
                x=x,
                y=y,
            ),
            layer(points, {"type": "rule", "color": GREY, "strokeWidth": 5, "opacity": 0.35}, x=x,
                  y={"field": "low", "type": "quantitative"}, y2={"field": "high"}),
            layer(
                points,
                {"type": "point", "filled": True, "size": 110, "opacity": 1},
                x=x,
                y=y,
                color={"field": "colour", "scale": None},
            ),
            layer(
                [{"risk": 0.02, "share": 0.97, "text": "more left than foretold"},
                 {"risk": 0.74, "share": 0.04, "text": "fewer left than foretold"}],
                {"type": "text", "align": "left", "color": QUIET},
                x=x,
                y=y,
                text={"field": "text"},
            ),
            height=_HEIGHT,
        ),
    )  # fmt: skip


def _bin(row: Row, look: Look) -> dict[str, Any]:
    risk, share = float(row["mean_risk"]), float(row["share_stayed_away"])
    reach = look.confidence_z * (risk * (1 - risk) / row["customers"]) ** 0.5
    low, high = max(0.0, risk - reach), min(1.0, risk + reach)
    return {
        "risk": risk,
        "share": share,
        "low": low,
        "high": high,
        "colour": BLUE if low <= share <= high else VERMILION,
        "says": f"{counted(row['customers'], 'customer')}: foretold {percent(risk, 1)}, came true {percent(share, 1)}",
    }


def _calibration_title(rows: list[Row]) -> str:
    customers = sum(row["customers"] for row in rows)
    off, higher = (
        sum(row["customers"] * measure(float(row["share_stayed_away"]) - float(row["mean_risk"])) for row in rows)
        / customers
        for measure in (abs, float)
    )
    words = f"The risk to leave is off by {off * 100:.1f} percentage points on average"
    if off and abs(higher) > off / 2:
        words += ", mostly too low" if higher > 0 else ", mostly too high"
    return words


def _model(name: str) -> str:
    return _MODELS.get(name, words_of(name))
