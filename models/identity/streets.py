"""Streets and house numbers as they can be compared, from one text in any script and order."""

from __future__ import annotations

import re
from typing import Final

from models.identity.names import latin, plain, sound

# A number with the letter of a house behind it: 12, 12a, 12 a; what follows a letter is a word.
_NUMBER: Final = re.compile(r"(\d+)(?:\s*([a-z])(?![a-z]))?")
# What makes a number a part of the street's name: 5th Avenue, Straße des 17. Juni.
_ORDINAL: Final = re.compile(r"(?:st|nd|rd|th)\b|\.\s*[a-z]")
# Words for a street that say nothing about which one it is: at the end, also of one word, or in front.
_LAST: Final = re.compile(r"(?:strasse|str|street|st|road|rd|avenue|ave|av|lane|ln|drive|dr|place|pl)$")
_IN_FRONT: Final = re.compile(r"^\W*(?:ul|ulica|ulitsa|vul|vulytsia|rue|via|calle|avenida|rua|str|strada)\b")


def house_number(text: str) -> str | None:
    """The number of the house with its letter, such as 12a; None without one.

    Args:
        text: street and number, in either order.
    """
    found = _house(plain(text))
    return None if found is None else found[1] + (found[2] or "")


def street_name(text: str) -> str:
    """How a street sounds, without the number of the house and without the word for a street; may be empty.

    Args:
        text: street and number, in either order.
    """
    written = plain(text)
    found = _house(written)
    if found is not None:
        written = f"{written[: found.start()]} {written[found.end() :]}"
    # Of the numbers that are left those of the name stay; a flat is none of it.
    written = _NUMBER.sub(lambda number: number[0] if _ORDINAL.match(written, number.end(1)) else " ", written)
    letters = latin(_IN_FRONT.sub("", written)) or latin(written)
    return sound(_LAST.sub("", letters) or letters)


def _house(written: str) -> re.Match[str] | None:
    """The first number that is not a part of the street's name."""
    numbers = _NUMBER.finditer(written)
    return next((number for number in numbers if not _ORDINAL.match(written, number.end(1))), None)
