"""Plain words for why records belong together; kinds and sources are named, values never."""

from collections.abc import Iterable, Sequence

KIND_WORDS = {
    "account": "account",
    "email": "e-mail",
    "phone": "phone number",
    "loyalty_card": "loyalty card",
    "visitor": "web visitor",
    "cookie": "cookie",
}

ALONE = "no other record has the same identifiers"
NAMELESS = "the record has no identifier"
APART = "no shared identifier joins these records any more"


def kind_words(kind: str) -> str:
    """The name of an identifier kind as people say it."""
    return KIND_WORDS.get(kind, kind.replace("_", " "))


def listed(words: Iterable[str]) -> str:
    """Words in a row: `a`, `a and b`, `a, b and c`."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def same(kind: str, others: int, sources: Sequence[str]) -> str:
    """Why a record belongs to its customer: it shares a value of this kind with other records."""
    records = "1 other record" if others == 1 else f"{others} other records"
    where = f" ({', '.join(sources)})" if sources else ""
    return f"same {kind_words(kind)} as {records}{where}"


def stopped(kinds: Sequence[str]) -> str:
    """Why a record stays alone although others carry the same value."""
    return f"its {_barred(kinds)}"


def first_seen(sources: Sequence[str]) -> str:
    """Why a customer was created."""
    return f"first seen in {listed(sources)}" if sources else "first seen"


def joined(kinds: Sequence[str]) -> str:
    """Why two customers became one."""
    return f"joined by the same {listed(kind_words(kind) for kind in kinds)}"


def parted(kinds: Sequence[str]) -> str:
    """Why a customer was parted: the value that held it together may not join any more."""
    return f"the shared {_barred(kinds)}"


def _barred(kinds: Sequence[str]) -> str:
    words = listed(kind_words(kind) for kind in kinds)
    return f"{words} {'is' if len(kinds) == 1 else 'are'} excluded or used by too many records"
