"""Names of companies, made the same however people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import polars as pl

from models.identity.resolve import require

LEGAL_FORM_COLUMNS: Final = ("words", "place")
PLACES: Final = ("end", "start", "both", "inside", "whole")
# One letter names no company; who has to fill a field types one.
SHORTEST_KEY: Final = 2
# Chinese, Japanese and Korean letters come from here on (Hangul in its parts, as normalising leaves it).
FROM_JAMO: Final = "\\x{1100}"


def company_keys(names: pl.Series, legal_forms: pl.DataFrame) -> pl.Series:
    """The names without case, accents, punctuation and legal form.

    Args:
        names: names as people write them.
        legal_forms: words (`GmbH`, `sp. z o.o.`) and place, where in a name they say nothing about which company it
            is: `end`, `start`, `both` (either end), `inside` (anywhere, such as `and`, which others write `&`),
            `whole` (a text of nothing else names no company, such as `private`).

    Returns:
        One key per name; null where the name names no company.

    Raises:
        ValueError: a column is missing, or a place is not known.
    """
    require(legal_forms.columns, LEGAL_FORM_COLUMNS, "legal forms")
    unknown = set(legal_forms["place"].to_list()) - set(PLACES)
    if unknown:
        raise ValueError(
            f"identity: legal forms know the places {', '.join(PLACES)}; found {', '.join(map(str, unknown))}"
        )
    plain = legal_forms.select("place", words=_plain("words"))
    inside = rf"\b(?:{_any(plain.filter(place='inside')['words'])})\b"

    def linked(words: pl.Expr) -> pl.Expr:
        return words.str.replace_all(inside, "").str.replace_all(" +", " ").str.strip_chars()

    # Forms lose their linking words as names do: `GmbH & Co. KG`.
    forms = plain.filter(pl.col("place") != "inside").with_columns(linked(pl.col("words")))
    at_end = _words(forms.filter(pl.col("place").is_in(["end", "both"]))["words"], " {}", " ?{}")
    at_start = _words(forms.filter(pl.col("place").is_in(["start", "both"]))["words"], "{} ", "{} ?")
    whole = _any(forms.filter(place="whole")["words"])

    key = pl.col("key")
    distinct = names.drop_nulls().unique()
    keys = (
        pl.DataFrame({"name": distinct, "key": distinct})
        .with_columns(_plain("key"))
        .with_columns(linked(key))
        .filter(~(key + " ").str.contains(rf"^(?:(?:{whole}) )+$"))
        .with_columns((" " + key).str.replace(f"{at_end}+$", "").str.strip_chars().alias("key"))
        .with_columns((key + " ").str.replace(f"^{at_start}+", "").str.strip_chars())
        .filter(key.str.len_chars() >= SHORTEST_KEY)
    )
    found = pl.DataFrame({"name": names}).join(keys, on="name", how="left", maintain_order="left")
    return found["key"].alias("company")


def _plain(column: str) -> pl.Expr:
    """Small letters without accents, one blank between words, no punctuation; `S.A.R.L.` is one word."""
    text = pl.col(column).str.to_lowercase().str.replace_all("ß", "ss", literal=True).str.normalize("NFKD")
    # Marks of other scripts are not accents: without them Japanese and Indic words become others.
    text = text.str.replace_all(r"[\u0300-\u036f]", "").str.replace_all(r"[.'`\u2019\u00b4]", "")
    return text.str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars()


def _words(words: pl.Series, spaced: str, joined: str) -> str:
    """A pattern for any of the words, with the blank that parts it from the rest; some scripts need none."""
    needs_none = words.str.contains(f"^[{FROM_JAMO}-\\x{{10ffff}}]")
    patterns = [
        form.format(f"(?:{_any(words.filter(chosen))})")
        for form, chosen in ((spaced, ~needs_none), (joined, needs_none))
    ]
    return f"(?:{'|'.join(patterns)})"


def _any(words: Iterable[str]) -> str:
    """A pattern for any of the words; the longer ones first. Without words it matches nothing."""
    longest_first = sorted({word for word in words if word}, key=lambda word: (-len(word), word))
    return "|".join(map(re.escape, longest_first)) or r"[^\s\S]"
