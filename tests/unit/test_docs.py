"""The documentation against the code: links, commands, keys and tables that it names are there."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from sources.vendor import ApiSettings, Vendor
from sources.vendors import VENDORS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LEFT_OUT = {".venv", "home", "data", "node_modules", ".git", "build", "dist"}
# Tables of the reporting contract that nothing can fill yet, and those that only the publishing step makes.


def markdown_files() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.md") if not LEFT_OUT & set(path.relative_to(ROOT).parts[:-1]))


def documents() -> list[Path]:
    """The Markdown files that tell people what to type."""
    return [path for path in markdown_files() if path.parent == ROOT or DOCS in path.parents]


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))


def anchors(path: Path) -> set[str]:
    """The anchors of a file's headings, as code hosts make them."""
    found: set[str] = set()
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.S | re.M)
    for heading in re.findall(r"^#+ (.+)$", text, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def table_between(path: Path, name: str) -> list[list[str]]:
    """The cells of the table between `<!-- name -->` and `<!-- name end -->`, without its head."""
    text = path.read_text("utf-8")
    part = re.search(rf"<!-- {name} -->\n(.*?)<!-- {name} end -->", text, re.S)
    assert part, f"{path.name} has no part {name}"
    rows = [line.strip().removeprefix("|").removesuffix("|") for line in part[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.split("|")] for row in rows[2:]]


@pytest.mark.parametrize("path", markdown_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_resolve(path):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        if not place.exists():
            broken.append(target)
        elif anchor and place.suffix == ".md" and anchor not in anchors(place):
            broken.append(f"{target} (no such heading)")
    assert not broken


def test_every_make_target_named_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = {
        (path.name, target)
        for path in documents()
        for target in re.findall(r"(?:`|\$ )make ([a-z][a-z-]*)", path.read_text("utf-8"))
    }
    assert ("README.md", "run") in named
    assert {entry for entry in named if entry[1] not in targets} == set()


def test_every_command_and_option_named_exists():
    import typer

    from orchestration.cli import app

    commands = typer.main.get_command(app).commands
    calls = {
        (path.name, call)
        for path in [*documents(), *(DOCS / "operations").glob("*.service")]
        for call in re.findall(r"(?:`|\$ |bin/)regulars ([a-z][^`\n]*)", path.read_text("utf-8"))
    }
    assert len(calls) > 10
    wrong = []
    for file, call in sorted(calls):
        command, *words = call.split()
        if command not in commands:
            wrong.append(f"{file}: regulars {call}")
            continue
        inner = getattr(commands[command], "commands", {})
        asked = inner[words[0]] if words and words[0] in inner else commands[command]
        known = {option for parameter in asked.params for option in parameter.opts} | {"--"}
        ours = words[: words.index("--")] if "--" in words else words
        if command != "dbt":  # what follows `dbt` goes to dbt
            wrong += [f"{file}: {word} of {call}" for word in ours if word.startswith("--") and word not in known]
    assert not wrong


def test_exit_codes_are_those_of_the_command_line():
    from orchestration import cli_support

    text = (DOCS / "operations.md").read_text("utf-8")
    part = text.split("## Exit codes")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| (\d) \| (\w+)", part, re.M))
    expected = {
        cli_support.DONE: "done",
        cli_support.FAILED: "failed",
        cli_support.BAD_CONFIGURATION: "bad",
        cli_support.GATE_STOPPED: "the",
    }
    assert rows == {str(code): word for code, word in expected.items()}


def test_dagster_settings_for_postgresql_keep_one_writer():
    from orchestration.pipeline import _DAGSTER_SETTINGS

    own = yaml.safe_load(_DAGSTER_SETTINGS)
    # Where events are kept is what the example is about.
    assert own.pop("event_log_storage")["module"] == "orchestration.event_log"
    shown = yaml.safe_load((DOCS / "operations" / "dagster.yaml").read_text("utf-8"))
    assert {key: shown[key] for key in own} == own


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """The keys of a model and of the models inside it, as they are written in the file."""
    from typing import get_args

    def models_in(kind: object) -> Iterator[type[BaseModel]]:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
        for part in get_args(kind):
            yield from models_in(part)

    waiting, seen = [model], set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for name, field in current.model_fields.items():
            yield field.alias or name
            waiting.extend(models_in(field.annotation))


def test_every_key_of_the_company_file_is_documented():
    from orchestration.company import Company

    of_vendors = {key for vendor in VENDORS.values() if vendor.api for key in vendor.api.model_fields}
    of_vendors -= set(ApiSettings.model_fields)
    assert "judge_new_loads_from_records" in set(keys_of(Company))
    assert set(keys_of(Company)) - of_vendors - named_in("company-file.md") == set()


def named_in(page: str) -> set[str]:
    """The words that stand in code on a page, within a line or in a block."""
    text = (DOCS / page).read_text("utf-8")
    blocks = re.findall(r"^```.*?^```", text, flags=re.S | re.M)
    return set(re.findall(r"[a-z][a-z0-9_]*", " ".join(blocks + re.findall(r"`[^`\n]+`", text))))


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)
def test_every_vendor_has_a_page_with_its_objects_and_keys(vendor: Vendor):
    named = named_in(f"sources/{vendor.name}.md")
    assert {one.name for one in vendor.objects} - named == set()
    assert set(vendor.api.model_fields if vendor.api else ()) - set(ApiSettings.model_fields) - named == set()
    assert f"({vendor.name}.md)" in (DOCS / "sources" / "README.md").read_text("utf-8")


def test_thresholds_have_the_defaults_that_the_reference_states():
    from orchestration.company import Thresholds

    text = (DOCS / "company-file.md").read_text("utf-8")
    part = text.split("### `thresholds`")[1].split("\n### ")[0]
    stated = {
        name: yaml.safe_load(value)
        for name, value in re.findall(r"^\| `(\w+)` \| [^|]+ \| ([\d.]+|[a-z_]+) \|", part, re.M)
    }
    assert stated == Thresholds().model_dump()


def test_entities_and_columns_are_those_of_the_mapping():
    from sources.entities import ENTITIES

    stated = {
        row[0].strip("`"): row[2].replace("*", "").split(", ")
        for row in table_between(DOCS / "company-file.md", "entities")
    }
    assert stated == {name: list(entity.columns) for name, entity in ENTITIES.items()}


def test_expressions_and_conditions_are_all_documented():
    from sources.files.expressions import BASES, OPERATORS, Expression

    text = (DOCS / "company-file.md").read_text("utf-8")
    expressions = text.split("## Expressions")[1].split("\n## ")[0]
    conditions = text.split("## Conditions")[1].split("\n## ")[0]
    keys = {field.alias or name for name, field in Expression.model_fields.items()}
    assert {key for key in keys | set(BASES) if f"`{key}`" not in expressions} == set()
    assert {key for key in OPERATORS if f"`{key}`" not in conditions} == set()


@cache
def models_in_yaml() -> dict[str, dict]:
    """Every dbt model that a properties file describes, by name."""
    found = {}
    for path in (ROOT / "dbt_project" / "models").rglob("*.yml"):
        for model in (yaml.safe_load(path.read_text("utf-8")) or {}).get("models") or []:
            found[model["name"]] = model
    return found


def contract_models() -> dict[str, set[str]]:
    """The public models with an enforced contract, which is what gets published: name to columns."""
    marts = {path.stem for path in (ROOT / "dbt_project" / "models" / "marts").rglob("*.sql")}
    found = {}
    for name, model in models_in_yaml().items():
        enforced = ((model.get("config") or {}).get("contract") or {}).get("enforced", name in marts)
        if enforced and model.get("access", "public" if name in marts else None) == "public":
            found[name] = {column["name"] for column in model.get("columns") or []}
    return found


def test_the_state_of_the_contract_is_that_of_the_models():
    rows = table_between(DOCS / "bi.md", "contract")
    states = {row[0].strip("`"): row[2] for row in rows}
    assert len(states) == len(rows) >= 60
    assert set(states.values()) == {"filled"}
    assert set(states) == set(contract_models())


def test_columns_to_rely_on_are_in_the_models():
    models = contract_models()
    missing = {
        (row[0], column)
        for row in table_between(DOCS / "bi.md", "contract")
        if row[2] == "filled"
        for column in row[3].split(", ")
        if column not in models.get(row[0].strip("`"), set())
    }
    assert missing == set()


def queries_in_docs() -> list[tuple[str, str]]:
    found = []
    for path in documents():
        for block in re.findall(r"^ *```sql\n(.*?)```", path.read_text("utf-8"), re.S | re.M):
            if "{{" in block or "create user" in block:  # a dbt model; statements for PostgreSQL
                continue
            found += [(path.name, query.strip()) for query in block.split(";") if query.strip()]
    return found


def test_queries_in_the_docs_fit_the_contract():
    import duckdb

    from orchestration.contract import VERSIONS_COLUMNS

    queries = queries_in_docs()
    assert len(queries) > 8
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA marts")
        con.execute(
            "CREATE TABLE marts.publication (run_id VARCHAR, published_at TIMESTAMP, as_of TIMESTAMP, version VARCHAR)"
        )
        con.execute(f"CREATE TABLE marts.contract_versions ({', '.join(map(' '.join, VERSIONS_COLUMNS.items()))})")
        for name in contract_models():
            columns = ", ".join(f'"{one["name"]}" {one["data_type"]}' for one in models_in_yaml()[name]["columns"])
            con.execute(f"CREATE TABLE marts.{name} ({columns})")
        for document, query in queries:
            try:
                con.execute(query).fetchall()
            except duckdb.Error as error:
                pytest.fail(f"{document}: {str(error).splitlines()[0]}\n{query}")


def test_every_seed_is_named_for_analysts():
    text = (DOCS / "analysts.md").read_text("utf-8")
    seeds = {path.stem for path in (ROOT / "dbt_project" / "seeds").glob("*.csv")}
    assert seeds
    assert {seed for seed in seeds if f"`{seed}`" not in text} == set()


def test_every_decision_is_listed_and_has_its_three_parts():
    folder = DOCS / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    decisions = sorted(folder.glob("[0-9]*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text("utf-8")
        assert f"]({path.name})" in index
        assert text.startswith(f"# {path.name[:4]}: ")
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.M) == ["Context", "Choice", "Cost"]


def example_in(document: str) -> dict:
    text = (DOCS / document).read_text("utf-8")
    return yaml.safe_load(re.search(r"```yaml\n(company: .*?)```", text, re.S)[1])


@pytest.mark.parametrize("document", ["company-file.md", "data-engineers.md"])
def test_company_files_in_the_docs_are_right(document, tmp_path):
    from orchestration.company import load_company

    text = (DOCS / document).read_text("utf-8")
    file = tmp_path / "company.yaml"
    file.write_text(re.search(r"```yaml\n(company: .*?)```", text, re.S)[1], "utf-8")
    assert load_company(file).id == example_in(document)["company"]["id"]


def test_the_worked_example_gives_what_the_page_says(tmp_path):
    import duckdb

    from orchestration.company import load_company
    from sources.files.load import ensure_ledger, load_source
    from sources.files.mapping import refresh_views

    text = (DOCS / "data-engineers.md").read_text("utf-8")
    (tmp_path / "export").mkdir()
    export = re.search(r"```text\n(Bestellnr.*?)```", text, re.S)[1]
    (tmp_path / "export" / "bestellungen-2026-01.csv").write_text(export, "cp1252")
    (tmp_path / "company.yaml").write_text(re.search(r"```yaml\n(company: .*?)```", text, re.S)[1], "utf-8")
    company = load_company(tmp_path / "company.yaml")
    with duckdb.connect() as con:
        ensure_ledger(con)
        report = load_source(
            con, "laden", company.sources["laden"], base=tmp_path, landing=tmp_path / "landing", load_id="one"
        )
        refresh_views(con, company.sources)
        lines = con.sql(
            "SELECT order_line_id, quantity, unit_price, line_kind, is_return, _reject_reason FROM mapped.order_lines"
        ).fetchall()
        orders = con.sql("SELECT order_id, account_id, ordered_at, _reject_reason FROM mapped.orders").fetchall()
    assert not report.problems
    assert (len(lines), len(orders)) == (8, 5)
    expected = ["B-1001-1", "B-1001-2", "B-1001-3", "B-1002-1", "B-1003-1", "B-1004-1", "TEST-1-1"]
    assert sorted(line[0] for line in lines if line[0]) == expected
    assert ("B-1001-3", "1", "2.50", "shipping", "false", None) in lines
    assert ("B-1003-1", "-1", "3.20", "product", "true", None) in lines
    assert ("TEST-1", None, "2026-01-07 06:00:00", "test receipt") in orders
    assert ("B-1001", "4711", "2026-01-05 09:14:00", None) in orders
    assert ("B-1004", "4712", "32.01.2026 08:00", None) in orders
    assert [line[5] for line in lines if line[5]].count("unreadable line: line 9: 4 values, the header has 10") == 1


def test_the_page_of_rules_is_that_of_the_catalogue():
    from expectations.catalogue import load_rules
    from expectations.rules_page import rules_markdown

    assert (DOCS / "rules.md").read_text("utf-8") == rules_markdown(load_rules())


def test_rule_in_the_docs_is_right(tmp_path):
    from expectations.catalogue import load_rules

    text = (DOCS / "analysts.md").read_text("utf-8")
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "orders.yaml").write_text(re.search(r"```yaml\n(- id: .*?)```", text, re.S)[1], "utf-8")
    [rule] = load_rules(folder=folder)
    assert (rule.entity, rule.severity) == ("orders", "warning")
