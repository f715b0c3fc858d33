"""What of an order each touch has, worked out anew from orders and clicks: loops over plain Python numbers.

Shares of the first four models are exact fractions, cut to ten-thousandths. The fifth rests on powers, which no
fraction holds, so here it is a decimal of 40 digits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

MODELS = ("first", "last", "linear", "position", "time_decay")
UNIT = Decimal("0.0001")
WINDOW, PAUSE, HALF_LIFE = timedelta(days=7), timedelta(minutes=30), timedelta(days=7)

# A touch: when, its id, its campaign.
Touch = tuple[datetime, str, str]


def touches_before(ordered_at: datetime, touches: Iterable[Touch]) -> list[Touch]:
    """The touches within the window, in order, without those that the same campaign follows up at once."""
    inside = sorted(touch for touch in touches if ordered_at - WINDOW <= touch[0] <= ordered_at)
    kept = []
    for place, touch in enumerate(inside):
        following = inside[place + 1] if place + 1 < len(inside) else None
        if following is None or following[2] != touch[2] or following[0] - touch[0] >= PAUSE:
            kept.append(touch)
    return kept


def weights(model: str, times: list[datetime]) -> list[Fraction]:
    """How much each touch weighs; they need not add up to 1."""
    n = len(times)
    if model == "first":
        return [Fraction(int(place == 0)) for place in range(n)]
    if model == "last":
        return [Fraction(int(place == n - 1)) for place in range(n)]
    if model == "linear" or (n <= 2 and model == "position"):
        return [Fraction(1)] * n
    if model == "position":
        return [Fraction(2, 5), *[Fraction(1, 5) / (n - 2)] * (n - 2), Fraction(2, 5)]
    with localcontext() as context:
        context.prec = 40
        micro = timedelta(microseconds=1)
        ages = [Decimal((times[-1] - time) // micro) / Decimal(HALF_LIFE // micro) for time in times]
        # Whole millionths, from 1 on.
        return [Fraction(1 + int(999_999 * Decimal("0.5") ** age)) for age in ages]


def shares(amount: Decimal, model: str, times: list[datetime]) -> list[Decimal]:
    """The amount in parts: each cut towards zero to ten-thousandths, the last with what is left."""
    weight = weights(model, times)
    total = sum(weight)
    parts = [int(Fraction(amount / UNIT) * one / total) * UNIT for one in weight[:-1]]
    return [*parts, amount - sum(parts)]


def attributed(
    orders: Iterable[Mapping[str, Any]], clicks: Iterable[Mapping[str, Any]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Order and number of the touch to its campaign and its amount by each model."""
    of_customer: dict[str, list[Touch]] = defaultdict(list)
    for click in clicks:
        of_customer[click["customer_id"]].append((click["occurred_at"], click["event_id"], click["campaign_id"]))
    found = {}
    for order in orders:
        touches = touches_before(order["ordered_at"], of_customer.get(order["customer_id"], []))
        if not touches:
            continue
        parts = {model: shares(order["net_amount"], model, [touch[0] for touch in touches]) for model in MODELS}
        for place, touch in enumerate(touches):
            amounts = {model: parts[model][place] for model in MODELS}
            found[order["order_id"], place + 1] = {"campaign_id": touch[2], **amounts}
    return found
