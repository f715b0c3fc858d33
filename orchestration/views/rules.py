"""The rule catalogue for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from expectations.catalogue import Rule
from orchestration.views.words import table


def rules_view(rules: Sequence[Rule]) -> Table:
    """One row per rule, entity by entity."""
    made = table("entity", "field", "rule", "dimension", "severity", "weight", "what it says", right=("weight",))
    before = None
    for rule in rules:
        if before not in (None, rule.entity):
            made.add_section()
        made.add_row(
            "" if rule.entity == before else rule.entity,
            rule.field,
            rule.id,
            rule.dimension,
            Text(rule.severity, style={"record": "red", "field": "yellow"}.get(rule.severity, "dim")),
            f"{rule.weight:g}",
            Text(rule.says),
        )
        before = rule.entity
    return made
