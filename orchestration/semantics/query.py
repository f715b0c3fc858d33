"""The SQL of a metric on DuckDB: one SELECT over its table, cut by dimensions, with conditions and windows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count

from orchestration.semantics.layer import (
    Dimension,
    Measure,
    Metric,
    MetricError,
    SemanticLayer,
    Table,
    named_in,
    with_names,
)
from orchestration.sql import quote, text

TIME_GRAINS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class MetricQuery:
    """A statement with its parameters; it gives the columns `columns`, the metric last, one row for each group.

    `relations` are the tables that it reads, `table` is the metric's own.
    """

    sql: str
    values: tuple[object, ...]
    columns: tuple[str, ...]
    table: Table
    relations: frozenset[str]


@dataclass
class _Joins:
    """Tables beside the metric's own, each as a subquery whose columns have names that clash with nothing."""

    home: Table
    reachable: Mapping[str, tuple[Table, Dimension]]
    time_zone: str
    sql: list[str] = field(default_factory=list)
    relations: set[str] = field(default_factory=set)
    _known: dict[str, str] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def expression(self, asked: str, metric: str) -> str:
        """The SQL of a dimension as somebody asked for it, joining its table where it is not the metric's own."""
        name = self._name(asked, metric)
        if name not in self._known:
            table, dimension = self.reachable[name]
            if table is self.home:
                self._known[name] = self.local(dimension)
            else:
                number = next(self._numbers)
                key, column = f"key_of_join_{number}", f"column_of_join_{number}"
                chosen = f"{table.entities[table.primary]} AS {key}, ({self.local(dimension)}) AS {column}"
                source = quote(table.schema, table.relation)
                self.sql.append(
                    f"LEFT JOIN (SELECT {chosen} FROM {source}) AS join_{number} "  # noqa: S608 - expressions of the project, quoted names
                    f"ON ({self.home.entities[table.primary]}) = join_{number}.{key}"
                )
                self.relations.add(table.relation)
                self._known[name] = f"join_{number}.{column}"
        return self._known[name]

    def local(self, dimension: Dimension) -> str:
        """A dimension's SQL; a moment becomes the day in the company's time zone, like every day in the marts."""
        if dimension.is_time and dimension.type.startswith("timestamp"):
            return f"CAST((({dimension.sql}) AT TIME ZONE 'UTC') AT TIME ZONE {text(self.time_zone)} AS DATE)"
        return dimension.sql

    def _name(self, asked: str, metric: str) -> str:
        own = asked.removeprefix(f"{self.home.primary}__")
        if own in self.reachable:
            return own
        if asked in self.reachable:
            return asked
        fits = [name for name in self.reachable if name.partition("__")[2] == asked]
        if len(fits) == 1:
            return fits[0]
        words = "is ambiguous" if fits else "is not there"
        raise MetricError(
            f"`{metric}` cannot be cut by `{asked}`, which {words}. "
            f"There are: {', '.join(sorted(fits) if fits else [*sorted(self.reachable), *TIME_GRAINS])}."
        )


def metric_query(
    layer: SemanticLayer,
    name: str,
    *,
    by: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    as_of: date | None = None,
    time_zone: str = "UTC",
) -> MetricQuery:
    """The query of one metric.

    Args:
        layer: All metrics.
        name: The metric.
        by: What to cut it by: dimensions (`channel`, `value_segment`, `customer__country_code`) and at most one of
            `day`, `week`, `month`, `quarter`, `year`, of the metric's own time.
        where: Dimension to the value that it must have, compared as text.
        as_of: The last day of trailing windows; needed by metrics that have one.
        time_zone: In which a moment falls on a day.

    Raises:
        MetricError: the metric or a dimension is not there, the metric rests on several tables, a window has no day or
            is to be cut by time.
    """
    table = layer.table(name)
    joins = _Joins(table, layer.dimensions_of(name), time_zone)
    groups: list[str] = []
    for asked in by:
        if asked in TIME_GRAINS:
            if any(leaf.window for leaf in layer.leaves(name)):
                raise MetricError(f"`{name}` is of a window that ends on one day; its days are in marts.kpi_daily.")
            groups.append(f"CAST(date_trunc('{asked}', {_time(layer, name, table, joins)}) AS DATE)")
        else:
            groups.append(joins.expression(asked, name))
    conditions, values = [], []
    for asked, value in (where or {}).items():
        conditions.append(f"CAST({joins.expression(asked, name)} AS VARCHAR) = ?")
        values.append(value)
    computed = _computed(layer, layer.metric(name), joins, as_of)
    selected = [f"{sql} AS {quote(asked)}" for sql, asked in zip(groups, by, strict=True)]
    numbers = ", ".join(str(number) for number in range(1, len(by) + 1))
    parts = [
        f"SELECT {', '.join([*selected, f'{computed} AS {quote(name)}'])}",
        f"FROM {quote(table.schema, table.relation)}",
        *joins.sql,
        *([f"WHERE {' AND '.join(conditions)}"] if conditions else []),
        *([f"GROUP BY {numbers}", f"ORDER BY {numbers}"] if by else []),
    ]
    relations = frozenset({table.relation, *joins.relations})
    return MetricQuery("\n".join(parts), tuple(values), (*by, name), table, relations)


def _time(layer: SemanticLayer, name: str, table: Table, joins: _Joins) -> str:
    times = {table.measures[leaf.measure or ""].time for leaf in layer.leaves(name)}
    if len(times) > 1:
        raise MetricError(f"The parts of `{name}` have times of their own: {', '.join(sorted(times))}.")
    return joins.expression(times.pop(), name)


def _computed(layer: SemanticLayer, metric: Metric, joins: _Joins, as_of: date | None) -> str:
    """The expression of a metric within the SELECT; a share of nothing is null."""
    parts = {alias: _computed(layer, layer.metric(part), joins, as_of) for alias, part in metric.inputs.items()}
    if metric.kind == "ratio":
        return f"CAST({parts['numerator']} AS DOUBLE) / nullif(CAST({parts['denominator']} AS DOUBLE), 0)"
    if metric.kind == "derived":
        expression = metric.expression or ""
        return "(" + re.sub(r"\b[A-Za-z_]\w*\b", lambda word: parts.get(str(word[0]), str(word[0])), expression) + ")"
    measure = layer.owner(metric).measures[metric.measure or ""]
    conditions = [
        f"({with_names(one, {asked: f'({joins.expression(asked, metric.name)})' for asked in named_in(one)})})"
        for one in metric.filters
    ]
    if metric.window is not None:
        conditions += _window(metric, joins.expression(measure.time, metric.name), as_of)
    return _aggregated(measure, " AND ".join(conditions) or "true")


def _window(metric: Metric, time: str, as_of: date | None) -> list[str]:
    """A window holds every day whose date that much later lies after its last day (decision 0017)."""
    number, unit = metric.window or (0, "day")
    if as_of is None:
        raise MetricError(f"`{metric.name}` is of the trailing {number} {unit}s, so it needs the day that it is as of.")
    last = f"DATE '{as_of.isoformat()}'"
    return [f"{time} <= {last}", f"{time} + INTERVAL {number} {unit.upper()} > {last}"]


def _aggregated(measure: Measure, condition: str) -> str:
    """A measure over the rows of a condition. Of no rows a count is 0 and everything else null."""
    taken = f"CASE WHEN {condition} THEN {measure.sql} END"
    match measure.aggregation:
        case "count":
            return f"count({taken})"
        case "count_distinct":
            return f"count(DISTINCT {taken})"
        case "average":
            # The sum of decimals is exact, and dividing it once is what the marts do.
            return f"CAST(sum({taken}) AS DOUBLE) / nullif(count({taken}), 0)"
        case "sum" | "min" | "max" | "median":
            return f"{measure.aggregation}({taken})"
    raise MetricError(f"The measure `{measure.name}` is a {measure.aggregation}, which nothing here computes.")
