"""The truth agrees with the files: what it lists is there, and nothing else is wrong."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import datetime

import pytest
from email_validator import EmailNotValidError, validate_email

from expectations.catalogue import load_rules

RIGHT_EVENTS = {"send", "delivered", "open", "click", "hard_bounce", "unsub", "spam"}


def _time(value, form):
    try:
        return datetime.strptime(value, form)  # noqa: DTZ007 - only whether it can be read counts
    except (TypeError, ValueError):
        return None


def _is_email(value):
    try:
        validate_email(value, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _number(value):
    try:
        return float(str(value).replace(",", "."))
    except ValueError:
        return None


def _digits(value):
    return bool(re.fullmatch(r"[+0-9 ()/-]{9,}", value)) and not re.fullmatch(r"0+", value)


# For each dataset: the time format, and a check per rule that says whether a row keeps it. Written here by hand, apart
# from the generator and from the rule catalogue.
ISO, GERMAN, UTC = "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"


def _line_checks(order, product, quantity, price):
    return {
        "order_lines_order_id_present": lambda row: row[order] is not None,
        "order_lines_product_id_present": lambda row: row[product] is not None,
        "order_lines_quantity_readable": lambda row: _number(row[quantity]) is not None,
        "order_lines_quantity_not_zero": lambda row: _number(row[quantity]) != 0,
        "order_lines_unit_price_readable": lambda row: _number(row[price]) is not None,
        "order_lines_unit_price_positive": lambda row: _number(row[price]) is None or _number(row[price]) > 0,
    }


def _customer_checks(key, email, phone=None, birth=None, birth_form="", country=None, countries=()):
    checks = {
        "customers_account_id_present": lambda row: row[key] is not None,
        "customers_email_format": lambda row: row[email] is None or _is_email(row[email]),
    }
    if phone:
        checks |= {
            "customers_phone_format": lambda row: row[phone] is None or _digits(row[phone]),
            "customers_birth_date_plausible": lambda row: (
                row[birth] is None or 1900 <= _time(row[birth], birth_form).year <= 2026
            ),
            "customers_country_code_known": lambda row: row[country] in countries,
        }
    return checks


def _time_checks(entity, column, form, name="occurred_at"):
    return {
        f"{entity}_{name}_readable": lambda row: _time(row[column], form) is not None,
        f"{entity}_{name}_not_future": lambda row: (
            _time(row[column], form) is None or _time(row[column], form).year <= 2026
        ),
    }


CHECKS = {
    "shop/orders/": {
        "orders_order_id_present": lambda row: row["order_id"] is not None,
        **_time_checks("orders", "ordered_at", ISO, "ordered_at"),
    },
    "shop/order_lines/": _line_checks("order_id", "product_id", "quantity", "unit_price"),
    "shop/customers.csv": _customer_checks(
        "customer_id", "email", "phone", "birth_date", "%Y-%m-%d", "country_code", ("DE", "FR", "AT", "CH")
    ),
    "shop/products.csv": {
        "products_product_id_present": lambda row: row["product_id"] is not None,
        "products_unit_cost_not_negative": lambda row: _number(row["unit_cost"]) >= 0,
    },
    "tills/receipts/": {
        **_line_checks("receipt", "article", "qty", "price"),
        **_time_checks("orders", "time", GERMAN, "ordered_at"),
    },
    "tills/members.csv": _customer_checks(
        "Mitgliedsnummer", "EMail", "Telefon", "Geburtsdatum", "%d.%m.%Y", "Land", ("D", "F", "A", "CH")
    ),
    "newsletter/events/": {
        "email_events_event_id_present": lambda row: row["id"] is not None,
        "email_events_event_known": lambda row: row["event"] in RIGHT_EVENTS,
        "email_events_recipient_present": lambda row: row["recipient"] is not None,
        **_time_checks("email_events", "timestamp", UTC),
    },
    "newsletter/campaigns.csv": {"campaigns_campaign_id_present": lambda row: row["campaign_id"] is not None},
    "newsletter/subscribers.csv": _customer_checks("subscriber_id", "email"),
    "phone/": {
        "calls_call_id_present": lambda row: row["call_no"] is not None,
        "calls_started_at_readable": lambda row: _time(f"{row['date']} {row['time']}", GERMAN) is not None,
        "calls_talk_seconds_not_negative": lambda row: _number(row["talk_s"]) >= 0,
        "calls_phone_format": lambda row: row["number"] == "anonymous" or _digits(row["number"]),
    },
    "site/": {
        "web_events_event_id_present": lambda row: row["event_id"] is not None,
        "web_events_occurred_at_readable": lambda row: _time(row["occurred_at"], UTC) is not None,
        "web_events_visitor_present": lambda row: row["visitor_id"] is not None or row["user_id"] is not None,
    },
}


def _checks_of(name):
    return next(checks for start, checks in CHECKS.items() if name.startswith(start))


def test_every_listed_error_is_in_its_file_and_breaks_its_rule(demo):
    errors = demo.truth("errors.csv")
    assert len(errors) > 1000
    for error in errors:
        row = demo.files[error["file"]][int(error["row_number"]) - 1]
        assert row[error["column"]] == error["value_after"], error
        made_up = error["entity"] in ("products", "campaigns")  # rows that were never right
        assert made_up or error["value_after"] != error["value_before"]
        assert not _checks_of(error["file"])[error["rule"]](row), error


def test_every_broken_rule_is_listed_and_no_record_breaks_two(demo):
    listed = {(row["file"], row["row_number"], row["rule"]) for row in demo.truth("errors.csv")}
    found = set()
    for name, rows in demo.files.items():
        receipts_seen = set()
        for number, row in enumerate(rows, start=1):
            broken = [rule for rule, keeps in _checks_of(name).items() if not keeps(row)]
            if name.startswith("tills/receipts/"):
                # A receipt's time stands on each of its lines; the first line is the record.
                if row["receipt"] in receipts_seen:
                    broken = [rule for rule in broken if not rule.startswith("orders_")]
                receipts_seen.add(row["receipt"])
            assert len(broken) <= 1, (name, number, broken)
            found |= {(name, str(number), rule) for rule in broken}
    assert found == listed


def test_all_rules_of_the_list_exist_and_each_occurs(demo):
    severity = {rule.id: rule.severity for rule in load_rules()}
    errors = demo.truth("errors.csv")
    assert {error["rule"]: error["severity"] for error in errors} == {
        rule: severity[rule] for checks in CHECKS.values() for rule in checks
    }


def test_the_share_of_errors_is_the_one_asked_for(demo):
    summary = json.loads((demo.folder / "truth" / "summary.json").read_text("utf-8"))
    total = summary["total"]
    assert 0.055 <= (total["invalid"] + total["invalid_fields"]) / total["records"] <= 0.065
    assert 0.007 <= total["duplicates"] / total["records"] <= 0.011
    for entity in summary["entities"]:
        if entity["records"] > 1000:
            share = (entity["invalid"] + entity["invalid_fields"]) / entity["records"]
            assert share == pytest.approx(0.06, abs=0.002), entity


def test_the_summary_counts_what_the_files_hold(demo):
    summary = json.loads((demo.folder / "truth" / "summary.json").read_text("utf-8"))
    starts = {
        ("shop", "orders"): "shop/orders/",
        ("shop", "order_lines"): "shop/order_lines/",
        ("shop", "customers"): "shop/customers.csv",
        ("shop", "products"): "shop/products.csv",
        ("tills", "receipts"): "tills/receipts/",
        ("tills", "members"): "tills/members.csv",
        ("newsletter", "events"): "newsletter/events/",
        ("newsletter", "campaigns"): "newsletter/campaigns.csv",
        ("newsletter", "subscribers"): "newsletter/subscribers.csv",
        ("phone", "calls"): "phone/",
        ("site", "events"): "site/",
    }
    errors, duplicates = Counter(), Counter()
    for row in demo.truth("errors.csv"):
        errors[row["source"], row["dataset"], row["entity"], row["severity"]] += 1
    for row in demo.truth("duplicates.csv"):
        duplicates[row["source"], row["dataset"], row["entity"]] += 1
    for count in summary["entities"]:
        key = count["source"], count["dataset"], count["entity"]
        if key == ("tills", "receipts", "orders"):
            files = [rows for name, rows in demo.files.items() if name.startswith("tills/receipts/")]
            expected = sum(len({row["receipt"] for row in rows} - {None}) for rows in files)
        else:
            expected = len(demo.rows(starts[key[:2]]))
        assert count["records"] == expected
        assert count["invalid"] == errors[*key, "record"]
        assert count["invalid_fields"] == errors[*key, "field"]
        assert count["duplicates"] == duplicates[key]


def test_duplicates_are_equal_to_the_record_they_repeat_and_right(demo):
    duplicates = demo.truth("duplicates.csv")
    wrong = demo.wrong_rows()
    elsewhere = 0
    for row in duplicates:
        place, first = (row["file"], int(row["row_number"])), (row["first_file"], int(row["first_row_number"]))
        assert demo.files[place[0]][place[1] - 1] == demo.files[first[0]][first[1] - 1]
        assert place != first
        assert not wrong & {place, first}
        elsewhere += place[0] != first[0]
    assert 0 < elsewhere < len(duplicates)


def _references(demo):
    """The reference of each record that is right, read from the files."""
    bad = {
        (row["file"], int(row["row_number"]))
        for row in demo.truth("errors.csv")
        if row["severity"] == "record" and row["entity"] != "order_lines"
    }
    no_phone = {
        (row["file"], int(row["row_number"])) for row in demo.truth("errors.csv") if row["rule"] == "calls_phone_format"
    }
    e164 = {}
    for name, rows in demo.files.items():
        receipts = set()
        for number, row in enumerate(rows, start=1):
            ref = None
            if name.startswith("shop/orders/"):
                ref = f"account:{row['customer_id']}" if row["customer_id"] else f"email:{row['email'].lower()}"
            elif name in ("shop/customers.csv", "tills/members.csv", "newsletter/subscribers.csv"):
                key = {"shop": "customer_id", "till": "Mitgliedsnummer", "news": "subscriber_id"}[name[:4]]
                ref = f"account:{row[key]}"
            elif name.startswith("tills/receipts/") and row["receipt"] and row["receipt"] not in receipts:
                receipts.add(row["receipt"])
                ref = row["card"] and f"card:{row['card']}"
            elif name.startswith("newsletter/events/"):
                ref = f"email:{row['recipient'].lower()}" if row["recipient"] else None
            elif name.startswith("phone/"):
                ref = row["customer_no"] and f"account:{row['customer_no']}"
                if not ref and row["number"] != "anonymous" and (name, number) not in no_phone:
                    ref = f"phone:{_e164(row['number'], e164)}"
            elif name.startswith("site/"):
                ref = row["user_id"] and f"account:{row['user_id']}"
            if ref and (name, number) not in bad:
                yield name.split("/")[0], ref


def _e164(number, seen):
    import phonenumbers

    if number not in seen:
        parsed = phonenumbers.parse(number, "DE")
        seen[number] = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return seen[number]


def test_the_people_cover_every_reference_once(demo):
    people = demo.truth("people.csv")
    refs = [(row["source"], row["source_record_id"]) for row in people]
    assert len(refs) == len(set(refs))
    assert set(refs) == set(_references(demo))


def test_people_are_shared_across_channels_and_some_are_in_one_only(demo):
    places = defaultdict(set)
    for row in demo.truth("people.csv"):
        places[row["person_id"]].add(row["source"])
    sources = Counter(len(known) for known in places.values())
    assert sources[1] > 20
    assert sources[2] > 20
    assert sources[3] + sources[4] + sources[5] > 20


def test_visitors_lead_to_the_person_who_logs_in(demo):
    person_of_visitor = {row["visitor_id"]: row["person_id"] for row in demo.truth("visitors.csv")}
    person_of_account = {
        row["source_record_id"].removeprefix("account:"): row["person_id"]
        for row in demo.truth("people.csv")
        if row["source"] == "site"
    }
    checked = 0
    for row in demo.rows("site/"):
        if row["user_id"] in person_of_account and row["visitor_id"]:
            assert person_of_visitor[row["visitor_id"]] == person_of_account[row["user_id"]]
            checked += 1
    assert checked > 100
