"""Whom and what customers are more or less satisfied with than was to be expected of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration.charts.chart import (
    BLUE,
    GREY,
    POINTS_LABEL,
    VERMILION,
    Chart,
    Look,
    counted,
    intervals,
    listed,
    number,
)

if TYPE_CHECKING:
    from orchestration.published import Published, Row

_SHOWN = 20
_COLOURS = {"better_than_expected": BLUE, "worse_than_expected": VERMILION}


def satisfaction_by(chart: Chart, marts: Published, _look: Look, *, kind: str) -> Chart:
    """How far agents or products lie above or below what was to be expected, with bounds."""
    if not marts.has("satisfaction_by_subject", "subject_kind", "span", "starts_on", "gap_share"):
        return chart.without("The published copy has no satisfaction.")
    found = marts.rows(
        "satisfaction_by_subject",
        "subject_kind = ? AND span = 'year' AND gap_share IS NOT NULL",
        [kind],
        order="starts_on DESC, gap_answers DESC, subject_id",
    )
    if not found:
        return chart.without(f"No {kind} has been rated in the last year, or nothing was to be expected yet.")
    found = [row for row in found if row["starts_on"] == found[0]["starts_on"]]
    names = _names(kind, found)
    # Findings first, then whoever was rated most: a page has room for so many.
    chosen = sorted(found, key=lambda row: row["finding"] not in _COLOURS)[:_SHOWN]
    points = sorted((_point(row, names[row["subject_id"]]) for row in chosen), key=lambda point: -point["gap"])
    title = _title(kind, found, names)
    reading = (
        "Answers of the last 365 days less what was to be expected of these customers, in points of 100, with bounds."
    )
    if len(found) > len(chosen):
        reading += f" {len(chosen)} of {counted(len(found), kind)} shown."
    axis = {"title": "worse than expected  ←  0  →  better than expected", "labelExpr": POINTS_LABEL, "tickCount": 7}
    return chart.showing(title, intervals(title, reading, points, "gap", axis=axis, middle=0))


def _names(kind: str, found: list[Row]) -> dict[str, str]:
    """What each subject is called; an agent whose id is an e-mail address gets a number instead."""
    names: dict[str, str] = {}
    for place, row in enumerate(sorted(found, key=lambda row: row["subject_id"]), start=1):
        known = row["subject_name"] or row["subject_id"]
        names[row["subject_id"]] = f"{kind} {place}" if "@" in known else known
    taken = list(names.values())
    return {key: f"{name} ({key})" if taken.count(name) > 1 else name for key, name in names.items()}


def _point(row: Row, name: str) -> dict[str, Any]:
    gap, low, high = (number(row[column]) for column in ("gap_share", "gap_low", "gap_high"))
    bounds = "" if low is None or high is None else f" ({low * 100:+.0f} to {high * 100:+.0f})"
    return {
        "name": name,
        "gap": gap,
        "low": low,
        "high": high,
        "colour": _COLOURS.get(row["finding"], GREY),
        "says": f"{name}: {(gap or 0) * 100:+.0f} points{bounds}, {counted(row['gap_answers'], 'answer')}",
    }


def _title(kind: str, found: list[Row], names: dict[str, str]) -> str:
    def called(finding: str) -> list[str]:
        rows = [row for row in found if row["finding"] == finding]
        return [names[row["subject_id"]] for row in sorted(rows, key=lambda row: -abs(row["gap_share"]))]

    better, worse = called("better_than_expected"), called("worse_than_expected")
    if not better and not worse:
        return f"No {kind} lies above or below what was to be expected by more than chance"
    said = [f"{listed(names)} {words}" for names, words in ((better, "better"), (worse, "worse")) if names]
    return f"{kind.capitalize()}s: {'; '.join(said)} than expected"
