"""Identity on Spark gives what one machine gives: the same records, ids, reasons, times, changes and counts."""

from __future__ import annotations

import datetime as dt
import hashlib
from random import Random

import networkx as nx
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from models.identity import resolve
from models.identity.distributed import GiantGroupError, _clashes, resolve_distributed
from models.identity.spark_components import components

KINDS = ("account", "email", "phone")
SCHEMA = {"source": pl.String, "source_record_id": pl.String, "kind": pl.String, "value": pl.String}
PREVIOUS = ("source", "source_record_id", "customer_id", "resolved_at")


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 1, number, 6, 30, 0, 123456, tzinfo=dt.UTC)


def frame(rows) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def spark_frame(spark, data: pl.DataFrame):
    """The frame in Spark, as its tables hold it: timestamps are instants."""
    times = [name for name, kind in data.schema.items() if isinstance(kind, pl.Datetime)]
    table = data.with_columns(pl.col(times).dt.replace_time_zone("UTC")).to_arrow()
    types = {pa.large_string(): pa.string(), pa.string_view(): pa.string()}
    table = table.cast(pa.schema([(field.name, types.get(field.type, field.type)) for field in table.schema]))
    kinds = {pa.string(): "string", pa.float64(): "double"}
    ddl = ", ".join(f"{field.name} {kinds.get(field.type, 'timestamp')}" for field in table.schema)
    return spark.createDataFrame(table, ddl)


def collected(data) -> pl.DataFrame:
    found = pl.from_arrow(data.toArrow())
    times = [name for name, kind in found.schema.items() if isinstance(kind, pl.Datetime)]
    return found.with_columns(pl.col(times).dt.replace_time_zone(None).dt.cast_time_unit("us"))


def assert_same(spark, rows, previous=None, *, on=1, limit=5, **options):
    """Resolve on both engines, compare everything, and return what the single machine found."""
    identifiers = rows if isinstance(rows, pl.DataFrame) else frame(rows)
    excluded = options.pop("excluded_values", None)
    rules = {"kinds": KINDS, "max_records_per_value": limit, "resolved_at": day(on), "excluded_values": excluded}
    one = resolve(identifiers, previous, **rules)
    known = None if previous is None else spark_frame(spark, previous)
    many = resolve_distributed(
        spark_frame(spark, identifiers), known, **rules, **({"partitions": 7, "edges_on_driver": 0} | options)
    )
    assert many.rows_in == identifiers.height
    records = collected(many.records)
    assert_frame_equal(records.sort("source", "source_record_id"), one.records)
    order = ["change", "old_customer_id", "new_customer_id", "reason"]
    assert_frame_equal(collected(many.changes).sort(order), one.changes.sort(order))
    assert many.report.counts() == one.report.counts()
    assert_frame_equal(many.report.blocked_values, one.report.blocked_values)
    assert_frame_equal(many.report.customer_sizes, one.report.customer_sizes)
    return one


def previous_of(result) -> pl.DataFrame:
    return result.records.select(PREVIOUS)


def graphs(seed: int, count: int) -> list[tuple[str, str, str | None, str | None]]:
    """Many small random graphs side by side: chains, stars and clouds, with values too many share and empty ones."""
    draw = Random(seed)
    rows = []
    for graph in range(count):
        size = draw.randint(1, 12)
        for record in range(size):
            key = (draw.choice(["shop", "mail", "Läden"]) if draw.random() < 0.2 else "shop", f"g{graph}r{record}")
            for _ in range(draw.randint(1, 3)):
                kind = draw.choice([*KINDS, "fax", None])
                value = f"g{graph}v{draw.randint(0, size)}"
                value = draw.choice([value, value, value, "shared by all", "дом 7 ☎", None, " \u2003", ""])
                rows.append((*key, kind, value))
    return rows


def test_random_graphs_over_three_runs_with_other_limits(spark):
    """Dozens of graphs whose values come and go, so that customers merge, split and come back."""
    first = assert_same(spark, graphs(1, 60), limit=8, edges_on_driver=10**6)
    limits = {"account": 3, "email": 2, "phone": 50}
    second = assert_same(spark, graphs(2, 70), previous_of(first), on=2, limit=limits, edges_on_driver=200)
    assert {"created", "merged", "split"} == set(second.changes["change"])
    third = assert_same(
        spark,
        graphs(1, 60),
        pl.concat([previous_of(second), previous_of(first).join(second.records, on=PREVIOUS[:2], how="anti")]),
        on=3,
        limit=4,
        excluded_values={"email": ["g1v1", "shared by all"], "fax": ["g2v2"], "phone": ["g3v1", "no such"]},
    )
    assert third.report.blocked_values["reason"].n_unique() == 2


def test_a_long_chain_is_one_customer_and_parts_where_a_link_goes(spark):
    def chain(name, length):
        return [("shop", f"{name}{i:04}", KINDS[j % 3], f"{name}{j}") for i in range(length) for j in (i, i + 1)]

    first = assert_same(spark, [*chain("a", 200), *chain("b", 300)], rows_per_bucket=1000)
    assert first.report.counts()["largest_customer"] == 300
    rest = [row for row in chain("a", 200) if row[3] != "a77"]
    second = assert_same(spark, [*rest, *chain("b", 300)], previous_of(first), on=2, edges_on_driver=300)
    assert second.changes["change"].to_list() == ["split"]


def test_an_earlier_customer_reaches_across_buckets(spark):
    """Parts of one earlier customer share nothing any more; who keeps the id is still one decision."""
    together = [("shop", f"r{i}", "email", "x") for i in range(6)]
    first = assert_same(spark, together, limit=6)
    apart = [("shop", f"r{i}", "email", f"x{i // 4}") for i in range(6)]
    second = assert_same(spark, apart, previous_of(first), on=2)
    assert second.changes.select("change", "old_customer_id").rows() == [("split", first.records["customer_id"][0])]
    third = assert_same(spark, together, previous_of(second), on=3, limit=6)
    assert third.changes["change"].to_list() == ["merged"]


def test_values_over_the_limit_stay_so_although_a_bucket_sees_few(spark):
    rows = [("shop", f"r{i:02}", "phone", "central") for i in range(30)]
    rows += [("mail", f"m{i:02}", "email", f"e{i}") for i in range(30)]
    rows += [("shop", f"r{i:02}", "email", f"e{i}") for i in range(30)]
    one = assert_same(spark, rows, limit=29, partitions=30)
    assert one.report.counts()["customers"] == 30
    assert one.report.blocked_values["records"].to_list() == [30]


def test_an_id_of_another_bucket_is_given_to_nobody(spark):
    """r founded customer A, moved to B, and leaves B while A lives on: r's own id is A's, who is in another bucket."""

    def own(key, attempt=0):
        text = f"shop\x1f{key}" + (f"\x1f{attempt}" if attempt else "")
        return "c_" + hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    before, twice = own("r05"), own("r06", 1)
    known = [("shop", f"s{i}", before, day(1)) for i in range(3)]
    known += [("shop", f"r{i:02}", f"c_{i}", day(1)) for i in range(20)]
    known += [("shop", f"x{i}", f"c_{i}", day(1)) for i in range(20)]  # the older ids stay with x, which has more
    known += [("shop", f"y{i}", f"c_{i}", day(1)) for i in range(20)]
    known += [("shop", "gone", own("r06"), day(1)), ("shop", "z", twice, day(1))]
    previous = pl.DataFrame(known, schema=[*PREVIOUS], orient="row").with_columns(
        pl.col("resolved_at").dt.replace_time_zone(None)
    )
    rows = [("shop", f"s{i}", "email", "s") for i in range(3)] + [("shop", "z", "email", "z")]
    rows += [("shop", f"{name}{i}", "email", f"x{i}") for name in "xy" for i in range(20)]
    rows += [("shop", f"r{i:02}", "email", f"r{i}") for i in range(20)]
    one = assert_same(spark, rows, previous, on=2, partitions=40)
    ids = dict(one.records.select("source_record_id", "customer_id").iter_rows())
    assert ids["s0"] == before
    assert ids["r05"] == own("r05", 1)
    assert ids["r06"] == own("r06", 2)
    assert ids["r07"] == own("r07")


def test_a_second_run_changes_nothing(spark):
    first = assert_same(spark, graphs(5, 20))
    second = assert_same(spark, graphs(5, 20), previous_of(first), on=2)
    assert second.changes.height == 0
    assert_frame_equal(first.records, second.records)


def test_more_sources_than_reasons_name(spark):
    """A bucket sees few sources; whether they are named depends on how many there are in all."""
    rows = [(f"s{i:02}", f"r{i}", "email", f"x{i // 2}") for i in range(33)]
    one = assert_same(spark, rows)
    assert "same e-mail as 1 other record" in one.records["match_reason"].to_list()
    assert assert_same(spark, rows[:32]).records["match_reason"][0] == "same e-mail as 1 other record (s01)"


@pytest.mark.parametrize("kinds_of_input", ["nothing", "only earlier", "no value"])
def test_little_or_no_input(spark, kinds_of_input):
    known = assert_same(spark, [("shop", "a", "email", "x"), ("shop", "b", "email", "x")])
    rows = {"nothing": [], "only earlier": [], "no value": [("shop", "c", None, None), ("shop", "d", "fax", "1")]}
    assert_same(spark, rows[kinds_of_input], None if kinds_of_input == "nothing" else previous_of(known), on=2)


def test_no_bucket_holds_more_than_its_rows_and_a_giant_is_refused(spark):
    rows = [("shop", f"r{i}", "email", f"x{i // 4}") for i in range(400)]
    rules = {"kinds": KINDS, "max_records_per_value": 5, "resolved_at": day(1)}
    found = resolve_distributed(spark_frame(spark, frame(rows)), **rules, rows_per_bucket=16)
    assert found.buckets >= 50
    assert found.report.counts()["customers"] == 100
    with pytest.raises(GiantGroupError, match=r"holds 4 rows .* takes 3"):
        resolve_distributed(spark_frame(spark, frame(rows)), **rules, rows_per_bucket=3)


@pytest.mark.parametrize(
    ("rows", "known", "words"),
    [
        ([("shop", None, "email", "x")], [], "1 rows without source or source_record_id"),
        ([], [("shop", None, "c", day(1))], "1 rows without source or source_record_id"),
        ([], [("shop", "a", None, day(1))], "1 records without customer_id"),
        ([], [("shop", "a", "c", day(1)), ("shop", "a", "d", day(1))], "1 records more than once"),
    ],
)
def test_bad_input_is_refused_with_the_same_words(spark, rows, known, words):
    schema = {**dict.fromkeys(PREVIOUS[:3], pl.String), "resolved_at": pl.Datetime("us", "UTC")}
    previous = pl.DataFrame(known, schema=schema, orient="row").with_columns(
        pl.col("resolved_at").dt.replace_time_zone(None)
    )
    rules = {"kinds": KINDS, "max_records_per_value": 5, "resolved_at": day(1)}
    with pytest.raises(ValueError, match=words):
        resolve(frame(rows), previous, **rules)
    with pytest.raises(ValueError, match=words):
        resolve_distributed(spark_frame(spark, frame(rows)), spark_frame(spark, previous), **rules)


def test_the_same_new_id_in_two_buckets_stays_with_the_smallest_record(spark):
    told = spark.createDataFrame(
        [
            (1, "new", "c_a", "shop", "2"),
            (2, "new", "c_a", "shop", "1"),
            (3, "new", "c_b", "shop", "3"),
            (4, "new", "c_c", "shop", "4"),
            (5, "record", "c_a", "shop", "0"),
        ],
        "bucket int, part string, customer_id string, source string, source_record_id string",
    )
    known = spark.createDataFrame([("c_b",), ("c_b",), ("c_z",)], "customer_id string")
    assert sorted(_clashes(told, known)) == [(1, "c_a"), (3, "c_b")]


@pytest.mark.parametrize("edges_on_driver", [0, 60, 10**6])
def test_components_are_those_of_the_graph(spark, edges_on_driver):
    draw = Random(7)
    edges = [(i, i + 1) for i in range(1000, 1400)] + [(2000, n) for n in range(2001, 2100)]  # a chain and a star
    edges += [(draw.randint(0, 300), draw.randint(0, 300)) for _ in range(200)] + [(-5, -5), (-(2**63), 2**63 - 1)]
    found = components(
        spark.createDataFrame(edges, "left bigint, right bigint"),
        keep=lambda data: data.localCheckpoint(),
        edges_on_driver=edges_on_driver,
    ).collect()
    groups: dict[int, set[int]] = {}
    for row in found:
        groups.setdefault(row.component, set()).add(row.node)
    graph = nx.Graph(edge for edge in edges if edge[0] != edge[1])
    assert {frozenset(group) for group in groups.values()} == {frozenset(g) for g in nx.connected_components(graph)}
    assert all(name in group for name, group in groups.items())
    assert len(found) == graph.number_of_nodes()
