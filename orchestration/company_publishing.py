"""The part of a company file about the published copy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestration.company_fields import Strict, WholeNumber


class ParquetSettings(Strict):
    """How long a Parquet folder stays for those who are reading it, once a younger one has taken its place."""

    keep_minutes: Annotated[WholeNumber, Field(ge=0)] = 60
