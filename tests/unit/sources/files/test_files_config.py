from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from sources.files.config import Dataset, EntityMap, FilesSource, Options, format_of
from sources.files.expressions import Condition, Expression


def message(model: type[Any], data: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    return "\n".join(error["msg"] for error in caught.value.errors())


def orders(**columns: Any) -> dict[str, Any]:
    return {"entity": "orders", "columns": columns}


def test_unknown_entity_lists_the_known_ones() -> None:
    found = message(EntityMap, {"entity": "order", "columns": {"order_id": "x"}})
    assert "'order'" in found
    assert "customers, products, orders, order_lines" in found


def test_unknown_column_lists_those_of_the_entity() -> None:
    found = message(EntityMap, orders(ordr_id="x"))
    assert "'ordr_id' is no column of orders" in found
    assert "loyalty_card, buyer_first_name" in found


def test_unknown_modifier_lists_the_modifiers() -> None:
    found = message(EntityMap, orders(order_id={"column": "x", "trimm": True}))
    assert "unknown key 'trimm'" in found
    assert "remove_prefix" in found
    assert "in_" not in found


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ({"trim": True}, "found none"),
        ({"column": "a", "constant": "b"}, "found column and constant"),
        ({"column": None}, "'column' is empty"),
        ({"column": "a", "lower": True, "upper": True}, "exclude each other"),
        ({"column": "a", "default": "b"}, "default belongs to map"),
        ({"column": "a", "separator": "-"}, "separator belongs to concat"),
        ({"column": "a", "split": {"by": "+", "part": 0}}, "counted from 1"),
        ({"column": "a", "regex": "("}, "not a regular expression"),
        ({"column": "a", "regex": "(?=b)"}, "look-around"),
        ({"column": "a", "format": "yyyy-mm-dd"}, "date format has parts"),
        ({"column": "a", "format": "%Y-%Q"}, "no date part"),
        ({"column": "a", "json": "a.b"}, "starts with '$'"),
        ({"column": "a", "map": {False: "x"}}, "put it in quotes"),
        ({"flag": {"column": "a"}}, "exactly one of equals"),
        ({"flag": {"column": "a", "equals": None}}, "is_null: true"),
        ({"flag": {"column": "a", "equals": "x", "above": 1}}, "found equals and above"),
    ],
)
def test_wrong_expressions_say_what_is_wrong(expression: dict[str, Any], said: str) -> None:
    assert said in message(Expression, expression)


def test_shorthand_and_values_that_yaml_changed() -> None:
    assert Expression.model_validate("Name").column == "Name"
    assert Expression.model_validate({"constant": True}).constant == "true"
    assert Expression.model_validate({"constant": dt.date(2024, 5, 1)}).constant == "2024-05-01"
    assert Expression.model_validate({"column": "a", "map": {1: 2}}).map == {"1": "2"}
    assert Condition.model_validate({"column": "a", "in": [1, "b"]}).in_ == ["1", "b"]


def test_columns_used_are_found_everywhere() -> None:
    mapped = EntityMap.model_validate(
        {
            "entity": "orders",
            "where": {"column": {"concat": ["a", "b"]}, "equals": "x"},
            "one_per": "c",
            "reject": {"when": {"column": "d", "is_null": True}, "reason": "empty"},
            "columns": {
                "order_id": {"first_of": ["e", {"hash": ["f", "g"]}]},
                "status": {"flag": {"column": "h", "above": 1}},
                "channel": {"constant": "i"},
                "email": {"hash": "*"},
            },
        }
    )
    assert mapped.columns_used() == set("abcdefgh")


def test_options_must_fit_the_format() -> None:
    data = {"path": "a.xlsx", "options": {"separator": ";"}, "entities": [orders(order_id="x")]}
    found = message(Dataset, data)
    assert "'separator' does not belong to format excel" in found
    assert "header_row, sheet" in found


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"separator": "||"}, "one character"),
        ({"separator": "none"}, "cannot be empty"),
        ({"separator": '"'}, "the same character"),
        ({"encoding": "utf-9"}, "unknown encoding 'utf-9'"),
        ({"encoding": "base64"}, "not a text encoding"),
        ({"escape": "^"}, "doubled quotes"),
        ({"seperator": ";"}, "allowed: separator, encoding"),
    ],
)
def test_wrong_options(options: dict[str, Any], said: str) -> None:
    assert said in message(Options, options)


def test_named_characters_and_codec_names() -> None:
    options = Options.model_validate({"separator": "tab", "quote": "none", "encoding": "Latin-1"})
    assert (options.separator, options.quote, options.encoding) == ("\t", "", "iso8859-1")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channel": "fax"}, "'shop', 'email', 'call_centre' or 'web'"),
        ({"time_zone": "Europe/Berlinn"}, "unknown time zone"),
        ({"time_zone": "../etc"}, "unknown time zone"),
        ({"currency": "eur"}, "pattern"),
        ({"datasets": {}}, "at least 1"),
        ({"dataset": {}}, "unknown key 'dataset'"),
    ],
)
def test_wrong_sources(change: dict[str, Any], said: str) -> None:
    right = {
        "channel": "shop",
        "owner": "me",
        "datasets": {"orders": {"path": "a.csv", "entities": [orders(order_id="x")]}},
    }
    FilesSource.model_validate(right)
    assert said in message(FilesSource, right | change)


def test_a_dataset_name_must_make_a_table_name() -> None:
    data = {"path": "a.csv", "entities": [orders(order_id="x")]}
    found = message(FilesSource, {"channel": "shop", "owner": "me", "datasets": {"My Orders": data}})
    assert "'My Orders' is no dataset name" in found


def test_norway_is_a_country() -> None:
    data = {"path": "a.csv", "entities": [orders(order_id="x")]}
    source = FilesSource.model_validate(
        {"channel": "shop", "owner": "me", "country": False, "datasets": {"orders": data}}
    )
    assert source.country == "NO"


@pytest.mark.parametrize(
    ("path", "known"),
    [("a.csv", "csv"), ("A.CSV.GZ", "csv"), ("x/*.tsv", "tsv"), ("s3://b/c.parquet?v=1", "parquet"), ("a.doc", None)],
)
def test_format_from_suffix(path: str, known: str | None) -> None:
    assert format_of(path) == known
