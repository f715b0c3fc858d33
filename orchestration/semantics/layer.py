"""Semantic models and metrics as dbt's manifest has them: read, resolved, and nothing computed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

# What a filter of dbt's semantic layer names in double braces: Dimension('order__order_kind') and its like.
_NAMED = re.compile(r"\{\{\s*(?:Dimension|TimeDimension|Entity)\(\s*['\"](\w+)['\"][^)]*\)\s*\}\}")
_WINDOW_UNITS = ("day", "week", "month", "year")
_KINDS = ("simple", "ratio", "derived", "cumulative")


class MetricError(Exception):
    """A metric or a dimension is not there, or cannot be asked for like this; the text says what to do."""


@dataclass(frozen=True)
class Dimension:
    """What a table can be cut by. `sql` is an expression over its columns; `type` is the type of a plain column."""

    name: str
    sql: str
    is_time: bool
    type: str = ""


@dataclass(frozen=True)
class Measure:
    """An aggregation (`sum`, `count`, `count_distinct`, `average`, `median`, `min`, `max`) of an expression."""

    name: str
    aggregation: str
    sql: str
    time: str


@dataclass(frozen=True)
class Table:
    """A semantic model: a dbt model with its keys (entity to expression), dimensions and measures."""

    name: str
    schema: str
    relation: str
    primary: str
    entities: Mapping[str, str]
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Measure]


@dataclass(frozen=True)
class Metric:
    """A metric as declared.

    `measure` is set for simple and cumulative ones, `inputs` are the metrics behind a ratio (numerator, denominator)
    and a derived one (alias to metric), `filters` are conditions with names in double braces, `window` is a count and
    a unit of a trailing window.
    """

    name: str
    label: str
    description: str
    kind: str
    unit: str
    measure: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    expression: str | None = None
    filters: tuple[str, ...] = ()
    window: tuple[int, str] | None = None
    path: str = ""


@dataclass(frozen=True)
class SemanticLayer:
    """All semantic models and metrics of a project, by name."""

    tables: Mapping[str, Table]
    metrics: Mapping[str, Metric]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> SemanticLayer:
        """Read dbt's manifest.

        Raises:
            MetricError: a metric is of a kind, or a measure of an aggregation, that nothing here computes.
        """
        tables = [_table(node, manifest) for node in manifest.get("semantic_models", {}).values()]
        metrics = [_metric(node) for node in manifest.get("metrics", {}).values()]
        return cls(
            {one.name: one for one in sorted(tables, key=lambda one: one.name)},
            {one.name: one for one in sorted(metrics, key=lambda one: one.name)},
        )

    def metric(self, name: str) -> Metric:
        """The metric of that name.

        Raises:
            MetricError: there is none.
        """
        if name not in self.metrics:
            raise MetricError(f"There is no metric `{name}`. These are: {', '.join(self.metrics)}.")
        return self.metrics[name]

    @cached_property
    def _owners(self) -> dict[str, Table]:
        return {measure: table for table in self.tables.values() for measure in table.measures}

    def owner(self, metric: Metric) -> Table:
        """The table of a simple or cumulative metric."""
        return self._owners[metric.measure or ""]

    def leaves(self, name: str) -> Iterator[Metric]:
        """The metrics with a measure that a metric rests on, itself if it has one."""
        metric = self.metric(name)
        if metric.measure is not None:
            yield metric
        for part in metric.inputs.values():
            yield from self.leaves(part)

    def table(self, name: str) -> Table:
        """The one table that a metric is computed from.

        Raises:
            MetricError: it rests on several.
        """
        owners = {self.owner(leaf).name: self.owner(leaf) for leaf in self.leaves(name)}
        if len(owners) > 1:
            raise MetricError(
                f"`{name}` rests on several tables ({', '.join(sorted(owners))}). Ask for its parts: "
                f"{', '.join(self.metric(name).inputs.values())}."
            )
        return next(iter(owners.values()))

    def dimensions_of(self, name: str) -> dict[str, tuple[Table, Dimension]]:
        """What a metric can be cut by, by the name to ask for.

        Dimensions of its own table go by their name, those of a table that one of its keys leads to by
        `<entity>__<name>`.
        """
        home = self.table(name)
        found = {dimension.name: (home, dimension) for dimension in home.dimensions.values()}
        for other in self.tables.values():
            if other.name != home.name and other.primary in home.entities:
                for dimension in other.dimensions.values():
                    found[f"{other.primary}__{dimension.name}"] = (other, dimension)
        return found


def named_in(filter_text: str) -> list[str]:
    """The names in double braces of a filter, as written: `order__order_kind`."""
    return cast("list[str]", _NAMED.findall(filter_text))


def with_names(filter_text: str, sql_of: Mapping[str, str]) -> str:
    """A filter with each name in double braces replaced by what `sql_of` has for it."""
    return _NAMED.sub(lambda found: sql_of[found.group(1)], filter_text)


def _table(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> Table:
    relation = node["node_relation"]
    model = next((manifest["nodes"].get(key) for key in node["depends_on"]["nodes"]), None) or {}
    columns: Mapping[str, Any] = model.get("columns", {})
    default_time = (node.get("defaults") or {}).get("agg_time_dimension") or ""
    return Table(
        name=node["name"],
        schema=relation["schema_name"],
        relation=relation["alias"],
        primary=next((one["name"] for one in node["entities"] if one["type"] == "primary"), ""),
        entities={one["name"]: one["expr"] or one["name"] for one in node["entities"]},
        dimensions={
            one["name"]: Dimension(
                one["name"],
                one["expr"] or one["name"],
                one["type"] == "time",
                (columns.get(one["expr"] or one["name"]) or {}).get("data_type") or "",
            )
            for one in node["dimensions"]
        },
        measures={
            one["name"]: Measure(
                one["name"], one["agg"], one["expr"] or one["name"], one.get("agg_time_dimension") or default_time
            )
            for one in node["measures"]
        },
    )


def _metric(node: Mapping[str, Any]) -> Metric:
    if node["type"] not in _KINDS:
        raise MetricError(f"The metric `{node['name']}` is of the kind {node['type']}; there are {', '.join(_KINDS)}.")
    parameters = node["type_params"]
    measure = parameters.get("measure") or {}
    window = (parameters.get("cumulative_type_params") or {}).get("window")
    if window is not None and window["granularity"].rstrip("s") not in _WINDOW_UNITS:
        raise MetricError(f"The window of `{node['name']}` is in {window['granularity']}, not in {_WINDOW_UNITS}.")
    if node["type"] == "ratio":
        inputs = {side: parameters[side]["name"] for side in ("numerator", "denominator")}
    else:
        inputs = {one.get("alias") or one["name"]: one["name"] for one in parameters.get("metrics") or []}
    return Metric(
        name=node["name"],
        label=node["label"],
        description=" ".join(node["description"].split()),
        kind=node["type"],
        unit=str((node.get("config") or {}).get("meta", {}).get("unit", "number")),
        measure=measure.get("name"),
        inputs=inputs,
        expression=parameters.get("expr"),
        filters=(*_conditions(node.get("filter")), *_conditions(measure.get("filter"))),
        window=None if window is None else (int(window["count"]), window["granularity"].rstrip("s")),
        path=node["original_file_path"],
    )


def _conditions(where: Mapping[str, Any] | None) -> list[str]:
    return [" ".join(one["where_sql_template"].split()) for one in (where or {}).get("where_filters", [])]
