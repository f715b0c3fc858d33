"""The rule catalogue as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from expectations.catalogue import Rule

_HEAD = """\
# Rules

Made from the rules files by `regulars validity --rules --markdown`; do not edit. How to add a rule:
[analysts.md](analysts.md#add-a-rule). What a rule does: [validity.md](validity.md#rules).
"""


def rules_markdown(rules: Sequence[Rule]) -> str:
    """Return the page: a table per entity, one row per rule in the order of the files."""
    parts = [_HEAD]
    for entity in dict.fromkeys(rule.entity for rule in rules):
        parts += [
            f"## {entity}\n",
            "| rule | field | dimension | severity | weight | what it says |",
            "|---|---|---|---|---:|---|",
            *(
                f"| `{rule.id}` | `{rule.field}` | {rule.dimension} | {rule.severity} | {rule.weight:g} | {rule.says} |"
                for rule in rules
                if rule.entity == entity
            ),
            "",
        ]
    return "\n".join(parts).rstrip("\n") + "\n"
