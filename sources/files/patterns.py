r"""Regular expressions of the company file: checked once, and spelled for Java where Spark reads them.

A pattern is what RE2 reads (https://github.com/google/re2/wiki/Syntax) and Python's `re` accepts. RE2 belongs to
DuckDB; Java reads some of it differently, so `java_pattern` writes what RE2 means: `$` is the end of the text,
`.` is anything but `\n`, `\s` has no vertical tab, `\b` knows ASCII letters only, and `(?i)` knows the capitals of
all letters, but does not take the Turkish dotless i for an I.
"""

from __future__ import annotations

import re
import warnings
from functools import cache

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\x0B\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_SPACE = r"\t\n\f\r "
# RE2 counts ASCII letters only; Java asks for all letters.
_WORD_EDGE = r"(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))"
_NO_WORD_EDGE = r"(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))"
# What (?i) adds to ASCII letters: the long s and the sign of Kelvin.
_FOLDED_ASCII = r"\x{17F}\x{212A}"
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_QUANTIFIER = re.compile(r"[*+?]|\{(\d+)(,(\d*))?\}")
_LOOK = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=")
_MOST_REPEATS = 1000


def checked_pattern(pattern: str) -> str:
    r"""Return the pattern if every engine understands it.

    Raises:
        ValueError: it is no regular expression, or uses what RE2 does not know: look-around, back-references,
            possessive repeats, `\u00e4`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of what later versions of Python may read otherwise
            re.compile(pattern)
    except re.error as error:
        raise ValueError(f"'{pattern}' is not a regular expression: {error}") from error
    if _LOOK.search(pattern):
        raise ValueError(f"'{pattern}' uses look-around or a back-reference, which the engine does not know")
    java_pattern(pattern)
    return pattern


def java_pattern(pattern: str) -> str:
    """Return the pattern as Java's `java.util.regex` has to read it to find what RE2 finds.

    Raises:
        ValueError: RE2 does not know a part of it; the message names the part.
    """
    return _Reader(pattern).read()


def java_literal(character: str) -> str:
    r"""Spell one character so that Java takes it as itself, inside and outside of brackets."""
    if character.isalnum() and character.isascii():
        return character
    code = ord(character)
    if code >= 0x7F or code < 0x20:
        return f"\\x{{{code:X}}}"
    return character if character in " _" else "\\" + character


@cache
def _folds() -> dict[str, str]:
    """Return, for every character that has other cases, those cases: k to K and the sign of Kelvin."""
    alike: dict[str, list[str]] = {}
    for character in map(chr, range(0x20000)):
        folded = character.casefold()
        if len(folded) > 1:  # Folding keeps to one character: only the small letter, where it is one.
            folded = character.lower() if len(character.lower()) == 1 else character
        alike.setdefault(folded, []).append(character)
    return {
        character: "".join(other for other in group if other != character)
        for group in alike.values()
        if len(group) > 1
        for character in group
    }


class _Reader:
    """Walks through one pattern, keeping flags as RE2 scopes them."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._flags: set[str] = set()
        self._outer: list[set[str]] = []

    def read(self) -> str:
        out: list[str] = []
        while self._at < len(self._pattern):
            out.append(self._piece())
        return "".join(out)

    def _refuse(self, part: str, why: str = "which the engine does not know") -> ValueError:
        return ValueError(f"'{self._pattern}' uses '{part}', {why}")

    def _take(self, length: int = 1) -> str:
        taken = self._pattern[self._at : self._at + length]
        self._at += length
        return taken

    def _piece(self) -> str:
        repeat = _QUANTIFIER.match(self._pattern, self._at)
        if repeat:
            return self._repeat(repeat)
        character = self._take()
        if character == "\\":
            return self._escape()
        if character == "[":
            return self._bracket()
        if character == "(":
            return self._group()
        if character == ")":
            self._flags = self._outer.pop() if self._outer else self._flags
            return ")"
        if character == "|":
            return "|"
        if character == ".":
            return r"[\x{0}-\x{10FFFF}]" if "s" in self._flags else r"[^\n]"
        if character == "^":
            return r"(?:(?<=\n)|\A)" if "m" in self._flags else r"\A"
        if character == "$":
            return r"(?:(?=\n)|\z)" if "m" in self._flags else r"\z"
        return self._one(character)

    def _one(self, character: str) -> str:
        """Spell one character outside of brackets, in all its cases where case does not count."""
        others = _folds().get(character, "") if "i" in self._flags else ""
        spelled = "".join(map(java_literal, character + others))
        return f"[{spelled}]" if others else spelled

    def _range(self, first: str, last: str) -> str:
        """Spell a range inside of brackets, with the other cases of its members where case does not count."""
        spelled = java_literal(first) + (f"-{java_literal(last)}" if last != first else "")
        if "i" in self._flags:
            found = {other for one, others in _folds().items() if first <= one <= last for other in others}
            spelled += "".join(java_literal(other) for other in sorted(found) if not first <= other <= last)
        return spelled

    def _word(self) -> str:
        r"""Spell the members of `\w`."""
        return "0-9A-Za-z_" + (_FOLDED_ASCII if "i" in self._flags else "")

    def _repeat(self, found: re.Match[str]) -> str:
        self._at = found.end()
        if any(count and int(count) > _MOST_REPEATS for count in (found[1], found[3])):
            raise self._refuse(found[0], f"repeats go up to {_MOST_REPEATS}")
        lazy = self._pattern[self._at : self._at + 1] == "?"
        written = found[0] + (self._take() if lazy else "")
        again = _QUANTIFIER.match(self._pattern, self._at)
        if again:
            raise self._refuse(written + again[0])
        return written

    def _code(self) -> str | None:
        r"""Read what follows a backslash where it stands for one character: \x41, \x{41}, \0, \n, \. and the like."""
        rest = self._pattern[self._at :]
        found = re.match(r"x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})", rest)
        if found:
            self._at += found.end()
            code = int(found[1] or found[2], 16)
            if code > 0x10FFFF:
                raise self._refuse(found[0])
            return chr(code)
        octal = re.match(r"0[0-7]{0,2}", rest)
        if octal:
            self._at += octal.end()
            return chr(int(octal[0], 8))
        character = rest[:1]
        if character in _CONTROLS:
            self._at += 1
            return _CONTROLS[character]
        if character and character.isascii() and not character.isalnum():
            self._at += 1
            return character
        return None

    def _escape(self) -> str:
        code = self._code()
        if code is not None:
            return self._one(code)
        character = self._take()
        edges = {"A": r"\A", "z": r"\z", "b": _WORD_EDGE, "B": _NO_WORD_EDGE}
        if character in edges:
            return edges[character]
        if character and character in "sS":
            return f"[{'^' if character == 'S' else ''}{_SPACE}]"
        if character and character in "wW":
            return f"[{'^' if character == 'W' else ''}{self._word()}]"
        if character and character in "dD":
            return "\\" + character
        raise self._refuse("\\" + character)

    def _group(self) -> str:
        self._outer.append(set(self._flags))
        if self._pattern[self._at : self._at + 1] != "?":
            return "("
        name = re.match(r"\?P<\w+>", self._pattern[self._at :])
        if name:
            self._at += name.end()
            return "("  # Java's names are narrower, and nothing asks for a name
        found = re.match(r"\?([imsU]*)(?:-([imsU]+))?([:)])", self._pattern[self._at :])
        if found is None:
            raise self._refuse(self._pattern[self._at - 1 : self._at + 2])
        self._at += found.end()
        on, off, end = found[1], found[2] or "", found[3]
        if "U" in on + off:
            raise self._refuse(f"(?{found[0][1:]}")
        if end == ")":
            self._outer.pop()
        self._flags = (self._flags | set(on)) - set(off)
        # No flag is left to Java: what it changes is written into the pattern.
        return "" if end == ")" else "(?:"

    def _bracket(self) -> str:
        negated = self._pattern[self._at : self._at + 1] == "^"
        self._at += negated
        out: list[str] = []
        first = True
        while True:
            if self._at >= len(self._pattern):
                raise self._refuse("[", "a bracket that does not end")
            if self._pattern[self._at] == "]" and not first:
                self._at += 1
                return f"[{'^' if negated else ''}{''.join(out)}]"
            first = False
            out.append(self._member())

    def _member(self) -> str:
        posix = re.match(r"\[:(\^?)(\w+):\]", self._pattern[self._at :])
        if posix:
            if posix[2] not in _POSIX:
                raise self._refuse(posix[0])
            self._at += posix.end()
            members = _POSIX[posix[2]]
            if "i" in self._flags and posix[2] in ("alnum", "alpha", "ascii", "lower", "upper", "word"):
                members = _POSIX["alpha" if posix[2] in ("lower", "upper") else posix[2]] + _FOLDED_ASCII
            return f"[^{members}]" if posix[1] else members
        character = self._take()
        if character == "\\":
            code = self._code()
            if code is None:
                return self._class_in_bracket(self._take())
            character = code
        following = self._pattern[self._at : self._at + 2]
        if len(following) < 2 or following[0] != "-" or following[1] == "]":
            return self._range(character, character)
        self._at += 1
        end = self._take()
        if end == "\\":
            code = self._code()
            if code is None:
                raise self._refuse(f"{character}-\\{self._take()}")
            end = code
        return self._range(character, end)

    def _class_in_bracket(self, character: str) -> str:
        if character == "s":
            return _SPACE
        if character == "S":
            return r"\S\x0B"  # Java's \s has the vertical tab, RE2's has not
        if character == "w":
            return self._word()
        if character == "W":
            return f"[^{self._word()}]"
        if character and character in "dD":
            return "\\" + character
        raise self._refuse("\\" + character)
