"""Customer ids from run to run: what stays, what merges, what splits."""

import datetime as dt
import hashlib
from collections.abc import Iterable
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.identity import IdentityResult, ids, resolve

KINDS = ("email", "phone")
SCHEMA = {"source": pl.String, "source_record_id": pl.String, "kind": pl.String, "value": pl.String}
Row = tuple[str, str, str | None, str | None]


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 1, number, tzinfo=dt.UTC)


def utc(number: int) -> dt.datetime:
    """The same as the output holds it: UTC, without zone."""
    return day(number).replace(tzinfo=None)


def run(rows: Iterable[Row], previous: pl.DataFrame | None = None, *, on: int = 1, limit: int = 50) -> IdentityResult:
    identifiers = pl.DataFrame(list(rows), schema=SCHEMA, orient="row")
    return resolve(identifiers, previous, kinds=KINDS, max_records_per_value=limit, resolved_at=day(on))


def known(*records: tuple[str, str, int]) -> pl.DataFrame:
    """Previous records of the source `shop`: record id, customer id, day since when."""
    return pl.DataFrame(
        [("shop", record, customer, utc(since)) for record, customer, since in records],
        schema={
            "source": pl.String,
            "source_record_id": pl.String,
            "customer_id": pl.String,
            "resolved_at": pl.Datetime("us"),
        },
        orient="row",
    )


def emails(**values: str) -> list[Row]:
    """One shop record per name, with the e-mails in its value, separated by blanks."""
    return [("shop", record, "email", value) for record, text in values.items() for value in text.split()]


def ids_of(result: IdentityResult) -> dict[str, str]:
    return dict(result.records.select("source_record_id", "customer_id").iter_rows())


def times_of(result: IdentityResult) -> dict[str, dt.datetime]:
    return dict(result.records.select("source_record_id", "resolved_at").iter_rows())


def changes_of(result: IdentityResult) -> list[tuple[str, str | None, str]]:
    return result.changes.select("change", "old_customer_id", "new_customer_id").rows()


def new_id(key: str, attempt: int = 0) -> str:
    """The documented id of a new customer whose smallest record is `shop`, key."""
    text = f"shop\x1f{key}" + (f"\x1f{attempt}" if attempt else "")
    return "c_" + hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def test_a_new_customer_is_named_after_its_smallest_record() -> None:
    result = run(emails(b="x", a="x", c="y"))
    assert ids_of(result) == {"a": new_id("a"), "b": new_id("a"), "c": new_id("c")}
    assert changes_of(result) == [("created", None, new_id("a")), ("created", None, new_id("c"))]
    assert set(result.changes["changed_at"]) == {utc(1)}
    assert set(result.changes["reason"]) == {"first seen in shop"}


def test_a_second_run_changes_nothing() -> None:
    rows = emails(a="x", b="x y", c="y", d="z")
    first = run(rows, on=1)
    second = run(rows, first.records, on=2)
    assert second.records.equals(first.records)
    assert second.changes.is_empty()


def test_a_smaller_record_that_joins_takes_the_known_id() -> None:
    first = run(emails(m="x"))
    second = run(emails(m="x", a="x"), first.records, on=2)
    assert ids_of(second) == {"a": new_id("m"), "m": new_id("m")}
    assert times_of(second) == {"a": utc(2), "m": utc(1)}
    assert second.changes.is_empty()


def test_a_merge_keeps_the_older_id() -> None:
    before = known(("a", "young", 5), ("b", "young", 5), ("c", "old", 2))
    result = run(emails(a="x", b="x", c="x"), before, on=9)
    assert set(ids_of(result).values()) == {"old"}
    assert times_of(result) == {"a": utc(9), "b": utc(9), "c": utc(2)}
    assert changes_of(result) == [("merged", "young", "old")]
    assert result.changes["reason"].to_list() == ["joined by the same e-mail"]


def test_the_age_of_an_id_counts_records_that_are_gone() -> None:
    before = known(("a", "one", 3), ("gone", "two", 1), ("b", "two", 8))
    assert set(ids_of(run(emails(a="x", b="x"), before, on=9)).values()) == {"two"}


def test_a_merge_of_equal_age_keeps_the_id_with_most_records_then_the_smallest() -> None:
    most = known(("a", "one", 1), ("b", "two", 1), ("c", "two", 1))
    assert set(ids_of(run(emails(a="x", b="x", c="x"), most, on=2)).values()) == {"two"}
    equal = known(("a", "two", 1), ("b", "one", 1))
    assert set(ids_of(run(emails(a="x", b="x"), equal, on=2)).values()) == {"one"}


def test_a_merge_through_a_new_record_names_what_joined() -> None:
    before = known(("a", "one", 1), ("b", "two", 2))
    rows: list[Row] = [
        ("shop", "a", "email", "x"),
        ("shop", "n", "email", "x"),
        ("shop", "n", "phone", "+49"),
        ("shop", "b", "phone", "+49"),
    ]
    result = run(rows, before, on=3)
    assert result.changes.select("change", "old_customer_id", "reason").rows() == [
        ("merged", "two", "joined by the same phone number")
    ]


def test_a_merge_does_not_name_what_only_its_own_records_share() -> None:
    before = known(("a", "one", 1), ("b", "two", 2), ("c", "two", 2))
    rows = [*emails(b="x", c="x"), ("shop", "c", "phone", "+49"), ("shop", "a", "phone", "+49")]
    result = run(rows, before, on=3)
    assert result.changes["reason"].to_list() == ["joined by the same phone number"]


def test_a_split_leaves_the_id_with_the_larger_part() -> None:
    before = known(("a", "one", 1), ("b", "one", 1), ("c", "one", 1))
    result = run(emails(a="x", b="y", c="y"), before, on=2)
    assert ids_of(result) == {"a": new_id("a"), "b": "one", "c": "one"}
    assert times_of(result) == {"a": utc(2), "b": utc(1), "c": utc(1)}
    assert changes_of(result) == [("split", "one", new_id("a"))]
    assert result.changes["reason"].to_list() == ["nothing joins these records any more"]


def test_a_split_into_halves_leaves_the_id_with_the_smallest_record() -> None:
    before = known(("a", "one", 1), ("b", "one", 1))
    result = run(emails(a="x", b="y"), before, on=2)
    assert ids_of(result) == {"a": "one", "b": new_id("b")}


def test_a_split_by_a_value_over_its_limit_says_so() -> None:
    rows = emails(a="x", b="x", c="x")
    first = run(rows)
    result = run(rows, first.records, on=2, limit=2)
    assert ids_of(result) == {"a": new_id("a"), "b": new_id("b"), "c": new_id("c")}
    assert set(result.changes["reason"]) == {"the shared e-mail is excluded or used by too many records"}


def test_the_part_that_leaves_never_gets_an_id_in_use() -> None:
    # The customer is named after record a; then a leaves it, and the name stays with the others.
    first = run(emails(a="x", b="x", c="x"))
    result = run(emails(a="y", b="x", c="x"), first.records, on=2)
    assert ids_of(result) == {"a": new_id("a", attempt=1), "b": new_id("a"), "c": new_id("a")}
    assert run(emails(a="y", b="x", c="x"), result.records, on=3).changes.is_empty()


def test_a_record_that_moves_to_another_customer_is_a_split_into_it() -> None:
    before = known(("a", "one", 1), ("b", "one", 1), ("c", "one", 1), ("d", "two", 2), ("e", "two", 2))
    result = run(emails(a="x", b="x", c="y", d="y", e="y"), before, on=3)
    assert ids_of(result) == {"a": "one", "b": "one", "c": "two", "d": "two", "e": "two"}
    assert changes_of(result) == [("split", "one", "two")]


def test_an_id_that_loses_its_home_to_an_older_one_is_merged_and_its_rest_split_off() -> None:
    before = known(("a", "old", 1), ("b", "young", 2), ("c", "young", 2), ("d", "young", 2))
    result = run(emails(a="x", b="x", c="x", d="y"), before, on=3)
    assert ids_of(result) == {"a": "old", "b": "old", "c": "old", "d": new_id("d")}
    assert changes_of(result) == [("merged", "young", "old"), ("split", "young", new_id("d"))]


def test_records_that_went_away_leave_no_change() -> None:
    before = known(("a", "one", 1), ("b", "two", 1))
    result = run(emails(a="x"), before, on=2)
    assert ids_of(result) == {"a": "one"}
    assert result.changes.is_empty()


def test_times_with_a_zone_are_understood_and_a_missing_one_is_filled() -> None:
    before = known(("a", "one", 1), ("b", "two", 1)).with_columns(
        pl.col("resolved_at").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    )
    before = before.with_columns(pl.when(pl.col("source_record_id") == "a").then("resolved_at"))
    assert times_of(run(emails(a="x", b="y"), before, on=2)) == {"a": utc(1), "b": utc(2)}


def test_clashing_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def always_the_same_at_first(keys: pl.Series) -> pl.Series:
        return keys.str.extract("\x1f(\\d+)$").fill_null("0")

    monkeypatch.setattr(ids, "_hashed", always_the_same_at_first)
    keys = pl.DataFrame({"source": ["shop"] * 4, "source_record_id": ["a", "b", "c", "d"]})
    assert ids.new_ids(keys, taken=pl.Series(["1"], dtype=pl.String)).to_list() == ["0", "2", "3", "4"]


STEP = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(KINDS), st.integers(0, 7)), max_size=25)


def as_rows(links: list[tuple[int, str, int]]) -> list[Row]:
    return [("shop" if r % 2 else "till", f"r{r}", kind, str(value)) for r, kind, value in links]


@settings(max_examples=60, deadline=None)
@given(first=STEP, second=STEP, limit=st.integers(1, 5), seed=st.integers(0, 999))
def test_any_two_runs_keep_the_rules(
    first: list[tuple[int, str, int]], second: list[tuple[int, str, int]], limit: int, seed: int
) -> None:
    before = run(as_rows(first)).records
    rows = as_rows(second)
    after = run(rows, before, on=2, limit=limit)

    shuffled = Random(seed).sample(rows, len(rows))
    again = run(shuffled, before.sample(fraction=1.0, shuffle=True, seed=seed), on=2, limit=limit)
    assert again.records.equals(after.records)
    assert again.changes.equals(after.changes)
    third = run(rows, after.records, on=3, limit=limit)
    assert third.records.equals(after.records)
    assert third.changes.is_empty()

    # Every record that has another id than before is told of; nothing else is.
    keys = ["source", "source_record_id"]
    both = after.records.join(before, on=keys, how="left", suffix="_before")
    moved = both.filter(pl.col("customer_id_before") != pl.col("customer_id"))
    assert set(moved.select("customer_id_before", "customer_id").rows()) == set(
        after.changes.filter(pl.col("change") != "created").select("old_customer_id", "new_customer_id").rows()
    )
    fresh = both.group_by("customer_id").agg(pl.col("customer_id_before").is_null().all().alias("fresh"))
    created = after.changes.filter(pl.col("change") == "created")["new_customer_id"]
    assert set(fresh.filter("fresh")["customer_id"]) == set(created)
    # A merged id is gone, a split one lives on unless it was merged as well.
    merged = set(after.changes.filter(pl.col("change") == "merged")["old_customer_id"])
    split = set(after.changes.filter(pl.col("change") == "split")["old_customer_id"])
    current = set(after.records["customer_id"])
    assert not merged & current
    assert split - merged <= current
    # An id is kept by the part that holds most of its records, or by none.
    shares = both.filter(pl.col("customer_id_before").is_not_null()).group_by("customer_id_before", "customer_id").len()
    for old, part in shares.partition_by("customer_id_before", as_dict=True).items():
        kept = part.filter(pl.col("customer_id") == old[0])["len"]
        assert kept.is_empty() or kept.item() == part["len"].max()
