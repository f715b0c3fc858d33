"""Messages without personal data: values that a library quotes in its errors are taken out before anyone reads them."""

from __future__ import annotations

import re
import traceback

# Errors that these packages define are written for people and quote no record.
OUR_PACKAGES = ("orchestration", "sources", "models", "expectations")

_EMAIL = re.compile(r"[^\s@'\"<>]+@[^\s@'\"<>]+")
_LONG_NUMBER = re.compile(r"\+?\d[\d ()/.-]{4,}\d")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")


def safe_traceback(error: BaseException) -> str:
    """Where an error arose, and its message with values taken out: e-mail addresses, long numbers, quoted text."""
    parts: list[str] = []
    seen: set[int] = set()
    here: BaseException | None = error
    while here is not None and id(here) not in seen:
        seen.add(id(here))
        frames = "".join(traceback.format_list(traceback.extract_tb(here.__traceback__)))
        parts.append(f"{frames}{type(here).__name__}: {redact(str(here))}")
        here = here.__cause__ or (None if here.__suppress_context__ else here.__context__)
    return "\n\ncaused by:\n\n".join(parts) + "\n"


def redact(message: str) -> str:
    """A message without what may be a person's data."""
    for pattern, instead in ((_QUOTED, "'…'"), (_EMAIL, "<e-mail>"), (_LONG_NUMBER, "<number>")):
        message = pattern.sub(instead, message)
    return message
