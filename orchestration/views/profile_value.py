"""The value part of a profile: what a customer brings, is expected to bring, may be offered, and says of us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from orchestration.customer import CustomerProfile
from orchestration.views.words import MISSING, block, counted, facts_grid, moment, money, plain, share, table, yes_no

Facts = list[tuple[str, str]]
_Row = Mapping[str, Any]

_SEGMENTS = ("lifecycle_stage", "value_segment", "behaviour_segment", "loyalty_tier")
# The three scores are the digits of rfm_score.
_NO_SEGMENT = frozenset({"customer_id", "assigned_at", "recency_score", "frequency_score", "monetary_score"})
_SPANS_SHOWN = 6
_MINUS = "−"  # noqa: RUF001 - the sign between amounts
_ADJUSTED = "_adjusted"
_FORECASTS = {
    "modelled": "by the model",
    "simple_orders": "orders by a simple rate, because no model fits or none beats it",
    "simple_amount": "amounts by a simple estimate, because no model fits",
    "simple": "a simple estimate, because no model fits or none beats it",
    "no_orders": "none: never bought",
}


def value_part(profile: CustomerProfile, currency: str | None) -> list[RenderableType]:
    """Value, forecast and risk to leave; what the published copy does not have is left out."""
    value = profile.value
    return [
        *block("Value", facts_grid(_value(value, currency))),
        *block("Forecast of 12 months", facts_grid(_forecast(value, currency))),
        *block("Risk to leave", facts_grid(_risk(value))),
    ]


def behaviour_part(profile: CustomerProfile, currency: str | None) -> list[RenderableType]:
    """Segments now and before, next offers, what is due again, satisfaction and subscriptions."""
    segments = {**{key: profile.customer.get(key) for key in _SEGMENTS}, **profile.segments}
    now = [
        (_words(key), _words(value) if isinstance(value, str) else plain(value))
        for key, value in segments.items()
        if value is not None and key not in _NO_SEGMENT
    ]
    return [
        *block("Segments", facts_grid(now)),
        *block("Segments over time", facts_grid(_history(profile.segment_history))),
        *block("Next offers", _offers(profile)),
        *block("Due again", _replenishments(profile)),
        *block("Satisfaction", facts_grid(_satisfaction(profile.satisfaction))),
        *block("Subscriptions", _subscriptions(profile, currency)),
    ]


def _value(value: _Row, currency: str | None) -> Facts:
    facts: Facts = []
    if value.get("orders") is not None:
        facts.append(("orders", _orders(value)))
    if value.get("revenue_amount") is not None:
        parts = (("gross", "gross_amount"), ("discounts", "discount_amount"), ("returns", "returns_amount"))
        facts.append(("revenue", _sum(value, "revenue_amount", parts, currency)))
    if "profit_amount" in value:
        facts.append(("profit", _profit(value, currency)))
    if value.get("unprofitable_reason"):
        facts.append(("at a loss because of", _words(value["unprofitable_reason"])))
    if value.get("average_order_amount") is not None:
        facts.append(("average order", money(value["average_order_amount"], currency)))
    recent = [
        counted(value["orders_12m"], "order") if value.get("orders_12m") is not None else None,
        _money_as("revenue", value.get("revenue_12m_amount"), currency),
        _money_as("estimated profit", value.get("estimated_profit_12m_amount"), currency),
    ]
    facts += _joined("last 12 months", recent)
    contacts = [counted(value[f"{noun}s"], noun) for noun in ("message", "call", "ticket") if value.get(f"{noun}s")]
    facts += _joined("contacts", contacts)
    if value.get("measured_at") is not None:
        facts.append(("measured at", f"{moment(value['measured_at'])} UTC"))
    return facts


def _orders(value: _Row) -> str:
    words = plain(value["orders"])
    first, last = value.get("first_ordered_on"), value.get("last_ordered_on")
    if first is not None and last is not None:
        words += f", on {moment(first)}" if first == last else f", from {moment(first)} to {moment(last)}"
    if value.get("recency_days") is not None:
        words += f"; {counted(value['recency_days'], 'day')} since the last"
    if value.get("returns"):
        words += f"; {counted(value['returns'], 'return')}"
    return words


def _sum(value: _Row, whole: str, parts: Sequence[tuple[str, str]], currency: str | None) -> str:
    """An amount with what it is made of: `90.00 EUR = 100.00 gross − 10.00 discounts`."""  # noqa: RUF002
    known = [(name, value[column]) for name, column in parts if value.get(column) is not None]
    shown = [f"{money(amount)} {name}" for place, (name, amount) in enumerate(known) if amount or not place]
    words = money(value[whole], currency)
    return f"{words} = {f' {_MINUS} '.join(shown)}" if len(shown) > 1 else words


def _profit(value: _Row, currency: str | None) -> str:
    if value["profit_amount"] is None:
        return "unknown, because of one kind of cost nothing is known"
    parts = (
        ("revenue", "revenue_amount"),
        ("of unknown cost", "uncosted_revenue_amount"),
        ("cost of goods", "cost_of_goods_amount"),
        ("contact", "contact_cost_amount"),
        ("service", "service_cost_amount"),
    )
    words = _sum(value, "profit_amount", parts, currency)
    coverage = value.get("profit_coverage_rate")
    return words if coverage is None or coverage >= 1 else f"{words}; {share(coverage)} of the costs are known"


def _forecast(value: _Row, currency: str | None) -> Facts:
    facts: Facts = []
    for name, column, unit in (("orders", "expected_orders_12m", None), ("revenue", "expected_revenue_12m", currency)):
        if value.get(column) is not None:
            facts.append((name, _bounded(value, column, unit, is_money=name == "revenue")))
    if value.get("lifetime_value_amount") is not None:
        facts.append(("lifetime value", money(value["lifetime_value_amount"], currency)))
    if value.get("probability_alive") is not None:
        facts.append(("probability alive", share(value["probability_alive"])))
    if value.get("active_subscriptions"):
        words = f"{value['active_subscriptions']:,} running"
        residual = value.get("subscription_residual_amount")
        facts.append(("subscriptions", words if residual is None else f"{words}, {money(residual, currency)} to come"))
    if value.get("lifetime_value_status"):
        facts.append(("how", _forecast_words(value["lifetime_value_status"])))
    return facts


def _bounded(value: _Row, column: str, currency: str | None, *, is_money: bool) -> str:
    """An expected number with its bounds: `2.5 (0 to 4)`."""

    def bound(amount: float | Decimal) -> str:
        return money(amount) if is_money else plain(amount)

    words = money(value[column], currency) if is_money else f"{value[column]:,.1f}"
    lower, upper = value.get(f"{column}_lower"), value.get(f"{column}_upper")
    return words if lower is None or upper is None else f"{words} ({bound(lower)} to {bound(upper)})"


def _forecast_words(status: str) -> str:
    plain_status = status.removesuffix(_ADJUSTED)
    words = _FORECASTS.get(plain_status, _words(plain_status))
    return f"{words}; an input was out of range and was adjusted" if status.endswith(_ADJUSTED) else words


def _risk(value: _Row) -> Facts:
    if value.get("churn_risk") is None:
        return []
    risk = share(value["churn_risk"])
    if value.get("churn_status") == "simple":
        risk += ", from the forecast of orders, because no model of its own could be learnt"
    reasons = str(value.get("churn_reasons") or "").split("; ")
    named = [("because" if place == 0 else "", reason) for place, reason in enumerate(filter(None, reasons))]
    return [("risk", risk), *named]


def _history(spans: Sequence[_Row]) -> Facts:
    facts: Facts = []
    for kind, rows in groupby(spans, key=lambda span: str(span.get("segment_kind"))):
        of_kind = list(rows)
        shown = of_kind[-_SPANS_SHOWN:]
        words = [f"{_words(span['segment'])} since {moment(span['valid_from'])}" for span in shown]
        if of_kind[-1].get("valid_to") is not None:
            words.append(f"none since {moment(of_kind[-1]['valid_to'])}")
        if len(of_kind) > len(shown):
            words.insert(0, "…")
        facts.append((_words(kind), " → ".join(words)))
    return facts


def _offers(profile: CustomerProfile) -> RenderableType | None:
    if not profile.offers:
        return None
    made = table("rank", "product", "because", "score", right=("rank", "score"))
    for offer in profile.offers:
        score = offer.get("score")
        made.add_row(
            plain(offer.get("rank")),
            Text(_product(profile, offer)),
            Text(plain(offer.get("reason"))),
            MISSING if score is None else f"{score:.2f}",
        )
    return made


def _replenishments(profile: CustomerProfile) -> RenderableType | None:
    if not profile.replenishments:
        return None
    made = table("product", "due on", "is", "last bought on", "every", "confidence", right=("every", "confidence"))
    for row in profile.replenishments:
        interval = row.get("expected_interval_days") or row.get("median_interval_days")
        made.add_row(
            Text(_product(profile, row)),
            moment(row.get("due_on")),
            _state(row),
            moment(row.get("last_bought_on")),
            MISSING if interval is None else counted(round(interval), "day"),
            share(row.get("confidence"), 0),
        )
    return made


def _state(row: _Row) -> str:
    """How late a replenishment is; each state holds for those before it too, so the last one counts."""
    states = [state for state in ("due", "overdue", "gone") if row.get(f"is_{state}")]
    return states[-1] if states else "not due yet"


def _satisfaction(row: _Row) -> Facts:
    facts: Facts = []
    if row.get("experience_share") is not None:
        words = f"{_points(row['experience_share'])} of 100"
        if row.get("expectation_share") is not None:
            words += f", {_points(row['expectation_share'])} expected"
        if row.get("last_answer_at") is not None:
            words += f", on {moment(row['last_answer_at'])} UTC"
        facts.append(("last answer", words))
    year = [
        counted(row["answers_365d"], "answer") if row.get("answers_365d") else None,
        f"{_points(row['mean_share_365d'])} of 100 on average" if row.get("mean_share_365d") is not None else None,
        _gap(row.get("gap_share_365d")),
    ]
    facts += _joined("last 365 days", year)
    facts += [
        (name, _words(row[column]))
        for name, column in (("is", "satisfaction_band"), ("would recommend", "nps_group"))
        if row.get(column)
    ]
    contacts = [
        counted(row[column], noun)
        for noun, column in (
            ("contact", "contacts_365d"),
            ("complaint", "complaints_365d"),
            ("unanswered call", "unanswered_calls_365d"),
            ("open ticket", "open_tickets"),
        )
        if row.get(column)
    ]
    return facts + _joined("contacts", contacts)


def _gap(gap: float | None) -> str | None:
    if gap is None:
        return None
    side = "above" if gap >= 0 else "below"
    return f"{_points(abs(gap))} {side} what was to be expected"


def _subscriptions(profile: CustomerProfile, currency: str | None) -> RenderableType | None:
    if not profile.subscriptions:
        return None
    made = table("plan", "product", "runs", "since", "until", "price", "renewals", right=("price", "renewals"))
    for row in profile.subscriptions:
        price, months = row.get("price_amount"), row.get("period_months")
        every = "" if not months else " a month" if months == 1 else f" every {months} months"
        made.add_row(
            Text(plain(row.get("plan"))),
            Text(_product(profile, row)),
            yes_no(row.get("is_active")),
            moment(row.get("started_on")),
            moment(row.get("ended_on")),
            MISSING if price is None else money(price, currency) + every,
            plain(row.get("renewals")),
        )
    return made


def _product(profile: CustomerProfile, row: _Row) -> str:
    product = row.get("product_id")
    return MISSING if product is None else profile.products.get(product, str(product))


def _joined(name: str, parts: Sequence[str | None]) -> Facts:
    said = [part for part in parts if part]
    return [(name, ", ".join(said))] if said else []


def _money_as(noun: str, amount: Decimal | None, currency: str | None) -> str | None:
    return None if amount is None else f"{money(amount, currency)} {noun}"


def _points(part: float) -> str:
    return f"{part * 100:.0f}"


def _words(name: str) -> str:
    return name.replace("_", " ")
