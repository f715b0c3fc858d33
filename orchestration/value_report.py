"""The page of charts about value and movement, written from the published copy after each publication.

It shows what the marts say and defines no number of its own. Nothing about a single customer stands in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orchestration.charts.chart import Chart, Look
from orchestration.charts.forecasts import calibration, orders_check
from orchestration.charts.journeys import cohorts, funnel, reasons
from orchestration.charts.page import Drawn, page_of
from orchestration.charts.portfolio import bridge, concentration, profit_by
from orchestration.charts.satisfaction import satisfaction_by
from orchestration.charts.segments import movement, moves, rfm_grid, uplift
from orchestration.home import explain_os_error, write_atomically
from orchestration.privacy import redact
from orchestration.published import PublishedError, open_published
from orchestration.report import Problem

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.home import Home
    from orchestration.published import Published

_AGAIN = "Draw it again: regulars charts"
_MESSAGE_SIGNS = 200


@dataclass(frozen=True)
class Written:
    """What became of the page: its file, where it was written, how many charts it shows, and what could not be done."""

    page: Path | None
    charts: int
    problems: list[Problem]


class Drawer(Protocol):
    """Makes a chart out of the marts; where they are empty it says why there is nothing to draw."""

    def __call__(self, chart: Chart, marts: Published, look: Look, /) -> Chart:
        """The chart with its finding and its specification, or with the reason for having none."""


SECTIONS: Sequence[tuple[str, Sequence[tuple[Chart, Drawer]]]] = (
    (
        "Where the profit comes from",
        (
            (Chart("concentration", "How much depends on how few", "portfolio_concentration"), concentration),
            (Chart("bridge", "From full price to profit", "portfolio_bridge"), bridge),
            (
                Chart("profit_by_value_segment", "Profit by value segment", "portfolio_profit"),
                partial(profit_by, dimension="value_segment"),
            ),
            (
                Chart("profit_by_behaviour_segment", "Profit by behaviour segment", "portfolio_profit"),
                partial(profit_by, dimension="behaviour_segment"),
            ),
            (Chart("rfm_grid", "Who buys lately and often", "customer_segments, customer_value"), rfm_grid),
        ),
    ),
    (
        "Which way customers move",
        (
            (Chart("moves_value", "Value segments", "segment_transitions"), partial(moves, kind="value")),
            (
                Chart("movement_value", "Value segments by month", "segment_movements"),
                partial(movement, kind="value"),
            ),
            (
                Chart("moves_lifecycle", "Lifecycle stages", "segment_transitions"),
                partial(moves, kind="lifecycle"),
            ),
            (
                Chart("uplift_value", "Tactical segments and the value ladder", "tactical_uplift"),
                partial(uplift, ladder="value"),
            ),
        ),
    ),
    (
        "How customers come, come back and leave",
        (
            (Chart("journey_funnel", "From the first contact to a regular", "customer_journeys"), funnel),
            (Chart("cohort_retention", "Who comes back, by month of the first order", "cohort_retention"), cohorts),
            (Chart("leaving_reasons", "After which calls and tickets customers leave", "leaving_reasons"), reasons),
        ),
    ),
    (
        "Whether the forecasts hold",
        (
            (
                Chart("orders_check", "Orders of a year, foretold and come", "forecast_checks, forecast_check_orders"),
                orders_check,
            ),
            (Chart("churn_calibration", "The risk to leave, foretold and come true", "churn_calibration"), calibration),
        ),
    ),
    (
        "How satisfied customers are",
        (
            (
                Chart("satisfaction_by_agent", "By agent", "satisfaction_by_subject"),
                partial(satisfaction_by, kind="agent"),
            ),
            (
                Chart("satisfaction_by_product", "By product", "satisfaction_by_subject"),
                partial(satisfaction_by, kind="product"),
            ),
        ),
    ),
)


def write_value_report(home: Home, company: Company) -> Written:
    """Write the page and, unless the company does not want them, its pictures; whatever goes wrong is only told.

    Args:
        home: Whose published copy is read, and where the page goes.
        company: Its name, currency, thresholds and settings of charts.

    Returns:
        What was written and what could not be done. The page is replaced as a whole or stays as it was.
    """
    problems: list[Problem] = []
    try:
        with open_published(home.published_file) as marts:
            sections = [
                (heading, [_drawn(chart, drawer, marts, Look.of(company), problems) for chart, drawer in charts])
                for heading, charts in SECTIONS
            ]
            run_id, as_of = _measured(marts)
        folder = home.value_charts.parent
        folder.mkdir(parents=True, exist_ok=True)
        sections = [
            (heading, [_with_picture(one, folder, problems, wanted=company.charts.png) for one in charts])
            for heading, charts in sections
        ]
        write_atomically(
            home.value_charts,
            page_of(sections, company=company.name, currency=company.currency, as_of=as_of, run_id=run_id),
        )
    except OSError as error:
        problems.append(_notice(f"The page of charts could not be written: {explain_os_error(error)}."))
        return Written(None, 0, problems)
    except PublishedError:
        problems.append(_notice("The page of charts was not drawn: the published copy could not be read."))
        return Written(None, 0, problems)
    shown = sum(one.svg is not None for _, charts in sections for one in charts)
    return Written(home.value_charts, shown, problems)


def _measured(marts: Published) -> tuple[str | None, datetime | None]:
    for row in marts.rows("publication", limit=1):
        return row.get("run_id"), None if row.get("as_of") is None else row["as_of"].replace(tzinfo=UTC)
    return None, None


def _drawn(chart: Chart, drawer: Drawer, marts: Published, look: Look, problems: list[Problem]) -> Drawn:
    """One chart; one that cannot be drawn leaves its place to a sentence and does not stop the others."""
    from orchestration.charts.draw import svg_of

    try:
        made = drawer(chart, marts, look)
        return Drawn(made, None if made.spec is None else svg_of(made.spec, made.title))
    except Exception as error:  # noqa: BLE001 - a run that is published does not fail for a picture, whatever its reason
        problems.append(_notice(f"The chart {chart.name} could not be drawn: {_words(error)}."))
        return Drawn(replace(chart, empty="This chart could not be drawn; the run says why."))


def _with_picture(one: Drawn, folder: Path, problems: list[Problem], *, wanted: bool) -> Drawn:
    """Write a chart's picture, or take an older one away that the page would not fit."""
    from orchestration.charts.draw import png_of

    path = folder / f"{one.chart.name}.png"
    if one.svg is not None and wanted:
        try:
            write_atomically(path, png_of(one.svg))
        except ValueError as error:
            problems.append(_notice(f"The picture {path.name} could not be drawn: {_words(error)}."))
        else:
            return replace(one, picture=path.name)
    path.unlink(missing_ok=True)
    return one


def _words(error: Exception) -> str:
    """An error in words without values: marts hold personal data, and libraries quote what they trip over."""
    return f"{type(error).__name__}, {redact(str(error))[:_MESSAGE_SIGNS]}".rstrip(" .,")


def _notice(what: str) -> Problem:
    return Problem(source="charts", what=what, todo=_AGAIN, is_failure=False)
