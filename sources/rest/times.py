"""Times as APIs write them: ISO 8601, RFC 2822, and seconds, milliseconds or microseconds since 1970."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

_NUMBER = re.compile(r"-?\d{9,17}(\.\d+)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds have 11 digits until the year 5138, and milliseconds had 12 or more since September 2001.
_MILLISECONDS_FROM, _MICROSECONDS_FROM = 1e11, 1e14


def moment(value: Any) -> datetime | None:
    """Return a time in UTC, None for what is no time. A time without offset is taken as UTC."""
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_number(float(value))
    return None


def _from_text(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        if _NUMBER.fullmatch(text):
            return _from_number(float(text))
        try:
            found = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None


def _from_number(number: float) -> datetime | None:
    if number != number or abs(number) < 1e8:  # a day in 1973; a smaller number is no time of change
        return None
    for start, unit in ((_MICROSECONDS_FROM, 1e6), (_MILLISECONDS_FROM, 1e3)):
        if abs(number) >= start:
            number /= unit
            break
    try:
        return _EPOCH + timedelta(seconds=number)
    except OverflowError:
        return None


def field_of(record: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """Return the value of a (nested) field, None where it is missing."""
    value: Any = record
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def iso(at: datetime) -> str:
    """Return a UTC time as text that sorts: 2026-01-31T08:15:00.000000+00:00."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def retry_after(text: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds seconds or an HTTP date (RFC 9110, section 10.2.3)."""
    if text is None:
        return None
    text = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    at = _from_text(text)
    return None if at is None else max(at.timestamp() - time.time(), 0.0)
