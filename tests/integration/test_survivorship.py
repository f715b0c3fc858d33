"""The seeds of survivorship are read by SQL that knows fields and criteria by name: each place names the same ones."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
SEEDS = PROJECT / "seeds"


def known(macro: str) -> list[str]:
    """The keys of the dictionary that a macro of survivorship.sql returns, in its order."""
    text = (PROJECT / "macros" / "survivorship.sql").read_text(encoding="utf-8")
    body = text.split(f"{{% macro {macro}() %}}")[1].split("{% endmacro %}")[0]
    return re.findall(r"^ {8}'(\w+)':", body, flags=re.MULTILINE)


def accepted(seed: str, column: str) -> list[str]:
    """The values that a seed's test accepts in a column."""
    seeds = yaml.safe_load((SEEDS / "_survivorship.yml").read_text(encoding="utf-8"))["seeds"]
    [columns] = [one["columns"] for one in seeds if one["name"] == seed]
    [tests] = [one["data_tests"] for one in columns if one["name"] == column]
    [test] = [one["accepted_values"] for one in tests if "accepted_values" in one]
    values: list[str] = test["arguments"]["values"]
    return values


def rules() -> list[dict[str, Any]]:
    with (SEEDS / "survivorship_rules.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_seeds_accept_what_the_sql_knows() -> None:
    fields, criteria = known("survivorship_fields"), known("survivorship_criteria")
    assert {"display_name", "email", "address"} < set(fields)
    assert {"validity", "recency"} < set(criteria)
    assert accepted("survivorship_rules", "field") == fields
    assert accepted("survivorship_rules", "criterion") == criteria
    assert accepted("survivorship_source_ranks", "field") == ["all", *fields]


def test_every_origin_that_a_reader_may_ask_for_is_a_field() -> None:
    text = (PROJECT / "models/marts/customers/customer_value_origins.yml").read_text(encoding="utf-8")
    [columns] = [model["columns"] for model in yaml.safe_load(text)["models"]]
    [tests] = [one["data_tests"] for one in columns if one["name"] == "field"]
    [values] = [one["accepted_values"]["arguments"]["values"] for one in tests if "accepted_values" in one]
    fields = [field for field in known("survivorship_fields") if field != "account"]
    assert values == [*fields, "email_consent", "sms_consent", "phone_consent"]


@pytest.mark.parametrize("field", known("survivorship_fields"))
def test_delivered_rules_ask_for_validity_then_source_then_time_then_number(field: str) -> None:
    """What nobody has changed: the newest word, unless it is doubted; events only where no record says anything."""
    order = [row["criterion"] for row in sorted(rules(), key=lambda row: int(row["place"])) if row["field"] == field]
    usual = ["validity", "source_rank", "recency", "frequency"]
    if field == "account":  # known from events only, which no rule doubts
        assert order == usual[1:]
    elif field in ("email", "phone"):
        assert order == ["validity", "own_record_before_event", *usual[1:]]
    else:
        assert order == usual
