"""What `regulars experiments` shows: all of them in a line each, or one with its arms and what was compared."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestration.experiments import ExperimentReport
from orchestration.published import Row
from orchestration.views.words import MISSING, block, facts_grid, moment, money, share, table, whole

_COLOURS = {
    "shown: better": "green",
    "shown: worse": "red",
    "sample ratio is off": "red",
    "no control": "yellow",
    "running": "yellow",
    "too few": "yellow",
}
_LEFT_OUT = (
    ("repeated", "in the arm already"),
    ("unidentified", "of no known customer"),
    ("contaminated", "in several arms"),
    ("late", "after the last day"),
)


def experiments_view(reports: Sequence[ExperimentReport]) -> Table:
    """One line for each experiment."""
    made = table("experiment", "customers", "control", "ends", "status", "what is shown", right=("customers",))
    for report in reports:
        shown = [f"{row['outcome']} of {row['arm']} {row['verdict'].partition(': ')[2]}" for row in report.shown]
        made.add_row(
            Text(report.name),
            whole(report.customers),
            Text(report.control or MISSING),
            moment(report.ends_at.date() if report.ends_at else None),
            Text(report.status, style=_COLOURS.get(report.status, "")),
            Text("; ".join(shown) or (MISSING if report.status != "ended" else "nothing")),
        )
    return made


def experiment_view(report: ExperimentReport) -> RenderableType:
    """One experiment: what it is, its arms, and each outcome of each arm beside the control's."""
    first = report.arms[0]
    comparisons = max((row["comparisons"] or 0 for row in report.results), default=0)
    p_value = first["sample_ratio_p_value"]
    ratio = first["sample_ratio"] or "unknown"
    facts = [
        ("experiment", report.id),
        ("control", report.control or "none: name one in the company file"),
        (
            "window",
            f"{first['window_days']} days after each assignment; the last one ends {moment(report.ends_at)} UTC",
        ),
        ("sample ratio", ratio if p_value is None else f"{ratio} (p = {p_value:.3g})"),
        (
            "comparisons",
            f"{comparisons}; in {share(first['alpha'], 0)} of such experiments without any effect one is shown",
        ),
    ]
    return Group(
        Text(report.name, style="bold"),
        facts_grid(facts) or Text(),
        *block("Arms", _arms(report)),
        *block("Outcomes", _results(report)),
        *_reasons(report),
    )


def _arms(report: ExperimentReport) -> Table:
    made = table("arm", "role", "assigned", "compared", "share", "planned", "left out", right=("assigned", "compared"))
    for arm in report.arms:
        out = [f"{whole(arm[name])} {words}" for name, words in _LEFT_OUT if arm[name]]
        made.add_row(
            Text(arm["arm"]),
            arm["role"],
            whole(arm["assignments"]),
            whole(arm["customers"]),
            share(arm["share"]),
            share(arm["planned_share"]),
            Text(", ".join(out) or MISSING),
        )
    return made


def _results(report: ExperimentReport) -> Table:
    made = table(
        "outcome", "arm", "did", "mean", "difference", "between", "uplift", "adjusted p", "verdict", right=("did",)
    )
    for row in report.results:
        p_value = row["adjusted_p_value"]
        verdict = row["verdict"] or "not judged"
        made.add_row(
            row["outcome"],
            Text(row["arm"]),
            whole(row["customers_with"]),
            _number(row, row["mean"]),
            _number(row, row["difference"], is_difference=True),
            MISSING
            if row["adjusted_lower"] is None
            else f"{_number(row, row['adjusted_lower'], is_difference=True)} and "
            f"{_number(row, row['adjusted_upper'], is_difference=True)}",
            MISSING if row["uplift"] is None else f"{row['uplift'] * 100:+,.1f} %",
            MISSING if p_value is None else f"{p_value:.4f}" if p_value >= 0.0001 else "< 0.0001",
            Text(verdict, style=_COLOURS.get(verdict, "")),
        )
    return made


def _reasons(report: ExperimentReport) -> list[RenderableType]:
    """Each verdict that needs a word, once."""
    plain = ("control", "not shown", "shown: better", "shown: worse", None)
    said = {f"{row['verdict']}: {row['reason']}": None for row in report.results if row["verdict"] not in plain}
    return [Text(), *(Text(words, style="dim") for words in said)] if said else []


def _number(row: Row, value: float | None, *, is_difference: bool = False) -> str:
    """A share in percent, its differences in points; an amount with its currency."""
    if value is None:
        return MISSING
    if row["unit"] == "amount":
        return f"{value:+,.2f}" if is_difference else money(value, row["currency"])
    return f"{value * 100:+,.2f} points" if is_difference else share(value, 2)
