"""Findings in words: one sentence each, with the numbers that made it one."""

from __future__ import annotations

from datetime import date

_MOST_DIGITS = 4
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def volume(entity: str, day: date, observed: float, expected: float, lower: float, upper: float) -> str:
    """Too few or too many records."""
    few = "only " if observed < expected else ""
    return (
        f"{_named(entity)} of {_day(day)}: {few}{observed:,.0f} records where {_count(expected)} were expected "
        f"(usual: {lower:,.0f} to {upper:,.0f})."
    )


def freshness(entity: str, last: date, silent: int, usual: int, missing: float) -> str:
    """Nothing came for too long."""
    days = "day" if silent == 1 else "days"
    longest = "never a whole day" if usual == 0 else f"{usual} {'day' if usual == 1 else 'days'} at most"
    return (
        f"{_named(entity)}: nothing since {_day(last)}, {silent} whole {days} (usual: {longest}); "
        f"about {_count(missing)} records were expected."
    )


def null_share(entity: str, field: str, day: date, observed: float, expected: float, lower: float, upper: float) -> str:
    """More or fewer nulls."""
    return (
        f"{_named(entity)} of {_day(day)}: {field} is empty in {_share(observed)} where {_share(expected)} were "
        f"expected (usual: {_share(lower)} to {_share(upper)})."
    )


def new_category(entity: str, field: str, day: date, value: str, share: float, records: int) -> str:
    """A value that is new."""
    return (
        f"{_named(entity)} of {_day(day)}: {field} has a value that never came before, {shown(value)}; new values make "
        f"{_share(share)} of {records:,} records."
    )


def distribution(
    entity: str,
    field: str,
    day: date,
    shift: float,
    usual: float,
    kind: str,
    bucket: str,
    observed: float,
    expected: float,
) -> str:
    """Another mix of values or sizes."""
    what = size(bucket) if kind == "number" else shown(bucket)
    return (
        f"{_named(entity)} of {_day(day)}: {field} is spread otherwise than before (stability index {shift:.2f}, "
        f"usual: up to {usual:.2f}); most of all {what}: {_share(observed)} where {_share(expected)} were expected."
    )


def size(bucket: str) -> str:
    """A bucket of sizes in words: '0', or a sign and k for sizes from 2^(k/2) up to 2^((k+1)/2)."""
    if bucket == "0":
        return "0"
    power = int(bucket[1:])
    lower, upper = 2 ** (power / 2), 2 ** ((power + 1) / 2)
    if bucket[0] == "-":
        return f"-{upper:,.3g} to -{lower:,.3g}"
    return f"{lower:,.3g} to {upper:,.3g}"


def shown(value: str) -> str:
    """Return a category in quotes; one that could be an address or a number of somebody's is not shown."""
    return "(not shown)" if "@" in value or sum(one.isdigit() for one in value) > _MOST_DIGITS else repr(value)


def _named(entity: str) -> str:
    return entity.replace("_", " ")


def _day(day: date) -> str:
    return f"{_WEEKDAYS[day.weekday()]} {day.isoformat()}"


def _count(number: float) -> str:
    return f"{number:,.1f}" if number < 10 else f"{number:,.0f}"


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"
