"""The company file: defaults, and an answer with line, key, found and allowed for whatever is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from orchestration.company import (
    Company,
    CompanyError,
    GoalDimension,
    environment_problems,
    fill_environment,
    load_company,
)
from orchestration.dbt import PROJECT_DIR
from orchestration.goals import DIMENSIONS


def _problems(path: Path) -> list:
    with pytest.raises(CompanyError) as caught:
        load_company(path)
    return caught.value.problems


def _only(path: Path):
    problems = _problems(path)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def test_defaults_are_filled_in(write_company):
    path = write_company()
    company = load_company(path)
    assert company.path == path
    assert company.base == path.parent
    assert (company.id, company.name) == ("bakehouse", "Bakehouse")
    assert company.as_of == "2026-01-31"
    shop = company.sources["shop"]
    assert (shop.time_zone, shop.currency, shop.country) == ("Europe/Berlin", "EUR", "DE")
    assert (shop.accounts_of, shop.products_of) == ("shop", "shop")
    assert {goal.metric: goal.target for goal in company.goals} == {
        "validity": 0.9,
        "repeat_rate": 0.30,
        "key_customers_regular": 0.25,
        "open_rate": 0.20,
        "click_rate": 0.05,
        "lifetime_value": 1200,
    }
    assert [goal.unit for goal in company.goals] == ["share"] * 5 + ["money"]


def test_dbt_gets_plain_data(write_company):
    path = write_company(
        (
            "validity: {goal: 0.9}",
            "validity: {goal: 0.8}\ngoals: [{id: v, name: V, metric: validity, deadline: 2026-12-31}]",
        )
    )
    variables = load_company(path).dbt_vars()
    assert set(variables) == {"goals", "experiments", "thresholds", "validity", "vendors", "namespaces"}
    assert variables["goals"] == [
        {
            "id": "v", "name": "V", "metric": "validity", "filter": {}, "target": 0.8, "direction": None,
            "deadline": "2026-12-31", "owner": None,
        }
    ]  # fmt: skip
    assert variables["validity"] == {"goal": 0.8, "judge_new_loads_from_records": 100, "sources": {}}
    assert variables["thresholds"]["key_customer_share"] == 0.20
    assert variables["namespaces"] == {"customers": [], "products": [], "partners": []}


def test_norway_is_a_country(write_company):
    assert load_company(write_company(("country: DE", "country: NO"))).country == "NO"


def test_a_source_keeps_what_it_states(write_company):
    path = write_company(
        ("    channel: shop\n", "    channel: shop\n    currency: GBP\n    time_zone: Europe/London\n")
    )
    shop = load_company(path).sources["shop"]
    assert (shop.currency, shop.time_zone, shop.country) == ("GBP", "Europe/London", "DE")


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "found", "allowed"),
    [
        ("currency:", "curency:", 3, "curency", "`curency`", "did you mean `currency`?"),
        ("EUR", "EURO", 3, "currency", "'EURO'", "did you mean `EUR`?"),
        ("EUR", "eur", 3, "currency", "'eur'", "EUR"),
        ("Europe/Berlin", "Europe/Berlim", 2, "time_zone", "'Europe/Berlim'", "did you mean `Europe/Berlin`?"),
        ("country: DE", "country: UK", 4, "country", "'UK'", "GB"),
        ("2026-01-31", "2026-13-31", 5, "as_of", "'2026-13-31'", "latest, now"),
        ("goal: 0.9", "goal: 90", 6, "validity.goal", "90", "less than or equal to 1"),
        ("goal: 0.9", "goal: true", 6, "validity.goal", "true", "a number"),
        ("id: bakehouse", "id: Bake House", 1, "company.id", "'Bake House'", "small letters"),
        ("channel: shop", "channel: shopp", 10, "sources.shop.channel", "'shopp'", "did you mean `shop`?"),
        ("type: files", "type: file", 9, "sources.shop.type", "'file'", "files"),
        ("path:", "pth:", 14, "sources.shop.datasets.orders.pth", "`pth`", "did you mean `path`?"),
        ("path: data/orders-*.csv", "path: 7", 14, "sources.shop.datasets.orders.path", "7", "text"),
        (
            "entity: orders",
            "entity: order",
            16,
            "sources.shop.datasets.orders.entities[0].entity",
            "'order'",
            "did you mean `orders`?",
        ),
        (
            "order_id: No",
            "order_ids: No",
            18,
            "sources.shop.datasets.orders.entities[0].columns.order_ids",
            "`order_ids`",
            "did you mean `order_id`?",
        ),
        (
            "format:",
            "fromat:",
            20,
            "sources.shop.datasets.orders.entities[0].columns.ordered_at.fromat",
            "`fromat`",
            "did you mean `format`?",
        ),
        (
            "channel: shop",
            "channel: shop\n    accounts_of: shops",
            11,
            "sources.shop.accounts_of",
            "'shops'",
            "did you mean `shop`?",
        ),
        (
            "          - entity: orders\n",
            "          - {entity: partner_links, columns: {partner_id: No}}\n          - entity: orders\n",
            12,
            "sources.shop.datasets",
            "`partner_links` without `partners`",
            "the entity `partners` in the same source",
        ),
        ("  shop:\n", "  Shop:\n", 8, "sources.Shop", "`Shop`", "small letters"),
        (
            "{goal: 0.9}",
            "{sources: {shops: {goal: 0.9}}}",
            6,
            "validity.sources.shops",
            "`shops`",
            "did you mean `shop`?",
        ),
        (
            "{goal: 0.9}",
            "{sources: {shop: {goal: 0.9, below_goal: hold}}}",
            6,
            "validity.sources.shop.below_goal",
            "'hold'",
            "hold_back",
        ),
    ],
)
def test_one_mistake_is_one_answer(write_company, old, new, line, key, found, allowed):
    problem = _only(write_company((old, new)))
    assert problem.file.endswith("company.yaml")
    assert (problem.line, problem.key) == (line, key)
    assert found in problem.found
    assert allowed in problem.allowed


def test_all_mistakes_come_together(write_company):
    problems = _problems(write_company(("EUR", "EURO"), ("channel: shop", "chanel: shop"), ("country: DE\n", "")))
    places = {(problem.line, problem.key) for problem in problems}
    assert {(3, "currency"), (9, "sources.shop.chanel")} <= places
    assert "country" in {problem.key for problem in problems}
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


@pytest.mark.parametrize(
    ("goals", "key", "found", "allowed"),
    [
        (
            "[{id: a, name: A, metric: repeat_rat, target: 0.3}]",
            "goals[0].metric",
            "repeat_rat",
            "did you mean `repeat_rate`?",
        ),
        ("[{id: a, name: A, metric: open_rate, target: 30}]", "goals[0].target", "30", "from 0 to 1"),
        ("[{id: a, name: A, metric: open_rate}]", "goals[0].target", "nothing", "must be given"),
        ("[{id: a, name: A, metric: validity, target: 0.5}]", "goals[0].target", "0.5", "validity.goal"),
        (
            "[{id: a, name: A, metric: open_rate, target: 0.3}, {id: a, name: B, metric: click_rate, target: 0.1}]",
            "goals[1].id",
            "`a` twice",
            "once",
        ),
        ("[{id: a, name: A, metric: open_rate, target: -0.1}]", "goals[0].target", "-0.1", "from 0 to 1"),
        ("[{id: a, name: A, metric: orders_12m, target: -5}]", "goals[0].target", "-5", "0 or more"),
        (
            "[{id: a, name: A, metric: orders_12m, target: 5, direction: sideways}]",
            "goals[0].direction",
            "sideways",
            "up",
        ),
        (
            "[{id: a, name: A, metric: orders_12m, target: 5, filter: {chanel: store}}]",
            "goals[0].filter.chanel",
            "'store'",
            "channel",
        ),
        (
            "[{id: a, name: A, metric: orders_12m, target: 5, filter: {source: shopp}}]",
            "goals[0].filter.source",
            "shopp",
            "did you mean `shop`?",
        ),
        (
            "[{id: a, name: A, metric: validity, filter: {channel: web}}]",
            "goals[0].filter.channel",
            "`channel` on validity",
            "`source`",
        ),
        ("[{id: a, name: A, metric: orders_12m, target: 5, deadline: soon}]", "goals[0].deadline", "soon", "date"),
    ],
)
def test_goals_that_cannot_be_measured(write_company, goals, key, found, allowed):
    problem = _only(write_company(("validity: {goal: 0.9}", f"validity: {{goal: 0.9}}\ngoals: {goals}")))
    assert (problem.line, problem.key) == (7, key)
    assert found in problem.found
    assert allowed in problem.allowed


@pytest.mark.parametrize(
    ("thresholds", "key", "found", "allowed"),
    [
        ("attribution_model: linaer", "attribution_model", "'linaer'", "did you mean `linear`?"),
        ("attribution_model: u_shaped", "attribution_model", "'u_shaped'", "first, last, linear, position, time_decay"),
        ("attribution_window_days: 0", "attribution_window_days", "0", "greater than or equal to 1"),
        ("attribution_half_life_days: 0", "attribution_half_life_days", "0", "greater than 0"),
        ("attribution_half_life_days: week", "attribution_half_life_days", "'week'", "a number"),
        ("attribution_first_share: 40", "attribution_first_share", "40", "less than or equal to 1"),
        ("attribution_last_share: -0.1", "attribution_last_share", "-0.1", "greater than or equal to 0"),
        ("attribution_last_share: 0.7", "attribution_last_share", "0.4 and 0.7, together 1.1", "at most 1 together"),
        ("attribution_merge_minutes: -1", "attribution_merge_minutes", "-1", "greater than or equal to 0"),
        ("attribution_windows_days: 9", "attribution_windows_days", "`attribution_windows_days`", "did you mean"),
    ],
)
def test_attribution_that_shares_nothing_out(write_company, thresholds, key, found, allowed):
    problem = _only(write_company(("validity: {goal: 0.9}", f"validity: {{goal: 0.9}}\nthresholds: {{{thresholds}}}")))
    assert (problem.line, problem.key) == (7, f"thresholds.{key}")
    assert found in problem.found
    assert allowed in problem.allowed


def test_attribution_is_declared(write_company):
    shares = "attribution_model: position, attribution_first_share: 0.5, attribution_last_share: 0.5"
    path = write_company(("validity: {goal: 0.9}", f"validity: {{goal: 0.9}}\nthresholds: {{{shares}}}"))
    thresholds = load_company(path).dbt_vars()["thresholds"]
    assert (thresholds["attribution_model"], thresholds["attribution_half_life_days"]) == ("position", 7)


def test_dbt_has_the_defaults_of_the_company_file(write_company):
    project = Path(__file__).resolve().parents[3] / "dbt_project" / "dbt_project.yml"
    defaults = yaml.safe_load(project.read_text(encoding="utf-8"))["vars"]["thresholds"]
    assert load_company(write_company()).dbt_vars()["thresholds"] == defaults


def test_money_goals_may_exceed_one(write_company):
    goals = "goals: [{id: ltv, name: Value, metric: lifetime_value, target: 900}]"
    company = load_company(write_company(("validity: {goal: 0.9}", goals)))
    assert [(goal.target, goal.unit) for goal in company.goals] == [(900, "money")]


def test_a_goal_may_be_of_a_group_turned_round_zero_or_a_loss(write_company):
    goals = (
        "goals: [{id: few, name: F, metric: return_rate, target: 0, filter: {source: shop, value_segment: gold}}, "
        "{id: loss, name: L, metric: profit_12m, target: -100, direction: up, deadline: 2020-01-01}]"
    )
    company = load_company(write_company(("validity: {goal: 0.9}", goals)))
    few, loss = company.goals
    assert (few.target, few.filter, few.unit) == (0, {"source": "shop", "value_segment": "gold"}, "share")
    assert (loss.target, loss.direction, loss.unit) == (-100, "up", "money")


def test_filters_are_those_of_the_models():
    macro = (PROJECT_DIR / "macros" / "marts" / "goal_dimensions.sql").read_text(encoding="utf-8")
    known = re.findall(r"'(\w+)'", macro.partition("return([")[2].partition("])")[0])
    assert set(known) == set(get_args(GoalDimension)) == set(DIMENSIONS)


def test_a_key_twice_is_told_with_both_lines(write_company):
    problem = _only(write_company(("country: DE", "country: DE\ncurrency: GBP")))
    assert (problem.line, problem.key) == (5, "currency")
    assert "line 3" in problem.found


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("company: [1, 2\ntime_zone: x\n", 2, "broken YAML"),
        ("a: 1\n\tb: 2\n", 2, "tab"),
        ("a: &x [*x]\n", 1, "broken YAML"),
        ("", 1, "an empty file"),
        ("- a\n- b\n", 1, "a list of 2"),
    ],
)
def test_what_is_no_company_file(write_company, text, line, found):
    problem = _only(write_company(text=text))
    assert problem.line == line
    assert found in problem.found


def test_files_that_cannot_be_read(tmp_path):
    assert "no such file" in _only(tmp_path / "absent.yaml").found
    assert "a folder" in _only(tmp_path).found
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("company: {id: b, name: Bäcker}\n".encode("latin-1"))
    assert "position 24" in _only(latin).found  # the ä is the 25th byte


def test_a_byte_order_mark_does_no_harm(write_company):
    path = write_company()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_company(path).name == "Bakehouse"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("path: data/orders-*.csv", "path: s3://key:hunter2@bucket/orders.csv"),
        ("path: data/orders-*.csv", "path: https://shop.example/x.csv?token=hunter2"),
        ("path: data/orders-*.csv", "path: s3://${ENV:KEY}:hunter2@bucket/orders.csv"),
        ("path: data/orders-*.csv", "path: abfs://x?sig=hunter2"),
        ("channel: shop", "channel: shop\n    password: hunter2"),
        ("channel: shop", "channel: shop\n    api_key: hunter2"),
    ],
)
def test_secrets_are_refused_and_never_repeated(write_company, old, new):
    problems = _problems(write_company((old, new)))
    assert any("${ENV:NAME}" in problem.allowed for problem in problems)
    assert "hunter2" not in "\n".join(str(problem) for problem in problems)


def test_a_column_called_token_is_no_secret(write_company):
    path = write_company(("email: Mail", "email: {column: Password, map: {token: abc}}"))
    assert isinstance(load_company(path), Company)


def test_the_environment_is_filled_at_use_and_shown_nowhere(write_company, monkeypatch):
    path = write_company(("path: data/orders-*.csv", "path: s3://${ENV:SHOP_KEY}:${ENV:SHOP_SECRET}@bucket/o.csv"))
    monkeypatch.setenv("SHOP_KEY", "ada")
    monkeypatch.setenv("SHOP_SECRET", "hunter2")
    company = load_company(path)
    assert "hunter2" not in repr(company)
    assert company.source_for_use("shop").datasets["orders"].path == ["s3://ada:hunter2@bucket/o.csv"]
    assert environment_problems(company) == []
    monkeypatch.delenv("SHOP_SECRET")
    [problem] = environment_problems(company)
    assert (problem.line, problem.key) == (14, "sources.shop.datasets.orders.path")
    assert "SHOP_SECRET" in problem.found
    with pytest.raises(CompanyError, match="SHOP_SECRET") as caught:
        company.source_for_use("shop")
    assert "ada" not in str(caught.value)


def test_filling_changes_nothing_else(write_company):
    company = load_company(write_company())
    assert company.source_for_use("shop") == company.sources["shop"]


def test_fill_environment():
    assert fill_environment("${ENV:A}/${ENV:B}.csv", {"A": "x", "B": "y"}) == "x/y.csv"
    assert fill_environment("$HOME ${OTHER}", {}) == "$HOME ${OTHER}"


def test_a_placeholder_needs_a_name(write_company):
    problem = _only(write_company(("path: data/orders-*.csv", "path: ${ENV:two words}/x.csv")))
    assert "letters, digits" in problem.allowed


def test_merged_mappings_are_understood(write_company):
    text = write_company().read_text()
    text += "  web:\n    <<: &more\n      type: files\n      owner: web@bakehouse.example\n    channel: web\n"
    text += "    datasets:\n      e:\n        path: e.csv\n"
    text += "        entities: [{entity: web_events, columns: {event_id: Id}}]\n"
    company = load_company(write_company(text=text))
    assert company.sources["web"].owner == "web@bakehouse.example"
