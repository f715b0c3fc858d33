"""The page of charts: one HTML file that opens offline, without scripts."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.charts.chart import Chart

_CSS = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 960px; padding: 32px 20px 64px; background: #fff; color: #222;
  font: 16px/1.5 "Liberation Sans", Arial, Helvetica, sans-serif; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; }
h2 { font-size: 22px; margin: 52px 0 4px; padding-top: 18px; border-top: 2px solid #222; }
h3 { font-size: 14px; font-weight: normal; color: #5f5f5f; margin: 26px 0 2px; padding-left: 12px; }
.facts { color: #5f5f5f; margin: 0 0 26px; }
.short { background: #f4f6f8; border-left: 4px solid #0072b2; padding: 14px 20px 14px 40px; margin: 0; }
.short li { margin: 3px 0; }
a { color: #00598c; }
figure { margin: 0; }
figure svg { display: block; max-width: 100%; height: auto; }
figcaption, .empty { color: #5f5f5f; font-size: 14px; padding-left: 12px; }
.empty { background: #f4f6f8; padding: 12px; margin: 6px 0; }
table { border-collapse: collapse; font-size: 14px; margin: 6px 12px 10px; }
th, td { padding: 3px 18px 3px 0; text-align: right; border-bottom: 1px solid #e4e4e4; }
th { font-weight: normal; color: #5f5f5f; }
th:first-child, td:first-child { text-align: left; }
@media print { h2, figure { break-inside: avoid; } body { padding: 0; } }
"""

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$company: value and movement</title>
<style>$css</style>
</head>
<body>
<h1>$headline</h1>
<p class="facts">$facts</p>
$short
$sections
</body>
</html>
""")


@dataclass(frozen=True)
class Drawn:
    """A chart with its SVG, where it could be drawn, and the file of its picture, where there is one."""

    chart: Chart
    svg: str | None = None
    picture: str | None = None


def page_of(
    sections: Sequence[tuple[str, Sequence[Drawn]]],
    *,
    company: str,
    currency: str,
    as_of: datetime | None,
    run_id: str | None,
) -> str:
    """The whole page.

    Args:
        sections: Headings with their charts.
        company: The company's name.
        currency: Of all amounts.
        as_of: The moment from which recency and windows are measured (UTC).
        run_id: The published run.
    """
    drawn = [one.chart for _, charts in sections for one in charts if one.svg is not None]
    measured = "" if as_of is None else f"Measured at {as_of:%Y-%m-%d %H:%M} UTC. "
    said = "".join(f'<li><a href="#{chart.name}">{html.escape(chart.title)}</a></li>\n' for chart in drawn)
    return _PAGE.substitute(
        css=_CSS,
        company=html.escape(company),
        headline=f"{html.escape(company)}: what customers are worth, and which way they move",
        facts=html.escape(f"{measured}Amounts in {currency}. Run {run_id or 'unknown'}."),
        short=f'<ol class="short">\n{said}</ol>' if said else "",
        sections="\n".join(_section(heading, charts) for heading, charts in sections),
    )


def _section(heading: str, charts: Sequence[Drawn]) -> str:
    return "\n".join([f"<section>\n<h2>{html.escape(heading)}</h2>", *(_figure(one) for one in charts), "</section>"])


def _figure(one: Drawn) -> str:
    chart = one.chart
    parts = [f'<figure id="{chart.name}">', f"<h3>{html.escape(chart.heading)}</h3>"]
    if one.svg is None:
        parts.append(f'<p class="empty">{html.escape(chart.empty)}</p>')
    else:
        tables = ", ".join(f"<code>marts.{name.strip()}</code>" for name in chart.table.split(","))
        picture = f' · <a href="{one.picture}">{one.picture}</a> for slides' if one.picture else ""
        parts += [one.svg, _table(chart.rows), f"<figcaption>From {tables}{picture}</figcaption>"]
    return "\n".join([*(part for part in parts if part), "</figure>"])


def _table(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [
        "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for tag, row in zip(["th", *["td"] * (len(rows) - 1)], rows, strict=True)
    ]
    return "<table>\n" + "\n".join(lines) + "\n</table>"
