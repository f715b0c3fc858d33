"""What a chart is, and what all charts share: colours, fonts, the words for numbers."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration.company import Company

Spec = dict[str, Any]

# Of the colours that Okabe and Ito chose so that colour-blind people tell them apart (Color Universal Design, 2008).
BLUE, SKY, GREEN, ORANGE, VERMILION, PURPLE = "#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7"
GREY, PALE, INK, QUIET = "#8c8c8c", "#e4e4e4", "#222222", "#5f5f5f"

WIDTH = 720
_ROW_HEIGHT = 24
_TITLE_SIZE, _SUBTITLE_SIZE, _TEXT_SIZE = 17, 13, 12
_TITLE_SIGNS, _SUBTITLE_SIGNS = 84, 118  # that fit above a plot of this width
_CENTS_BELOW = 10
_NEXT_UNIT = 999_500  # from here on thousands would round up to a thousand

CONFIG: Spec = {
    "font": "Liberation Sans, Arial, Helvetica, sans-serif",
    "background": "white",
    "padding": 12,
    "view": {"stroke": None},
    "title": {
        "anchor": "start", "frame": "group", "align": "left", "color": INK, "fontSize": _TITLE_SIZE, "lineHeight": 22,
        "subtitleColor": QUIET, "subtitleFontSize": _SUBTITLE_SIZE, "subtitleLineHeight": 18, "subtitlePadding": 6,
        "offset": 16,
    },
    "axis": {
        "labelColor": INK, "labelFontSize": _TEXT_SIZE, "labelLimit": 260, "titleColor": QUIET,
        "titleFontSize": _TEXT_SIZE, "titleFontWeight": "normal", "titlePadding": 10, "domainColor": GREY,
        "tickColor": GREY, "gridColor": PALE,
    },
    "legend": {"labelColor": INK, "labelFontSize": _TEXT_SIZE, "symbolStrokeWidth": 3, "title": None},
    "text": {"fontSize": _TEXT_SIZE, "color": INK},
}  # fmt: skip

PERCENT_LABEL = "format(datum.value * 100, '.0f') + ' %'"
POINTS_LABEL = "datum.value ? format(datum.value * 100, '+.0f') : '0'"


@dataclass(frozen=True)
class Look:
    """What the charts take from the company file: its currency, and the thresholds that they show."""

    currency: str
    key_customer_share: float
    churn_days: int
    confidence_z: float

    @classmethod
    def of(cls, company: Company) -> Look:
        """The look of a company's charts."""
        thresholds = company.thresholds
        return cls(company.currency, thresholds.key_customer_share, thresholds.churn_days, thresholds.confidence_z)

    def money(self, amount: float | Decimal) -> str:
        """An amount with its currency, as short as a chart needs it: `72,153 EUR`, `1.25 million EUR`, `0.31 EUR`."""
        amount = float(amount)
        size = abs(amount)
        if size >= _NEXT_UNIT:
            words = f"{amount / 1e6:,.2f} million"
        else:
            words = f"{amount:,.0f}" if size >= _CENTS_BELOW or size == int(size) else f"{amount:,.2f}"
        return f"{words} {self.currency}"


@dataclass(frozen=True)
class Chart:
    """One chart of the page.

    Attributes:
        name: Names its picture: `<name>.png`.
        heading: What it is about.
        table: The mart that it is made from.
        title: The finding in one sentence; empty where there is nothing to draw.
        spec: The Vega-Lite specification, its data inside; None where there is nothing to draw.
        empty: Why there is nothing to draw, in one sentence.
        rows: A small table below it, its head first.
    """

    name: str
    heading: str
    table: str
    title: str = ""
    spec: Spec | None = None
    empty: str = ""
    rows: tuple[tuple[str, ...], ...] = ()

    def without(self, why: str) -> Chart:
        """The chart's place with a sentence that says why it is empty."""
        return replace(self, empty=why)

    def showing(self, title: str, drawing: Spec, rows: tuple[tuple[str, ...], ...] = ()) -> Chart:
        """The chart with its finding and its drawing."""
        return replace(self, title=title, spec=drawing, rows=rows)


def spec(title: str, reading: str, *layers: Spec, height: int, **more: Any) -> Spec:
    """A specification in the common look.

    Args:
        title: The finding.
        reading: How to read the chart, and what is not in it.
        layers: Marks over each other.
        height: Of the plot, in pixels.
        more: What else the specification says.
    """
    return {
        "width": WIDTH,
        "height": height,
        "title": {
            "text": textwrap.wrap(title, _TITLE_SIGNS),
            "subtitle": textwrap.wrap(reading, _SUBTITLE_SIGNS),
        },
        "layer": list(layers),
        "config": CONFIG,
        **more,
    }


def layer(rows: list[dict[str, Any]], mark: Spec, **encoding: Spec) -> Spec:
    """A layer with its own rows; a row's `says` is what a reader sees who points at its mark."""
    if any("says" in row for row in rows):
        encoding["description"] = {"field": "says"}
    return {"data": {"values": rows}, "mark": mark, "encoding": encoding}


def intervals(title: str, reading: str, points: list[dict[str, Any]], field: str, *, axis: Spec, middle: float) -> Spec:
    """Points with their bounds, one a row, beside a line where nothing is to be found.

    Args:
        title: The finding.
        reading: How to read the chart.
        points: Each with its name, colour, `low`, `high` and what it says, in the order of the rows.
        field: Which of their numbers is drawn.
        axis: Of the numbers; its title too.
        middle: Where the line stands.
    """
    x = {
        "field": field, "type": "quantitative", "scale": {"zero": False}, "title": axis["title"],
        "axis": {key: value for key, value in axis.items() if key != "title"},
    }  # fmt: skip
    y = {
        "field": "name", "type": "nominal", "sort": [point["name"] for point in points], "title": None,
        "axis": {"domain": False, "ticks": False},
    }  # fmt: skip
    colour = {"field": "colour", "scale": None}
    return spec(
        title,
        reading,
        layer([{"middle": middle}], {"type": "rule", "color": GREY}, x={"field": "middle", "type": "quantitative"}),
        layer(
            [point for point in points if point["low"] is not None and point["high"] is not None],
            {"type": "rule", "strokeWidth": 3, "opacity": 0.55},
            x={**x, "field": "low"},
            x2={"field": "high"},
            y=y,
            color=colour,
        ),
        layer(points, {"type": "point", "filled": True, "size": 90, "opacity": 1}, x=x, y=y, color=colour),
        height=_ROW_HEIGHT * len(points),
    )


def number(value: Any) -> float | None:
    """A number of a mart for a chart; None for null and for what no axis can place."""
    if value is None:
        return None
    found = float(value)
    return found if math.isfinite(found) else None


def percent(share: float, digits: int = 0) -> str:
    """A share as percent; a small one keeps a digit, so that something never reads as nothing."""
    if digits == 0 and share and abs(share) < 0.00995:
        digits = 1
    return f"{share * 100:,.{digits}f} %"


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """A count with its noun: `1 customer`, `1,204 customers`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def words_of(name: str) -> str:
    """A name of the marts as people write it: `needs attention`."""
    return name.replace("_", " ")


def month_words(month: date) -> str:
    """A month in words, whatever the machine's language: `May 2026`."""
    names = (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    )  # fmt: skip
    return f"{names[month.month - 1]} {month.year}"


def listed(names: list[str], most: int = 3) -> str:
    """Names in a row: `a, b and c`, `a, b, c and 4 more`."""
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def apart(heights: list[float], gap: float) -> list[float]:
    """Heights for labels that would lie over each other, moved up until each is `gap` above the one below it."""
    moved = list(heights)
    floor = -math.inf
    for place in sorted(range(len(heights)), key=heights.__getitem__):
        floor = moved[place] = max(heights[place], floor + gap)
    return moved
