"""Data as bad as it comes: nobody has an identifier, everybody has the same, a whole floor shares one computer."""

import datetime as dt
from typing import Any

import duckdb
import polars as pl
import pytest

from models.identity import IdentityResult, resolve
from models.identity.names import Familiar
from models.identity.probable import ProbableSettings, find_probable
from models.identity.profiles import prepare
from models.identity.rules import Evidence
from models.identity.separators import traits_of

KINDS = ("account", "loyalty_card", "email", "phone", "visitor")
MOMENT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
NAMELESS = "the record has no identifier"


def identifiers(count: int, kind: str | None, value: str | None) -> pl.DataFrame:
    """Records that all say the same."""
    numbers = pl.int_range(count, eager=True).cast(pl.String).str.zfill(6)
    return pl.DataFrame({"source_record_id": numbers}).with_columns(
        source=pl.lit("shop"), kind=pl.lit(kind, dtype=pl.String), value=pl.lit(value, dtype=pl.String)
    )


def joined(frame: pl.DataFrame, evidence: Evidence | None = None, **options: Any) -> IdentityResult:
    arguments: dict[str, Any] = {"kinds": KINDS, "max_records_per_value": 50, "resolved_at": MOMENT}
    return resolve(frame, evidence=evidence, **(arguments | options))


def staff(count: int) -> pl.DataFrame:
    """Prepared records of so many people, whose names have nothing to do with each other."""
    first = ("Anna", "Boris", "Clara", "David", "Elena", "Frank", "Greta", "Hugo", "Irene", "Jakob")
    last = ("Weber", "Fischer", "Braun", "Krause", "Novak", "Santos")
    rows = [
        {
            "source": "shop",
            "source_record_id": f"{number:06}",
            "first_name": first[number % len(first)],
            "last_name": last[number // len(first)],
        }
        for number in range(count)
    ]
    return prepare(pl.DataFrame(rows), Familiar([]))


@pytest.mark.parametrize(
    ("kind", "value"), [(None, None), ("email", None), ("email", ""), ("email", " \t"), (None, "x")]
)
def test_records_without_any_identifier_stay_alone(kind: str | None, value: str | None) -> None:
    result = joined(identifiers(1000, kind, value))
    assert result.report.customers == 1000
    assert set(result.records["match_method"]) == {"single"}
    assert set(result.records["match_reason"]) == {NAMELESS}
    assert result.links.is_empty()
    assert result.report.blocked_values.is_empty()


def test_records_that_say_nothing_at_all_are_compared_with_nobody() -> None:
    frame = identifiers(1000, None, None).select("source", "source_record_id")
    with duckdb.connect() as con:
        result = find_probable(con, prepare(frame, Familiar([])), settings=ProbableSettings())
    assert (result.compared, result.pairs.height, result.model) == (0, 0, None)


def test_one_email_on_a_hundred_thousand_records_joins_nobody_and_is_listed() -> None:
    result = joined(identifiers(100_000, "email", "info@example.com"))
    assert result.report.customers == 100_000
    assert result.report.blocked_values.rows() == [
        ("email", "info@example.com", 100_000, 0, 50, None, "over the limit of records")
    ]
    assert result.links.is_empty()
    assert result.records["match_reason"].unique().to_list() == ["its e-mail is excluded or used by too many records"]


def test_what_else_such_records_have_still_joins_them() -> None:
    shared = identifiers(1000, "email", "info@example.com")
    cards = identifiers(2, "loyalty_card", "77")
    result = joined(pl.concat([shared, cards]))
    assert result.report.customers == 999
    assert result.links.select("kind", "value").rows() == [("loyalty_card", "77")]


def test_one_email_on_a_hundred_thousand_profiles_is_no_key() -> None:
    """Nothing parts the block, so nothing is compared; it is told as too large."""
    frame = identifiers(100_000, None, None).select("source", "source_record_id", email=pl.lit("info@example.com"))
    with duckdb.connect() as con:
        result = find_probable(con, prepare(frame, Familiar([])), settings=ProbableSettings())
    assert (result.compared, result.pairs.height) == (0, 0)
    assert ("e-mail", 1, 100_000) in result.large_blocks


def test_the_cookie_of_a_call_centre_joins_nobody_by_the_number_of_records() -> None:
    result = joined(identifiers(60, "visitor", "cookie-1"))
    assert result.report.customers == 60
    assert result.report.blocked_values.select("kind", "records", "reason").rows() == [
        ("visitor", 60, "over the limit of records")
    ]


def test_or_by_the_number_of_people_on_it() -> None:
    result = joined(
        identifiers(30, "visitor", "cookie-1"),
        Evidence(traits=traits_of(staff(30))),
        max_people_per_value={"visitor": 4},
    )
    assert result.report.customers == 30
    assert result.report.blocked_values.rows() == [("visitor", "cookie-1", 30, 30, 50, 4, "over the limit of people")]


def test_or_by_their_names() -> None:
    """Ten people with ten first names: no limit is reached, and still nobody is joined with anybody."""
    evidence = Evidence(traits=traits_of(staff(10)), separates=("first_name",))
    result = joined(identifiers(10, "visitor", "cookie-1"), evidence)
    assert result.report.customers == 10
    assert result.report.blocked_values.is_empty()
    assert result.links.select("is_holding").to_series().any() is False
    reasons = result.links["reason"].unique().to_list()
    assert reasons == ["same web visitor; but their first names contradict each other"]


def test_each_colleague_keeps_what_is_their_own() -> None:
    """Sixty colleagues with two records each: the cookie joins nobody, an account joins the two."""
    both = pl.concat([identifiers(60, None, None).with_columns(source=pl.lit(source)) for source in ("shop", "web")])
    cookie = both.with_columns(kind=pl.lit("visitor"), value=pl.lit("cookie-1"))
    account = both.with_columns(kind=pl.lit("account"), value="source_record_id")
    result = joined(pl.concat([cookie, account]))
    assert result.report.customers == 60
    assert result.report.customer_sizes.rows() == [(2, 60)]
    assert result.links["kind"].unique().to_list() == ["account"]


def test_empty_texts_in_profiles_are_no_values() -> None:
    """Empty names, addresses and dates: nothing in common, though all of them are equal."""
    frame = (
        identifiers(100, None, None)
        .select("source", "source_record_id")
        .with_columns(
            **{
                name: pl.lit("")
                for name in ("first_name", "last_name", "birth_date", "street", "email", "phone", "city")
            }
        )
    )
    prepared = prepare(frame, Familiar([]))
    with duckdb.connect() as con:
        assert find_probable(con, prepared, settings=ProbableSettings()).compared == 0
    assert traits_of(prepared).is_empty()
