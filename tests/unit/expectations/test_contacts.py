# ruff: noqa: RUF001 - look-alikes and digits of other scripts are what is tried here
import email_validator
import phonenumbers
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.contacts import (
    EMAIL_VERDICTS,
    NO_VALUE,
    NOT_JUDGED,
    PHONE_VERDICTS,
    emails,
    judge_emails,
    judge_phones,
)
from expectations.contacts.emails import _by_library, email_verdict, is_disposable


def email(value: str | None) -> tuple[str | None, bool, str | None]:
    (row,) = judge_emails(pl.DataFrame({"raw_value": [value]}, schema={"raw_value": pl.String})).iter_rows(named=True)
    assert row["raw_value"] == value
    return row["normalised"], row["is_valid"], row["reason"]


def phone(value: str | None, region: str | None = "DE") -> tuple[str | None, bool, str | None]:
    frame = pl.DataFrame(
        {"raw_value": [value], "region": [region]}, schema={"raw_value": pl.String, "region": pl.String}
    )
    (row,) = judge_phones(frame).iter_rows(named=True)
    assert (row["raw_value"], row["region"]) == (value, region)
    return row["e164"], row["is_valid"], row["reason"]


@pytest.mark.parametrize(
    ("value", "normalised"),
    [
        ("anna@bakehouse.example", "anna@bakehouse.example"),
        ("Anna.Meier@Example.COM", "anna.meier@example.com"),
        ("  anna@example.org\r\n", "anna@example.org"),
        ("anna+news@example.net", "anna+news@example.net"),
        ("a.n.n.a@example.net", "a.n.n.a@example.net"),
        ("o'neill@example.com", "o'neill@example.com"),
        ("anna@bücher.example", "anna@bücher.example"),
        ("anna@xn--bcher-kva.example", "anna@bücher.example"),
        ("BJÖRN@example.com", "björn@example.com"),
        ("bjo\u0308rn@example.com", "björn@example.com"),
        ("用户@例え.example", "用户@例え.example"),
    ],
)
def test_addresses_that_can_receive_mail(value, normalised):
    assert email(value) == (normalised, True, None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, NO_VALUE),
        ("", NO_VALUE),
        (" \t\n", NO_VALUE),
        ("anna", "it has no @ sign"),
        ("anna.example.com", "it has no @ sign"),
        ("anna＠example.com", "it has a look-alike of the @ sign"),
        ("@example.com", "nothing stands before the @ sign"),
        ("anna@", "nothing stands after the @ sign"),
        ("anna@localhost", "the domain has no dot"),
        ("anna@example.123", "the domain does not end in a top-level domain"),
        ("anna@shop.test", "the domain is reserved and receives no mail"),
        ("anna@mail.invalid", "the domain is reserved and receives no mail"),
        ("anna..meier@example.com", "a dot or hyphen stands where none may stand"),
        (".anna@example.com", "a dot or hyphen stands where none may stand"),
        ("anna@-example.com", "a dot or hyphen stands where none may stand"),
        ("anna meier@example.com", "a character may not stand before the @ sign"),
        ("anna\x00@example.com", "a character may not stand before the @ sign"),
        ("anna@exam_ple.com", "a character may not stand in the domain"),
        ("anna@b@example.com", "a character may not stand in the domain"),
        ('"anna meier"@example.com', "the part before the @ sign is in quotes"),
        ("Anna <anna@example.com>", "it is a name with an address in angle brackets"),
        ("anna@[192.0.2.1]", "an IP address stands in place of the domain"),
        ("a" * 65 + "@example.com", "it is too long"),
        ("anna@" + "a" * 64 + ".com", "it is too long"),
        ("anna@" + ".".join(["a" * 60] * 5) + ".com", "it is too long"),
        ("ä" * 130 + "@x.de", "it is too long"),
        ("x" * 10_000_000 + "@example.com", "it is too long"),
    ],
)
def test_addresses_that_are_refused_and_why(value, reason):
    assert email(value) == (None, False, reason)


# 030 is Berlin, 020 7946 0xxx and 555-0123 are kept for drama by Ofcom and the North American plan.
@pytest.mark.parametrize(
    ("value", "region", "e164"),
    [
        ("030 123456", "DE", "+4930123456"),
        ("030/12 34-56", "DE", "+4930123456"),
        ("(030) 123456", "de", "+4930123456"),
        ("+49 (0)30 123456", "DE", "+4930123456"),
        ("0049 30 123456", "DE", "+4930123456"),
        ("+49 30 123456", None, "+4930123456"),
        ("+49 30 123456", "GB", "+4930123456"),
        ("tel:+49-30-123456", "DE", "+4930123456"),
        ("030 123456 ext. 12", "DE", "+4930123456"),
        ("030 123456x12", "DE", "+4930123456"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("٠٣٠ ١٢٣٤٥٦", "DE", "+4930123456"),
        ("०३० १२३४५६", "DE", "+4930123456"),
        ("０３０−１２３４５６", "DE", "+4930123456"),
        ("\u202b+49 30 123456\u202c", "DE", "+4930123456"),
    ],
)
def test_numbers_of_a_numbering_plan(value, region, e164):
    assert phone(value, region) == (e164, True, None)


@pytest.mark.parametrize(
    ("value", "region", "reason"),
    [
        (None, "DE", NO_VALUE),
        ("  ", "DE", NO_VALUE),
        ("030 123456", None, "it is written without a country code, and no country is known for it"),
        ("030 123456", "XX", "it is written without a country code, and no country is known for it"),
        ("+999 123456789", "DE", "its country code is not in use"),
        ("12", "DE", "it has too few digits"),
        ("+1 202 555", "US", "it has too few digits"),
        ("0301234567890123456789", "DE", "it has too many digits"),
        ("+1 202 555 01234", "US", "it has too many digits"),
        ("+1 000 000 0000", "US", "its digits are not in use in the numbering plan"),
        ("ask Anna 030 123456", "DE", "it has letters among the digits"),
        ("anonymous", "DE", "it has letters among the digits"),
        ("4930123456.0", "DE", "it is a decimal number, as spreadsheets write long digits"),
        ("--", "DE", "it is no telephone number"),
        ("\x00", "DE", "it is no telephone number"),
        ("9" * 10_000_000, "DE", "it is too long"),
    ],
)
def test_numbers_that_are_refused_and_why(value, region, reason):
    assert phone(value, region) == (None, False, reason)


def test_frames_keep_rows_order_and_types():
    found = judge_emails(pl.DataFrame({"raw_value": ["b@example.com", "x", "b@example.com"]}))
    assert found.schema == pl.Schema(EMAIL_VERDICTS)
    assert found["raw_value"].to_list() == ["b@example.com", "x", "b@example.com"]
    assert found["is_valid"].to_list() == [True, False, True]
    assert found["domain"].to_list() == ["example.com", None, "example.com"]
    assert found["is_disposable"].to_list() == [False, None, False]
    phones = judge_phones(pl.DataFrame({"raw_value": ["030 123456"] * 2, "region": ["DE", "US"]}))
    assert phones.schema == pl.Schema(PHONE_VERDICTS)
    assert phones["is_valid"].to_list() == [True, False]


def test_no_rows_give_no_rows():
    assert judge_emails(pl.DataFrame(schema={"raw_value": pl.String})).height == 0
    assert judge_phones(pl.DataFrame(schema={"raw_value": pl.String, "region": pl.String})).height == 0


def test_a_library_that_stumbles_does_not_stop_the_load(monkeypatch):
    def stumble(*_args, **_kwargs):
        raise AssertionError("a defect")

    monkeypatch.setattr(email_validator, "validate_email", stumble)
    monkeypatch.setattr(phonenumbers, "parse", stumble)
    emails._domain_verdict.cache_clear()  # the verdict on a domain is remembered
    assert email("anna@example.com") == (None, False, NOT_JUDGED)
    emails._domain_verdict.cache_clear()
    assert phone("030 123456") == (None, False, NOT_JUDGED)


# Whole texts, and texts around an @ or digits, which get further into the libraries.
TEXTS = st.one_of(
    st.text(max_size=300),
    st.builds("{}@{}.example".format, st.text(max_size=20), st.text(max_size=20)),
    st.text(alphabet="0123456789+-()/ .x٣३９", max_size=40),
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_every_text_gets_a_verdict_with_a_reason(text):
    value, is_valid, reason = email(text)
    assert (value is not None, reason is None) == (is_valid, is_valid)
    assert reason != NOT_JUDGED
    value, is_valid, reason = phone(text)
    assert (value is not None, reason is None) == (is_valid, is_valid)
    assert reason != NOT_JUDGED


@settings(max_examples=200, deadline=None)
@given(st.emails())
def test_a_normalised_address_stays_as_it_is(address):
    value, is_valid, _ = email(address)
    if is_valid:
        assert email(value) == (value, True, None)


# What people and programs put around an @, so that both the plain case and all others are met.
PARTS = st.text(alphabet="aZ0_'+-.ß @\"xn(<", max_size=70)
DOMAINS = st.one_of(
    st.sampled_from(
        ["example.com", "Example.COM", "xn--bcher-kva.example", "bücher.example", "a.test", "example", "1.2"]
    ),
    st.text(alphabet="aZ0-._xn", max_size=70),
    st.builds(".".join, st.lists(st.text(alphabet="ab-1", min_size=1, max_size=64), max_size=5)),
)


@settings(max_examples=500, deadline=None)
@given(st.builds("{}@{}".format, PARTS, DOMAINS), st.booleans())
def test_the_short_way_gives_the_verdict_of_the_library(text, is_padded):
    """What is remembered of a domain changes nothing: value, reason and the rest are those of the library alone."""
    stripped = text.strip()
    if stripped and len(stripped.encode("utf-8")) <= 254:
        assert email_verdict(f" {text}\t" if is_padded else text) == _by_library(stripped)


def test_plus_tags_stay_in_the_address():
    """Decision 0013: whether the tag reaches the same person is the provider's business."""
    assert email("Anna+Shop@Example.com") == ("anna+shop@example.com", True, None)
    assert email("anna@example.com")[0] != email("anna+shop@example.com")[0]


@pytest.mark.parametrize(
    ("value", "domain", "throws_away"),
    [
        ("x@mailinator.com", "mailinator.com", True),
        ("x@MAILINATOR.com", "mailinator.com", True),
        ("x@box.mailinator.com", "box.mailinator.com", True),
        ("x@bakers-of-mailinator.com", "bakers-of-mailinator.com", False),
        ("x@mailinator.com.example", "mailinator.com.example", False),
        ("x@xn--bcher-kva.example", "bücher.example", False),
        ("x@mailinator", None, None),
    ],
)
def test_throw_away_domains_and_those_below_them(value, domain, throws_away):
    (row,) = judge_emails(pl.DataFrame({"raw_value": [value]})).iter_rows(named=True)
    assert (row["domain"], row["is_disposable"]) == (domain, throws_away)


def test_a_top_level_domain_alone_is_never_on_the_list():
    assert not is_disposable("com")
    assert not is_disposable("example.com")
