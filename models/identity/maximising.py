"""Expectation maximisation over what pairs of records have in common (Winkler 1988).

Pairs that reach the same levels are told apart by nothing, so they are counted once per pattern: a round costs what the
patterns cost, not what the pairs do. Splink compares the records; its own training gives up where a level turns out to
be met by almost no pair, which on small or clean data is common.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from models.identity.keys import Ints

_ROUNDS: Final = 12
_ENOUGH: Final = 0.001  # a round that changes no share by more is the last one
_LEAST: Final = 1e-9  # no level is impossible

#: Share of each level, per comparison.
Shares = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Patterns:
    """Pairs counted by the levels that they reach.

    Attributes:
        levels: per comparison and pattern, the level (place in `Comparison.levels`), -1 where a record says nothing.
        pairs: per pattern, how many pairs.
    """

    levels: Mapping[str, Ints]
    pairs: Ints


@dataclass(frozen=True, slots=True)
class Maximised:
    """What was found.

    Attributes:
        shares: per comparison, the share of each level; 0 for one that no pair reaches, nothing for a comparison of
            which no pair says anything.
        prior: share of the pairs that are one person.
    """

    shares: dict[str, list[float]]
    prior: float


def maximised(
    patterns: Patterns, *, m: Shares, u: Shares, prior: float, learn: Literal["m", "u"], held: Collection[str] = ()
) -> Maximised:
    """Find the shares at which the pairs are likeliest, m or u; the other one is held.

    Args:
        patterns: the pairs.
        m: share of each level among pairs of one person, per comparison.
        u: the same among strangers.
        prior: share of the pairs that are one person, to begin with.
        learn: which of the two is found.
        held: comparisons that say nothing here, as all pairs have in common what they compare.
    """
    names = [name for name in patterns.levels if name not in held]
    shares = {"m": {name: np.array(m[name]) for name in names}, "u": {name: np.array(u[name]) for name in names}}
    found: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        weight = np.zeros(patterns.pairs.size)
        for name in names:
            ratio = np.log2(np.maximum(shares["m"][name], _LEAST) / np.maximum(shares["u"][name], _LEAST))
            weight += np.append(ratio, 0.0)[patterns.levels[name]]  # the last place is that of -1, unknown
        one_person = 1 / (1 + (1 - prior) / prior * np.exp2(-weight))
        pairs = patterns.pairs * (one_person if learn == "m" else 1 - one_person)
        change = 0.0
        for name in names:
            level = patterns.levels[name]
            known = level >= 0
            counted = np.bincount(level[known], weights=pairs[known], minlength=len(m[name]))
            if counted.sum() > 0:
                share = counted / counted.sum()
                change = max(change, float(np.abs(share - shares[learn][name]).max()))
                shares[learn][name] = share
                found[name] = share.tolist()
        prior = float(np.clip((patterns.pairs * one_person).sum() / patterns.pairs.sum(), _LEAST, 1 - _LEAST))
        if change < _ENOUGH:
            break
    return Maximised(found, prior)
