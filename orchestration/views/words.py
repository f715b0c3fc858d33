"""Numbers, moments and bars as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

MISSING = "–"  # noqa: RUF001 - a dash for "no value"
_BAR = 12
_BLOCKS = "▁▂▃▄▅▆▇█"
_NEARLY = 0.8  # from this attainment on a goal counts as near: a matter of colour only


def share(value: float | None, digits: int = 1) -> str:
    """A share from 0 to 1 as percent: `93.4 %`."""
    return MISSING if value is None else f"{value * 100:,.{digits}f} %"


def counted(number: float | None, noun: str) -> str:
    """A number with its noun, in the plural unless it is one: `1 record`, `14 records`."""
    return f"{whole(number)} {noun}" if number == 1 else f"{whole(number)} {noun}s"


def whole(value: float | None) -> str:
    """A count with thousands separated."""
    return MISSING if value is None else f"{value:,.0f}"


def money(value: float | Decimal | None, currency: str | None = None) -> str:
    """An amount with two digits and its currency."""
    if value is None:
        return MISSING
    return f"{value:,.2f} {currency}" if currency else f"{value:,.2f}"


def measure(value: float | None, unit: str, currency: str | None) -> str:
    """A goal's number in its unit: 'share', 'money' or 'count'."""
    if unit == "share":
        return share(value)
    if unit == "money":
        return money(value, currency)
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def change(value: float | None, unit: str, currency: str | None) -> str:
    """A difference of two of a goal's numbers, with its sign; that of two shares is in points."""
    if value is None:
        return MISSING
    if unit == "share":
        return f"{value * 100:+,.2f} points"
    return ("+" if value > 0 else "") + measure(value, unit, currency)


def moment(value: datetime | date | None) -> str:
    """A moment in UTC to the minute, or a day."""
    if value is None:
        return MISSING
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC) if value.tzinfo else value:%Y-%m-%d %H:%M}"
    return value.isoformat()


def duration(seconds: float | None) -> str:
    """Seconds as `0.4 s`, `12 s` or `2 min 5 s`."""
    if seconds is None:
        return MISSING
    if seconds < 9.95:  # what would round to 10.0 s reads 10 s
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def age(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0.0, (now - then).total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def yes_no(value: bool | None) -> str:
    """yes, no, or a dash for unknown."""
    return MISSING if value is None else "yes" if value else "no"


def colour(attainment: float | None) -> str:
    """The colour of reached (from 1.0), near and far."""
    if attainment is None:
        return "dim"
    return "green" if attainment >= 1 else "yellow" if attainment >= _NEARLY else "red"


def bar(part: float | None, style: str, width: int = _BAR) -> Text:
    """A bar that is full at 1.0. It reads without colour too."""
    if part is None:
        return Text("·" * width, style="dim")
    full = max(0, min(width, int(part * width + 1e-9)))
    return Text("█" * full + "░" * (width - full), style=style)


def spark_line(values: Sequence[float | None], width: int = 16) -> str:
    """A course as one line of blocks from its lowest to its highest value; a day without a value is a blank.

    Args:
        values: in the order of time.
        width: how many blocks at most; of more values each block shows the last of its part.
    """
    parts = (
        [values[(index + 1) * len(values) // width - 1] for index in range(width)] if len(values) > width else values
    )
    known = [value for value in parts if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    reach = (high - low) or 1
    return "".join(" " if value is None else _BLOCKS[round((value - low) / reach * 7)] for value in parts)


def plain(value: object) -> str:
    """Any value of a mart, for a cell."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return yes_no(value)
    if isinstance(value, datetime | date):
        return moment(value)
    if isinstance(value, Decimal | float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def heading(words: str) -> Text:
    """The line above a block."""
    return Text(words, style="bold")


def block(words: str, content: RenderableType | None) -> list[RenderableType]:
    """A heading with what stands below it; nothing where there is nothing below it."""
    return [] if content is None else [Text(), heading(words), content]


def facts_grid(facts: Sequence[tuple[str, str]]) -> Table | None:
    """Names with their values in two columns; None where there are none."""
    if not facts:
        return None
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column()
    for name, value in facts:
        made.add_row(Text(name), Text(value))
    return made


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """An open table; the columns named in `right` hold numbers."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    numbers = set(right)
    for name in columns:
        made.add_column(name, justify="right" if name in numbers else "left", no_wrap=name in numbers)
    return made


def rows_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    """A table of dictionaries; a column that no row has is left out."""
    there = [name for name in columns if any(row.get(name) is not None for row in rows)]
    made = table(*(name.replace("_", " ") for name in there))
    for row in rows:
        made.add_row(*(Text(plain(row.get(name))) for name in there))
    return made
