"""What every source of the company file says about itself, whatever system it is."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from sources.files.expressions import Strict


class SourceSettings(Strict):
    """The part that all kinds of sources share. A source's name is its key in the company file.

    Attributes:
        owner: who answers for the data.
        label: name for people; default the key.
        time_zone: of times without an offset; default the company's.
        currency: ISO 4217; default the company's.
        country: ISO 3166 alpha-2, region of national telephone numbers; default the company's.
        accounts_of: source whose account ids are the same ones; default the source itself.
        products_of: source whose product ids are the same ones; default the source itself.
    """

    owner: str = Field(min_length=1)
    label: str | None = None
    time_zone: str | None = None
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    accounts_of: str | None = None
    products_of: str | None = None

    @field_validator("country", mode="before")
    @classmethod
    def _norway(cls, value: Any) -> Any:
        # YAML 1.1 reads NO as a truth value.
        return "NO" if value is False else value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(f"unknown time zone '{value}'; examples: Europe/Berlin, UTC") from error
        return value
