"""The kinds of values in a company file: what each may look like, and what to say when it does not."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from orchestration.company_errors import did_you_mean

DEFAULTS = Path(__file__).parent / "defaults"


@cache
def _codes(name: str) -> frozenset[str]:
    """A list of codes that comes with the package (countries of ISO 3166, currencies of ISO 4217)."""
    with (DEFAULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(row["code"] for row in csv.DictReader(file))


def wrong(allowed: str) -> PydanticCustomError:
    """An error that says what is allowed; what was found is added where it is shown."""
    return PydanticCustomError("not_allowed", "{allowed}", {"allowed": allowed})


def check_time_zone(value: str) -> str:
    """An IANA time zone."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = {name for name in available_timezones() if "/" in name or name == "UTC"}
        raise wrong(f"an IANA time zone, such as Europe/Berlin or UTC{did_you_mean(value, known)}") from None
    return value


def check_currency(value: str) -> str:
    """A currency code of ISO 4217."""
    if value not in _codes("currencies"):
        raise wrong(f"an ISO 4217 code in capitals, such as EUR, GBP or USD{did_you_mean(value, _codes('currencies'))}")
    return value


def check_country(value: str) -> str:
    """A country code of ISO 3166."""
    if value not in _codes("countries"):
        hint = " (for the United Kingdom: GB)" if value.upper() == "UK" else did_you_mean(value, _codes("countries"))
        raise wrong(f"an ISO 3166 code of two capitals, such as DE, GB or US{hint}")
    return value


def check_as_of(value: str) -> str:
    """'latest', 'now', a date or a moment in ISO form."""
    if value in ("latest", "now"):
        return value
    try:
        date.fromisoformat(value)
    except ValueError:
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise wrong("latest, now, or a date such as 2026-01-31") from None
    return value


def plain_text(value: object) -> object:
    """Names may be numbers in YAML (`name: 1884`); a name is text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def refuse_truth(value: object) -> object:
    """True is a number for Python, not for people."""
    if isinstance(value, bool):
        raise wrong("a number")
    return value


def check_company_id(value: str) -> str:
    """A name that can be a folder."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", value):
        raise wrong("a short name of small letters, digits, - and _, starting with a letter (it names a folder)")
    return value


def check_goal_id(value: str) -> str:
    """A name that can be a key in tables."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", value):
        raise wrong("a name of small letters, digits and _, starting with a letter")
    return value


def check_memory(value: str) -> str:
    """A size as DuckDB writes it."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)? ?([KMGT]i?B|%)", value):
        raise wrong("a size such as 3GB, or a share of the machine's memory such as 60%")
    return value


def check_owner(value: str) -> str:
    """An owner as Dagster writes it."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+|team:[A-Za-z0-9_.-]+", value):
        raise wrong("an e-mail address, or team:NAME")
    return value


def check_cron(value: str) -> str:
    """A timetable of five fields."""
    if not re.fullmatch(r"(\S+ ){4}\S+", value):
        raise wrong("five fields of a cron timetable, such as `15 3 * * *` for a quarter past three")
    return value


TimeZone = Annotated[str, AfterValidator(check_time_zone)]
Currency = Annotated[str, AfterValidator(check_currency)]
Country = Annotated[str, AfterValidator(check_country)]
Text = Annotated[str, BeforeValidator(plain_text), Field(min_length=1)]
Share = Annotated[float, BeforeValidator(refuse_truth), Field(gt=0, le=1)]
Count = Annotated[int, BeforeValidator(refuse_truth), Field(ge=1)]
CompanyId = Annotated[str, AfterValidator(check_company_id)]
GoalId = Annotated[str, AfterValidator(check_goal_id)]
AsOf = Annotated[str, AfterValidator(check_as_of)]
Memory = Annotated[str, AfterValidator(check_memory)]
Owner = Annotated[str, AfterValidator(check_owner)]
Cron = Annotated[str, AfterValidator(check_cron)]
Number = Annotated[float, BeforeValidator(refuse_truth)]
WholeNumber = Annotated[int, BeforeValidator(refuse_truth)]


class Strict(BaseModel):
    """Refuses unknown keys and never shows a value in pydantic's own messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
