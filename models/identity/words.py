"""Plain words for why records belong together."""

import re
from collections.abc import Iterable, Sequence

KIND_WORDS = {
    "account": "account",
    "email": "e-mail",
    "phone": "phone number",
    "loyalty_card": "loyalty card",
    "visitor": "web visitor",
    "first_name": "first name",
    "birth_date": "birth date",
    "cookie": "cookie",
}

ALONE = "no other record has the same identifiers"
NAMELESS = "the record has no identifier"
OVERRULED_BY_MERGE = "a later decision joins records that it keeps apart"
OVERRULED = "a later decision says otherwise"
UNKNOWN_RECORD = "a record that it names is not there"
APART = "nothing joins these records any more"


def kind_words(kind: str) -> str:
    """The name of an identifier kind as people say it."""
    return KIND_WORDS.get(kind, kind.replace("_", " "))


def listed(words: Iterable[str]) -> str:
    """Words in a row: `a`, `a and b`, `a, b and c`."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def same(kind: str) -> str:
    """The beginning of why a record belongs to its customer; the value and `shared_with` follow."""
    return f"same {kind_words(kind)} "


def shared_with(others: int, sources: Sequence[str], weight: float) -> str:
    """With how many other records a value is shared, of which sources, and what it weighs."""
    records = "1 other record" if others == 1 else f"{others} other records"
    where = f" ({', '.join(sources)})" if sources else ""
    return f" as {records}{where}, {weight:g} bits"


def kept_apart(stopped_by: str) -> str:
    """Why a link was not followed."""
    if stopped_by.startswith("split:"):
        return f"a steward keeps them apart ({stopped_by.removeprefix('split:')})"
    if stopped_by == "size":
        return "the customer would have more records than a probable link may join"
    if stopped_by == "votes":
        return "most of their records do not look like one person's"
    return f"their {kind_words(stopped_by)}s contradict each other"


def decided(decision_id: str) -> str:
    """Why records are joined without a common value."""
    return f"a steward joined them ({decision_id})"


def stopped(kinds: Sequence[str]) -> str:
    """Why a record stays alone although others carry the same value."""
    return f"its {_barred(kinds)}"


def first_seen(sources: Sequence[str]) -> str:
    """Why a customer was created."""
    return f"first seen in {listed(sources)}" if sources else "first seen"


def joined(kinds: Sequence[str]) -> str:
    """Why two customers became one."""
    if not kinds:
        return "joined because they are probably one person, or by a steward"
    return f"joined by the same {listed(kind_words(kind) for kind in kinds)}"


def parted(kinds: Sequence[str]) -> str:
    """Why a customer was parted: the value that held it together may not join any more."""
    return f"the shared {_barred(kinds)}"


def _barred(kinds: Sequence[str]) -> str:
    words = listed(kind_words(kind) for kind in kinds)
    return f"{words} {'is' if len(kinds) == 1 else 'are'} excluded or used by too many records"


def without_values(reason: str) -> str:
    """A reason as it may be kept when the records are gone: what agreed is left out."""
    return re.sub(r": .*?(?=; but |$)", "", reason)
