"""The seed of what the churn model looks at fits the snapshots that it is learnt from and the code that reads it."""

import csv

import yaml

from models.churn.features import Feature
from orchestration.dbt import PROJECT_DIR


def features() -> list[Feature]:
    with (PROJECT_DIR / "seeds" / "churn_features.csv").open(encoding="utf-8") as file:
        return [
            Feature(row["name"], row["scale"], row["says_high"] or None, row["says_low"] or None)
            for row in csv.DictReader(file)
        ]


def test_every_feature_is_a_column_of_the_snapshots():
    path = PROJECT_DIR / "models" / "intermediate" / "churn" / "int_churn__snapshots.yml"
    [model] = yaml.safe_load(path.read_text("utf-8"))["models"]
    columns = {column["name"] for column in model["columns"]}
    names = {feature.name for feature in features()}
    assert len(names) > 10
    assert names <= columns - {"customer_id", "snapshot_on", "is_as_of", "has_stayed_away"}


def test_reasons_are_words_with_the_value_in_them():
    said = [words for feature in features() for words in (feature.says_high, feature.says_low) if words]
    assert [words.format(value="7") for words in said if words.count("{") > 1] == []
    assert {"days without an order: 7", "calls that nobody answered in the last 90 days: 7"} <= {
        words.format(value="7") for words in said
    }
