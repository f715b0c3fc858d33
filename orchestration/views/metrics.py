"""Metrics as people read them: the list, and what one came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.views.words import MISSING, duration, measure, plain, table, whole

if TYPE_CHECKING:
    from orchestration.semantics.answer import Answer
    from orchestration.semantics.layer import Metric, SemanticLayer


def metrics_view(layer: SemanticLayer) -> RenderableType:
    """Every metric with its words and its table."""
    made = table("metric", "what it is", "of")
    for metric in layer.metrics.values():
        made.add_row(
            Text(metric.name, no_wrap=True),
            Text(f"{metric.label}: {metric.description}"),
            Text(layer.table(metric.name).name),
        )
    return made


def answer_view(metric: Metric, answer: Answer, currency: str | None) -> RenderableType:
    """The number with its words; by what it was cut, a table with a row for each group."""
    words = Text(f"{metric.label}. {metric.description}")
    if answer.as_of is not None:
        words.append(f" As of {answer.as_of:%Y-%m-%d}, from {answer.read_from}.", style="dim")
    if len(answer.columns) == 1:
        value = answer.rows[0][0] if answer.rows else None
        return Group(Text(_value(value, answer.unit, currency), style="bold"), words)
    *groups, name = answer.columns
    made = table(*groups, name, right=[name])
    for *parts, value in answer.rows:
        made.add_row(*(Text(plain(part)) for part in parts), _value(value, answer.unit, currency))
    return Group(made, Text(), words)


def _value(value: Any, unit: str, currency: str | None) -> str:
    if value is None:
        return MISSING
    if unit == "count":
        return whole(value)
    if unit == "seconds":
        return duration(float(value))
    return measure(value, unit, currency)
