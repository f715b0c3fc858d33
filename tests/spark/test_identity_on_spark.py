"""Identity on Spark gives what one machine gives: the same records, ids, reasons, changes, links, decisions, counts."""

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
from models.identity.distributed import GiantGroupError, _clashes, _java_expression, resolve_distributed
from models.identity.guards import excluded_values
from models.identity.result import LINKS_SCHEMA
from models.identity.rules import COMPARED_SCHEMA, DECISIONS_SCHEMA, TRAITS_SCHEMA, Evidence
from models.identity.spark_components import components

KINDS = ("account", "email", "phone")
SCHEMA = {"source": pl.String, "source_record_id": pl.String, "kind": pl.String, "value": pl.String}
RULES = ("excluded_values", "max_people_per_value", "weights", "evidence")
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
    kinds = {pa.string(): "string", pa.float64(): "double", pa.bool_(): "boolean"}
    ddl = ", ".join(f"{field.name} {kinds.get(field.type, 'timestamp')}" for field in table.schema)
    return spark.createDataFrame(table, ddl)


def collected(data) -> pl.DataFrame:
    found = pl.from_arrow(data.toArrow())
    times = [name for name, kind in found.schema.items() if isinstance(kind, pl.Datetime)]
    return found.with_columns(pl.col(times).dt.replace_time_zone(None).dt.cast_time_unit("us"))


def assert_same(spark, rows, previous=None, *, on=1, limit=5, **options):
    """Resolve on both engines, compare everything, and return what the single machine found."""
    identifiers = rows if isinstance(rows, pl.DataFrame) else frame(rows)
    rules = {"kinds": KINDS, "max_records_per_value": limit, "resolved_at": day(on)}
    rules |= {name: options.pop(name) for name in RULES if name in options}
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
    order = [*LINKS_SCHEMA]
    assert_frame_equal(collected(many.links).sort(order), one.links.sort(order))
    assert_frame_equal(many.decisions, one.decisions)
    assert many.report.counts() == one.report.counts()
    assert_frame_equal(many.report.blocked_values, one.report.blocked_values)
    assert_frame_equal(many.report.customer_sizes, one.report.customer_sizes)
    return one


def previous_of(result) -> pl.DataFrame:
    return result.records.select(PREVIOUS)


def graphs(seed: int, count: int, *, crowd: int = 1) -> list[tuple[str, str, str | None, str | None]]:
    """Many small random graphs side by side: chains, stars and clouds, with values too many share and empty ones.

    The larger the crowd, the more values a record has and the more records share one.
    """
    draw = Random(seed)
    rows = []
    for graph in range(count):
        size = draw.randint(1, 12)
        for record in range(size):
            key = (draw.choice(["shop", "mail", "Läden"]) if draw.random() < 0.2 else "shop", f"g{graph}r{record}")
            for _ in range(draw.randint(1, 2 + crowd)):
                kind = draw.choice([*KINDS, "fax", None])
                value = f"g{graph}v{draw.randint(0, size // crowd)}"
                value = draw.choice([value, value, value, "shared by all", "дом 7 ☎", None, " \u2003", ""])
                rows.append((*key, kind, value))
    return rows


@pytest.mark.slow
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


def evidence_of(seed: int, rows, **settings) -> Evidence:
    """Names, dates, compared pairs and decisions about the records of graphs, and about some that are not there."""
    draw = Random(seed)
    keys = sorted({(source, record) for source, record, *_ in rows})
    near: dict[str, list[tuple[str, str]]] = {}
    for key in keys:
        near.setdefault(graph_of(key), []).append(key)
    said = {"separates": ("birth_date", "first_name", "account")} | settings
    return Evidence(
        traits=traits_of(draw, keys),
        pairs=pairs_of(draw, keys, near),
        are_compared=True,
        decisions=decisions_of(draw, keys, near),
        **said,
    )


def graph_of(key: tuple[str, str]) -> str:
    return key[1].partition("r")[0]


def traits_of(draw: Random, keys) -> pl.DataFrame:
    rows = [("shop", "nowhere", "person", "anna\x1fmay")]
    for key in keys:
        name = draw.choice(["anna", "bruno", "clara", "dietrich"])
        if draw.random() < 0.6:
            rows.append((*key, "person", f"{name}\x1fmay"))
            rows.append((*key, "first_name", f"{name}\x1fmay\x1f{name}"))
        if draw.random() < 0.3:
            rows.append((*key, "birth_date", draw.choice(["19700101", "19820330"])))
    return pl.DataFrame(rows, schema=TRAITS_SCHEMA, orient="row")


def pairs_of(draw: Random, keys, near) -> pl.DataFrame:
    rows = {}
    for number in range(2 * len(keys)):
        one = draw.choice(keys)
        other = draw.choice(near[graph_of(one)] if draw.random() < 0.8 else keys)
        one, other = sorted([one, ("shop", "nowhere") if draw.random() < 0.05 else other])
        weight, probability = draw.choice(
            [(-6.0, 0.0), (-1.5, 0.2), (0.0, 0.5), (5.25, 0.9), (9.0, 0.96), (12.5, 0.99)]
        )
        rows[one + other] = (*one, *other, weight, probability, f"alike by {weight} ({number})")
    return pl.DataFrame(list(rows.values()), schema=COMPARED_SCHEMA, orient="row")


def decisions_of(draw: Random, keys, near) -> pl.DataFrame:
    rows = []
    for number in range(len(keys) // 2):
        those = near[graph_of(draw.choice(keys))] if draw.random() < 0.7 else keys
        records, others = ({draw.choice(those) for _ in range(draw.randint(1, 3))} for _ in range(2))
        if draw.random() < 0.15:
            others.add(("shop", "nowhere"))
        if draw.random() < 0.1:
            records = {("mail", "nowhere")}
        told = [("records", *key) for key in sorted(records)] + [("others", *key) for key in sorted(others - records)]
        what, when = draw.choice(["merge", "split"]), naive(1 + number % 28)
        rows += [(f"d_{number:012}", what, when, *row) for row in told]
    return pl.DataFrame(rows, schema=DECISIONS_SCHEMA, orient="row")


def naive(number: int) -> dt.datetime:
    return day(number).replace(tzinfo=None)


GUARDED = {
    "max_people_per_value": {"email": 1, "phone": 2},
    "excluded_values": {"email": ["g?v1", "shared*"], "phone": ["g3v1", "*7 ☎"], "fax": ["*"]},
    "weights": {"phone": 45.0},
}


@pytest.mark.slow
def test_random_graphs_with_evidence_over_three_runs(spark):
    """Traits contradict, pairs and stewards join and part, values have people and patterns; then all of it changes."""
    rows = graphs(11, 50, crowd=3)
    first = assert_same(spark, rows, limit=9, evidence=evidence_of(1, rows), **GUARDED)
    assert first.report.blocked_values["reason"].n_unique() == 3
    assert set(first.links["method"]) == {"exact", "probabilistic", "steward"}
    assert set(first.decisions["status"]) == {"applied", "overruled", "unknown record"}
    assert first.links["reason"].str.contains("a steward keeps them apart").any()
    assert first.links["reason"].str.contains("contradict each other").any()
    assert set(first.records["match_method"]) == {"single", "exact", "probabilistic"}
    rows = graphs(12, 60, crowd=2)
    evidence = evidence_of(2, rows, separates=("first_name",), join_from_probability=0.9, max_records_per_customer=6)
    second = assert_same(spark, rows, previous_of(first), on=2, evidence=evidence, edges_on_driver=200)
    assert {"created", "merged", "split"} == set(second.changes["change"])
    rows = graphs(11, 50, crowd=3)
    evidence = evidence_of(3, rows, separates=())
    third = assert_same(spark, rows, previous_of(second), on=3, evidence=evidence, partitions=40, **GUARDED)
    assert set(third.changes["change"]) == {"created", "merged", "split"}


def test_people_are_counted_over_all_buckets(spark):
    """Two people may share a number, three may not; a record without a name is nobody of its own."""
    rows = [("shop", f"{phone}{i}", "phone", phone) for phone in "ab" for i in range(4)]
    names = {"a0": "x", "a1": "y", "a2": "x", "b0": "x", "b1": "y", "b2": "z"}
    traits = [("shop", record, "person", name) for record, name in names.items()]
    evidence = Evidence(traits=pl.DataFrame(traits, schema=TRAITS_SCHEMA, orient="row"))
    one = assert_same(spark, rows, evidence=evidence, max_people_per_value={"phone": 2}, edges_on_driver=100)
    assert one.report.customer_sizes.rows() == [(1, 4), (4, 1)]
    assert one.report.blocked_values.select("value", "people", "max_people", "reason").rows() == [
        ("b", 3, 2, "over the limit of people")
    ]


def test_that_records_were_compared_is_known_where_none_was(spark):
    """a and b share a number and were not found alike, although others were compared: they are not joined."""
    rows = [("shop", "a", "phone", "1"), ("shop", "b", "phone", "1")]
    rows += [("shop", "y", "email", "y"), ("shop", "z", "email", "z")]
    traits = [("shop", record, "person", record) for record in "abyz"]
    pairs = [("shop", "y", "shop", "z", 1.0, 0.5, "a little alike")]
    evidence = Evidence(
        traits=pl.DataFrame(traits, schema=TRAITS_SCHEMA, orient="row"),
        pairs=pl.DataFrame(pairs, schema=COMPARED_SCHEMA, orient="row"),
        are_compared=True,
    )
    one = assert_same(spark, rows, evidence=evidence, partitions=40, edges_on_driver=100)
    assert one.report.counts()["customers"] == 4
    assert one.links["reason"].to_list() == [
        "same phone number; but most of their records do not look like one person's"
    ]


def test_decisions_reach_across_buckets(spark):
    """A merge overrules an earlier split of records that nothing joins, and names the smallest record that is there."""
    rows = [("shop", record, "email", record) for record in "abcdef"] + [
        ("shop", record, "phone", "1") for record in "cd"
    ]

    def decision(number, what, records, others):
        sides = [("records", record) for record in records] + [("others", record) for record in others]
        return [(f"d_{number}", what, naive(number), side, "shop", record) for side, record in sides]

    told = [
        *decision(1, "split", "ac", "bd"),  # c and d share a number; d_3 takes this back as a whole
        *decision(2, "split", "e", "f"),
        *decision(3, "merge", ["b", "0"], "ae"),  # there is no 0: b and a are joined
        *decision(4, "split", "a", "b"),
        *decision(5, "merge", "0", "f"),
    ]
    evidence = Evidence(decisions=pl.DataFrame(told, schema=DECISIONS_SCHEMA, orient="row"))
    one = assert_same(spark, rows, evidence=evidence, partitions=40, edges_on_driver=100)
    assert one.decisions.select("decision_id", "status").rows() == [
        ("d_1", "overruled"),
        ("d_2", "applied"),
        ("d_3", "overruled"),
        ("d_4", "applied"),
        ("d_5", "unknown record"),
    ]
    assert one.report.customer_sizes.rows() == [(1, 4), (2, 1)]
    told = [row for row in told if row[0] != "d_4"]
    evidence = Evidence(decisions=pl.DataFrame(told, schema=DECISIONS_SCHEMA, orient="row"))
    one = assert_same(spark, rows, evidence=evidence, partitions=40, edges_on_driver=100)
    assert one.report.customer_sizes.rows() == [(1, 2), (2, 2)]
    assert one.decisions.filter(pl.col("decision_id") == "d_3")["status"].to_list() == ["unknown record"]


@pytest.mark.parametrize("pattern", ["info@*", "a.b?d*", "*", "?", "*\\*", "(a|b)*$", "*-\u2028*", "x*\n", "#~& *"])
def test_patterns_mean_the_same_to_java(spark, pattern):
    texts = [
        "info@shop",
        "info@",
        "Info@x",
        "a.bcd",
        "axbcd",
        "x",
        "\n",
        "\u0085",
        "😀",
        "b\\c",
        "(a|b)1$",
        "a",
        "1-\u2028-",
    ]
    texts += ["x1\n", "x1", "x\u2028\n", "info@a\nb", "info@a\rb", "info@a\n", "#~& 5", "#~&5", "a.b😀d"]
    values = pl.DataFrame({"kind": "email", "value": texts})
    told = excluded_values(values, {"email": [pattern]}).tolist()
    rows = spark_frame(spark, values).selectExpr("value")
    hit = {row.value for row in rows.filter(rows.value.rlike(_java_expression([pattern]))).collect()}
    assert [text in hit for text in texts] == told


@pytest.mark.slow
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
    assert "same e-mail x0 as 1 other record, 40 bits" in one.records["match_reason"].to_list()
    assert assert_same(spark, rows[:32]).records["match_reason"][0] == "same e-mail x0 as 1 other record (s01), 40 bits"


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
