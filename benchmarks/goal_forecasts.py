"""`python -m benchmarks.goal_forecasts`: whether goals end where their forecast said, and within its bounds.

Every metric that can be measured again is measured on each of the last 720 days, for all and for each value segment and
each channel. On every fifth day its forecast is made from the days until then and held against what came: how far off
it was, in standard deviations of the metric over all its days, and how often the bounds held, which should be 80 of
100. Beside it stand the last value alone and the trend of the days taken as it is (random walk with drift), each with
bounds of its own. Each course counts as much as it has days. The forecast is worked out here anew; a test on a whole
run holds it equal to `kpi_scorecard`.

Where real purchases are at hand, their trailing sums of 30 and 90 days are forecast too. The settings were chosen with
the demo company and the real shop in view, which has a year and grows before Christmas; `goal_forecast_z` with CDNOW,
too, which is one cohort, of whom fewer and fewer buy.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.__main__ import RETAIL
from benchmarks.at_cut import Place, build_models, measure_and_write
from orchestration.company import Thresholds, load_company
from orchestration.home import Home

CDNOW = RETAIL.parents[2] / "clv" / "cdnow" / "CDNOW_sample.txt"
DAYS, EVERY = 720, 5
SEEN, AHEAD = (30, 90), (7, 30, 60, 90, 180)
_MODELS = (
    "int_days", "int_key_customers", "int_regular_months", "int_metric__repeat_rate", "int_metric__email_rates",
    "int_metric__key_customers_regular", "int_metric__trailing_sums",
)  # fmt: skip
_GROUPS = ("'all'", "value_segment", "channel")


@dataclass(frozen=True)
class Forecast:
    """Where a goal will stand, and how far from it (one z) it may."""

    middle: float
    reach: float


def forecast(days: Sequence[int], values: Sequence[float], ahead: int, thresholds: Thresholds) -> Forecast:
    """A goal's forecast as kpi_scorecard describes it, before shares are kept between 0 and 1.

    Args:
        days: Numbers of the days, ascending.
        values: What was measured on each.
        ahead: Days from the last one to the deadline.
        thresholds: Of them those of goal_forecast.
    """
    gaps = np.diff(np.asarray(days, dtype=float))
    changes = np.diff(np.asarray(values, dtype=float))
    seen = days[-1] - days[0]
    drift = (values[-1] - values[0]) / seen
    error = float(np.sum((changes - drift * gaps) ** 2 / gaps)) / (len(gaps) - 1) / seen
    share = max(0.0, 1 - thresholds.goal_forecast_trend_errors**2 * error / drift**2) if drift else 0.0
    fading = sum(thresholds.goal_forecast_damping**step for step in range(1, ahead + 1))
    square = float(np.mean(changes**2 / gaps))
    return Forecast(
        values[-1] + drift * share * fading,
        thresholds.goal_forecast_z * math.sqrt(square * ahead * (1 + ahead / seen)),
    )


def last_value(days: Sequence[int], values: Sequence[float], ahead: int, thresholds: Thresholds) -> Forecast:
    """It stays as it is (random walk)."""
    square = float(np.mean(np.diff(values) ** 2))
    return Forecast(values[-1], thresholds.goal_forecast_z * math.sqrt(square * ahead))


def plain_trend(days: Sequence[int], values: Sequence[float], ahead: int, thresholds: Thresholds) -> Forecast:
    """It goes on as it went (random walk with drift)."""
    seen = days[-1] - days[0]
    drift = (values[-1] - values[0]) / seen
    variance = float(np.var(np.diff(values) - drift)) * seen / (seen - 1)
    return Forecast(
        values[-1] + drift * ahead, thresholds.goal_forecast_z * math.sqrt(variance * ahead * (1 + ahead / seen))
    )


METHODS: dict[str, Callable[[Sequence[int], Sequence[float], int, Thresholds], Forecast]] = {
    "the forecast": forecast,
    "last value": last_value,
    "plain trend": plain_trend,
}


def main() -> None:
    """Measure, print and write `results/goal_forecasts.md` and `.json`."""
    says = __doc__.splitlines()[0]
    measure_and_write("goal_forecasts", says, lambda there: list(_measured(there)), as_markdown)


def _measured(places: Iterable[Place]) -> Iterator[dict[str, Any]]:
    for place in places:
        with tempfile.TemporaryDirectory(prefix="regulars-goals-") as folder:
            courses = courses_of(place, Path(folder))
        yield {"place": place.label, "courses": len(courses), "rows": back_test(courses, Thresholds())}
    for label, read in (("real shop", retail_courses), ("CDNOW", cdnow_courses)):
        if courses := read():
            yield {"place": label, "courses": len(courses), "rows": back_test(courses, Thresholds())}


def courses_of(place: Place, folder: Path) -> dict[str, np.ndarray]:
    """Every metric of a place, of all and by group, on each of the last 720 days; nan where there was nothing."""
    company = load_company(place.company)
    longer = company.thresholds.model_copy(update={"kpi_history_days": DAYS})
    changed = {"thresholds": longer, **({"as_of": place.cut.isoformat()} if place.cut else {})}
    home = Home(folder / "home").create()
    home.warehouse.write_bytes((place.home / "warehouse.duckdb").read_bytes())
    build_models(company.model_copy(update=changed), home, (*_MODELS, "int_metric_changes"))
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        kinds = dict(
            con.sql("SELECT metric, kind FROM reference.metric_definitions WHERE measured = 'daily'").fetchall()
        )
        found: dict[str, np.ndarray] = {}
        for group in _GROUPS:
            sums: dict[tuple[str, str], np.ndarray] = {}
            for metric, name, day, numerator, denominator in con.sql(
                f"SELECT metric, {group}, (day - (SELECT min(day) FROM intermediate.int_days))::INTEGER, "
                "sum(numerator)::DOUBLE, sum(denominator)::DOUBLE FROM intermediate.int_metric_changes GROUP BY ALL"
            ).fetchall():
                if metric in kinds:
                    sums.setdefault((metric, name), np.zeros((2, DAYS)))[:, day] += numerator, denominator
            for (metric, name), changes in sums.items():
                counted, base = changes.cumsum(axis=1)
                with np.errstate(divide="ignore", invalid="ignore"):
                    course = counted if kinds[metric] == "total" else np.where(base > 0.5, counted / base, np.nan)
                # What hardly ever moves is no test of a forecast.
                if len(np.unique(course)) > EVERY * len(SEEN):
                    found[f"{metric} {name}"] = course
    return found


def retail_courses() -> dict[str, np.ndarray]:
    """The real shop's revenue, orders, average order and return rate over 30 and 90 days."""
    if not RETAIL.is_dir():
        return {}
    return _trailing(
        "SELECT regexp_extract(filename, '\\d{4}-\\d{2}-\\d{2}')::DATE AS day, InvoiceNo AS id, "
        "try_cast(Quantity AS DOUBLE) * try_cast(UnitPrice AS DOUBLE) AS amount, "
        "starts_with(InvoiceNo, 'C') AS is_back "
        f"FROM read_csv('{RETAIL}/*.csv', all_varchar = true, filename = true)"
    )


def cdnow_courses() -> dict[str, np.ndarray]:
    """The same of CDNOW's sample, where nothing comes back."""
    if not CDNOW.is_file():
        return {}
    return _trailing(
        "SELECT strptime(words[3], '%Y%m%d')::DATE AS day, row_number() OVER () AS id, words[5]::DOUBLE AS amount, "
        "false AS is_back FROM (SELECT regexp_split_to_array(trim(line), ' +') AS words "
        f"FROM read_csv('{CDNOW}', columns = {{'line': 'VARCHAR'}}, delim = '\x01', header = false))"
    )


def _trailing(purchases: str) -> dict[str, np.ndarray]:
    rows = duckdb.sql(
        "SELECT (day - min(day) OVER ())::INTEGER, sum(amount), count(DISTINCT id) FILTER (NOT is_back), "
        f"count(DISTINCT id) FILTER (is_back) FROM ({purchases}) GROUP BY day ORDER BY day"
    ).fetchall()
    daily = np.zeros((3, rows[-1][0] + 1))
    for day, *amounts in rows:
        daily[:, day] = amounts
    found = {}
    for window in (30, 90):
        revenue, orders, returns = (np.convolve(sums, np.ones(window), "valid") for sums in daily)
        found |= {
            f"revenue {window}": revenue, f"orders {window}": orders,
            f"average order {window}": revenue / orders, f"return rate {window}": returns / orders,
        }  # fmt: skip
    return {name: course for name, course in found.items() if np.ptp(course)}


def back_test(courses: dict[str, np.ndarray], thresholds: Thresholds) -> list[dict[str, Any]]:
    """Each method, days seen and days ahead: mean distance from what came, share within bounds, forecasts made."""
    found = []
    for seen in SEEN:
        for ahead in AHEAD:
            row: dict[str, Any] = {"seen": seen, "ahead": ahead}
            for name, method in METHODS.items():
                far, held = [], []
                for course in courses.values():
                    spread = float(np.nanstd(course))
                    for last in range(seen, len(course) - ahead, EVERY):
                        window = course[last - seen : last + 1]
                        came = course[last + ahead]
                        if not np.isfinite(window).all() or not np.isfinite(came) or not np.ptp(window):
                            continue
                        made = method(range(seen + 1), window.tolist(), ahead, thresholds)
                        far.append(abs(came - made.middle) / spread)
                        held.append(abs(came - made.middle) <= made.reach)
                row["forecasts"] = len(far)
                row[name] = {"distance": float(np.mean(far)), "held": float(np.mean(held))} if far else None
            if row["forecasts"]:
                found.append(row)
    return found


def as_markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    machine = ", ".join(f"{name} {value}" for name, value in record["machine"].items())
    lines = [
        "# Forecasts of goals, out of time",
        "",
        f"{record['date']}, {machine}. `python -m benchmarks.goal_forecasts`, which says what is counted.",
        "",
        "Distance: from what came, in standard deviations of the metric. Held: how often that lay within bounds that",
        "should hold 80 of 100.",
    ]
    for place in record["places"]:
        heads = "".join(f" {name}: distance | held |" for name in METHODS)
        lines += [
            "",
            f"## {place['place']}, {place['courses']} courses",
            "",
            f"| days seen | days ahead | forecasts |{heads}",
            f"| ---: | ---: | ---: |{' ---: | ---: |' * len(METHODS)}",
        ]
        for row in place["rows"]:
            numbers = "".join(f" {row[name]['distance']:.2f} | {row[name]['held']:.2f} |" for name in METHODS)
            lines.append(f"| {row['seen']} | {row['ahead']} | {row['forecasts']:,} |{numbers}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
