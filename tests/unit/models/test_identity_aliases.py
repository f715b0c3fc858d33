"""Old customer ids: each means the customer that it went up in, however often that one merged again."""

import datetime as dt
from collections.abc import Iterable
from itertools import permutations

import polars as pl
import pytest

from models.identity import resolve
from models.identity.aliases import ALIASES_SCHEMA, aliases
from models.identity.result import CHANGES_SCHEMA
from models.identity.rules import DECISIONS_SCHEMA, Evidence

Known = tuple[str, str, int]


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 1, number)  # noqa: DTZ001 - UTC without zone, as the frames hold it


def known(*rows: Known) -> pl.DataFrame:
    """Aliases: old id, id, day since when."""
    return pl.DataFrame([(old, now, day(on)) for old, now, on in rows], schema=ALIASES_SCHEMA, orient="row")


def merged(*pairs: tuple[str, str], on: int = 1, change: str = "merged") -> pl.DataFrame:
    rows = [(day(on), change, old, new, "because") for old, new in pairs]
    return pl.DataFrame(rows, schema=CHANGES_SCHEMA, orient="row")


def living(*ids: str) -> pl.DataFrame:
    """Records of customers; every customer has two."""
    return pl.DataFrame({"customer_id": [*ids, *ids]}, schema={"customer_id": pl.String})


def after(previous: pl.DataFrame, changes: pl.DataFrame, records: pl.DataFrame, on: int) -> list[Known]:
    found = aliases(previous, changes, records, day(on))
    assert found.schema == ALIASES_SCHEMA
    return [(old, now, since.day) for old, now, since in found.iter_rows()]


def test_a_merged_id_means_the_one_that_stayed() -> None:
    assert after(known(), merged(("c_b", "c_a")), living("c_a"), 2) == [("c_b", "c_a", 2)]


def test_a_chain_of_merges_ends_at_the_id_in_use() -> None:
    one = aliases(known(), merged(("c_b", "c_a"), ("c_z", "c_y")), living("c_a", "c_c", "c_y"), day(2))
    two = aliases(one, merged(("c_a", "c_c")), living("c_c", "c_y"), day(3))
    assert after(two, merged(("c_c", "c_y")), living("c_y"), 4) == [
        ("c_a", "c_y", 4),
        ("c_b", "c_y", 4),
        ("c_c", "c_y", 4),
        ("c_z", "c_y", 2),
    ]


def test_an_alias_that_nothing_happened_to_keeps_its_time() -> None:
    assert after(known(("c_b", "c_a", 1)), merged(), living("c_a"), 9) == [("c_b", "c_a", 1)]


def test_an_id_that_comes_back_is_no_alias() -> None:
    back = merged(("c_a", "c_b"), change="split")
    assert after(known(("c_b", "c_a", 1)), back, living("c_a", "c_b"), 2) == []


def test_an_id_that_comes_back_and_goes_again_is_one_again() -> None:
    assert after(known(), merged(("c_b", "c_a")), living("c_a"), 3) == [("c_b", "c_a", 3)]


def test_who_comes_back_takes_nobody_along() -> None:
    """c_c went up in c_b, and that one in c_a; when c_b is there again, nobody knows that c_c is its."""
    before = known(("c_b", "c_a", 1), ("c_c", "c_a", 1))
    assert after(before, merged(("c_a", "c_b"), change="split"), living("c_a", "c_b"), 2) == [("c_c", "c_a", 1)]


def test_an_alias_of_a_customer_who_is_gone_goes_too() -> None:
    assert after(known(("c_b", "c_a", 1), ("c_z", "c_y", 1)), merged(), living("c_y"), 2) == [("c_z", "c_y", 1)]


@pytest.mark.parametrize("change", ["created", "split"])
def test_other_changes_make_no_aliases(change: str) -> None:
    assert after(known(), merged(("c_b", "c_a"), change=change), living("c_a", "c_b"), 2) == []


def test_two_that_went_up_in_one() -> None:
    both = merged(("c_b", "c_a"), ("c_c", "c_a"))
    assert after(known(), both, living("c_a"), 2) == [("c_b", "c_a", 2), ("c_c", "c_a", 2)]


def test_the_order_of_rows_does_not_matter() -> None:
    before = known(("c_d", "c_a", 1), ("c_e", "c_b", 1), ("c_f", "c_c", 1))
    changes = merged(("c_a", "c_g"), ("c_b", "c_g"), ("c_h", "c_c"))
    records = living("c_c", "c_g", "c_x")
    now = {"c_a": "c_g", "c_b": "c_g", "c_d": "c_g", "c_e": "c_g", "c_f": "c_c", "c_h": "c_c"}
    expected = [(old, new, 1 if old == "c_f" else 2) for old, new in now.items()]
    for order in permutations(range(3)):
        assert after(before[list(order)], changes[list(order)], records[[5, *order, 3, 4]], 2) == expected


def test_nothing_known_and_nothing_changed() -> None:
    assert after(known(), merged(), living(), 1) == []
    assert after(known(), merged(), living("c_a"), 1) == []


def run(pairs: Iterable[str], previous: pl.DataFrame | None, on: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records and changes of a run over the records a, b, c, d in which a steward joins pairs."""
    rows = [
        (f"d_{pair}", "merge", day(1), side, "shop", record)
        for pair in pairs
        for side, record in zip(("records", "others"), pair, strict=True)
    ]
    identifiers = pl.DataFrame(
        {"source": ["shop"] * 4, "source_record_id": list("abcd"), "kind": ["email"] * 4, "value": list("abcd")}
    )
    result = resolve(
        identifiers,
        previous,
        kinds=["email"],
        max_records_per_value=5,
        resolved_at=day(on),
        evidence=Evidence(decisions=pl.DataFrame(rows, schema=DECISIONS_SCHEMA, orient="row")),
    )
    return result.records, result.changes


def test_over_several_runs_every_id_ever_given_leads_to_its_record() -> None:
    """Merges and merges undone: an id leads to a customer with a record that had it once."""
    runs: list[list[str]] = [[], ["ab"], ["ab", "bc"], ["ab", "bc", "cd"], ["ab"], ["cd"], []]
    records, changes, kept = None, merged(), known()
    given: dict[str, set[str]] = {}
    for on, pairs in enumerate(runs, start=1):
        records, changes = run(pairs, records, on)
        kept = aliases(kept, changes, records, day(on))
        of = dict(records.select("source_record_id", "customer_id").iter_rows())
        for record, customer in of.items():
            given.setdefault(customer, set()).add(record)
        now = dict(kept.select("old_customer_id", "customer_id").iter_rows())
        in_use = set(of.values())
        assert not in_use & set(now), "an id in use has an alias"
        assert set(now.values()) <= in_use, "an alias leads to an id that is gone"
        for customer, owners in given.items():
            leads_to = customer if customer in in_use else now[customer]
            assert leads_to in {of[record] for record in owners}
