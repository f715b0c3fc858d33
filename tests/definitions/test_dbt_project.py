"""The dbt project as written: it parses without a warning, describes itself and keeps to SQL that other engines know.

Layout is for sqlfluff (`make check`), which sees nothing of a macro until a model calls it: what it would say of macros
is asserted here.
"""

import csv
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from kpi_checks import columns_in, words_in_code
from portable_sql import DENIED, DENIED_CALLS, duckdb_functions, problems, spark_functions, sql_of_template

from expectations.catalogue import load_rules
from expectations.sql_project import SqlProject
from orchestration.contract import contract_tables
from orchestration.contract_diff import breaking, changes_since
from orchestration.contract_release import last_release, present_release
from orchestration.dbt import PROJECT_DIR, Dbt
from orchestration.semantics.dictionary import PAGE, dictionary_problems, kpi_page
from orchestration.semantics.layer import SemanticLayer
from orchestration.semantics.query import metric_query
from sources.vendors import VENDORS

CROSS_DB = PROJECT_DIR / "macros" / "cross_db"
GRAIN_TESTS = {"is_key", "unique", "unique_combination", "one_row", "one_record_per_key", "no_overlapping_spans"}
# What a company adds is one file and nothing else; int_own_segments tests what all of them give.
OWN_SEGMENT = "segment__"
LONGEST_LINE = 120

# SQL that DuckDB knows and another engine does not, or reads otherwise: an example and the pattern that finds its kind.
# Each has its place in a dispatched macro.
ENGINE_SPECIFIC = {
    "x::date": r"::",
    "qualify place = 1": r"\bqualify\b",
    "select * exclude (x)": r"\bexclude\s*\(|\*\s*replace\s*\(",
    "group by all": r"\b(group|order)\s+by\s+all\b",
    "list_sum(x)": r"\b(list|array|struct|map)_\w+\s*\(|\b(unnest|list|array|struct|row)\s*\(",
    "x -> x + 1": r"->|\b(json_(?!text\b)\w+|to_json)\s*\(",
    "regexp_extract(x, 'y')": r"\bregexp_\w+\s*\(|\bilike\b|\bsimilar\s+to\b|~~",
    "strptime(x, '%Y')": r"\b((try_)?strptime|strftime|to_timestamp|to_date)\s*\(",
    "date_diff('day', x, y)": r"\b(date_?(diff|sub|add|part)|age|to_(seconds|hours|days|months|years))\s*\(",
    "epoch_ms(x)": r"\b(epoch(_ms|_us|_ns)?|make_(date|timestamp)|from_unixtime)\s*\(",
    "x at time zone 'UTC'": r"\bat\s+time\s+zone\b|\btimestamptz\b",
    "now()": r"\b(now|today)\s*\(|\b(get_)?current_(date|time|timestamp)\b",
    "try_cast(x as date)": r"\btry_cast\s*\(",
    "string_agg(x, ', ')": r"(?<![.\w])split\s*\(|\b(string_agg|listagg|group_concat|str(ing)?_split)\s*\(",
    "arg_max(x, y)": r"\b((min|max)_by|arg_(min|max)|any_value|first|last)\s*\(",
    "x asof join y": r"\b(asof|positional|semi|anti)\s+join\b|\blateral\b",
    "unpivot x": r"\b(un)?pivot\b|\busing\s+sample\b|\btablesample\b",
    "read_csv('x')": r"\b(read_\w+|parquet_scan|duckdb_\w+)\s*\(",
    "generate_series(1, 2)": r"(?<!dbt\.)\b(generate_series|range)\s*\(",
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """What dbt read, with every vendor. A warning is an error: an unknown name, arguments not under `arguments`."""
    folder = tmp_path_factory.mktemp("dbt")
    vendors = {name: {one.name: list(one.entities) for one in vendor.objects} for name, vendor in VENDORS.items()}
    goals = {
        "goal": 0.9,
        "judge_new_loads_from_records": 100,
        "sources": {"a": {"goal": 0.9, "below_goal": "hold_back"}},
    }
    dbt = Dbt(target=folder / "target", logs=folder / "logs", variables={"vendors": vendors, "validity": goals})
    dbt.invoke(["parse", "--warn-error"])
    return dbt.manifest()


@pytest.fixture(scope="module")
def models(manifest):
    return {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def test_it_parses_without_a_warning_and_finds_every_model(models):
    assert {node["name"] for node in models.values()} == {path.stem for path in (PROJECT_DIR / "models").rglob("*.sql")}


def test_everything_is_described(manifest, models):
    models = {key: node for key, node in models.items() if not node["name"].startswith(OWN_SEGMENT)}
    named = {**models, **manifest["sources"]}
    named |= {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "seed"}
    assert [key for key, node in named.items() if not node["description"].strip()] == []
    assert [
        f"{key}.{column['name']}"
        for key, node in models.items()
        for column in node["columns"].values()
        if not column["description"].strip()
    ] == []


def test_tables_of_the_contract_say_the_type_of_every_column(models):
    tables = {key: node for key, node in models.items() if node["config"]["schema"] == "marts"}
    assert len(tables) >= 20
    assert [key for key, node in tables.items() if not node["config"]["contract"]["enforced"]] == []
    assert [key for key, node in tables.items() if node["access"] != "public" or not node["version"]] == []
    assert [
        f"{key}.{column['name']}"
        for key, node in tables.items()
        for column in node["columns"].values()
        if not column["data_type"]
    ] == []


def test_the_contract_keeps_what_was_released(manifest):
    """A column removed, renamed or retyped, another grain, a version gone before its last day: a new version is due."""
    released = last_release()
    assert released is not None
    assert len(released.models) > 50
    broken = breaking(changes_since(released, present_release(contract_tables(manifest)), datetime.now(UTC).date()))
    assert [f"{change}. {change.todo}" for change in broken] == []


def test_every_model_states_its_grain(manifest, models):
    stated = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("test_metadata", {}).get("name") in GRAIN_TESTS
    }
    # A vendor's view has every received record; which of them is the record is said one step later.
    views = {key for key, node in models.items() if "phase_received" in node["tags"]}
    own = {key for key, node in models.items() if node["name"].startswith(OWN_SEGMENT)}
    assert sorted(models.keys() - stated - views - own) == []


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)
def test_every_entity_of_a_vendor_has_its_model(models, vendor):
    made = {node["name"] for node in models.values() if node["fqn"][1:3] == ["staging", vendor.name]}
    assert made == {f"stg_{vendor.name}__{entity}" for entity in vendor.entities}


def test_what_dbt_reads_of_a_vendor_is_declared(manifest):
    declared = {(name, one.name) for name, vendor in VENDORS.items() for one in vendor.objects}
    ours = {"mapped", "ledger", "meta", "quality", "identity", "scores", "anomalies"}
    read = {(node["source_name"], node["name"]) for node in manifest["sources"].values()}
    assert {one for one in read if one[0] not in ours} == declared


def _sql() -> list[Path]:
    return sorted(path for folder in ("models", "macros", "tests") for path in (PROJECT_DIR / folder).rglob("*.sql"))


def _outside_cross_db() -> Iterator[tuple[str, str]]:
    """The other SQL files, by their path within the project, without comments."""
    for path in _sql():
        if path.parent != CROSS_DB:
            yield _name(path), re.sub(r"\{#.*?#\}|--[^\n]*", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def _name(path: Path) -> str:
    return path.relative_to(PROJECT_DIR).as_posix()


def test_only_cross_db_knows_the_engine():
    asking = re.compile(r"\btarget\s*(\.\s*type|\[|\.\s*get)|\badapter\s*\.\s*(dispatch|type)\b", re.IGNORECASE)
    assert [name for name, text in _outside_cross_db() if asking.search(text)] == []
    assert "target.type" not in (PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", ENGINE_SPECIFIC)
def test_sql_of_one_engine_stands_in_dispatched_macros(example):
    pattern = re.compile(ENGINE_SPECIFIC[example], re.IGNORECASE)
    assert pattern.search(example)
    found = [
        f"{name}: {match.group().strip()}" for name, text in _outside_cross_db() for match in pattern.finditer(text)
    ]
    assert found == []


def test_models_call_only_functions_that_mean_the_same_on_both_engines():
    found = [
        f"{path.relative_to(PROJECT_DIR).as_posix()}: {problem}"
        for path in _sql()
        if path.parent != CROSS_DB
        for sql in sql_of_template(path.read_text(encoding="utf-8"))
        for problem in problems(sql)
    ]
    assert found == []


def test_rules_call_only_functions_that_mean_the_same_on_both_engines():
    project, rules = SqlProject(PROJECT_DIR), load_rules()
    assert len(rules) > 40
    assert [f"{rule.id}: {problem}" for rule in rules for problem in problems(project.condition(rule))] == []


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("select strftime(x, '%Y') from t", "strftime: DuckDB only"),
        ("select date_format(x, 'y') from t", "date_format: Spark only"),
        ("select no_such_function(x) from t", "no_such_function: no engine knows it"),
        ("select Concat (a, b) from t", f"concat: {DENIED['concat']}"),
        ("select {{ regulars.as_money('avg(x)') }} from t", f"avg: {DENIED['avg']}"),
        *((f"select {example} from t", f"{example}: {why}") for example, (_, why) in DENIED_CALLS.items()),
    ],
)
def test_a_function_of_one_engine_is_found(sql, why):
    assert why in [problem for part in sql_of_template(sql) for problem in problems(part)]


def test_what_is_denied_is_known_to_both_engines():
    """A name that one engine does not know fails by itself, without a reason of ours."""
    assert "sum" in duckdb_functions() & spark_functions()
    assert len(spark_functions()) > 400
    one_sided = {name for name in DENIED if name not in duckdb_functions() or name not in spark_functions()}
    assert sorted(one_sided) == []


def test_text_that_looks_like_a_call_is_none():
    assert problems("select 'strftime(x)', sum(a) over (order by b) from t where c in (select d from e)") == []


def test_a_file_of_cross_db_is_one_macro_that_says_what_it_gives_when_it_cannot():
    paths = sorted(CROSS_DB.glob("*.sql"))
    assert len(paths) >= 15
    for path in paths:
        text = path.read_text(encoding="utf-8")
        macros = re.findall(r"\{%-?\s*macro\s+(\w+)\(", text)
        assert macros[0] == path.stem, path.name
        if path.stem.startswith("spark__"):
            # dbt dispatches its own macros, and looks here first.
            assert len(macros) == 1, path.name
        else:
            assert f"adapter.dispatch('{path.stem}', 'regulars')" in text, path.name
            assert len(macros) >= 2, path.name
            assert {name.split("__", 1)[-1] for name in macros} == {path.stem}, path.name
        comment = re.match(r"\{#-?(.*?)-?#\}", text, flags=re.DOTALL)
        assert comment, path.name
        assert re.search(r"\bnulls?\b|\berror\b|\bno row\b", comment.group(1), re.IGNORECASE), path.name


def test_no_line_is_too_long_or_ends_in_blanks():
    wrong = []
    for path in _sql():
        text = path.read_text(encoding="utf-8")
        wrong += [
            f"{_name(path)}:{number}"
            for number, line in enumerate(text.splitlines(), start=1)
            if len(line) > LONGEST_LINE or line != line.rstrip() or "\t" in line
        ]
        if not text.endswith("\n") or text.endswith("\n\n"):
            wrong.append(f"{_name(path)}: one line break at its end")
    assert wrong == []


@pytest.mark.parametrize("seed", sorted((PROJECT_DIR / "seeds").rglob("*.csv")), ids=lambda seed: seed.stem)
def test_no_seed_says_null_in_a_word(seed):
    """dbt's own reader, which Spark has, makes nothing of the word; DuckDB's keeps it."""
    with seed.open(encoding="utf-8", newline="") as file:
        assert [row for row in csv.reader(file) if any(cell.strip().lower() == "null" for cell in row)] == []


# --- the semantic layer ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def layer(manifest):
    return SemanticLayer.of(manifest)


def test_every_number_has_its_place_and_words_in_the_dictionary(manifest):
    assert dictionary_problems(manifest) == []


def test_the_dictionary_is_what_the_models_say(manifest):
    """When it differs: `regulars docs kpis`."""
    assert (PROJECT_DIR.parent / PAGE).read_text(encoding="utf-8") == kpi_page(manifest)


def test_semantic_models_name_columns_that_are_there(manifest, models, layer):
    assert len(layer.tables) >= 10
    for table in layer.tables.values():
        node = manifest["semantic_models"][f"semantic_model.regulars.{table.name}"]
        columns = set(models[node["depends_on"]["nodes"][0]]["columns"])
        parts = [*table.dimensions.values(), *table.measures.values()]
        assert columns_in([*(part.sql for part in parts), *table.entities.values()]) - columns == set(), table.name


def test_every_metric_has_a_query_and_can_be_cut_by_each_of_its_dimensions(layer):
    assert len(layer.metrics) >= 50
    for name in layer.metrics:
        for dimension in layer.dimensions_of(name):
            assert metric_query(layer, name, by=[dimension], as_of=date(2026, 6, 30)).columns == (dimension, name)


def test_what_a_goal_may_name_is_a_metric_with_the_same_unit_and_window(layer):
    with (PROJECT_DIR / "seeds" / "metric_definitions.csv").open(encoding="utf-8", newline="") as file:
        seed = {row["metric"]: row for row in csv.DictReader(file)}
    # A row with a numerator says all there is of its metric; the others have SQL of their own.
    own = {name for name, row in seed.items() if not row["numerator"]}
    assert own <= set(layer.metrics)
    said = {name: layer.metric(name).unit for name in seed if name in layer.metrics}
    assert said == {name: seed[name]["unit"] for name in said}
    windows = {
        name: {leaf.window for leaf in layer.leaves(name)}
        for name, row in seed.items()
        if row["window_days"] and name in own
    }
    assert windows
    assert windows == {name: {(int(seed[name]["window_days"]), "day")} for name in windows}
    # orders_12m and revenue_12m_amount of customer_value are of this window, and are called by it.
    assert seed["repeat_rate"]["window_months"] == seed["key_customers_regular"]["window_months"] == "12"


def test_exposures_hold_what_is_published_and_what_reports_read(manifest):
    tables = {table.unique_id: name for name, table in contract_tables(manifest).items()}
    exposures = {node["name"]: node for node in manifest["exposures"].values()}
    depends = {
        name: {tables[key] for key in node["depends_on"]["nodes"] if key.startswith("model.")}
        for name, node in exposures.items()
    }
    assert [name for name, node in exposures.items() if not (node["description"] and node["owner"]["name"])] == []
    assert depends["published_duckdb"] == depends["published_parquet"] == set(tables.values())
    root, looked_at = PROJECT_DIR.parent, 0
    for name, node in exposures.items():
        patterns = node["config"]["meta"].get("code", [])
        paths = [path for pattern in patterns for path in root.glob(pattern)]
        assert bool(paths) == bool(patterns), name
        if paths:
            looked_at += 1
            assert depends[name] == words_in_code(paths) & set(tables.values()), name
    assert looked_at >= 5
