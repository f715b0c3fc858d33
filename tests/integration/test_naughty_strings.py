"""Strings that break programs, in every text field of every entity: nothing falls over, nothing is lost or changed.

One company brings each string in CSV, in JSON lines and in the payloads of a vendor: in records that hold nothing
else, and in records that are right otherwise, so that it reaches the marts too. Beside them stand values of ten
megabytes, NUL bytes, bytes of other encodings, a file in UTF-16, and halves of characters in JSON escapes.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from defects import RIGHT, record
from helpers import ROOT, Ended, regulars
from published_tables import balance, rows

from orchestration.home import Home

NAUGHTY = Path(__file__).with_name("naughty_strings.json")
BLNS = ROOT.parent / "shared" / "data" / "contact" / "blns" / "blns.json"
#: Stands in every value of the records that are right otherwise; nothing that is said or logged may hold it.
MARK = "Zwetschgenmus77"

OWN = [
    *(text for group in json.loads(NAUGHTY.read_text(encoding="utf-8")).values() for text in group),
    "x" * 10_000,
]
TEN_MEGABYTES = 10_000_000
# Fields of free text: anything may stand in them, so a record with them stays right.
FREE = {
    "customers": ("loyalty_card", "street", "city"),
    "products": ("sku", "product_name"),
    "orders": ("loyalty_card",),
    "email_events": ("message_id", "campaign_id"),
    "campaigns": ("campaign_name",),
    "web_events": ("visitor_id", "event"),
}


def strings() -> list[str]:
    """The own list, and the Big List of Naughty Strings where it lies beside the project."""
    found = list(OWN)
    if BLNS.is_file():
        found += [one for one in json.loads(BLNS.read_text(encoding="utf-8")) if one]
    return list(dict.fromkeys(found))


def _records(entity: str) -> list[dict[str, str]]:
    """Per string a record of nothing else, and a right one with the string, marked, where text is free."""
    made = []
    for number, text in enumerate(strings(), start=1):
        made.append(dict.fromkeys(RIGHT[entity], text))
        free = dict.fromkeys(FREE.get(entity, ()), f"{MARK}{text}{MARK}")
        made.append(record(entity, number, free))
    return made


@dataclass
class Naughty:
    """The company after its run: what was sent by source and entity, and where everything is."""

    sent: dict[tuple[str, str], list[dict[str, str]]]
    home: Home
    ended: Ended


def _yaml(source: str, suffix: str, entities: dict[str, list[str]]) -> str:
    text = f"  {source}:\n    type: files\n    channel: shop\n    owner: a@corner.example\n    datasets:\n"
    for entity, columns in entities.items():
        mapped = ", ".join(f"{one}: {one}" for one in columns)
        text += f"      {entity}:\n        path: {source}/{entity}.{suffix}\n        entities:\n"
        text += f"          - {{entity: {entity}, columns: {{{mapped}}}}}\n"
    return text


HEAD = """\
company: {id: naughty, name: Naughty}
time_zone: Europe/Berlin
currency: EUR
country: DE
as_of: 2026-04-01
validity: {goal: 0.01}
sources:
"""
ODD = """\
  odd:
    type: files
    channel: shop
    owner: a@corner.example
    datasets:
      bytes: {path: odd/bytes.csv, entities: [{entity: customers, columns: {account_id: no, last_name: name}}]}
      wide:
        path: odd/wide.csv
        options: {encoding: utf-16}
        entities: [{entity: customers, columns: {account_id: no, last_name: name}}]
      unsaid: {path: odd/unsaid*.csv, entities: [{entity: customers, columns: {account_id: no, last_name: name}}]}
      json: {path: odd/odd.jsonl, entities: [{entity: customers, columns: {account_id: no, last_name: name}}]}
      big: {path: odd/big.csv, entities: [{entity: customers, columns: {account_id: no, email: mail, last_name: name}}]}
  large:
    type: files
    channel: shop
    owner: a@corner.example
    datasets:
      lines:
        path: odd/large.csv
        entities:
          - entity: order_lines
            columns:
              {order_line_id: no, order_id: no, product_id: no, quantity: pieces, unit_price: price, currency: money,
               ordered_at: at}
      rates:
        path: odd/rates.csv
        entities: [{entity: exchange_rates, columns: {from_currency: c, to_currency: {constant: EUR}, day: d, rate: r}}]
  app: {type: segment, owner: a@corner.example, files: {calls: app/calls.jsonl}}
"""


def _calls() -> list[dict[str, Any]]:
    """The vendor's payloads: each string in every text, and in a call that is right otherwise."""
    made: list[dict[str, Any]] = []
    for number, text in enumerate(strings()):
        made.append(
            {
                "type": "track", "messageId": text, "anonymousId": text, "userId": text, "event": text,
                "timestamp": text, "receivedAt": text, "channel": text, "traits": {"email": text, text: text},
                "context": {"page": {"url": text, "title": text, "referrer": text}, "userAgent": text,
                            "campaign": {"name": text, "source": text, "medium": text}, "ip": text},
                "properties": {"order_id": text, "products": [text], text: text},
            }
        )  # fmt: skip
        made.append(
            {
                "type": "page", "messageId": f"right-{number}", "anonymousId": "v", "name": MARK + text,
                "timestamp": "2025-03-04T09:30:00Z", "context": {"page": {"title": MARK + text}},
                "properties": {"title": MARK + text, "url": f"https://corner.example/{MARK}"},
            }
        )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def naughty(tmp_path_factory: pytest.TempPathFactory) -> Naughty:
    folder = tmp_path_factory.mktemp("naughty")
    company = folder / "company"
    sent: dict[tuple[str, str], list[dict[str, str]]] = {}
    for source in ("plain", "lines", "odd", "app"):
        (company / source).mkdir(parents=True)
    for entity in RIGHT:
        made = _records(entity)
        sent["plain", entity] = sent["lines", entity] = made
        with (company / "plain" / f"{entity}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, list(RIGHT[entity]), lineterminator="\n", quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(made)
        lines = "".join(json.dumps(one, ensure_ascii=bool(place % 2)) + "\n" for place, one in enumerate(made))
        (company / "lines" / f"{entity}.jsonl").write_text(lines, encoding="utf-8")
    columns = {entity: list(right) for entity, right in RIGHT.items()}
    text = HEAD + _yaml("plain", "csv", columns) + _yaml("lines", "jsonl", columns) + ODD
    (company / "company.yaml").write_text(text, encoding="utf-8")
    (company / "app" / "calls.jsonl").write_text("".join(json.dumps(one) + "\n" for one in _calls()), encoding="utf-8")
    _write_odd(company / "odd")
    home = Home(folder / "home")
    ended = regulars("run", "--company", company / "company.yaml", "--home", home.path)
    return Naughty(sent, home, ended)


def _write_odd(folder: Path) -> None:
    name = MARK.encode()
    (folder / "bytes.csv").write_bytes(
        b"no,name\nB1," + name + b"\nB2,Caf\xe9 " + name + b"\nB3,nul\x00" + name
        + b"\nB4,\xff\xfe\xfd" + name + b"\nB5,Caf\xc3\xa9 " + name + b"\nB6,cut \xe2\x82\n"
    )  # fmt: skip
    (folder / "wide.csv").write_bytes(f"no,name\nW1,Žižek {MARK}\nW2,田中 {MARK}\n".encode("utf-16"))
    (folder / "unsaid-2.csv").write_bytes(f"no,name\nU1,{MARK}\n".encode("utf-16"))
    (folder / "unsaid-1.csv").write_bytes(f"no,name\nU2,{MARK}\n".encode("utf-8-sig"))
    (folder / "odd.jsonl").write_bytes(
        b'{"no": "J1", "name": "half \\ud800 ' + name + b'"}\n{"no": "J2", "name": "other \\udc00"}\n'
        b'{"no": "J3", "name": "whole \\ud83d\\ude00"}\n{"no": "J4", "name": "nul \\u0000 here"}\n'
        b'{"no": "J5", "name": "latin \xe9"}\n{"no": "J6", "name": "raw tab \t"}\n{"no": "J7"\n'
        b'{"no": "J8", "name": {"deep": [[[["' + name + b'"]]]]}}\n{"no": "J9", "name": 1e400}\n'
        + b'{"no": "J10", "name": ' + b"[" * 5000 + b"]" * 5000 + b"}\n"
    )  # fmt: skip
    large = "".join(f"{no},{pieces},{price},{money},2025-03-04 09:30:00\n" for no, pieces, price, money, _ in LARGE)
    (folder / "large.csv").write_text("no,pieces,price,money,at\n" + large, "utf-8")
    (folder / "rates.csv").write_text("c,d,r\nSEK,2025-03-04,1.05\n", "utf-8")
    big = "y" * TEN_MEGABYTES
    (folder / "big.csv").write_text(f"no,mail,name\nG1,,{big}\nG2,{big}@corner-guests.example,\n{big},,x\n", "utf-8")


# Line, pieces, price, currency, and what it comes to in euros, at a rate of 1.05; of an absurd line nothing that a
# column for money can hold.
LARGE = (
    ("R1", "3", "2000000.00", "SEK", "6300000.0000"),
    ("R2", "400", "50000000.00", "EUR", "20000000000.0000"),
    ("R3", "99999999999999", "99999999999999", "EUR", None),
)


def test_the_run_ends_with_a_verdict(naughty: Naughty) -> None:
    assert "Traceback" not in naughty.ended.text, naughty.ended.text[-3000:]
    report = naughty.home.read_status()
    assert report is not None, naughty.ended.text[-3000:]
    assert report.outcome == "published", naughty.ended.text[:2000]
    # Only the file in UTF-16 that nobody announced could not be loaded.
    failed = [(problem.file, problem.what) for problem in report.problems if problem.is_failure]
    assert failed == [("odd/unsaid-2.csv", "is not utf-8, it looks like utf-16")]


def test_every_record_is_valid_quarantined_or_a_duplicate(naughty: Naughty) -> None:
    counted = balance(naughty.home.published_file)
    each = 2 * len(strings())
    received = {key: numbers[0] for key, numbers in counted.items()}
    assert {key: received[key] for key in naughty.sent} == dict.fromkeys(naughty.sent, each)
    assert received["app", "web_events"] == each
    # bytes 6, wide 2, unsaid 1, json 10, big 3.
    assert received["odd", "customers"] == 22
    query = "SELECT count(*) FROM marts.quarantined_records WHERE reasons IS NULL OR reasons = '' OR raw IS NULL"
    assert rows(naughty.home.published_file, query) == [(0,)]


@pytest.mark.parametrize("entity", RIGHT)
@pytest.mark.parametrize("source", ["plain", "lines"])
def test_what_was_sent_is_kept_as_it_was(naughty: Naughty, source: str, entity: str) -> None:
    """Every value of every record, byte for byte; in CSV, where nothing and an empty text look alike, as null."""
    columns = list(RIGHT[entity])
    listed = ", ".join(f'encode("{column}")' for column in columns)
    held = rows(naughty.home.warehouse, f'SELECT {listed} FROM raw_{source}."{entity}" ORDER BY _row')
    sent = naughty.sent[source, entity]
    assert len(held) == len(sent)
    for number, (kept, was) in enumerate(zip(held, sent, strict=True), start=1):
        wanted = [was[one].encode() if was[one] or source == "lines" else None for one in columns]
        assert list(kept) == wanted, f"record {number}"


def test_a_vendors_payload_is_kept_as_it_was(naughty: Naughty) -> None:
    query = 'SELECT "messageId", "anonymousId", context, properties FROM raw_app.calls ORDER BY _row'
    sent = _calls()
    held = rows(naughty.home.warehouse, query)
    assert len(held) == len(sent)
    for (message, visitor, context, properties), was in zip(held, sent, strict=True):
        assert (message, visitor) == (was["messageId"], was["anonymousId"])
        assert (json.loads(context), json.loads(properties)) == (was["context"], was["properties"])


def test_right_records_stay_right_whatever_stands_in_their_texts(naughty: Naughty) -> None:
    """A town, a title or a card number may hold anything; so only the records of nothing else can be quarantined."""
    for source in ("plain", "lines"):
        for entity in FREE:
            failed = rows(
                naughty.home.warehouse,
                f"SELECT row_number, invalid_reasons FROM staging.stg_all__{entity} "
                "WHERE source = ? AND row_number % 2 = 0 AND NOT is_valid",
                [source],
            )
            assert failed == [], (source, entity)


def test_texts_arrive_in_the_published_marts_unchanged(naughty: Naughty) -> None:
    query = "SELECT city FROM staging.stg_all__customers WHERE source = 'lines' AND row_number % 2 = 0"
    staged = Counter(city for (city,) in rows(naughty.home.warehouse, query))
    assert staged == Counter(f"{MARK}{text}{MARK}" for text in strings())
    query = "SELECT product_name FROM marts.dim_products WHERE product_id LIKE 'lines:P%'"
    shown = {name for (name,) in rows(naughty.home.published_file, query)}
    assert {f"{MARK}{text}{MARK}" for text in strings()} <= shown


def test_bytes_of_other_encodings(naughty: Naughty) -> None:
    query = "SELECT row_number, reject_reason FROM staging.stg_all__customers WHERE source = 'odd' AND dataset = ?"
    kept = {
        dataset: dict(rows(naughty.home.warehouse, query + " ORDER BY row_number", [dataset]))
        for dataset in ("bytes", "wide", "unsaid", "json", "big")
    }
    refused = {name: [row for row, reason in found.items() if reason] for name, found in kept.items()}
    assert refused["bytes"] == [2, 4, 6]
    assert refused["wide"] == refused["unsaid"] == refused["big"] == []
    assert refused["json"] == [5, 6, 7, 10]
    names = dict(rows(naughty.home.warehouse, "SELECT no, name FROM raw_odd.wide"))
    assert names == {"W1": f"Žižek {MARK}", "W2": f"田中 {MARK}"}
    assert rows(naughty.home.warehouse, "SELECT name FROM raw_odd.bytes WHERE no = 'B3'") == [(f"nul\x00{MARK}",)]
    query = "SELECT length(name), length(mail), length(no) FROM raw_odd.big ORDER BY _row"
    assert rows(naughty.home.warehouse, query) == [
        (TEN_MEGABYTES, None, 2),
        (None, TEN_MEGABYTES + len("@corner-guests.example"), 2),
        (1, None, TEN_MEGABYTES),
    ]


def test_amounts_of_any_size(naughty: Naughty) -> None:
    """One absurd line never stops a run, and a large one comes to what it comes to."""
    query = "SELECT order_line_id, net_amount::VARCHAR FROM marts.fct_order_lines WHERE source = 'large' ORDER BY 1"
    assert rows(naughty.home.published_file, query) == [(f"large:{no}", amount) for no, *_, amount in LARGE]


def test_nothing_of_it_is_said_or_logged(naughty: Naughty) -> None:
    home = naughty.home
    wanted = re.compile(rb"Zwetschgenmus77|Z\x00w\x00e\x00t\x00s\x00c\x00h|y{200}|x{200}")
    texts = [("terminal", naughty.ended.text.encode()), ("status", home.status_file.read_bytes())]
    assert home.value_charts.is_file()
    for place in (home.dbt, home.logs, home.dagster, home.data_docs, home.landing, home.value_charts.parent):
        texts += [(str(file), file.read_bytes()) for file in place.rglob("*") if file.is_file()]
    assert len(texts) > 10
    assert [name for name, text in texts if wanted.search(text)] == []
    # The same search finds it where it is.
    assert wanted.search((home.path.parent / "company" / "odd" / "unsaid-2.csv").read_bytes())


def test_the_big_list_of_naughty_strings_was_there() -> None:
    if not BLNS.is_file():
        pytest.skip("the Big List of Naughty Strings is not part of the project; ../shared/data/contact has it")
    assert len(strings()) > 550
