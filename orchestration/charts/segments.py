"""Where customers stand and which way they move: the RFM grid, the moves of a month, and movement by month."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from orchestration.charts.chart import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
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

_MOVES = {
    "up": BLUE, "came": SKY, "stayed": GREY, "outside": PALE, "changed": PURPLE, "down": VERMILION, "left": ORANGE,
}  # fmt: skip
_GAINS, _LOSSES = ("up", "came"), ("down", "left")
_NEW, _NONE = "(new)", "(none)"  # of segment_transitions: not known before, and in no segment of the kind
_DARK = 0.55  # from this part of the deepest colour on, white letters read better
_CELL = 62
_PLOT_HEIGHT = 280
_UPLIFTS_SHOWN = 12

_RFM = """
    SELECT
        segments.recency_score AS recency,
        segments.frequency_score AS frequency,
        count(*) AS customers,
        count("value".profit_amount) AS known,
        coalesce(sum(CAST("value".profit_amount AS DOUBLE)), 0) AS profit
    FROM marts.customer_segments AS segments
    LEFT JOIN marts.customer_value AS "value" ON segments.customer_id = "value".customer_id
    GROUP BY ALL
    ORDER BY ALL
"""


def rfm_grid(chart: Chart, marts: Published, look: Look) -> Chart:
    """Buyers by how lately and how often they bought, coloured by the profit that one of them brings."""
    if not marts.has("customer_segments", "customer_id", "recency_score", "frequency_score") or not marts.has(
        "customer_value", "customer_id", "profit_amount"
    ):
        return chart.without("The published copy has no RFM scores.")
    found = marts.con.execute(_RFM).fetchall()
    never = sum(customers for recency, _, customers, _, _ in found if not recency)
    cells = [_cell(look, *row) for row in found if row[0]]
    if not cells:
        return chart.without("Nobody has bought yet, so nobody has scores.")
    deepest = max([abs(cell["mean"]) for cell in cells if cell["mean"] is not None], default=0) or 1
    for cell in cells:
        cell["ink"] = "white" if abs(cell["mean"] or 0) / deepest > _DARK else INK
    title = _rfm_title(cells, look)
    scores = sorted({cell[side] for cell in cells for side in ("recency", "frequency")})
    domain = list(range(scores[0], scores[-1] + 1))
    x = {"field": "recency", "type": "ordinal", "title": "recency score: longest ago → most lately",
         "scale": {"domain": domain}, "axis": {"labelAngle": 0, "domain": False, "ticks": False}}  # fmt: skip
    y = {"field": "frequency", "type": "ordinal", "title": "frequency score: fewest orders → most",
         "scale": {"domain": domain[::-1]}, "axis": {"domain": False, "ticks": False}}  # fmt: skip
    reading = "In each field the buyers, and the profit that one of them has brought on average; the deeper, the more."
    if never:
        reading += f" {counted(never, 'customer')} without an order not included."
    return chart.showing(
        title,
        spec(
            title,
            reading,
            layer(
                cells,
                {"type": "rect", "stroke": "white", "strokeWidth": 2},
                x=x,
                y=y,
                color={
                    "field": "mean", "type": "quantitative", "legend": None,
                    "scale": {"domain": [-deepest, 0, deepest], "range": [VERMILION, "#f3f7fb", BLUE]},
                },
            ),
            *(
                layer(
                    cells,
                    {"type": "text", "dy": dy, "fontWeight": weight},
                    x=x,
                    y=y,
                    text={"field": field},
                    color={"field": "ink", "scale": None},
                )
                for field, dy, weight in (("customers", -8, "bold"), ("text", 10, "normal"))
            ),
            height=_CELL * len(domain),
            resolve={"scale": {"color": "independent"}},
        ),
    )  # fmt: skip


def _cell(look: Look, recency: int, frequency: int, customers: int, known: int, profit: float) -> dict[str, Any]:
    mean = profit / known if known else None
    text = "unknown" if mean is None else look.money(mean)
    return {
        "recency": recency,
        "frequency": frequency,
        "customers": customers,
        "known": known,
        "profit": profit,
        "mean": mean,
        "text": text,
        "says": f"recency {recency}, frequency {frequency}: {counted(customers, 'buyer')}, on average {text}",
    }


def _rfm_title(cells: list[dict[str, Any]], look: Look) -> str:
    best = max(cells, key=lambda cell: (min(cell["recency"], cell["frequency"]), cell["recency"], cell["frequency"]))
    others = [cell for cell in cells if cell is not best]
    known = sum(cell["known"] for cell in others)
    buyers = sum(cell["customers"] for cell in cells)
    who = f"{best['customers']:,} of {counted(buyers, 'buyer')} bought most lately and often"
    if best["mean"] is None or not known:
        return who
    mean = sum(cell["profit"] for cell in others) / known
    return f"{who}: {look.money(best['mean'])} of profit each, others {look.money(mean)}"


def moves(chart: Chart, marts: Published, _look: Look, *, kind: str) -> Chart:
    """Who moved from which segment of a kind to which in the last complete month."""
    if not marts.has("segment_transitions", "month", "segment_kind", "movement", "is_complete_month"):
        return chart.without("The published copy has no movements.")
    found = marts.rows("segment_transitions", "segment_kind = ? AND is_complete_month", [kind])
    if not found:
        return chart.without("No complete month lies between two measurements yet, so nobody has moved.")
    month = max(row["month"] for row in found)
    rows = [row for row in found if row["month"] == month]
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["movement"]] = counts.get(row["movement"], 0) + row["customers"]
    order = _order(found)
    cells = [_move(row) for row in rows]
    title = f"{month_words(month)}: {_moved(counts)}"
    x = {"field": "to", "type": "nominal", "title": "to", "sort": [_NONE, *order],
         "axis": {"orient": "top", "labelAngle": 0, "domain": False, "ticks": False}}  # fmt: skip
    y = {"field": "from", "type": "nominal", "title": "from", "sort": [*reversed(order), _NONE, _NEW],
         "axis": {"domain": False, "ticks": False}}  # fmt: skip
    kinds = [kind for kind in _MOVES if kind in counts]
    return chart.showing(
        title,
        spec(
            title,
            f"{chart.heading}: customers, and their share of those in the row's segment when the month began.",
            layer(
                cells,
                {"type": "rect", "stroke": "white", "strokeWidth": 2},
                x=x,
                y=y,
                color={
                    "field": "movement", "scale": {"domain": [words_of(kind) for kind in kinds],
                                                   "range": [_MOVES[kind] for kind in kinds]},
                    "legend": {"orient": "bottom"},
                },
                opacity={"field": "depth", "type": "quantitative", "legend": None,
                         "scale": {"domain": [0, 1], "range": [0.18, 0.75]}},
            ),
            *(
                layer(cells, {"type": "text", "dy": dy, "fontWeight": weight}, x=x, y=y, text={"field": field})
                for field, dy, weight in (("shown", -7, "bold"), ("part", 9, "normal"))
            ),
            height=_CELL * len({cell["from"] for cell in cells}),
        ),
    )  # fmt: skip


def movement(chart: Chart, marts: Published, _look: Look, *, kind: str) -> Chart:
    """Which share of those inside moved up, came, moved down and left, by month."""
    if not marts.has("segment_movements", "month", "segment_kind", "is_complete_month", "up_share"):
        return chart.without("The published copy has no movements by month.")
    found = marts.rows("segment_movements", "segment_kind = ? AND is_complete_month", [kind], order="month")
    rows = [row for row in found if number(row["up_share"]) is not None]
    if not rows:
        return chart.without("Nobody was in a segment when a complete month began, so nobody has moved.")
    shown = (*_GAINS, *_LOSSES)
    bars = [
        {
            "month": f"{month_words(row['month'])[:3]} {row['month'].year}",
            "movement": move,
            "share": (-1 if move in _LOSSES else 1) * (number(row[f"{move}_share"]) or 0.0),
            "says": f"{month_words(row['month'])}: {counted(row[f'{move}_customers'], 'customer')} {move}, "
            f"{percent(number(row[f'{move}_share']) or 0.0)} of those inside",
        }
        for row in rows
        for move in shown
    ]
    title = _movement_title(rows)
    return chart.showing(
        title,
        spec(
            title,
            f"{chart.heading}: share of those inside when the month began; gains above the line, losses below.",
            layer(
                bars,
                {"type": "bar", "width": {"band": 0.7}},
                x={"field": "month", "type": "ordinal", "sort": list(dict.fromkeys(bar["month"] for bar in bars)),
                   "title": None, "axis": {"labelAngle": 0}},
                y={"field": "share", "type": "quantitative", "title": "share of customers inside",
                   "axis": {"labelExpr": "format(abs(datum.value) * 100, '.3~g') + ' %'"}},
                color={"field": "movement", "legend": {"orient": "bottom"},
                       "scale": {"domain": list(shown), "range": [_MOVES[move] for move in shown]}},
            ),
            layer([{"zero": 0}], {"type": "rule", "color": INK}, y={"field": "zero", "type": "quantitative"}),
            height=_PLOT_HEIGHT,
        ),
    )  # fmt: skip


def _movement_title(rows: list[Row]) -> str:
    last = rows[-1]
    up, down = (number(last[f"{move}_share"]) or 0.0 for move in ("up", "down"))
    said = f"{month_words(last['month'])}: {percent(up, 1)} moved up and {percent(down, 1)} down"
    if len(rows) == 1:
        return said
    better = sum(row["up_customers"] > row["down_customers"] for row in rows)
    return f"{said}; more up than down in {better} of {len(rows)} months"


def uplift(chart: Chart, marts: Published, _look: Look, *, ladder: str) -> Chart:
    """From which tactical segments customers move up more or less often than others on the same rungs."""
    if not marts.has("tactical_uplift", "ladder", "segment_kind", "segment", "lift", "lift_lower", "finding"):
        return chart.without("The published copy has no uplift.")
    found = marts.rows("tactical_uplift", "ladder = ? AND finding IN ('raises', 'lowers')", [ladder])
    if not found:
        return chart.without("From no tactical segment do customers move up more or less than chance explains.")
    chosen = sorted(found, key=lambda row: -abs(row["lift"] - 1))[:_UPLIFTS_SHOWN]
    points = [
        {
            "name": f"{words_of(row['segment'])} ({words_of(row['segment_kind'])})",
            "lift": row["lift"],
            "low": row["lift_lower"],
            "high": row["lift_upper"],
            "colour": BLUE if row["finding"] == "raises" else VERMILION,
            "says": f"{words_of(row['segment'])}: {percent(row['moved_up_share'], 1)} a month moved up, "
            f"{percent(row['expected_share'], 1)} were to be expected",
        }
        for row in sorted(chosen, key=lambda row: -row["lift"])
    ]
    best = points[0]
    title = (
        f"From “{best['name']}” customers move up {best['lift']:.1f} times as often as others"
        if best["lift"] > 1
        else f"From “{points[-1]['name']}” customers move up only {points[-1]['lift']:.1f} times as often as others"
    )
    reading = f"{chart.heading}: moves up a month against those of all customers on the same rungs, with bounds."
    if len(found) > len(chosen):
        reading += f" {len(chosen)} of {len(found)} findings shown."
    return chart.showing(
        title,
        intervals(title, reading, points, "lift", axis={"title": "times as often as others", "tickCount": 7}, middle=1),
    )


def _move(row: Row) -> dict[str, Any]:
    before, after = words_of(row["from_segment"]), words_of(row["to_segment"])
    share = number(row["share"]) or 0.0
    return {
        "from": before,
        "to": after,
        "movement": words_of(row["movement"]),
        "shown": f"{row['customers']:,}",
        "part": percent(share),
        "depth": share**0.5,
        "says": f"{before} → {after}: {counted(row['customers'], 'customer')}, {percent(share)}",
    }


def _moved(counts: dict[str, int]) -> str:
    said = [
        f"{counted(counts[kind], 'customer') if place == 0 else format(counts[kind], ',')} {words}"
        for place, (kind, words) in enumerate(
            (kind, words)
            for kind, words in (
                ("up", "moved up"), ("down", "moved down"), ("changed", "changed"), ("came", "came"), ("left", "left"),
            )
            if counts.get(kind)
        )
    ]  # fmt: skip
    return ", ".join(said) if said else "nobody moved"


def _order(rows: list[Row]) -> list[str]:
    """The segments from the lowest to the highest, as their moves up and down tell; those outside come first."""
    names = {name for row in rows for name in (row["from_segment"], row["to_segment"])} - {_NEW, _NONE}
    outside = {row["from_segment"] for row in rows if row["movement"] == "came"}
    outside |= {row["to_segment"] for row in rows if row["movement"] == "left"}
    outside &= names
    below: dict[str, set[str]] = {name: set() if name in outside else set(outside) for name in sorted(names)}
    for row in rows:
        before, after = row["from_segment"], row["to_segment"]
        if row["movement"] == "up":
            below[after].add(before)
        elif row["movement"] == "down":
            below[before].add(after)
    try:
        return [words_of(name) for name in TopologicalSorter(below).static_order()]
    except CycleError:  # ranks that were changed between two months
        return [words_of(name) for name in sorted(names)]
