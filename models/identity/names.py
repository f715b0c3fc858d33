"""Names as they can be compared: in Latin letters, by sound, and with the familiar forms of a first name.

A name comes in several scripts and, within one, in several spellings: Шевченко, Shevchenko, Schewtschenko; Müller,
Mueller, Muller; 李, Li. `latin` brings all scripts to plain letters (by the tables of anyascii); `sound` then folds
what romanisations write differently (sch, sh, sz, ch; w, v; y, j, i), so that spellings of one name meet. It is meant
to be coarse: that two names sound alike is one level of a comparison, weighed by how often strangers' names do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import polars as pl

_NO_LETTER = re.compile(r"[^a-z0-9]+")
_APOSTROPHES = re.compile(r"[’'`ʻʼ´ʹ]+")  # noqa: RUF001 - all signs that people write for an apostrophe
_IDEOGRAPHS = re.compile(r"^[\u3400-\u9fff]{2,4}$")

# What is written in several ways, longest first, to one sign; see the module's description. The order matters: each
# rule sees what the ones before it left.
_FOLDS: Final = tuple(
    (re.compile(pattern), sign)
    for pattern, sign in (
        (r"schtsch|shch|szcz|stsch", "s"),
        (r"tsch|tch|sch|dzh|dsch|sh|sz|cz|ch|zh|ts|tz|dz|ss", "s"),
        (r"c(?=[eiy])|z", "s"),
        (r"ck|c|q", "k"),
        (r"x", "ks"),
        (r"kh", "h"),
        (r"gh", "g"),
        (r"ph", "f"),
        (r"th|dt$", "t"),
        (r"w", "v"),
        (r"(?<=[oe])ff?$", "v"),
        (r"ou|oo", "u"),
        (r"ae", "e"),
        (r"oe", "o"),
        (r"ue", "u"),
        (r"[yj]", "i"),
        (r"i+", "i"),
        (r"(?<=[aeou])i(?=[aeou])", ""),
        (r"(?<=.)h", ""),
        (r"[ei]+", "e"),
        (r"[ou]+", "o"),
        (r"([a-z])\1+", r"\1"),
    )
)

# Chinese family names of two signs; any other ideographic name begins with a family name of one.
_DOUBLE_FAMILY_NAMES: Final = frozenset(
    [
        "欧阳",
        "歐陽",
        "司马",
        "司馬",
        "上官",
        "诸葛",
        "諸葛",
        "司徒",
        "东方",
        "東方",
        "夏侯",
        "皇甫",
        "尉迟",
        "公孙",
        "公孫",
        "慕容",
        "令狐",
        "长孙",
        "宇文",
    ]
)

# Umlauts are written out where they cannot be written; anyascii would drop the dots.
_UMLAUTS: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "å": "aa", "Å": "Aa"}
)


@lru_cache(maxsize=1 << 16)
def latin(text: str) -> str:
    """The letters a to z and digits of a text in any script, small, without blanks and signs; may be empty."""
    return _NO_LETTER.sub("", plain(text))


def plain(text: str) -> str:
    """A text in any script in small Latin letters, with its blanks and signs but for apostrophes."""
    from anyascii import anyascii

    written = _APOSTROPHES.sub("", text.translate(_UMLAUTS))
    return written.lower() if written.isascii() else _APOSTROPHES.sub("", anyascii(written)).lower()


@lru_cache(maxsize=1 << 16)
def sound(letters: str) -> str:
    """A key that spellings of one name share; takes what `latin` gives."""
    for pattern, sign in _FOLDS:
        letters = pattern.sub(sign, letters)
    return letters


def split_full_name(name: str) -> tuple[str, str]:
    """First and last name of a name in one piece: `Weber, Anna`, `Anna Maria Weber`, `李志明`; either may be empty."""
    if "," in name:
        last, _, first = name.partition(",")
        return first.strip(), last.strip()
    if _IDEOGRAPHS.match(name):
        length = 2 if name[:2] in _DOUBLE_FAMILY_NAMES and len(name) > 2 else 1
        return name[length:], name[:length]
    words = name.split()
    return (" ".join(words[:-1]), words[-1]) if len(words) > 1 else ("", name.strip())


def mapped(texts: pl.Series, change: Callable[[str], str | list[str] | None], dtype: pl.DataType) -> pl.Series:
    """Apply a function of one text to each distinct text once; null stays null."""
    distinct = texts.drop_nulls().unique()
    changed = pl.Series([change(text) for text in distinct.to_list()], dtype=dtype)
    found = pl.DataFrame({"text": distinct, "changed": changed})
    return texts.to_frame("text").join(found, on="text", how="left", maintain_order="left")["changed"]


class Familiar:
    """Familiar forms of first names: Bob and Robert, Sascha and Alexander, Оля and Ольга.

    Args:
        pairs: rows of (name, familiar form), in any script.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        formal: dict[str, set[str]] = {}
        for name, form in pairs:
            formal.setdefault(sound(latin(form)), set()).add(sound(latin(name)))
        self._formal: Mapping[str, frozenset[str]] = {form: frozenset(names) for form, names in formal.items()}

    @property
    def fingerprint(self) -> int:
        """A number that changes with the pairs."""
        told = repr(sorted((form, sorted(names)) for form, names in self._formal.items()))
        return int.from_bytes(blake2b(told.encode(), digest_size=8).digest())

    def forms(self, first: str) -> list[str]:
        """The sounds of the names that somebody called so may have in the passport, with this one; sorted."""
        key = sound(first)
        return sorted({key, *self._formal.get(key, ())}) if key else []
