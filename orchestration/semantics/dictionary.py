"""docs/kpis.md, made from dbt's manifest: words, formulas and places of every number that readers may rely on.

The text of the page is dbt's docs block `kpis` (dbt_project/models/kpis/kpis.md). Lines in it of the form
`<!-- metrics: orders, revenue -->` and `<!-- numbers: fct_orders -->` become tables of metrics and of the numbers in
the columns of models; `<!-- not in here: … -->` names the contract tables whose numbers are explained elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from orchestration.contract import CONTRACT_SCHEMA, contract_tables
from orchestration.semantics.layer import Metric, SemanticLayer, named_in, with_names

PAGE = "docs/kpis.md"
TEXT = "dbt_project/models/kpis/kpis.md"
_BLOCK = "doc.regulars.kpis"
_DIRECTIVE = re.compile(r"^<!-- (metrics|numbers|not in here): ([\w, ]+) -->$", re.MULTILINE)
_GRAIN = re.compile(r"Grain(?::| -) (.+?)(?=\.\s|\.$|,| \(| - |;|$)")
_NUMBERS = ("decimal", "numeric", "double", "float", "bigint", "integer", "hugeint", "smallint")
_FROM_DOCS = "](../../../docs/"
_AGGREGATIONS = {
    "sum": "Σ {}",
    "count": "number of {}",
    "count_distinct": "number of different {}",
    "average": "mean of {}",
}
_HEAD = f"<!-- Made by `regulars docs kpis` from {TEXT} and the models beside it; change those. -->"


class DictionaryError(Exception):
    """The dictionary cannot be made; `problems` are sentences, one for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The KPI dictionary cannot be made:\n" + "\n".join(f"  {problem}" for problem in problems))


def kpi_page(manifest: Mapping[str, Any]) -> str:
    """The page as Markdown.

    Raises:
        DictionaryError: the text names what is not there, a metric or a contract table with numbers has no place in
            it, or a number has no words.
    """
    problems = dictionary_problems(manifest)
    if problems:
        raise DictionaryError(problems)
    layer, models = SemanticLayer.of(manifest), _models(manifest)

    def table(found: re.Match[str]) -> str:
        names = _names(found[2])
        if found[1] == "metrics":
            return _metric_table(layer, [layer.metrics[name] for name in names])
        if found[1] == "numbers":
            return _number_table([models[name] for name in names])
        return ""

    text = _DIRECTIVE.sub(table, _text(manifest)).replace(_FROM_DOCS, "](")
    return re.sub(r"\n{3,}", "\n\n", f"{_HEAD}\n\n{text.strip()}\n")


def dictionary_problems(manifest: Mapping[str, Any]) -> list[str]:
    """What is missing, named twice or without words; empty where the dictionary is whole."""
    text = _text(manifest)
    if not text:
        return [f"{TEXT} has no docs block `kpis`"]
    metrics, models = SemanticLayer.of(manifest).metrics, _models(manifest)
    placed = {kind: Counter[str]() for kind in ("metrics", "numbers", "not in here")}
    for kind, names in _DIRECTIVE.findall(text):
        placed[kind].update(_names(names))
    known = {"metrics": set(metrics), "numbers": set(models), "not in here": set(models)}
    tables = placed["numbers"] + placed["not in here"]
    problems = [
        f"{TEXT} names `{name}` under `{kind}`, which is not there"
        for kind, names in placed.items()
        for name in names
        if name not in known[kind]
    ]
    problems += [
        f"`{name}` has two places in {TEXT}" for name, times in (placed["metrics"] + tables).items() if times > 1
    ]
    problems += [f"the metric `{name}` has no place in {TEXT}" for name in metrics if name not in placed["metrics"]]
    problems += [f"the metric `{name}` has no description" for name, one in metrics.items() if not one.description]
    for table in contract_tables(manifest).values():
        name = manifest["nodes"][table.unique_id]["name"]
        if name not in tables and list(_columns(models[name])):
            problems.append(f"the numbers of `{name}` have no place in {TEXT}: add it to a line `<!-- numbers: … -->`")
    for name in placed["numbers"]:
        for column in _columns(models.get(name, {})):
            if not column["description"].strip():
                problems.append(f"the number `{name}.{column['name']}` has no description")
        if name in models and not _grain(models[name]):
            problems.append(f"the description of `{name}` does not say its grain (Grain: …)")
        if name in models and not list(_columns(models[name])):
            problems.append(f"`{name}` has no numbers: mark columns with config: {{meta: {{kpi: true}}}}")
    return problems


def _text(manifest: Mapping[str, Any]) -> str:
    return str(manifest.get("docs", {}).get(_BLOCK, {}).get("block_contents", ""))


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _models(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The models by name; of one with several versions the latest."""
    found: dict[str, Any] = {}
    for node in manifest.get("nodes", {}).values():
        if node["resource_type"] == "model" and node.get("version") in (None, node.get("latest_version")):
            found[node["name"]] = node
    return found


def _columns(model: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The columns that are numbers of business: those of a numeric type, and what the column's meta `kpi` says."""
    for column in model.get("columns", {}).values():
        said = {**(column.get("meta") or {}), **((column.get("config") or {}).get("meta") or {})}.get("kpi")
        is_number = str(column.get("data_type") or "").lower().startswith(_NUMBERS)
        if is_number if said is None else said:
            yield column


def _grain(model: Mapping[str, Any]) -> str:
    found = _GRAIN.search(" ".join(model["description"].split()))
    return found[1] if found else ""


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")


def _number_table(models: list[Mapping[str, Any]]) -> str:
    rows = ["| number | in words and how it is worked out | table.column | grain |", "|---|---|---|---|"]
    for model in models:
        place = model.get("alias") or model["name"]
        for column in _columns(model):
            words = column["name"].removesuffix("_amount").removeprefix("is_").replace("_", " ")
            rows.append(
                f"| {words} | {_cell(column['description'])} | `{place}.{column['name']}` | {_cell(_grain(model))} |"
            )
    return "\n".join(rows)


def _metric_table(layer: SemanticLayer, metrics: list[Metric]) -> str:
    rows = ["| metric | in words | formula | of |", "|---|---|---|---|"]
    for metric in metrics:
        table = layer.owner(metric) if metric.measure else layer.table(metric.name)
        place = table.relation if table.schema == CONTRACT_SCHEMA else f"{table.schema}.{table.relation}"
        rows.append(
            f"| {metric.label}, `{metric.name}` | {_cell(metric.description)} | {_cell(formula(layer, metric))} "
            f"| `{place}` |"
        )
    return "\n".join(rows)


def formula(layer: SemanticLayer, metric: Metric) -> str:
    """How a metric is worked out, as it is declared: an aggregation with its filter, or other metrics' names."""
    if metric.kind == "ratio":
        return f"`{metric.inputs['numerator']}` ÷ `{metric.inputs['denominator']}`"
    if metric.kind == "derived":
        return f"`{metric.expression}`"
    table = layer.owner(metric)
    measure = table.measures[metric.measure or ""]
    words = _AGGREGATIONS.get(measure.aggregation, measure.aggregation + " of {}").format(f"`{measure.sql}`")
    if metric.filters:
        reachable = layer.dimensions_of(metric.name)
        conditions = []
        for one in metric.filters:
            own = {asked: asked.removeprefix(f"{table.primary}__") for asked in named_in(one)}
            conditions.append(with_names(one, {asked: reachable[own[asked]][1].sql for asked in own}))
        words += f" where `{' and '.join(conditions)}`"
    if metric.window is not None:
        number, unit = metric.window
        words += f", trailing {number} {unit}s of `{table.dimensions[measure.time].sql}`"
    return words
