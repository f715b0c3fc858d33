"""The rules of the catalogue once more, in plain Python over the texts of a file, and the index from them.

Written from the sentences of the rules, without a look at their SQL: no staging, no dbt, no warehouse. It knows only
the addresses, numbers and currencies of `defects`, because judging those is not what it checks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from defects import RIGHT, Row

THROWN_AWAY = {"anna@mailinator.com"}
ADDRESSES = {RIGHT["orders"]["email"]} | THROWN_AWAY
NUMBERS = {RIGHT["orders"]["phone"]}
COUNTRIES = {"DE"}
RATE_DAY = date(2025, 3, 4)
LOADED = datetime.now(UTC)
KEYS = {
    "customers": "account_id", "products": "product_id", "orders": "order_id", "order_lines": "order_line_id",
    "email_events": "event_id", "campaigns": "campaign_id", "calls": "call_id", "tickets": "ticket_id",
    "consents": "consent_id", "surveys": "response_id", "experiment_assignments": "assignment_id",
    "subscriptions": "subscription_id", "web_events": "event_id",
    "partners": "partner_id", "partner_links": "link_id", "partner_contacts": "contact_id",
}  # fmt: skip
EMAIL_EVENTS = {
    "sent", "delivered", "open", "click", "bounce", "unsubscribe", "complaint", "deferred", "dropped", "resubscribe",
    "suppressed", "auto_reply",
}  # fmt: skip


ROLES = {"account_owner", "deputy", "referrer", "reseller", "supplier"}


def text(value: str | None) -> str | None:
    """The text without blanks around it; an empty one is none."""
    return (value or "").strip() or None


def number(value: str | None) -> Decimal | None:
    """The number, if the text is one."""
    plain = text(value)
    return Decimal(plain) if plain and re.fullmatch(r"[+-]?\d+(\.\d+)?", plain) else None


def whole(value: str | None) -> Decimal | None:
    """The number, if it is a whole one."""
    found = number(value)
    return found if found is not None and found == found.to_integral_value() else None


def moment(value: str | None) -> datetime | None:
    """The time in UTC of a text that says it in Berlin's."""
    try:
        return datetime.fromisoformat(text(value) or "").replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    except ValueError:
        return None


def day(value: str | None) -> date | None:
    """The day of the calendar."""
    try:
        return date.fromisoformat(text(value) or "")
    except ValueError:
        return None


@dataclass
class Known:
    """What rules ask of other records of the same source."""

    accounts: set[str] = field(default_factory=set)
    products: set[str] = field(default_factory=set)
    partners: set[str] = field(default_factory=set)
    employees: set[str] = field(default_factory=set)


Rule = Callable[[Row, Known], bool]


def there(name: str) -> Rule:
    return lambda row, _: text(row[name]) is not None


def some(*names: str) -> Rule:
    return lambda row, _: any(text(row[name]) for name in names)


def reads(read: Callable[[str | None], object], *names: str) -> Rule:
    """Each field that says something can be read."""
    return lambda row, _: all(text(row[name]) is None or read(row[name]) is not None for name in names)


def must_read(read: Callable[[str | None], object], name: str) -> Rule:
    return lambda row, _: read(row[name]) is not None


def holds(name: str, condition: Callable[[Decimal], bool]) -> Rule:
    """The number fulfils the condition, where there is one."""
    return lambda row, _: (found := number(row[name])) is None or condition(found)


def not_future(name: str) -> Rule:
    return lambda row, _: (at := moment(row[name])) is None or at.year <= LOADED.year


def after(name: str, year: int) -> Rule:
    return lambda row, _: (at := moment(row[name])) is None or at.year > year


def address(row: Row, _: Known) -> bool:
    return text(row["email"]) is None or row["email"] in ADDRESSES


def phone(row: Row, _: Known) -> bool:
    return text(row["phone"]) is None or row["phone"] in NUMBERS


def person_known(row: Row, _: Known) -> bool:
    return text(row["account_id"]) is not None or row["email"] in ADDRESSES or row["phone"] in NUMBERS


def has_rate(row: Row, at: str | None) -> bool | None:
    """Whether there is a rate for the currency on the day; None where none is needed, or the day is not known."""
    currency = text(row["currency"])
    if currency in (None, "EUR"):
        return None
    if at is None:
        return currency == "CHF"
    found = moment(row[at])
    return None if found is None else currency == "CHF" and found.date() == RATE_DAY


def of(row: Row, name: str) -> Decimal:
    return abs(number(row[name]) or Decimal(0))


def total_adds_up(row: Row, _: Known) -> bool:
    total, gross = number(row["total_amount"]), number(row["gross_amount"])
    if total is None or gross is None:
        return True
    net = abs(gross) - of(row, "discount_amount") + of(row, "shipping_amount")
    room = Decimal("0.05") + abs(total) / 1000
    ways = [net + tax - back for tax in (0, of(row, "tax_amount")) for back in (0, of(row, "refund_amount"))]
    return any(abs(abs(total) - way) <= room for way in ways)


def at_most(name: str, total: Callable[[Row], Decimal | None]) -> Rule:
    def judge(row: Row, _: Known) -> bool:
        found, limit = number(row[name]), total(row)
        return found is None or limit is None or abs(found) <= limit + Decimal("0.05")

    return judge


def gross(row: Row) -> Decimal | None:
    found = number(row["gross_amount"])
    return None if found is None else abs(found)


def paid(row: Row) -> Decimal | None:
    goods = gross(row)
    return None if goods is None else goods + of(row, "shipping_amount") + of(row, "tax_amount")


def goods(row: Row) -> Decimal | None:
    pieces, price = number(row["quantity"]), number(row["unit_price"])
    return None if pieces is None or price is None else abs(pieces) * price


def is_no(row: Row) -> bool:
    return (text(row["status"]) or "").lower() in ("denied", "suppressed")


def yes(rule: Rule) -> Rule:
    """A rule about consents that are given."""
    return lambda row, known: is_no(row) or rule(row, known)


def no_is_plausible(row: Row, _: Known) -> bool:
    at = moment(row["occurred_at"])
    return not is_no(row) or text(row["occurred_at"]) is None or (at is not None and 1970 < at.year <= LOADED.year)


def not_before(name: str, first: str = "created_at") -> Rule:
    def judge(row: Row, _: Known) -> bool:
        opened, then = moment(row[first]), moment(row[name])
        return opened is None or then is None or then >= opened

    return judge


def within_scale(row: Row, _: Known) -> bool:
    score, least, most = number(row["score"]), number(row["scale_min"]), number(row["scale_max"])
    if (text(row["kind"]) or "").lower() == "nps":
        least, most = least if least is not None else Decimal(0), most if most is not None else Decimal(10)
    return score is None or ((least is None or score >= least) and (most is None or score <= most))


def scale_runs_upwards(row: Row, _: Known) -> bool:
    least, most = number(row["scale_min"]), number(row["scale_max"])
    return least is None or most is None or least < most


def known_account(row: Row, known: Known) -> bool:
    return text(row["account_id"]) is None or row["account_id"] in known.accounts


def known_partner(row: Row, known: Known) -> bool:
    return text(row["partner_id"]) is None or row["partner_id"] in known.partners


def link_fits_role(row: Row, _: Known) -> bool:
    to_customer = any(text(row[name]) for name in ("account_id", "email", "phone"))
    to_product = text(row["product_id"]) is not None
    role = (text(row["role"]) or "").lower()
    if role not in ROLES or not (to_customer or to_product):
        return True
    return to_product if role == "supplier" else to_customer


def owner_is_employee(row: Row, known: Known) -> bool:
    owns = (text(row["role"]) or "").lower() in {"account_owner", "deputy"}
    return not owns or row["partner_id"] not in known.partners or row["partner_id"] in known.employees


def next_step_follows(row: Row, _: Known) -> bool:
    at, then = moment(row["contacted_at"]), day(row["next_step_on"])
    return at is None or then is None or then >= (at - timedelta(days=1)).date()


def product_received(row: Row, known: Known) -> bool:
    product = text(row["product_id"])
    return product is None or product in known.products


def one_of(name: str, allowed: Iterable[str]) -> Rule:
    return lambda row, _: (text(row[name]) or "").lower() in allowed


RULES: dict[str, Rule] = {
    "customers_account_id_present": there("account_id"),
    "customers_email_format": address,
    "customers_phone_format": phone,
    "customers_birth_date_readable": reads(day, "birth_date"),
    "customers_birth_date_plausible": lambda row, _: (
        (born := day(row["birth_date"])) is None or date(1900, 1, 1) <= born <= LOADED.date()
    ),
    "customers_birth_date_not_placeholder": lambda row, _: day(row["birth_date"]) != date(1970, 1, 1),
    "customers_email_not_disposable": lambda row, _: row["email"] not in THROWN_AWAY,
    # A postcode of a country that is none cannot be judged.
    "customers_postal_code_format": lambda row, _: (
        text(row["postal_code"]) is None or row["country_code"] not in COUNTRIES
    ),
    "customers_first_name_format": lambda row, _: row["first_name"] == "Anna",
    "customers_last_name_format": lambda row, _: row["last_name"] == "Quitte",
    "customers_full_name_format": lambda row, _: row["full_name"] != "keine Angabe",
    "customers_name_not_doubtful": lambda row, _: row["full_name"] != "Max Mustermann",
    "customers_country_code_known": lambda row, _: row["country_code"] in COUNTRIES,
    "customers_consents_readable": lambda row, _: row["email_consent"] == "yes",
    "customers_created_at_readable": reads(moment, "created_at"),
    "products_product_id_present": there("product_id"),
    "products_unit_cost_not_negative": holds("unit_cost", lambda cost: cost >= 0),
    "products_unit_cost_readable": reads(number, "unit_cost"),
    "products_unit_price_readable": reads(number, "unit_price"),
    "products_product_name_present": there("product_name"),
    "products_exchange_rate_known": lambda row, _: (
        has_rate(row, None) is not False or (number(row["unit_cost"]) is None and number(row["unit_price"]) is None)
    ),
    "products_unit_price_not_negative": holds("unit_price", lambda price: price >= 0),
    "orders_order_id_present": there("order_id"),
    "orders_ordered_at_readable": must_read(moment, "ordered_at"),
    "orders_ordered_at_not_future": not_future("ordered_at"),
    "orders_gross_amount_readable": reads(number, "gross_amount"),
    "orders_email_format": address,
    "orders_email_not_disposable": lambda row, _: row["email"] not in THROWN_AWAY,
    "orders_phone_format": phone,
    "orders_customer_known": lambda row, known: (
        some("account_id", "loyalty_card")(row, known) or row["email"] in ADDRESSES or row["phone"] in NUMBERS
    ),
    "orders_exchange_rate_known": lambda row, _: has_rate(row, "ordered_at") is not False,
    "orders_account_received": known_account,
    "orders_ordered_at_not_1970": after("ordered_at", 1970),
    "orders_status_known": one_of("status", {"paid"}),
    "orders_amounts_readable": reads(
        number, "discount_amount", "shipping_amount", "tax_amount", "total_amount", "refund_amount"
    ),
    "orders_total_adds_up": total_adds_up,
    "orders_discount_within_gross": at_most("discount_amount", gross),
    "orders_refund_within_total": at_most("refund_amount", paid),
    "order_lines_order_id_present": there("order_id"),
    "order_lines_product_id_present": there("product_id"),
    "order_lines_quantity_readable": must_read(number, "quantity"),
    "order_lines_quantity_not_zero": holds("quantity", lambda pieces: pieces != 0),
    "order_lines_unit_price_readable": must_read(number, "unit_price"),
    "order_lines_unit_price_positive": holds("unit_price", lambda price: price > 0),
    "order_lines_ordered_at_readable": reads(moment, "ordered_at"),
    "order_lines_quantity_plausible": holds("quantity", lambda pieces: abs(pieces) <= 10_000),
    "order_lines_exchange_rate_known": lambda row, _: has_rate(row, "ordered_at") is not False,
    "order_lines_product_received": product_received,
    "order_lines_quantity_sign": holds("quantity", lambda pieces: pieces >= 0),
    "order_lines_ordered_at_plausible": lambda row, known: (
        not_future("ordered_at")(row, known) and after("ordered_at", 1970)(row, known)
    ),
    "order_lines_discount_within_price": at_most("discount_amount", goods),
    "email_events_event_id_present": there("event_id"),
    "email_events_event_known": one_of("event", EMAIL_EVENTS),
    "email_events_occurred_at_readable": must_read(moment, "occurred_at"),
    "email_events_occurred_at_not_future": not_future("occurred_at"),
    "email_events_occurred_at_plausible": after("occurred_at", 1999),
    "email_events_recipient_present": some("email", "account_id"),
    "email_events_email_format": address,
    "email_events_campaign_known": some("campaign_id", "message_id"),
    "campaigns_campaign_id_present": there("campaign_id"),
    "campaigns_cost_amount_readable": reads(number, "cost_amount"),
    "campaigns_cost_amount_not_negative": holds("cost_amount", lambda cost: cost >= 0),
    "campaigns_started_at_readable": reads(moment, "started_at"),
    "campaigns_campaign_name_present": there("campaign_name"),
    "campaigns_exchange_rate_known": lambda row, _: (
        has_rate(row, None) is not False or number(row["cost_amount"]) is None
    ),
    "exchange_rates_currencies_present": lambda row, _: len(row["from_currency"]) == 3 and len(row["to_currency"]) == 3,
    "exchange_rates_day_readable": must_read(day, "day"),
    "exchange_rates_rate_positive": lambda row, _: (number(row["rate"]) or 0) > 0,
    "calls_call_id_present": there("call_id"),
    "calls_started_at_readable": must_read(moment, "started_at"),
    "calls_started_at_not_future": not_future("started_at"),
    "calls_started_at_not_1970": after("started_at", 1970),
    "calls_talk_seconds_not_negative": holds("talk_seconds", lambda seconds: seconds >= 0),
    "calls_talk_seconds_readable": reads(number, "talk_seconds"),
    "calls_wait_seconds_not_negative": holds("wait_seconds", lambda seconds: seconds >= 0),
    "calls_phone_format": phone,
    "calls_caller_known": lambda row, _: text(row["account_id"]) is not None or row["phone"] in NUMBERS,
    "calls_recording_seconds_not_negative": holds("recording_seconds", lambda seconds: seconds >= 0),
    "tickets_ticket_id_present": there("ticket_id"),
    "tickets_created_at_readable": must_read(moment, "created_at"),
    "tickets_created_at_not_future": not_future("created_at"),
    "tickets_created_at_not_1970": after("created_at", 1970),
    "tickets_status_known": lambda row, _: (text(row["status"]) or "solved") == "solved",
    "tickets_status_present": there("status"),
    "tickets_updated_at_readable": reads(moment, "updated_at"),
    "tickets_solved_at_not_before_opening": not_before("solved_at"),
    "tickets_first_reply_at_not_before_opening": not_before("first_reply_at"),
    "tickets_satisfaction_in_range": holds("satisfaction", lambda mark: 1 <= mark <= 5),
    "tickets_email_format": address,
    "tickets_phone_format": phone,
    "tickets_requester_known": person_known,
    "consents_consent_id_present": there("consent_id"),
    "consents_channel_known": one_of("channel", {"email", "sms", "phone", "post", "push", "web"}),
    "consents_status_known": one_of("status", {"granted", "pending", "denied", "suppressed"}),
    "consents_occurred_at_readable": yes(must_read(moment, "occurred_at")),
    "consents_occurred_at_not_future": yes(not_future("occurred_at")),
    "consents_occurred_at_not_1970": yes(after("occurred_at", 1970)),
    "consents_refused_at_plausible": no_is_plausible,
    "consents_person_present": some("account_id", "email", "phone"),
    "consents_email_format": address,
    "consents_phone_format": phone,
    "surveys_response_id_present": there("response_id"),
    "surveys_responded_at_readable": must_read(moment, "responded_at"),
    "surveys_responded_at_not_future": not_future("responded_at"),
    "surveys_responded_at_not_1970": after("responded_at", 1970),
    "surveys_score_readable": must_read(number, "score"),
    "surveys_score_within_scale": within_scale,
    "surveys_scale_runs_upwards": scale_runs_upwards,
    "surveys_scale_readable": reads(number, "scale_min", "scale_max"),
    "surveys_kind_known": lambda row, _: (text(row["kind"]) or "rating").lower() in {"nps", "csat", "rating"},
    "surveys_asked_at_readable": reads(moment, "asked_at"),
    "surveys_asked_at_not_after_answer": not_before("responded_at", first="asked_at"),
    "surveys_email_format": address,
    "surveys_phone_format": phone,
    "surveys_respondent_known": person_known,
    "experiment_assignments_experiment_present": there("experiment_id"),
    "experiment_assignments_arm_present": there("arm"),
    "experiment_assignments_assigned_at_readable": must_read(moment, "assigned_at"),
    "experiment_assignments_assigned_at_not_future": not_future("assigned_at"),
    "experiment_assignments_assigned_at_not_1970": after("assigned_at", 1970),
    "experiment_assignments_planned_share_readable": reads(number, "planned_share"),
    "experiment_assignments_planned_share_in_range": holds("planned_share", lambda share: 0 < share <= 1),
    "experiment_assignments_email_format": address,
    "experiment_assignments_phone_format": phone,
    "experiment_assignments_person_known": some("account_id", "email", "phone"),
    "subscriptions_subscription_id_present": there("subscription_id"),
    "subscriptions_started_at_readable": must_read(moment, "started_at"),
    "subscriptions_started_at_plausible": lambda row, known: (
        after("started_at", 1970)(row, known)
        and ((at := moment(row["started_at"])) is None or at <= LOADED + timedelta(days=730))
    ),
    "subscriptions_ended_at_readable": reads(moment, "ended_at"),
    "subscriptions_ended_at_not_before_start": not_before("ended_at", first="started_at"),
    "subscriptions_period_months_readable": reads(whole, "period_months"),
    "subscriptions_period_months_positive": holds("period_months", lambda months: months >= 1),
    "subscriptions_price_amount_readable": reads(number, "price_amount"),
    "subscriptions_price_amount_not_negative": holds("price_amount", lambda price: price >= 0),
    "subscriptions_exchange_rate_known": lambda row, _: (
        has_rate(row, "started_at") is not False or number(row["price_amount"]) is None
    ),
    "subscriptions_updated_at_readable": reads(moment, "updated_at"),
    "subscriptions_email_format": address,
    "subscriptions_phone_format": phone,
    "subscriptions_subscriber_known": person_known,
    "web_events_event_id_present": there("event_id"),
    "web_events_occurred_at_readable": must_read(moment, "occurred_at"),
    "web_events_occurred_at_not_future": not_future("occurred_at"),
    "web_events_occurred_at_not_1970": after("occurred_at", 1970),
    "web_events_visitor_present": some("visitor_id", "account_id"),
    "web_events_email_format": address,
    "web_events_event_present": there("event"),
    "partners_partner_id_present": there("partner_id"),
    "partners_partner_name_present": there("partner_name"),
    "partners_kind_known": lambda row, _: (
        (text(row["kind"]) or "").lower() in {"supplier", "partner", "investor", "employee"}
    ),
    "partners_started_at_readable": reads(moment, "started_at"),
    "partners_ended_at_readable": reads(moment, "ended_at"),
    "partners_ended_at_not_before_start": not_before("ended_at", first="started_at"),
    "partners_owner_is_another": lambda row, _: text(row["owner"]) is None or row["owner"] != row["partner_id"],
    "partners_updated_at_readable": reads(moment, "updated_at"),
    "partners_email_format": address,
    "partners_phone_format": phone,
    "partners_country_code_known": lambda row, _: text(row["country_code"]) is None or row["country_code"] in COUNTRIES,
    "partner_links_partner_present": there("partner_id"),
    "partner_links_partner_received": known_partner,
    "partner_links_role_known": lambda row, _: (text(row["role"]) or "").lower() in ROLES,
    "partner_links_target_present": some("account_id", "email", "phone", "product_id"),
    "partner_links_target_fits_role": link_fits_role,
    "partner_links_owner_is_employee": owner_is_employee,
    "partner_links_account_received": known_account,
    "partner_links_product_received": product_received,
    "partner_links_valid_from_readable": reads(moment, "valid_from"),
    "partner_links_valid_to_readable": reads(moment, "valid_to"),
    "partner_links_valid_to_not_before_start": not_before("valid_to", first="valid_from"),
    "partner_links_updated_at_readable": reads(moment, "updated_at"),
    "partner_links_email_format": address,
    "partner_links_phone_format": phone,
    "partner_contacts_contact_id_present": there("contact_id"),
    "partner_contacts_partner_present": there("partner_id"),
    "partner_contacts_partner_received": known_partner,
    "partner_contacts_contacted_at_readable": must_read(moment, "contacted_at"),
    "partner_contacts_contacted_at_not_future": not_future("contacted_at"),
    "partner_contacts_contacted_at_not_1970": after("contacted_at", 1970),
    "partner_contacts_direction_known": lambda row, _: (
        (text(row["direction"]) or "in").lower() in {"in", "inbound", "out", "outbound"}
    ),
    "partner_contacts_next_step_on_readable": reads(day, "next_step_on"),
    "partner_contacts_next_step_not_before_contact": next_step_follows,
    "partner_contacts_updated_at_readable": reads(moment, "updated_at"),
}


def failed_rules(entity: str, row: Row | None, rules: Iterable[str], known: Known) -> set[str]:
    """The rules that a line of a file fails; a line that could not be read fails one."""
    if row is None:
        return {f"{entity}_readable"}
    return {rule for rule in rules if not RULES[rule](row, known)}


def key_of(entity: str, row: Row | None, number_of_line: int) -> object:
    """What two lines of one source have in common when they are the same record."""
    if row is None:
        return number_of_line
    if entity == "exchange_rates":
        parts = [row[name] for name in ("from_currency", "to_currency", "day")]
        return "-".join(parts) if all(parts) else number_of_line
    return text(row[KEYS[entity]]) or number_of_line


def index(shares: Mapping[str, tuple[int, int]], weights: Mapping[str, Fraction]) -> Fraction:
    """The weighed share: rule -> (records that pass, records)."""
    passed = sum((weights[rule] * Fraction(*counts) for rule, counts in shares.items()), Fraction(0))
    return passed / sum((weights[rule] for rule in shares), Fraction(0))


def counted(
    failures: Iterable[tuple[str, str, set[str]]], rules: Mapping[str, list[str]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """(source, rule) -> records that pass and records; source `all` is all of them. Takes source, entity, failed."""
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for source, entity, failed in failures:
        for rule in rules[entity]:
            for where in (source, "all"):
                counts[where, rule][0] += rule not in failed
                counts[where, rule][1] += 1
    return {key: (passed, records) for key, (passed, records) in counts.items()}
