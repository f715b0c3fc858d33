"""Which records become one customer, and what is said about it."""

import datetime as dt
import subprocess
import sys
from collections.abc import Iterable

import networkx as nx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.identity import IdentityResult, resolve

MOMENT = dt.datetime(2026, 3, 1, 6, 0, tzinfo=dt.UTC)
KINDS = ("account", "email", "phone", "loyalty_card")
SCHEMA = {"source": pl.String, "source_record_id": pl.String, "kind": pl.String, "value": pl.String}
Row = tuple[str, str, str | None, str | None]


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def join(rows: Iterable[Row], previous: pl.DataFrame | None = None, **options: object) -> IdentityResult:
    arguments: dict[str, object] = {"kinds": KINDS, "max_records_per_value": 50, "resolved_at": MOMENT}
    return resolve(frame(rows), previous, **(arguments | options))  # type: ignore[arg-type]


def groups(result: IdentityResult) -> set[frozenset[str]]:
    """The customers as sets of record ids."""
    by_customer = result.records.group_by("customer_id").agg("source_record_id")
    return {frozenset(ids) for ids in by_customer["source_record_id"].to_list()}


def reasons(result: IdentityResult) -> dict[str, str]:
    return dict(result.records.select("source_record_id", "match_reason").iter_rows())


def test_a_chain_of_different_identifiers_is_one_customer() -> None:
    result = join(
        [
            ("shop", "a", "email", "x@example.com"),
            ("email", "b", "email", "x@example.com"),
            ("email", "b", "phone", "+4930123"),
            ("calls", "c", "phone", "+4930123"),
            ("calls", "c", "loyalty_card", "77"),
            ("till", "d", "loyalty_card", "77"),
            ("till", "e", "loyalty_card", "78"),
        ]
    )
    assert groups(result) == {frozenset("abcd"), frozenset("e")}
    methods = dict(result.records.select("source_record_id", "match_method").iter_rows())
    assert methods == {"a": "exact", "b": "exact", "c": "exact", "d": "exact", "e": "single"}
    assert result.records["match_probability"].to_list() == [1.0] * 5
    assert result.report.counts() == {
        "records": 5,
        "customers": 2,
        "joining_values": 3,
        "largest_customer": 4,
        "created": 2,
        "merged": 0,
        "split": 0,
        "blocked_values": 0,
    }
    assert sorted(result.report.customer_sizes.rows()) == [(1, 1), (4, 1)]


def test_a_chain_of_a_thousand_records_is_one_customer() -> None:
    rows = [("shop", f"r{i:04}", "email", f"e{j}") for i in range(1000) for j in (i, i + 1)]
    assert join(rows).report.counts()["largest_customer"] == 1000


def test_the_same_id_in_two_sources_is_two_records() -> None:
    result = join([("shop", "1", "email", "x@example.com"), ("email", "1", "email", "y@example.com")])
    assert result.records.height == 2
    assert result.records["customer_id"].n_unique() == 2


def test_equal_values_of_different_kinds_do_not_join() -> None:
    result = join([("shop", "a", "account", "4711"), ("till", "b", "loyalty_card", "4711")])
    assert groups(result) == {frozenset("a"), frozenset("b")}


def test_only_the_configured_kinds_join() -> None:
    rows = [("shop", "a", "email", "x@example.com"), ("email", "b", "email", "x@example.com")]
    assert groups(join(rows, kinds=["phone"])) == {frozenset("a"), frozenset("b")}
    assert groups(join(rows, kinds=[])) == {frozenset("a"), frozenset("b")}


@pytest.mark.parametrize("value", [None, "", "   "])
def test_empty_values_never_join(value: str | None) -> None:
    result = join([("shop", "a", "email", value), ("shop", "b", "email", value), ("shop", "c", None, None)])
    assert groups(result) == {frozenset("a"), frozenset("b"), frozenset("c")}
    assert set(reasons(result).values()) == {"the record has no identifier"}


def test_repeated_rows_count_once() -> None:
    rows = [("shop", "a", "email", "x@example.com")] * 5 + [("email", "b", "email", "x@example.com")]
    result = join(rows, max_records_per_value=2)
    assert groups(result) == {frozenset("ab")}
    assert reasons(result)["b"] == "same e-mail x@example.com as 1 other record (shop), 40 bits"


def test_a_value_over_its_limit_joins_nothing_and_is_listed() -> None:
    at_limit = [("calls", f"p{i}", "phone", "+491") for i in range(3)]
    over = [("calls", f"q{i}", "phone", "+492") for i in range(4)]
    result = join([*at_limit, *over], max_records_per_value=3)
    assert groups(result) == {frozenset({"p0", "p1", "p2"}), *(frozenset({f"q{i}"}) for i in range(4))}
    assert result.report.blocked_values.rows(named=True) == [
        {
            "kind": "phone",
            "value": "+492",
            "records": 4,
            "people": 0,  # nobody said who the records are about
            "max_records": 3,
            "max_people": None,
            "reason": "over the limit of records",
        }
    ]
    assert reasons(result)["q1"] == "its phone number is excluded or used by too many records"


def test_a_value_on_a_hundred_thousand_records_makes_no_giant() -> None:
    records = pl.DataFrame({"source_record_id": pl.int_range(100_000, eager=True).cast(pl.String)})
    rows = records.with_columns(source=pl.lit("shop"), kind=pl.lit("email"), value=pl.lit("info@example.com"))
    result = resolve(rows, kinds=KINDS, max_records_per_value=50, resolved_at=MOMENT)
    assert result.report.customers == 100_000
    assert result.report.blocked_values["records"].to_list() == [100_000]


def test_each_kind_may_have_its_own_limit() -> None:
    rows = [("shop", r, kind, "v") for r in "abc" for kind in ("email", "phone")]
    limits = {"account": 1, "email": 2, "phone": 3, "loyalty_card": 1}
    result = join(rows, max_records_per_value=limits)
    assert groups(result) == {frozenset("abc")}
    assert result.report.blocked_values["kind"].to_list() == ["email"]
    assert reasons(result)["a"] == "same phone number v as 2 other records (shop), 30 bits"


def test_an_excluded_value_joins_nothing_for_its_kind_only() -> None:
    rows: list[Row] = [
        ("shop", "a", "email", "info@example.com"),
        ("shop", "b", "email", "info@example.com"),
        ("shop", "c", "account", "info@example.com"),
        ("shop", "d", "account", "info@example.com"),
    ]
    result = join(rows, excluded_values={"email": {"info@example.com"}})
    assert groups(result) == {frozenset("a"), frozenset("b"), frozenset("cd")}
    assert result.report.blocked_values.select("kind", "value", "records", "reason").rows() == [
        ("email", "info@example.com", 2, "excluded")
    ]


def test_reasons_name_kinds_values_counts_and_sources_of_the_other_records_and_bits() -> None:
    result = join(
        [
            ("shop", "a", "email", "x@example.com"),
            ("shop", "b", "email", "x@example.com"),
            ("email", "c", "email", "x@example.com"),
            ("shop", "a", "phone", "+491"),
            ("calls", "d", "phone", "+491"),
            ("shop", "e", "email", "y@example.com"),
        ]
    )
    assert reasons(result) == {
        "a": "same e-mail x@example.com as 2 other records (email, shop), 40 bits; "
        "same phone number +491 as 1 other record (calls), 30 bits",
        "b": "same e-mail x@example.com as 2 other records (email, shop), 40 bits",
        "c": "same e-mail x@example.com as 2 other records (shop), 40 bits",
        "d": "same phone number +491 as 1 other record (shop), 30 bits",
        "e": "no other record has the same identifiers",
    }


def test_a_record_with_two_values_of_a_kind_tells_of_the_one_more_records_carry() -> None:
    rows = [("shop", "a", "email", value) for value in ("x", "y")]
    rows += [("email", "b", "email", "x"), ("email", "c", "email", "y"), ("calls", "d", "email", "y")]
    assert reasons(join(rows))["a"] == "same e-mail y as 2 other records (calls, email), 40 bits"


def test_of_two_values_that_as_many_records_carry_the_first_by_its_text_is_told_and_holds() -> None:
    rows: list[Row] = [("shop", r, "email", value) for value in ("y", "x") for r in "ab"]
    for order in (rows, rows[::-1]):
        result = join(order)
        assert reasons(result)["a"] == "same e-mail x as 1 other record (shop), 40 bits"
        assert result.links.select("value", "is_holding").rows() == [("x", True)]


def test_links_that_hold_a_customer_are_the_strongest_that_suffice() -> None:
    result = join(
        [
            ("shop", "a", "email", "x"),
            ("shop", "b", "email", "x"),
            ("shop", "a", "phone", "1"),
            ("shop", "b", "phone", "1"),  # b hangs on a by the e-mail already
            ("shop", "c", "phone", "1"),
            ("shop", "c", "account", "9"),
            ("till", "d", "account", "9"),
            ("till", "e", "email", "z"),
        ]
    )
    columns = ("source_record_id", "other_source", "other_record_id", "kind", "value", "weight", "method", "reason")
    assert result.links.select(columns).rows() == [
        ("a", "shop", "b", "email", "x", 40.0, "exact", "same e-mail"),
        ("a", "shop", "c", "phone", "1", 30.0, "exact", "same phone number"),
        ("c", "till", "d", "account", "9", 60.0, "exact", "same account"),
    ]
    assert result.links["is_holding"].all()
    assert set(result.links["customer_id"]) == {
        dict(result.records.select("source_record_id", "customer_id").iter_rows())["a"]
    }
    assert result.links["probability"].to_list() == [1.0, 1.0, 1.0]


def test_weights_may_be_said_and_decide_which_link_holds() -> None:
    rows: list[Row] = [("shop", r, kind, "v") for r in "ab" for kind in ("email", "phone")]
    result = join(rows, weights={"phone": 41.5})
    assert result.links.select("kind", "weight").rows() == [("phone", 41.5)]
    assert reasons(result)["a"] == (
        "same e-mail v as 1 other record (shop), 40 bits; same phone number v as 1 other record (shop), 41.5 bits"
    )


def test_more_sources_than_can_be_named_leave_the_names_out() -> None:
    rows = [(f"source_{i:02}", "a", "email", "x@example.com") for i in range(40)]
    assert set(join(rows).records["match_reason"]) == {"same e-mail x@example.com as 39 other records, 40 bits"}


def test_neither_counts_nor_changes_hold_a_personal_value() -> None:
    values = {"email": "secret@example.com", "phone": "+4915112345678", "loyalty_card": "990077"}
    rows = [("shop", r, kind, value) for r in "abc" for kind, value in values.items()]
    limits = {"account": 9, "email": 9, "phone": 2, "loyalty_card": 9}
    first = join(rows, max_records_per_value=limits)
    # A second run with created, merged and split customers.
    parted = join([row for row in rows if row[1] != "c"], first.records, max_records_per_value=dict.fromkeys(KINDS, 1))
    joined = join(rows, parted.records, max_records_per_value=limits)
    changed = [change for result in (first, parted, joined) for change in result.changes["change"]]
    assert set(changed) == {"created", "split", "merged"}
    told = "".join(f"{result.changes.write_csv()} {result.report.counts()}" for result in (first, parted, joined))
    assert not [value for value in values.values() if value in told]
    # The records and the list of what was stopped do hold them: they are for people who may see them.
    assert "secret@example.com" in reasons(first)["a"]
    assert first.report.blocked_values["value"].to_list() == ["+4915112345678"]


def test_nothing_in_nothing_out() -> None:
    for previous in (None, pl.DataFrame(), join([]).records):
        result = join([], previous)
        assert result.records.is_empty()
        assert result.changes.is_empty()
        assert result.report.customers == 0
    known = join([("shop", "a", "email", "x@example.com")]).records
    assert join([], known).changes.is_empty()


def test_output_columns_and_times() -> None:
    result = join([("shop", "a", "email", "x@example.com")], resolved_at=MOMENT)
    local = MOMENT.astimezone(dt.timezone(dt.timedelta(hours=2)))
    assert result.records.columns == [
        "source",
        "source_record_id",
        "customer_id",
        "match_method",
        "match_probability",
        "match_reason",
        "resolved_at",
    ]
    assert result.records.schema["resolved_at"] == pl.Datetime("us")
    assert result.records["resolved_at"].to_list() == [dt.datetime(2026, 3, 1, 6, 0)]  # noqa: DTZ001
    assert join([("shop", "a", None, None)], resolved_at=local).records["resolved_at"].to_list() == [
        dt.datetime(2026, 3, 1, 6, 0)  # noqa: DTZ001
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_records_per_value": 0}, "must be at least 1, got 0"),
        ({"max_records_per_value": {"email": 3}}, "no limit for account, phone, loyalty_card"),
        ({"kinds": ["email", "email"]}, "kinds must differ"),
    ],
)
def test_wrong_settings_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        join([("shop", "a", "email", "x@example.com")], **options)


def test_wrong_frames_are_refused_without_personal_values() -> None:
    good = frame([("shop", "a", "email", "x@example.com")])
    known = join([("shop", "a", "email", "x@example.com")]).records
    options = {"kinds": KINDS, "max_records_per_value": 5, "resolved_at": MOMENT}
    wrong = [
        (good.drop("kind"), None, "identifiers lacks the columns kind"),
        (good.with_columns(source=pl.lit(None, pl.String)), None, "1 rows without source"),
        (good, known.drop("customer_id"), "previous lacks the columns customer_id"),
        (good, pl.concat([known, known]), "previous holds 1 records more than once"),
        (good, known.with_columns(customer_id=pl.lit(None, pl.String)), "1 records without customer_id"),
    ]
    for identifiers, previous, message in wrong:
        with pytest.raises(ValueError, match=message) as caught:
            resolve(identifiers, previous, **options)  # type: ignore[arg-type]
        assert "example.com" not in str(caught.value)


LINKS = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["email", "phone"]), st.integers(0, 12)), max_size=40)


@settings(max_examples=80, deadline=None)
@given(links=LINKS, limit=st.integers(1, 6))
def test_customers_are_the_connected_components_of_an_independent_graph(
    links: list[tuple[int, str, int]], limit: int
) -> None:
    rows = [("shop" if r % 2 else "till", str(r), kind, str(v)) for r, kind, v in links]
    carriers: dict[tuple[str, int], set[str]] = {}
    for r, kind, v in links:
        carriers.setdefault((kind, v), set()).add(str(r))
    graph = nx.Graph()
    graph.add_nodes_from(str(r) for r, _, _ in links)
    for value, records in carriers.items():
        if len(records) <= limit:
            graph.add_edges_from((record, value) for record in records)
    expected = {frozenset(node for node in part if isinstance(node, str)) for part in nx.connected_components(graph)}
    assert groups(join(rows, max_records_per_value=limit)) == expected


def test_importing_the_package_loads_neither_numpy_nor_scipy() -> None:
    code = (
        "import sys, models.identity, models.lifetime_value; "
        "sys.exit(', '.join({'numpy', 'scipy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
