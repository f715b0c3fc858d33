"""The truth agrees with the files: what it lists is there, and what is there is listed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import polars as pl
import pytest

from expectations.catalogue import load_rules
from sources.sample.snowplow import COLUMNS

E164 = phonenumbers.PhoneNumberFormat.E164


def _value(row, field):
    """A value by its dotted path; of a list's elements all of them."""
    for part in field.split("."):
        row = [one.get(part) for one in row] if isinstance(row, list) else row.get(part)
    return row


def _text(value):
    """A value of JSON as the generator notes it."""
    return value if isinstance(value, str) else json.dumps(value)


def test_every_error_is_where_it_is_said_to_be(company):
    checked = Counter()
    for error in company.truth("errors").filter(pl.col("caused_by").is_null()).iter_rows(named=True):
        row = company.files[error["file"]][error["row_number"] - 1]
        if error["kind"] == "cut_off":
            assert row is None, error
        elif isinstance(row, list):
            value = row[COLUMNS.index(error["field"])]
            assert value == error["value_after"] != error["value_before"], error
        elif error["entity"] == "order_lines" and error["source"] == "webshop":
            line = next(line for line in row["line_items"] if str(line["id"]) == error["record_key"])
            assert _text(line[error["field"].rpartition(".")[2]]) == error["value_after"].strip('"'), error
        elif error["entity"] == "products":
            assert error["value_after"] in (None, _value(row, error["field"]))
        else:
            value = _value(row, error["field"])
            after = error["value_after"]
            assert (value in (None, "")) if after is None else _text(value) == after.strip('"'), error
        checked[error["source"]] += 1
    assert set(checked) == {
        "webshop", "tills", "mailer", "list", "phone", "desk", "site", "app", "survey", "boxes", "office", "trials",
    }  # fmt: skip
    assert sum(checked.values()) > 1000


def test_every_rule_of_the_errors_exists_and_says_the_same_severity(company):
    severity = {rule.id: rule.severity for rule in load_rules()}
    errors = company.truth("errors")
    listed = {
        (row["rule"], row["severity"]) for row in errors.select("rule", "severity").unique().iter_rows(named=True)
    }
    assert {(rule, severity.get(rule)) for rule, _ in listed} == listed


def test_the_issues_bad_input_occurs(company):
    kinds = set(company.truth("errors")["kind"])
    assert kinds >= {
        "cut_off", "no_id", "time_unreadable", "time_in_future", "time_in_1970", "total_does_not_add_up",
        "currency_without_rate", "unknown_customer", "unknown_product", "quantity_negative", "quantity_zero",
        "price_negative", "unknown_event", "no_recipient", "no_visitor", "email_unusable", "phone_unusable",
        "country_unknown", "birth_date_impossible",
    }  # fmt: skip
    assert "delivered_five_times" in set(company.truth("duplicates")["kind"])
    assert "older_version" in set(company.truth("duplicates")["kind"])


def test_no_record_breaks_two_rules(company):
    errors = company.truth("errors").filter(pl.col("caused_by").is_null())
    key = ["source", "dataset", "file", "row_number", "entity", "record_key"]
    assert errors.filter(pl.struct(key).is_duplicated()).is_empty()


def test_the_counts_are_those_of_the_files(company):
    counts = {
        (one["source"], one["dataset"], one["entity"]): one
        for one in json.loads((company.folder / "truth" / "summary.json").read_text("utf-8"))["entities"]
    }
    starts = {
        ("webshop", "customers", "customers"): "shopify/customers/",
        ("webshop", "orders", "orders"): "shopify/orders/",
        ("tills", "members", "customers"): "tills/members/",
        ("tills", "receipts", "order_lines"): "tills/receipts/",
        ("mailer", "events", "email_events"): "sendgrid/",
        ("list", "members", "customers"): "mailchimp/members/",
        ("phone", "calls", "calls"): "twilio/calls/",
        ("phone", "queue_callbacks", "calls"): "twilio/queue",
        ("desk", "tickets", "tickets"): "zendesk/tickets/",
        ("desk", "users", "customers"): "zendesk/users/",
        ("site", "events", "web_events"): "snowplow/",
        ("app", "events", "web_events"): "segment/",
        ("survey", "answers", "surveys"): "survey/",
        ("boxes", "contracts", "subscriptions"): "boxes/",
        ("trials", "lists", "experiment_assignments"): "trials/",
        ("office", "partners", "partners"): "partners/partners.csv",
        ("office", "links", "partner_links"): "partners/links.csv",
        ("office", "contacts", "partner_contacts"): "partners/contacts",
    }
    errors, duplicates = company.truth("errors"), company.truth("duplicates")
    for key, start in starts.items():
        mine = (pl.col("source") == key[0]) & (pl.col("dataset") == key[1]) & (pl.col("entity") == key[2])
        assert counts[key]["records"] == len(company.rows(start)), key
        assert counts[key]["invalid"] == errors.filter(mine & (pl.col("severity") == "record")).height
        assert counts[key]["duplicates"] == duplicates.filter(mine).height
    receipts = {
        (name, row["Bon"]) for name, rows in company.files.items() if "receipts" in name for row in rows if row["Bon"]
    }
    assert counts["tills", "receipts", "orders"]["records"] == len(receipts)
    lines = sum(
        len(row["line_items"]) + (row["shipping_lines"][0]["price"] != "0.00")
        + sum(len(refund["refund_line_items"]) for refund in row["refunds"])
        for row in company.rows("shopify/orders/") if row
    )  # fmt: skip
    assert counts["webshop", "orders", "order_lines"]["records"] == lines


def test_repeated_records_equal_the_ones_they_repeat(company):
    elsewhere = 0
    for row in company.truth("duplicates").filter(pl.col("kind") == "repeated").iter_rows(named=True):
        if row["first_row_number"] is None:
            continue
        again = company.files[row["file"]][row["row_number"] - 1]
        assert again == company.files[row["first_file"]][row["first_row_number"] - 1]
        elsewhere += row["file"] != row["first_file"]
    assert elsewhere


def test_a_post_that_came_five_times_is_there_five_times(company):
    times = Counter(row["sg_event_id"] for row in company.rows("sendgrid/") if row and row["sg_event_id"])
    five = company.truth("duplicates").filter(pl.col("kind") == "delivered_five_times")["record_key"].unique()
    assert len(five)
    assert all(times[one] >= 5 for one in five)
    more = {one for one, count in times.items() if count > 1}
    assert more == set(company.truth("duplicates").filter(pl.col("entity") == "email_events")["record_key"])


def test_orders_amounts_are_those_of_their_records(company):
    web = defaultdict(list)
    for row in company.rows("shopify/orders/"):
        if row and row["id"]:
            web[str(row["id"])].append(row)
    bad = company.truth("errors").filter(pl.col("entity") == "orders")["record_key"].to_list()
    checked = 0
    for order in company.truth("orders").filter(pl.col("source") == "webshop").iter_rows(named=True):
        if order["order_id"] in bad:
            continue
        row = web[order["order_id"]][-1]
        assert float(row["total_line_items_price"]) == pytest.approx(order["gross_amount"])
        assert float(row["total_discounts"]) == pytest.approx(order["discount_amount"])
        total = order["gross_amount"] - order["discount_amount"] + order["shipping_amount"]
        assert float(row["total_price"]) == pytest.approx(total)
        right = {
            "completed": "paid",
            "cancelled": "voided",
            "returned": "refunded",
            "partially_refunded": "partially_refunded",
        }
        assert row["financial_status"] in (right[order["status"]], "paid")
        if row["refunds"]:
            assert sum(float(one["transactions"][0]["amount"]) for one in row["refunds"]) == pytest.approx(
                order["refund_amount"]
            )
            items = [item for one in row["refunds"] for item in one["refund_line_items"]]
            assert sum(item["subtotal"] for item in items) == pytest.approx(order["refund_amount"], abs=0.02)
        checked += 1
    assert checked > 500


def test_receipts_amounts_are_those_of_their_lines(company):
    receipts = {
        row["order_id"]: row
        for row in company.truth("orders").filter(pl.col("source") == "tills").iter_rows(named=True)
    }
    wrong = set(company.truth("errors").filter(pl.col("source") == "tills")["record_key"])
    sums, lines, currency = defaultdict(float), Counter(), {}
    again = set(
        company.truth("duplicates").filter(pl.col("source") == "tills").select("file", "row_number").iter_rows()
    )
    for name, rows in company.files.items():
        if "receipts" in name:
            for number, row in enumerate(rows, start=1):
                if (name, number) in again:
                    continue
                if row["Buchung"] in wrong:
                    sums[row["Bon"]] = float("nan")
                else:
                    sums[row["Bon"]] += float(row["Menge"]) * float(row["Preis"].replace(",", "."))
                lines[row["Bon"]] += 1
                currency[row["Bon"]] = row["Waehrung"]
    checked = 0
    for number, receipt in receipts.items():
        if number not in wrong and sums[number] == sums[number] and receipt["wrong_lines"] == 0:
            assert sums[number] == pytest.approx(receipt["gross_amount"], abs=0.005)
            assert lines[number] == receipt["lines"]
            assert currency[number] == receipt["currency"]
            checked += 1
    assert checked > 400
    assert {"EUR", "CHF"} <= set(currency.values())


def test_late_records_are_in_the_file_of_their_arrival(company):
    late = company.truth("late_records")
    assert late.height > 50
    assert late["days_late"].max() <= 181
    assert late["days_late"].min() >= 1
    assert late.filter(pl.col("days_late") > 30).height
    for row in late.filter(pl.col("source") == "site").head(50).iter_rows(named=True):
        event = company.files[row["file"]][row["row_number"] - 1]
        if event and event[3][:4] in ("2024", "2025", "2026") and "25:61" not in event[3]:
            # The file is of the month in Berlin, the event says it in UTC.
            arrived = datetime.fromisoformat(event[3]).replace(tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
            assert row["file"].split("events-")[1][:7] == f"{arrived:%Y-%m}"


def _account_or_email(row):
    return f"account:{row['customer']['id']}" if row["customer"] else f"email:{row['email'].lower()}"


def _caller(row):
    number = row["from"] if row["direction"] == "inbound" else row["to"]
    return None if number == "+266696687" else f"phone:{number}"


def _respondent(row):
    if row["customer"] or row["email"]:
        return f"account:{row['customer']}" if row["customer"] else f"email:{row['email'].lower()}"
    if not row["phone"]:
        return None
    return f"phone:{phonenumbers.format_number(phonenumbers.parse(row['phone'], 'DE'), E164)}"


def _dealt(row):
    return f"account:{row['customer']}" if row["customer"] else f"email:{row['email'].lower()}"


#: Where references are, of which source, and how one is read from a right record.
REFERENCES = (
    ("shopify/customers/", "webshop", lambda row: f"account:{row['id']}"),
    ("shopify/orders/", "webshop", _account_or_email),
    ("tills/members/", "tills", lambda row: f"account:{row['Mitgliedsnummer']}"),
    ("tills/receipts/", "tills", lambda row: f"card:{row['Karte']}" if row["Karte"] else None),
    ("sendgrid/", "mailer", lambda row: f"email:{row['email'].lower()}"),
    ("mailchimp/members/", "list", lambda row: f"account:{row['list_id']}:{row['contact_id']}"),
    ("twilio/calls/", "phone", _caller),
    ("zendesk/", "desk", lambda row: f"account:{row.get('requester_id', row['id'])}"),
    ("snowplow/", "site", lambda row: f"account:{row[12]}" if row[12] else None),
    ("segment/", "app", lambda row: f"account:{row['userId']}"),
    ("survey/", "survey", _respondent),
    ("boxes/", "boxes", lambda row: f"account:{row['customer']['id']}"),
    ("trials/", "trials", _dealt),
)


def test_references_are_the_ones_in_the_files(company):
    known, found = defaultdict(set), defaultdict(set)
    for row in company.truth("references").iter_rows(named=True):
        known[row["source"]].add(row["source_record_id"])
    bad = set(company.truth("errors").select("file", "row_number").iter_rows())
    for start, source, reference in REFERENCES:
        for name, rows in company.files.items():
            if name.startswith(start):
                right = (row for number, row in enumerate(rows, start=1) if (name, number) not in bad)
                found[source] |= {reference(row) for row in right} - {None}
    for source, references in found.items():
        assert references <= known[source], (source, list(references - known[source])[:5])
        # A few are known that only stand in wrong records.
        assert len(known[source] - references) <= 0.1 * len(known[source]) + 2, source


def test_shared_references_belong_to_one_household(company):
    people = company.truth("people").select("person_id", "household")
    shared = company.truth("references").filter("is_shared").join(people, on="person_id")
    assert shared.height
    homes = shared.group_by("source", "source_record_id").agg(pl.col("household").n_unique(), people=pl.len())
    assert (homes["household"] == 1).all()
    assert (homes["people"] >= 2).all()


def test_cookies_and_visits_lead_to_the_people_who_log_in(company):
    person = dict(
        company.truth("visitors").filter(pl.col("source") == "site").select("visitor_id", "person_id").iter_rows()
    )
    account = dict(
        company.truth("references")
        .filter(pl.col("source") == "site")
        .select("source_record_id", "person_id")
        .iter_rows()
    )
    sessions = set(company.truth("visits")["session_id"])
    checked = 0
    for row in company.rows("snowplow/"):
        if row and row[15]:
            assert row[15] in person
            assert row[COLUMNS.index("domain_sessionid")] in sessions
            if row[12]:
                assert person[row[15]] == account[f"account:{row[12]}"]
                checked += 1
    assert checked > 100


def test_machines_open_and_click_as_they_do(company):
    machines = dict(company.truth("machine_events").select("event_id", "machine").iter_rows())
    events = {row["sg_event_id"]: row for row in company.rows("sendgrid/") if row and row["sg_event_id"]}
    delivered = {row["sg_message_id"]: row["timestamp"] for row in events.values() if row["event"] == "delivered"}
    links, marked = defaultdict(set), 0
    for event, machine in machines.items():
        row = events.get(event)
        if row is None or row["event"] not in ("open", "click") or not isinstance(row["timestamp"], int):
            continue
        if machine == "privacy_proxy":
            assert row["useragent"] == "Mozilla/5.0"
            marked += row["sg_machine_open"]
        elif row["event"] == "click" and "singlesend_id" in row:
            links[row["sg_message_id"]].add(row["url"])
            sent = delivered.get(row["sg_message_id"])
            if isinstance(sent, int) and 1.6e9 < sent < 1.9e9 and 1.6e9 < row["timestamp"] < 1.9e9:
                assert 0 <= row["timestamp"] - sent < 20
    assert marked
    assert sum(len(urls) == 4 for urls in links.values()) > 0.6 * len(links)
    human = [row for row in events.values() if row["event"] == "open" and row["sg_event_id"] not in machines]
    assert human
    assert all(not row["sg_machine_open"] for row in human)


def test_potential_outcomes_and_arms(company):
    effects = company.truth("campaign_effects")
    assert set(effects["arm"]) == {"hold-out", "variant A", "variant B"}
    assert effects.filter(pl.col("arm") == "hold-out").height / effects.height == pytest.approx(0.2, abs=0.04)
    assert (
        effects.select(((pl.col("chance_with") - pl.col("chance_without")) - pl.col("effect")).abs().max()).item()
        < 1e-12
    )
    assert effects.filter(~pl.col("chance_with").is_between(0, 1)).is_empty()
    contacted = pl.col("arm") != "hold-out"
    expected = pl.when(contacted).then("buys_with").otherwise("buys_without")
    assert effects.filter(pl.col("bought") != expected).is_empty()
    # Sleeping dogs buy less when they are written to; nobody else does.
    kinds = company.truth("people").select("person_id", "responds_as")
    joined = effects.join(kinds, on="person_id")
    assert (joined.filter(pl.col("responds_as") != "sleeping dog")["effect"] >= 0).all()
    assert (joined.filter(pl.col("responds_as") == "sleeping dog")["effect"] <= 0).all()


def test_the_lists_of_trials_say_which_arm_everybody_is_in(company):
    effects = company.truth("campaign_effects")
    persons = defaultdict(set)
    for row in company.truth("references").filter(pl.col("source") == "trials").iter_rows(named=True):
        persons[row["source_record_id"].removeprefix("email:")].add(row["person_id"])
    arms = {(row["campaign_id"], row["person_id"]): row["arm"] for row in effects.iter_rows(named=True)}
    bad = set(company.truth("errors").select("file", "row_number").iter_rows())
    found = Counter()
    for name, rows in company.files.items():
        for number, row in enumerate(rows if name.startswith("trials/nl") else (), start=1):
            if (name, number) not in bad:
                # An address of a family is that of several, and each of them may be in another arm.
                dealt = {arms.get((row["trial"], person)) for person in persons[row["email"].lower()]}
                assert row["arm"] in dealt
                assert row["of_all"] == {"hold-out": "0.20", "variant A": "0.40", "variant B": "0.40"}[row["arm"]]
                found[row["trial"]] += 1
    # Some 6 in 100 lines are wrong.
    assert sum(found.values()) > 0.9 * effects.height
    assert set(found) == set(effects["campaign_id"])
    letter = company.truth("letter")
    assert letter["arm"].value_counts()["count"].min() > 0.4 * letter.height
    assert letter["effect"].unique().to_list() == [0.0]


def test_who_bought_after_a_campaign_has_an_order_then(company):
    sent = dict(company.truth("campaigns").select("campaign_id", "sent_at").iter_rows())
    orders = defaultdict(list)
    for row in company.truth("orders").filter(pl.col("person_id").is_not_null()).iter_rows(named=True):
        orders[row["person_id"]].append(row["ordered_at"])
    found = hits = 0
    for row in company.truth("campaign_effects").filter("bought").iter_rows(named=True):
        start = sent[row["campaign_id"]]
        hits += any(start - timedelta(days=1) <= at <= start + timedelta(days=16) for at in orders[row["person_id"]])
        found += 1
    assert found > 10
    assert hits == found


def test_nobody_buys_after_leaving_but_for_a_campaign(company):
    people = {row["person_id"]: row for row in company.truth("people").iter_rows(named=True)}
    checked = 0
    for row in company.truth("orders").filter(pl.col("person_id").is_not_null()).iter_rows(named=True):
        person = people[row["person_id"]]
        assert person["is_buyer"]
        if person["gone_at"] and not row["caused_by_campaign"]:
            assert row["ordered_at"] <= person["gone_at"] + timedelta(hours=2)
            checked += 1
    assert checked > 50


def test_times_are_within_the_two_years(company):
    orders = company.truth("orders")
    assert orders["ordered_at"].min() >= datetime(2024, 6, 30, tzinfo=UTC)
    assert orders["ordered_at"].max() < datetime(2026, 7, 1, tzinfo=UTC)
