"""A company in plain CSV files whose every record is right, and one way of breaking each rule of the catalogue.

Each entity has one file per source. A right record breaks no rule; a wrong one is a right one with the few fields
changed that `DEFECTS` names, and must break that rule and no other. The values are written down here by hand, so that
nothing of the product decides what is right.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

Row = dict[str, str]

#: What breaks a line in such a way that it cannot be read: one value less than there are columns.
UNREADABLE: Row = {"_unreadable": "yes"}

RIGHT: dict[str, Row] = {
    "customers": {
        "account_id": "A{n}", "email": "anna@corner-guests.example", "phone": "030 23125101", "loyalty_card": "",
        "first_name": "Anna", "last_name": "Quitte", "full_name": "", "birth_date": "1980-02-29",
        "street": "Am Markt 1", "city": "Berlin", "postal_code": "", "country_code": "DE",
        "email_consent": "yes", "created_at": "2024-01-05 10:00:00", "updated_at": "2025-01-05 10:00:00",
    },
    "products": {
        "product_id": "P{n}", "sku": "LOAF-{n}", "product_name": "Loaf {n}", "unit_cost": "1.20", "unit_price": "3.50",
        "currency": "CHF", "updated_at": "2025-01-05 10:00:00",
    },
    "orders": {
        "order_id": "O{n}", "account_id": "A1", "email": "anna@corner-guests.example", "phone": "030 23125101",
        "loyalty_card": "", "ordered_at": "2025-03-04 09:30:00", "status": "paid", "currency": "CHF",
        "gross_amount": "20.00", "discount_amount": "2.00", "shipping_amount": "5.00", "tax_amount": "1.50",
        "total_amount": "23.00", "refund_amount": "", "updated_at": "2025-03-05 09:30:00",
    },
    "order_lines": {
        "order_line_id": "L{n}", "order_id": "O1", "product_id": "P1", "line_kind": "product", "quantity": "2",
        "unit_price": "10.00", "discount_amount": "2.00", "is_return": "no", "currency": "CHF",
        "ordered_at": "2025-03-04 09:30:00", "updated_at": "2025-03-05 09:30:00",
    },
    "email_events": {
        "event_id": "E{n}", "message_id": "M{n}", "campaign_id": "C1", "email": "anna@corner-guests.example",
        "account_id": "A1", "event": "open", "occurred_at": "2025-03-04 09:30:00",
    },
    "campaigns": {
        "campaign_id": "C{n}", "campaign_name": "Spring", "started_at": "2025-03-04 09:30:00", "cost_amount": "100",
        "currency": "CHF", "updated_at": "2025-03-05 09:30:00",
    },
    "exchange_rates": {"from_currency": "CHF", "to_currency": "EUR", "day": "2025-03-04", "rate": "1.05{n}"},
    "calls": {
        "call_id": "T{n}", "phone": "030 23125101", "account_id": "A1", "started_at": "2025-03-04 09:30:00",
        "wait_seconds": "12", "talk_seconds": "200", "recording_seconds": "190", "part_of": "",
        "updated_at": "2025-03-05 09:30:00",
    },
    "tickets": {
        "ticket_id": "Z{n}", "account_id": "A1", "email": "anna@corner-guests.example", "phone": "030 23125101",
        "status": "solved", "created_at": "2025-03-04 09:30:00", "solved_at": "2025-03-06 09:30:00",
        "first_reply_at": "2025-03-05 09:30:00", "satisfaction": "4", "part_of": "",
        "updated_at": "2025-03-06 09:30:00",
    },
    "consents": {
        "consent_id": "S{n}", "account_id": "A1", "email": "anna@corner-guests.example", "phone": "030 23125101",
        "channel": "email", "status": "granted", "occurred_at": "2025-03-04 09:30:00",
    },
    "surveys": {
        "response_id": "R{n}", "account_id": "A1", "email": "anna@corner-guests.example", "phone": "030 23125101",
        "kind": "nps", "score": "10", "scale_min": "0", "scale_max": "10", "asked_at": "2025-03-04 09:30:00",
        "responded_at": "2025-03-05 09:30:00", "order_id": "O1", "product_id": "P1", "channel": "email",
        "updated_at": "2025-03-05 09:30:00",
    },
    "experiment_assignments": {
        "assignment_id": "X{n}", "experiment_id": "spring", "arm": "A", "role": "treatment", "planned_share": "0.5",
        "account_id": "A1", "email": "anna@corner-guests.example", "phone": "030 23125101", "campaign_id": "C1",
        "assigned_at": "2025-03-04 09:30:00", "updated_at": "2025-03-05 09:30:00",
    },
    "subscriptions": {
        "subscription_id": "B{n}", "account_id": "A1", "email": "anna@corner-guests.example", "phone": "030 23125101",
        "plan": "bread box", "product_id": "P1", "started_at": "2025-03-04 09:30:00", "ended_at": "2025-06-04 09:30:00",
        "period_months": "3", "price_amount": "30.00", "currency": "CHF", "status": "cancelled",
        "updated_at": "2025-06-04 09:30:00",
    },
    "web_events": {
        "event_id": "W{n}", "visitor_id": "V1", "account_id": "A1", "email": "anna@corner-guests.example",
        "event": "page_view", "occurred_at": "2025-03-04 09:30:00",
    },
    "partners": {
        "partner_id": "M{n}", "partner_name": "Marta Mehl", "kind": "Employee", "email": "anna@corner-guests.example",
        "phone": "030 23125101", "country_code": "DE", "owner": "M0", "agent_id": "7",
        "started_at": "2024-01-05 10:00:00", "ended_at": "2025-01-05 10:00:00", "updated_at": "2025-01-05 10:00:00",
    },
    "partner_links": {
        "link_id": "K{n}", "partner_id": "M2", "role": "account_owner", "account_id": "A1",
        "email": "anna@corner-guests.example", "phone": "030 23125101", "product_id": "P1",
        "valid_from": "2024-03-04 09:30:00", "valid_to": "2025-03-04 09:30:00", "updated_at": "2025-03-05 09:30:00",
    },
    "partner_contacts": {
        "contact_id": "N{n}", "partner_id": "M2", "contacted_at": "2025-03-04 09:30:00", "channel": "visit",
        "direction": "out", "employee": "M3", "reason": "prices", "next_step_on": "2025-04-01",
        "updated_at": "2025-03-05 09:30:00",
    },
}  # fmt: skip

#: One way of breaking each rule. Where something else hangs on the field, it is changed as well.
DEFECTS: dict[str, Row] = {
    "customers_readable": UNREADABLE,
    "customers_account_id_present": {"account_id": ""},
    "customers_email_format": {"email": "anna@@corner-guests.example"},
    "customers_phone_format": {"phone": "12"},
    "customers_birth_date_readable": {"birth_date": "1981-02-29"},
    "customers_birth_date_plausible": {"birth_date": "1899-12-31"},
    "customers_birth_date_not_placeholder": {"birth_date": "1970-01-01"},
    "customers_country_code_known": {"country_code": "XX"},
    "customers_email_not_disposable": {"email": "anna@mailinator.com"},
    "customers_postal_code_format": {"postal_code": "1011"},
    "customers_first_name_format": {"first_name": "asdfgh"},
    "customers_last_name_format": {"last_name": "unknown"},
    "customers_full_name_format": {"full_name": "keine Angabe"},
    "customers_name_not_doubtful": {"full_name": "Max Mustermann"},
    "customers_consents_readable": {"email_consent": "perhaps"},
    "customers_created_at_readable": {"created_at": "in spring"},
    "products_readable": UNREADABLE,
    "products_product_id_present": {"product_id": ""},
    "products_unit_cost_not_negative": {"unit_cost": "-0.01"},
    "products_unit_cost_readable": {"unit_cost": "cheap"},
    "products_unit_price_readable": {"unit_price": "3,50"},
    "products_product_name_present": {"product_name": " "},
    "products_exchange_rate_known": {"currency": "ISK"},
    "products_unit_price_not_negative": {"unit_price": "-3.50"},
    "orders_readable": UNREADABLE,
    "orders_order_id_present": {"order_id": ""},
    "orders_ordered_at_readable": {"ordered_at": "2025-02-30 09:30:00"},
    "orders_ordered_at_not_future": {"ordered_at": "2096-03-04 09:30:00", "currency": "EUR"},
    "orders_gross_amount_readable": {"gross_amount": "20,00"},
    "orders_email_format": {"email": "anna"},
    "orders_email_not_disposable": {"email": "anna@mailinator.com"},
    "orders_phone_format": {"phone": "000000000000"},
    "orders_customer_known": {"account_id": "", "email": "", "phone": ""},
    "orders_exchange_rate_known": {"currency": "ISK"},
    "orders_account_received": {"account_id": "A-nobody"},
    "orders_ordered_at_not_1970": {"ordered_at": "1970-01-01 01:00:00", "currency": "EUR"},
    "orders_status_known": {"status": "teleported"},
    "orders_amounts_readable": {"tax_amount": "some"},
    "orders_total_adds_up": {"total_amount": "32.00"},
    "orders_discount_within_gross": {"discount_amount": "20.06", "total_amount": "4.94"},
    "orders_refund_within_total": {"refund_amount": "26.56"},
    "order_lines_readable": UNREADABLE,
    "order_lines_order_id_present": {"order_id": ""},
    "order_lines_product_id_present": {"product_id": ""},
    "order_lines_quantity_readable": {"quantity": "two"},
    "order_lines_quantity_not_zero": {"quantity": "0", "discount_amount": ""},
    "order_lines_unit_price_readable": {"unit_price": "free"},
    "order_lines_unit_price_positive": {"unit_price": "0.00", "discount_amount": ""},
    "order_lines_ordered_at_readable": {"ordered_at": "on Monday"},
    "order_lines_quantity_plausible": {"quantity": "10001"},
    "order_lines_exchange_rate_known": {"currency": "ISK"},
    "order_lines_product_received": {"product_id": "P-nothing"},
    "order_lines_quantity_sign": {"quantity": "-2"},
    "order_lines_ordered_at_plausible": {"ordered_at": "1970-01-01 01:00:00", "currency": "EUR"},
    "order_lines_discount_within_price": {"discount_amount": "20.06"},
    "email_events_readable": UNREADABLE,
    "email_events_event_id_present": {"event_id": ""},
    "email_events_event_known": {"event": "teleported"},
    "email_events_occurred_at_readable": {"occurred_at": "soon"},
    "email_events_occurred_at_not_future": {"occurred_at": "2096-03-04 09:30:00"},
    "email_events_occurred_at_plausible": {"occurred_at": "1999-12-31 12:00:00"},
    "email_events_recipient_present": {"email": "", "account_id": ""},
    "email_events_email_format": {"email": "anna @ corner-guests.example"},
    "email_events_campaign_known": {"campaign_id": "", "message_id": ""},
    "campaigns_readable": UNREADABLE,
    "campaigns_campaign_id_present": {"campaign_id": ""},
    "campaigns_cost_amount_readable": {"cost_amount": "a lot"},
    "campaigns_cost_amount_not_negative": {"cost_amount": "-100"},
    "campaigns_started_at_readable": {"started_at": "in spring"},
    "campaigns_campaign_name_present": {"campaign_name": ""},
    "campaigns_exchange_rate_known": {"currency": "ISK"},
    "exchange_rates_readable": UNREADABLE,
    "exchange_rates_currencies_present": {"to_currency": "EURO"},
    "exchange_rates_day_readable": {"day": "2025-02-30"},
    "exchange_rates_rate_positive": {"rate": "0"},
    "calls_readable": UNREADABLE,
    "calls_call_id_present": {"call_id": ""},
    "calls_started_at_readable": {"started_at": "soon"},
    "calls_started_at_not_future": {"started_at": "2096-03-04 09:30:00"},
    "calls_started_at_not_1970": {"started_at": "1970-01-01 01:00:00"},
    "calls_talk_seconds_not_negative": {"talk_seconds": "-1"},
    "calls_talk_seconds_readable": {"talk_seconds": "3 min"},
    "calls_wait_seconds_not_negative": {"wait_seconds": "-1"},
    "calls_phone_format": {"phone": "12"},
    "calls_caller_known": {"phone": "", "account_id": ""},
    "calls_recording_seconds_not_negative": {"recording_seconds": "-1"},
    "tickets_readable": UNREADABLE,
    "tickets_ticket_id_present": {"ticket_id": ""},
    "tickets_created_at_readable": {"created_at": "yesterday"},
    "tickets_created_at_not_future": {"created_at": "2096-03-04 09:30:00", "solved_at": "", "first_reply_at": ""},
    "tickets_created_at_not_1970": {"created_at": "1970-01-01 01:00:00"},
    "tickets_status_known": {"status": "teleported"},
    "tickets_status_present": {"status": ""},
    "tickets_updated_at_readable": {"updated_at": "later"},
    "tickets_solved_at_not_before_opening": {"solved_at": "2025-03-03 09:30:00"},
    "tickets_first_reply_at_not_before_opening": {"first_reply_at": "2025-03-03 09:30:00"},
    "tickets_satisfaction_in_range": {"satisfaction": "6"},
    "tickets_email_format": {"email": "anna"},
    "tickets_phone_format": {"phone": "12"},
    "tickets_requester_known": {"email": "", "phone": "", "account_id": ""},
    "consents_readable": UNREADABLE,
    "consents_consent_id_present": {"consent_id": ""},
    "consents_channel_known": {"channel": "pigeon"},
    "consents_status_known": {"status": "perhaps"},
    "consents_occurred_at_readable": {"occurred_at": "soon"},
    "consents_occurred_at_not_future": {"occurred_at": "2096-03-04 09:30:00"},
    "consents_occurred_at_not_1970": {"occurred_at": "1970-01-01 01:00:00"},
    "consents_refused_at_plausible": {"status": "denied", "occurred_at": "2096-03-04 09:30:00"},
    "consents_person_present": {"email": "", "phone": "", "account_id": ""},
    "consents_email_format": {"email": "anna"},
    "consents_phone_format": {"phone": "12"},
    "surveys_readable": UNREADABLE,
    "surveys_response_id_present": {"response_id": ""},
    "surveys_responded_at_readable": {"responded_at": "soon"},
    "surveys_responded_at_not_future": {"responded_at": "2096-03-05 09:30:00"},
    "surveys_responded_at_not_1970": {"asked_at": "", "responded_at": "1970-01-01 01:00:00"},
    "surveys_score_readable": {"score": "very"},
    "surveys_score_within_scale": {"scale_min": "", "scale_max": "", "score": "11"},
    "surveys_scale_runs_upwards": {"scale_min": "10"},
    "surveys_scale_readable": {"scale_max": "ten"},
    "surveys_kind_known": {"kind": "smile"},
    "surveys_asked_at_readable": {"asked_at": "before"},
    "surveys_asked_at_not_after_answer": {"asked_at": "2025-03-06 09:30:00"},
    "surveys_email_format": {"email": "anna"},
    "surveys_phone_format": {"phone": "12"},
    "surveys_respondent_known": {"email": "", "phone": "", "account_id": ""},
    "experiment_assignments_readable": UNREADABLE,
    "experiment_assignments_experiment_present": {"experiment_id": ""},
    "experiment_assignments_arm_present": {"arm": ""},
    "experiment_assignments_assigned_at_readable": {"assigned_at": "2025-02-30"},
    "experiment_assignments_assigned_at_not_future": {"assigned_at": "2096-03-04 09:30:00"},
    "experiment_assignments_assigned_at_not_1970": {"assigned_at": "1970-01-01 01:00:00"},
    "experiment_assignments_planned_share_readable": {"planned_share": "half"},
    "experiment_assignments_planned_share_in_range": {"planned_share": "50"},
    "experiment_assignments_email_format": {"email": "anna"},
    "experiment_assignments_phone_format": {"phone": "12"},
    "experiment_assignments_person_known": {"email": "", "phone": "", "account_id": ""},
    "subscriptions_readable": UNREADABLE,
    "subscriptions_subscription_id_present": {"subscription_id": ""},
    "subscriptions_started_at_readable": {"started_at": "soon"},
    "subscriptions_started_at_plausible": {"started_at": "2096-03-04 09:30:00", "ended_at": "", "currency": "EUR"},
    "subscriptions_ended_at_readable": {"ended_at": "2025-02-30"},
    "subscriptions_ended_at_not_before_start": {"ended_at": "2025-03-03 09:30:00"},
    "subscriptions_period_months_readable": {"period_months": "1.5"},
    "subscriptions_period_months_positive": {"period_months": "0"},
    "subscriptions_price_amount_readable": {"price_amount": "30,00"},
    "subscriptions_price_amount_not_negative": {"price_amount": "-30.00"},
    "subscriptions_exchange_rate_known": {"currency": "ISK"},
    "subscriptions_updated_at_readable": {"updated_at": "later"},
    "subscriptions_email_format": {"email": "anna"},
    "subscriptions_phone_format": {"phone": "12"},
    "subscriptions_subscriber_known": {"email": "", "phone": "", "account_id": ""},
    "web_events_readable": UNREADABLE,
    "web_events_event_id_present": {"event_id": ""},
    "web_events_occurred_at_readable": {"occurred_at": "soon"},
    "web_events_occurred_at_not_future": {"occurred_at": "2096-03-04 09:30:00"},
    "web_events_occurred_at_not_1970": {"occurred_at": "1970-01-01 01:00:00"},
    "web_events_visitor_present": {"visitor_id": "", "account_id": ""},
    "web_events_email_format": {"email": "anna"},
    "web_events_event_present": {"event": ""},
    "partners_readable": UNREADABLE,
    "partners_partner_id_present": {"partner_id": ""},
    "partners_partner_name_present": {"partner_name": ""},
    "partners_kind_known": {"partner_id": "FRIEND", "kind": "friend"},
    "partners_started_at_readable": {"started_at": "in spring"},
    "partners_ended_at_readable": {"ended_at": "2025-02-30"},
    "partners_ended_at_not_before_start": {"ended_at": "2024-01-04 10:00:00"},
    "partners_owner_is_another": {"partner_id": "SELF", "owner": "SELF"},
    "partners_updated_at_readable": {"updated_at": "later"},
    "partners_email_format": {"email": "anna"},
    "partners_phone_format": {"phone": "12"},
    "partners_country_code_known": {"country_code": "XX"},
    "partner_links_readable": UNREADABLE,
    "partner_links_partner_present": {"partner_id": ""},
    "partner_links_partner_received": {"partner_id": "NOBODY"},
    "partner_links_role_known": {"role": "cousin"},
    "partner_links_target_present": {"account_id": "", "email": "", "phone": "", "product_id": ""},
    "partner_links_target_fits_role": {"role": "Supplier", "product_id": ""},
    "partner_links_owner_is_employee": {"partner_id": "FRIEND"},
    "partner_links_account_received": {"account_id": "A999"},
    "partner_links_product_received": {"product_id": "P999"},
    "partner_links_valid_from_readable": {"valid_from": "always"},
    "partner_links_valid_to_readable": {"valid_to": "2025-02-30"},
    "partner_links_valid_to_not_before_start": {"valid_to": "2024-03-03 09:30:00"},
    "partner_links_updated_at_readable": {"updated_at": "later"},
    "partner_links_email_format": {"email": "anna"},
    "partner_links_phone_format": {"phone": "12"},
    "partner_contacts_readable": UNREADABLE,
    "partner_contacts_contact_id_present": {"contact_id": ""},
    "partner_contacts_partner_present": {"partner_id": ""},
    "partner_contacts_partner_received": {"partner_id": "NOBODY"},
    "partner_contacts_contacted_at_readable": {"contacted_at": "soon"},
    "partner_contacts_contacted_at_not_future": {"contacted_at": "2096-03-04 09:30:00", "next_step_on": ""},
    "partner_contacts_contacted_at_not_1970": {"contacted_at": "1970-01-01 01:00:00"},
    "partner_contacts_direction_known": {"direction": "sideways"},
    "partner_contacts_next_step_on_readable": {"next_step_on": "next week"},
    "partner_contacts_next_step_not_before_contact": {"next_step_on": "2025-03-01"},
    "partner_contacts_updated_at_readable": {"updated_at": "later"},
}


def entity_of(rule: str) -> str:
    """The entity that a rule's name begins with; the longest, because `orders` and `order_lines` both begin alike."""
    return max((entity for entity in RIGHT if rule.startswith(f"{entity}_")), key=len)


def record(entity: str, number: int, changes: Mapping[str, str] | None = None) -> Row:
    """The n-th right record of an entity, with some fields changed."""
    row = {field: value.replace("{n}", str(number)) for field, value in RIGHT[entity].items()}
    return {**row, **(changes or {})}


def write_company(folder: Path, sources: Mapping[str, Mapping[str, Iterable[Row]]]) -> Path:
    """Write a company of CSV files and return its company file.

    Args:
        folder: Where to; made.
        sources: Source -> entity -> its records. Each entity is a dataset of its own, one file each.
    """
    text = io.StringIO()
    text.write(
        "company: {id: defects, name: Defects}\ntime_zone: Europe/Berlin\ncurrency: EUR\ncountry: DE\n"
        "as_of: latest\nvalidity: {goal: 0.01}\ncharts: {enabled: false}\nsources:\n"
    )
    for source, entities in sources.items():
        text.write(f"  {source}:\n    type: files\n    channel: shop\n    owner: a@corner.example\n    datasets:\n")
        for entity, rows in entities.items():
            columns = list(RIGHT[entity])
            mapped = ", ".join(f"{column}: {column}" for column in columns)
            text.write(
                f"      {entity}:\n        path: {source}/{entity}.csv\n        entities:\n"
                f"          - entity: {entity}\n            columns: {{{mapped}}}\n"
            )
            file = folder / source / f"{entity}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", encoding="utf-8", newline="") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerow(columns)
                for row in rows:
                    values = [row[column] for column in columns]
                    writer.writerow(values[:-1] if "_unreadable" in row else values)
    (folder / "company.yaml").write_text(text.getvalue(), encoding="utf-8")
    return folder / "company.yaml"
