"""Metrics worked out by hand, and the dictionary of a manifest in which something is missing."""

from __future__ import annotations

import copy
import json
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.home import Home
from orchestration.semantics.dictionary import DictionaryError, dictionary_problems, formula, kpi_page
from orchestration.semantics.layer import MetricError, SemanticLayer
from orchestration.semantics.query import metric_query

TEXT = """\
# KPIs

See [bi](../../../docs/bi.md).

<!-- metrics: orders, revenue, average_order, balance, orders_12m -->

<!-- numbers: fct_orders -->
"""


def _metric(name: str, kind: str, where: str = "", unit: str = "count", **parameters: Any) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "description": f"What {name} is.",
        "type": kind,
        "type_params": parameters,
        "filter": {"where_filters": [{"where_sql_template": where}]} if where else None,
        "config": {"meta": {"unit": unit}},
        "original_file_path": "models/kpis/sales.yml",
    }


def _semantic_model(name: str, relation: str, **parts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "node_relation": {"schema_name": "marts", "alias": relation},
        "depends_on": {"nodes": [f"model.regulars.{relation}.v1"]},
        "defaults": {"agg_time_dimension": parts.pop("time")},
        **parts,
    }


def _model(name: str, columns: dict[str, str], description: str) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "alias": name,
        "schema": "marts",
        "version": 1,
        "latest_version": 1,
        "description": description,
        "config": {"contract": {"enforced": True}, "access": "public"},
        "columns": {
            column: {"name": column, "data_type": kind, "description": f"The {column} | of it.", "config": {"meta": {}}}
            for column, kind in columns.items()
        },
    }


def _dimension(name: str, kind: str = "categorical", expr: str | None = None) -> dict[str, Any]:
    return {"name": name, "type": kind, "expr": expr}


def _entity(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "expr": f"{name}_id"}


MANIFEST: dict[str, Any] = {
    "docs": {"doc.regulars.kpis": {"block_contents": TEXT}},
    "nodes": {
        "model.regulars.fct_orders.v1": _model(
            "fct_orders",
            {
                "order_id": "string",
                "customer_id": "string",
                "kind": "string",
                "ordered_at": "timestamp",
                "net_amount": "decimal(18,4)",
            },
            "Orders. Grain: order.",
        ),
        "model.regulars.dim_customers.v1": _model(
            "dim_customers", {"customer_id": "string", "country_code": "string"}, "Customers. Grain: customer."
        ),
    },
    "semantic_models": {
        "orders": _semantic_model(
            "orders",
            "fct_orders",
            time="ordered_on",
            entities=[_entity("order", "primary"), _entity("customer", "foreign")],
            dimensions=[_dimension("ordered_on", "time", "ordered_at"), _dimension("kind")],
            measures=[
                {"name": "order_count", "agg": "count", "expr": "order_id"},
                {"name": "net", "agg": "sum", "expr": "net_amount"},
            ],
        ),
        "customers": _semantic_model(
            "customers",
            "dim_customers",
            time="since",
            entities=[_entity("customer", "primary")],
            dimensions=[_dimension("country_code"), _dimension("is_near", expr="country_code = 'DE'")],
            measures=[],
        ),
    },
    "metrics": {
        name: _metric(name, *parts, **parameters)
        for name, *parts, parameters in [
            ("orders", "simple", "{{ Dimension('order__kind') }} = 'sale'", {"measure": {"name": "order_count"}}),
            ("revenue", "simple", "{{ Dimension('order__kind') }} <> 'void'", {"measure": {"name": "net"}}),
            ("average_order", "ratio", {"numerator": {"name": "revenue"}, "denominator": {"name": "orders"}}),
            (
                "balance",
                "derived",
                {"expr": "revenue - orders * 10", "metrics": [{"name": "revenue"}, {"name": "orders"}]},
            ),
            (
                "orders_12m",
                "cumulative",
                {
                    "measure": {"name": "order_count"},
                    "cumulative_type_params": {"window": {"count": 12, "granularity": "months"}},
                },
            ),
        ]
    },
}

# The last one is of 1 February in Berlin. A return of nobody known; a void order; a customer without a country.
ORDERS = [
    ("a", "anna", "sale", "2025-01-31 12:00:00", "30"),
    ("b", "anna", "sale", "2025-02-01 12:00:00", "20"),
    ("c", "ben", "sale", "2026-01-05 12:00:00", "10"),
    ("d", None, "return", "2026-01-06 12:00:00", "-5"),
    ("e", "cleo", "void", "2026-01-07 12:00:00", "99"),
    ("f", "cleo", "sale", "2026-01-31 23:30:00", "7"),
]


@pytest.fixture
def layer() -> SemanticLayer:
    return SemanticLayer.of(MANIFEST)


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as made:
        _fill(made)
        yield made


def _fill(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
    con.execute(
        "CREATE TABLE marts.fct_orders "
        "(order_id TEXT, customer_id TEXT, kind TEXT, ordered_at TIMESTAMP, net_amount DECIMAL(18, 4))"
    )
    con.executemany("INSERT INTO marts.fct_orders VALUES (?, ?, ?, ?, ?)", ORDERS)
    con.execute("CREATE TABLE marts.dim_customers (customer_id TEXT, country_code TEXT)")
    con.execute("INSERT INTO marts.dim_customers VALUES ('anna', 'DE'), ('ben', 'AT'), ('cleo', NULL)")
    con.execute("CREATE TABLE marts.publication (run_id TEXT, published_at TIMESTAMP, as_of TIMESTAMP, version TEXT)")
    con.execute("INSERT INTO marts.publication VALUES ('run-1', '2026-02-01 05:00', '2026-01-31 22:59:59', '1')")


def _asked(con, layer, name, **how):
    query = metric_query(layer, name, **how)
    return con.execute(query.sql, list(query.values)).fetchall()


def test_numbers_of_the_company(con, layer):
    """4 sales; 30 + 20 + 10 + 7 and 5 back are 62; 62 ÷ 4; 62 less 40."""
    assert _asked(con, layer, "orders") == [(4,)]
    assert _asked(con, layer, "revenue") == [(Decimal("62.0000"),)]
    assert _asked(con, layer, "average_order") == [(15.5,)]
    assert _asked(con, layer, "balance") == [(Decimal("22.0000"),)]


def test_a_window_ends_with_a_day_and_begins_after_its_twin(con, layer):
    """As of 31 January 2026: not 31 January 2025, but the day after. Of any kind: b, c, d and e; f is a day later."""
    assert _asked(con, layer, "orders_12m", as_of=date(2026, 1, 31), time_zone="Europe/Berlin") == [(4,)]
    assert _asked(con, layer, "orders_12m", as_of=date(2026, 1, 31), time_zone="UTC") == [(5,)]
    assert _asked(con, layer, "orders_12m", as_of=date(2026, 1, 30), time_zone="UTC") == [(5,)]


def test_a_share_of_nothing_is_null_and_a_count_of_nothing_is_0(con, layer):
    assert _asked(con, layer, "average_order", where={"kind": "return"}) == [(None,)]
    assert _asked(con, layer, "orders", where={"kind": "nonsense"}) == [(0,)]


def test_cut_by_a_dimension_of_the_customer_and_by_month_of_the_companys_time_zone(con, layer):
    by_country = _asked(con, layer, "revenue", by=["country_code"])
    assert by_country == [("AT", Decimal("10.0000")), ("DE", Decimal("50.0000")), (None, Decimal("2.0000"))]
    assert by_country == _asked(con, layer, "revenue", by=["customer__country_code"])
    assert _asked(con, layer, "orders", by=["month"], time_zone="Europe/Berlin") == [
        (date(2025, 1, 1), 1),
        (date(2025, 2, 1), 1),
        (date(2026, 1, 1), 1),
        (date(2026, 2, 1), 1),
    ]
    assert _asked(con, layer, "orders", where={"is_near": "true", "kind": "sale"}) == [(2,)]


def test_values_of_conditions_are_parameters(con, layer):
    query = metric_query(layer, "orders", where={"kind": "x' OR '1' = '1"})
    assert "OR" not in query.sql
    assert query.values == ("x' OR '1' = '1",)


@pytest.mark.parametrize(
    ("name", "how", "says"),
    [
        ("nonsense", {}, "There is no metric `nonsense`. These are: average_order, balance"),
        ("orders", {"by": ["colour"]}, "`orders` cannot be cut by `colour`, which is not there. There are: customer__"),
        ("orders_12m", {}, "trailing 12 months, so it needs the day"),
        ("orders_12m", {"by": ["month"], "as_of": date(2026, 1, 31)}, "its days are in marts.kpi_daily"),
    ],
)
def test_what_cannot_be_asked_is_told(layer, name, how, says):
    with pytest.raises(MetricError) as error:
        metric_query(layer, name, **how)
    assert says in str(error.value)


def test_a_dimension_of_two_tables_is_ambiguous():
    manifest = copy.deepcopy(MANIFEST)
    manifest["semantic_models"]["shops"] = _semantic_model(
        "shops",
        "dim_shops",
        time="since",
        entities=[_entity("shop", "primary")],
        dimensions=[_dimension("country_code")],
        measures=[],
    )
    manifest["semantic_models"]["orders"]["entities"].append(_entity("shop", "foreign"))
    layer = SemanticLayer.of(manifest)
    with pytest.raises(MetricError, match=r"ambiguous\. There are: customer__country_code, shop__country_code"):
        metric_query(layer, "orders", by=["country_code"])
    assert metric_query(layer, "orders", by=["shop__country_code"]).relations == {"fct_orders", "dim_shops"}


def test_kinds_that_nothing_here_computes_are_refused():
    manifest = copy.deepcopy(MANIFEST)
    manifest["metrics"]["orders"]["type"] = "conversion"
    with pytest.raises(MetricError, match="`orders` is of the kind conversion"):
        SemanticLayer.of(manifest)
    manifest = copy.deepcopy(MANIFEST)
    manifest["semantic_models"]["orders"]["measures"][0]["agg"] = "percentile"
    with pytest.raises(MetricError, match="`order_count` is a percentile"):
        metric_query(SemanticLayer.of(manifest), "orders")


def test_formulas_are_the_declarations(layer):
    assert formula(layer, layer.metric("orders")) == "number of `order_id` where `kind = 'sale'`"
    assert formula(layer, layer.metric("average_order")) == "`revenue` ÷ `orders`"
    assert formula(layer, layer.metric("balance")) == "`revenue - orders * 10`"
    assert formula(layer, layer.metric("orders_12m")) == "number of `order_id`, trailing 12 months of `ordered_at`"


def test_the_page_has_a_row_for_each_metric_and_number():
    page = kpi_page(MANIFEST)
    assert "See [bi](bi.md)." in page
    assert "| Revenue, `revenue` | What revenue is. | Σ `net_amount` where `kind <> 'void'` | `fct_orders` |" in page
    assert "| net | The net_amount \\| of it. | `fct_orders.net_amount` | order |" in page
    assert "`fct_orders.kind`" not in page  # it is no number
    assert "<!-- metrics" not in page


def _change(path: str, *, to: Any) -> dict[str, Any]:
    manifest = copy.deepcopy(MANIFEST)
    *way, last = path.split("/")
    part = manifest
    for key in way:
        part = part[key]
    part[last] = to
    return manifest


ORDERS_NODE = "nodes/model.regulars.fct_orders.v1"


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (_change("docs", to={}), "has no docs block `kpis`"),
        (
            _change("metrics/more", to=_metric("more", "simple", measure={"name": "net"})),
            "the metric `more` has no place",
        ),
        (_change("docs/doc.regulars.kpis/block_contents", to=TEXT.replace("orders,", "orders, sold,")), "names `sold`"),
        (_change("docs/doc.regulars.kpis/block_contents", to=TEXT + TEXT), "`fct_orders` has two places"),
        (
            _change("docs/doc.regulars.kpis/block_contents", to=TEXT.replace("<!-- numbers: fct_orders -->", "")),
            "the numbers of `fct_orders` have no place",
        ),
        (
            _change(f"{ORDERS_NODE}/columns/net_amount/description", to=" "),
            "`fct_orders.net_amount` has no description",
        ),
        (_change(f"{ORDERS_NODE}/description", to="Orders."), "`fct_orders` does not say its grain"),
        (_change(f"{ORDERS_NODE}/columns/net_amount/config/meta/kpi", to=False), "`fct_orders` has no numbers"),
        (_change("metrics/orders/description", to=""), "the metric `orders` has no description"),
    ],
)
def test_what_the_dictionary_lacks_is_told(manifest, says):
    assert [problem for problem in dictionary_problems(manifest) if says in problem]
    with pytest.raises(DictionaryError, match="The KPI dictionary cannot be made"):
        kpi_page(manifest)


def test_a_column_that_is_no_number_is_one_if_it_says_so():
    page = kpi_page(_change(f"{ORDERS_NODE}/columns/kind/config/meta/kpi", to=True))
    assert "| kind | The kind \\| of it. | `fct_orders.kind` | order |" in page


# --- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def company(tmp_path, write_company):
    """A home with a published copy and dbt's manifest, and the company file."""
    home = Home(tmp_path / "home").create()
    with duckdb.connect(str(home.published_file)) as con:
        _fill(con)
    (home.dbt / "target").mkdir()
    (home.dbt / "target" / "manifest.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
    return ["--company", str(write_company()), "--home", str(home.path)]


def _said(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, list(arguments))
    return outcome.exit_code, outcome.output


def test_regulars_metric_lists_and_answers(company):
    code, listed = _said("metric", *company)
    assert code == 0
    assert all(name in listed for name in MANIFEST["metrics"])
    code, said = _said("metric", "orders", "--by", "country_code", "--where", "kind=sale", "--sql", *company)
    assert code == 0
    assert [line.split() for line in said.splitlines()[2:5]] == [["AT", "1"], ["DE", "2"], ["–", "1"]]  # noqa: RUF001
    assert 'FROM "marts"."fct_orders"' in said
    assert "? = sale" in said


def test_windows_end_with_the_published_as_of_in_the_companys_time_zone(company):
    """as_of is 22:59:59 UTC, which is still 31 January in Berlin; an order half an hour later is not."""
    code, said = _said("metric", "orders_12m", *company)
    assert (code, said.split()[0]) == (0, "4")
    assert "As of 2026-01-31, from the published copy." in said
    assert _said("metric", "orders_12m", "--as-of", "2026-02-01", *company)[1].split()[0] == "4"
    assert _said("metric", "orders_12m", "--as-of", "2025-12-31", *company)[1].split()[0] == "2"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["nonsense"], "There is no metric"), (["orders", "--where", "web"], "dimension=value")],
)
def test_a_wrong_question_is_told_in_words(company, arguments, says):
    code, said = _said("metric", *arguments, *company)
    assert code == 1
    assert says in said
    assert "Traceback" not in said


def test_a_home_without_a_manifest_says_what_to_do(tmp_path):
    code, said = _said("metric", "orders", "--company", str(tmp_path / "none.yaml"), "--home", str(tmp_path / "home"))
    assert code == 1
    assert "Run: regulars run" in said


def test_the_dictionary_is_written_and_compared(company, tmp_path, monkeypatch):
    monkeypatch.setattr("orchestration.dbt_docs.parsed_manifest", lambda *_: MANIFEST)
    out = tmp_path / "kpis.md"
    asked = ["docs", "kpis", "--out", str(out), *company]
    code, said = _said(*asked, "--check")
    assert (code, out.exists()) == (1, False)
    assert "Run: regulars docs kpis" in said
    assert _said(*asked)[0] == 0
    assert out.read_text(encoding="utf-8") == kpi_page(MANIFEST)
    assert _said(*asked, "--check")[0] == 0
    out.write_text(kpi_page(MANIFEST) + "by hand", encoding="utf-8")
    assert _said(*asked, "--check")[0] == 1
    code, said = _said("docs", "kpis", "--out", str(tmp_path / "none" / "kpis.md"), *company)
    assert code == 1
    assert "Name a file: --out kpis.md" in said
