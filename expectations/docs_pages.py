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
    from expectations.verdict import GateResult

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
i { font-style: normal; } [hidden], .btn-group, .card-header + .card-body label { display: none; }
"""


def write_pages(folder: Path, verdict: GateResult) -> Path:
    """Mend the pages that Great Expectations wrote into a folder, write the start page, and return its path.

    Raises:
        OSError: The folder cannot be written.
    """
    # Fonts and pictures for the styles that are taken out.
    shutil.rmtree(folder / "static", ignore_errors=True)
    for page in folder.rglob("*.html"):
        _mend(page)
    start = folder / "index.html"
    start.write_text(_start_page(folder, verdict), encoding="utf-8")
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
        [line.source, percent(line.validity), percent(line.goal), _status(is_met=line.is_met)]
        for line in verdict.sources
    ]
    costs = [
        [cost.source, cost.rule, cost.says, percent(cost.validity), f"{cost.points_lost:.2f}"]
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
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Validity</title>',
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>',
            "<h1>Validity</h1>",
            f'<p class="{"met" if verdict.passed else "missed"}">{escape(verdict.message.splitlines()[0])}</p>',
            "<h2>Sources</h2>",
            _table(["source", "validity", "goal", ""], _escaped(sources, marked=3)),
            "<h2>What costs most</h2>",
            _table(["source", "rule", "", "passes", "points lost"], _escaped(costs)) if costs else "<p>Nothing.</p>",
            "<h2>Expectations</h2>",
            "<p>As Great Expectations found them; each name leads to its page.</p>",
            _table(["expectation", "", "passes", "at least", ""], found),
            "</body></html>",
        ]
    )


def _escaped(rows: Iterable[Sequence[str]], *, marked: int | None = None) -> list[list[str]]:
    return [[cell if place == marked else escape(cell) for place, cell in enumerate(row)] for row in rows]


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
