"""Data Docs that open anywhere: the pages of Great Expectations without what they would load from elsewhere.

As written by Great Expectations each page fetches styles, scripts and a logo from eight hosts whenever someone
opens it, and its start page stays empty where that is not possible. Here the pages lose those parts and get a
small style of their own, and the start page is ours: the verdict, the sources, the rules that cost most, and the
way to each suite.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.verdict import percent

if TYPE_CHECKING:
    from expectations.catalogue import Rule
    from expectations.verdict import GateResult, SourceValidity

# What a page would load or run, and the advertisement in its footer.
_REMOVED = (
    re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<link\b[^>]*>", re.IGNORECASE),
    re.compile(r"<img\b[^>]*\bsrc=[\"'](?:https?:)?//[^>]*>", re.IGNORECASE | re.DOTALL),
    re.compile(r"<footer\b.*?</footer>", re.DOTALL | re.IGNORECASE),
    re.compile(r"url\(\s*[\"']?(?:https?:)?//[^)]*\)", re.IGNORECASE),
)

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
a { color: #7a4a12; } .met { color: #176b2c; } .missed { color: #a3161a; font-weight: 600; }
.nav, .navbar, .breadcrumb { display: block; padding-left: 0; list-style: none; }
.alert { background: #f4efe8; padding: .5rem .8rem; margin: 1.2rem 0 .4rem; }
.badge { background: #eee; padding: 0 .3rem; border-radius: 3px; }
.fa-check-circle::before { content: "met"; color: #176b2c; }
.fa-times::before, .fa-exclamation-triangle::before { content: "missed"; color: #a3161a; font-weight: 600; }
.bar { display: inline-block; width: 7rem; height: .7rem; background: #eee; }
.bar span { display: block; height: 100%; background: #b98344; }
svg.trend { width: 7rem; height: 1.2rem; } svg.trend polyline { fill: none; stroke: #7a4a12; stroke-width: 2; }
code { font-size: .85em; color: #555; }
i { font-style: normal; } [hidden], .btn-group, .card-header + .card-body label { display: none; }
"""


def write_pages(folder: Path, verdict: GateResult, rules: Sequence[Rule]) -> Path:
    """Mend the pages that Great Expectations wrote into a folder, add ours, and return the path of the start page.

    Ours are the start page, with the verdict, the trends and what to mend first, and `rules.html`, the catalogue.

    Raises:
        OSError: The folder cannot be written.
    """
    # Fonts and pictures for the styles that are taken out.
    shutil.rmtree(folder / "static", ignore_errors=True)
    for page in folder.rglob("*.html"):
        _mend(page)
    start = folder / "index.html"
    start.write_text(_start_page(folder, verdict), encoding="utf-8")
    (folder / "rules.html").write_text(_rules_page(rules, verdict), encoding="utf-8")
    return start


def fresh_folder(target: Path) -> Path:
    """Return an empty folder beside the target, in which the next pages are written before they take its place."""
    folder = target.with_name(f".{target.name}.next")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def put_in_place(folder: Path, target: Path) -> None:
    """Put the new pages where the old ones are. A reader finds the old ones or the new ones, never a mixture.

    Raises:
        OSError: The folder cannot be renamed.
    """
    old = target.with_name(f".{target.name}.previous")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    folder.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _mend(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for pattern in _REMOVED:
        text = pattern.sub("", text)
    text = text.replace("</head>", f"<style>{_STYLE}</style></head>", 1)
    page.write_text(text, encoding="utf-8")


def _start_page(folder: Path, verdict: GateResult) -> str:
    sources = [
        [
            escape(line.source),
            percent(line.validity),
            _bar(line.validity),
            percent(line.goal),
            _status(is_met=line.is_met),
            _sparkline(line.trend),
            _held(line),
        ]
        for line in verdict.sources
    ]
    if verdict.validity is not None:
        whole = verdict.validity
        is_met = whole >= verdict.goal
        first = ["all", percent(whole), _bar(whole), percent(verdict.goal), _status(is_met=is_met)]
        sources.insert(0, [*first, _sparkline(verdict.trend), ""])
    most = max((cost.points_lost for cost in verdict.worst_rules), default=0.0) or 1.0
    costs = [
        [
            f"{cost.points_lost:+.2f}",
            _bar(cost.points_lost / most),
            escape(cost.source),
            escape(cost.rule),
            escape(cost.says),
            percent(cost.validity),
        ]
        for cost in verdict.worst_rules
    ]
    found = [
        [
            _link(folder, result.entity, result.rule),
            escape(result.says),
            "no records" if result.observed is None else percent(result.observed),
            percent(result.mostly),
            _status(is_met=result.success),
        ]
        for result in verdict.expectations
        if not result.is_index
    ]
    words = [f"<p>{escape(line)}</p>" for line in (verdict.message.splitlines()[1:] if verdict.passed else [])]
    return _page(
        "Validity",
        f'<p class="{"met" if verdict.passed else "missed"}">{escape(verdict.message.splitlines()[0])}</p>',
        *words,
        "<h2>Sources</h2>",
        _table(["source", "validity", "", "goal", "", "trend", ""], sources),
        "<h2>Mend first</h2>",
        "<p>What the overall index gains, in points, when every record of the source passes the rule.</p>",
        _table(["gain", "", "source", "rule", "", "passes"], costs) if costs else "<p>Every rule holds.</p>",
        "<h2>Expectations</h2>",
        '<p>As Great Expectations found them; each name leads to its page. <a href="rules.html">All rules</a>.</p>',
        _table(["expectation", "", "passes", "at least", ""], found),
    )


def _rules_page(rules: Sequence[Rule], verdict: GateResult) -> str:
    """The catalogue, entity by entity, with the share of records that pass."""
    shares = {result.rule: result.observed for result in verdict.expectations if not result.is_index}
    parts = []
    for entity in dict.fromkeys(rule.entity for rule in rules):
        rows = [
            [
                escape(rule.id),
                escape(rule.field),
                rule.dimension,
                rule.severity,
                f"{rule.weight:g}",
                "" if shares.get(rule.id) is None else percent(shares[rule.id]),
                f"{escape(rule.says)}<br><code>{escape(rule.written)}</code>",
            ]
            for rule in rules
            if rule.entity == entity
        ]
        parts += [
            f"<h2>{escape(entity)}</h2>",
            _table(["rule", "field", "dimension", "severity", "weight", "passes", "what it says"], rows),
        ]
    return _page("Rules", '<p><a href="index.html">Validity</a></p>', *parts)


def _page(title: str, *body: str) -> str:
    return "\n".join(
        [
            f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>',
            f"<h1>{title}</h1>",
            *body,
            "</body></html>",
        ]
    )


def _bar(share: float) -> str:
    """A share as a bar that is full at 1."""
    return f'<span class="bar"><span style="width:{100 * max(0.0, min(1.0, share)):.1f}%"></span></span>'


def _sparkline(values: Sequence[float]) -> str:
    """The course of some values as a small line, oldest on the left; one value has no course."""
    if len(values) < 2:
        return ""
    low, span = min(values), (max(values) - min(values)) or 1.0
    points = " ".join(
        f"{100 * place / (len(values) - 1):.1f},{18 - 16 * (value - low) / span:.1f}"
        for place, value in enumerate(values)
    )
    label = f"from {percent(values[0])} to {percent(values[-1])}"
    return (
        f'<svg class="trend" viewBox="0 0 100 20" role="img" aria-label="{label}"><title>{label}</title>'
        f'<polyline points="{points}"/></svg>'
    )


def _held(line: SourceValidity) -> str:
    if line.is_held_back:
        return '<span class="missed">held back</span>'
    return "" if line.below_goal is None else f"own goal: {line.below_goal.replace('_', ' ')}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _status(*, is_met: bool) -> str:
    return '<span class="met">met</span>' if is_met else '<span class="missed">missed</span>'


def _link(folder: Path, entity: str, rule: str) -> str:
    """The rule's name, leading to the page of its suite where there is one."""
    suite = "records" if rule.endswith(("_one_row_per_key", "_status_known")) else entity
    page = next(iter(sorted((folder / "validations" / suite).rglob("*.html"))), None)
    if page is None:
        return escape(rule)
    return f'<a href="{escape(page.relative_to(folder).as_posix(), quote=True)}">{escape(rule)}</a>'
