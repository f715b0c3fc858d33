"""`python -m benchmarks.lifetime_value`: published parameters, forecasts out of time, and a million customers.

- CDNOW (../shared/data, where it is there): parameters and log likelihood beside the published ones.
- The sample company a year before its end, and where the real shop data is there, that shop at half of its time: mean
  absolute error of the order days beside the naive rate, and how often the truth lay between the bounds.
- A million customers drawn from the models: fit, check and score in a process of its own, beside the fit alone by the
  lifetimes package, whose Python is named by `--lifetimes` (it needs an environment of its own:
  `python -m venv L && L/bin/pip install lifetimes`, then `--lifetimes L/bin/python`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.measure import machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SHARED = ROOT.parent / "shared" / "data"
CDNOW = SHARED / "clv" / "cdnow" / "CDNOW_sample.txt"
RETAIL = SHARED / "shop" / "online_retail" / "by-day"
PUBLISHED = {
    "bg_nbd": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "log_likelihood": -9582.4},
    "gamma_gamma": {"p": 6.25, "q": 3.74, "v": 15.44},
}
MILLION = 1_000_000
LIMITS = {"better": 0.15, "coverage": (0.75, 0.85), "seconds": 60, "gigabytes": 4.0, "of_lifetimes": 1 / 3}

_LIFETIMES = """
import sys, time
import pandas as pd
from lifetimes import BetaGeoFitter
rows = pd.read_csv(sys.argv[1])
begun = time.perf_counter()
fitter = BetaGeoFitter()
fitter.fit(rows["frequency"], rows["recency_days"], rows["tenure_days"])
print(time.perf_counter() - begun)
"""


def main() -> None:
    """Measure, print and write `results/lifetime_value.md` and `.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lifetime_value", description=__doc__)
    parser.add_argument("--lifetimes", type=Path, help="the Python of an environment that has the lifetimes package")
    parser.add_argument("--score", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.score:
        print(json.dumps(_score(given.score)))
        return
    record: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    record["published"] = _published() if CDNOW.exists() else None
    record["out_of_time"] = _out_of_time()
    record["million"] = _million(given.lifetimes)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "lifetime_value.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "lifetime_value.md").write_text(text, encoding="utf-8")
    print(text)


def _published() -> dict[str, dict[str, float]]:
    """Our fits to the calibration of CDNOW, in weeks to 1997-09-30."""
    import polars as pl

    from models.lifetime_value import bg_nbd, gamma_gamma

    end = date(1997, 9, 30)
    lines = [line.split() for line in CDNOW.read_text(encoding="utf-8").splitlines()]
    days = (
        pl.DataFrame(
            {
                "customer": [line[1] for line in lines],
                "day": [datetime.strptime(line[2], "%Y%m%d").replace(tzinfo=UTC).date() for line in lines],
                "amount": [float(line[4]) for line in lines],
            }
        )
        .filter(pl.col("day") <= end)
        .group_by("customer", "day")
        .agg(pl.col("amount").sum())
        .sort("customer", "day")
    )
    first, last = pl.col("day").min(), pl.col("day").max()
    customers = days.group_by("customer").agg(
        frequency=pl.len() - 1,
        recency=(last - first).dt.total_days() / 7,
        tenure=(pl.lit(end) - first).dt.total_days() / 7,
        average_amount=pl.col("amount").slice(1).mean(),
    )
    rates, amounts = bg_nbd.fit(customers), gamma_gamma.fit(customers)
    return {
        "bg_nbd": {name: getattr(rates, name) for name in PUBLISHED["bg_nbd"]},
        "gamma_gamma": {name: getattr(amounts, name) for name in PUBLISHED["gamma_gamma"]},
    }


def _out_of_time() -> list[dict[str, Any]]:
    """The check of the product, on days of purchase that it did not see."""
    import duckdb

    found = []
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as name:
        home = Path(name) / "home"
        data = Path(name) / "data"
        regulars = str(Path(sys.executable).parent / "regulars")
        subprocess.run([regulars, "sample", "--out", str(data)], check=True, capture_output=True)
        subprocess.run([regulars, "run", "-c", str(data / "company.yaml"), "--home", str(home)], check=True)
        with duckdb.connect(str(home / "published" / "regulars.duckdb"), read_only=True) as con:
            query = "SELECT * FROM marts.forecast_checks ORDER BY mean_error_orders DESC NULLS LAST"
            rows = con.execute(query)
            names = [column[0] for column in rows.description]
            checks = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
            churn = dict(
                con.execute(
                    "SELECT parameter, value FROM marts.forecast_models "
                    "WHERE model = 'churn' AND parameter LIKE 'checked%'"
                ).fetchall()
            )
        found.append({"data": "sample company, the last 365 days", "checks": checks, "churn": churn})
    if RETAIL.is_dir():
        found.append({"data": "online retail, the last 183 days", "checks": _retail(), "churn": {}})
    return found


def _retail() -> list[dict[str, Any]]:
    """A shop of gifts and wholesale: known for 190 days, foretold for 183."""
    import duckdb

    from models.lifetime_value import LifetimeValueSettings
    from models.lifetime_value.check import check

    horizon, cut = 183, date(2011, 6, 9)
    import polars as pl

    with duckdb.connect() as con:
        past = con.sql(
            """
            WITH days AS (
                SELECT DISTINCT CustomerID AS customer, CAST(InvoiceDate AS DATE) AS day
                FROM read_csv($1, union_by_name = true) WHERE CustomerID IS NOT NULL AND Quantity > 0
            )
            SELECT count_if(day <= $2) - 1 AS frequency,
                date_diff('day', min(day), max(CASE WHEN day <= $2 THEN day END)) AS recency,
                date_diff('day', min(day), $2) AS tenure,
                count_if(day > $2 AND day <= $3) AS later_orders,
                1 AS count
            FROM days GROUP BY customer HAVING min(day) <= $2
            """,
            params=[str(RETAIL / "*.csv"), cut, cut + timedelta(days=horizon)],
        ).pl()
    results = check(past, LifetimeValueSettings(), horizon).results
    naive = results.filter(pl.col("model") == "naive")["mean_error_orders"].item()
    return [
        {
            **row,
            "better_than_naive_share": None
            if row["mean_error_orders"] is None
            else 1 - row["mean_error_orders"] / naive,
        }
        for row in results.sort("mean_error_orders", descending=True, nulls_last=True).iter_rows(named=True)
    ]


def _million(lifetimes: Path | None) -> dict[str, Any]:
    """Fit, check and score a million customers; beside it the lifetimes package, which only fits."""
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as name:
        folder = Path(name)
        customers, past = drawn(MILLION)
        customers.write_parquet(folder / "customers.parquet")
        past.write_parquet(folder / "past.parquet")
        customers.select("frequency", "recency_days", "tenure_days").write_csv(folder / "customers.csv")
        del customers, past
        load = round(os.getloadavg()[0], 1)
        words = [sys.executable, "-m", "benchmarks.lifetime_value", "--score", str(folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        measured: dict[str, Any] = {**json.loads(done.stdout.splitlines()[-1]), "load_before": load}
        if lifetimes is not None:
            words = [str(lifetimes), "-W", "ignore", "-c", _LIFETIMES, str(folder / "customers.csv")]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            measured["lifetimes_seconds"] = float(done.stdout.splitlines()[-1])
    return measured


def _score(folder: Path) -> dict[str, Any]:
    import polars as pl

    from models.lifetime_value import LifetimeValueSettings, count_chunk, fit, score_chunk

    customers, past = pl.read_parquet(folder / "customers.parquet"), pl.read_parquet(folder / "past.parquet")
    begun = perf_counter()
    model = fit(count_chunk(customers), LifetimeValueSettings(), past)
    fitted = perf_counter()
    scores = score_chunk(customers, model)
    ended = perf_counter()
    return {
        "customers": scores.height,
        "used": model.rates.name,
        "fit_seconds": fitted - begun,
        "score_seconds": ended - fitted,
        "peak_gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }


def drawn(count: int) -> tuple[Any, Any]:
    """Customers of a company of that size as they are, and as they were a year ago (counted), drawn from MBG/NBD."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(12)
    rate, leaving = rng.gamma(0.7, 1 / 70, count), rng.beta(0.9, 2.6, count)
    born = np.floor(rng.uniform(0, 1095, count))
    first = {name: np.zeros(count) for name in ("frequency", "recency", "later")}
    whole = {name: np.zeros(count) for name in ("frequency", "recency")}
    now, there = born.copy(), np.flatnonzero(rng.random(count) > leaving)
    while there.size:
        now[there] += rng.exponential(1 / rate[there])
        there = there[now[there] <= 1095]
        whole["frequency"][there] += 1
        whole["recency"][there] = np.floor(now[there] - born[there])
        early, late = there[now[there] <= 730], there[now[there] > 730]
        first["frequency"][early] += 1
        first["recency"][early] = np.floor(now[early] - born[early])
        first["later"][late] += 1
        there = there[rng.random(there.size) > leaving[there]]
    orders = whole["frequency"] + 1
    mean = rng.gamma(6 * orders, 1 / rng.gamma(4, 1 / 15, count)) / orders
    customers = pl.DataFrame(
        {
            "customer_id": np.char.add("c_", np.arange(count).astype(str)),
            "frequency": whole["frequency"],
            "recency_days": whole["recency"],
            "tenure_days": 1095 - born,
            "average_order_amount": np.where(whole["frequency"] > 0, np.round(mean, 2), np.nan),
            "revenue_amount": np.round(mean * orders, 2),
        }
    ).with_columns(pl.col("average_order_amount").fill_nan(None))
    known = born <= 730
    past = (
        pl.DataFrame(
            {
                "frequency": first["frequency"][known],
                "recency_days": first["recency"][known],
                "tenure_days": 730 - born[known],
                "later_orders": first["later"][known],
            }
        )
        .group_by(pl.all())
        .agg(customers=pl.len())
    )
    return customers, past


def as_markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    machine_words = ", ".join(f"{name} {value}" for name, value in record["machine"].items())
    lines = [
        "# Lifetime value",
        "",
        f"{record['date']}, {machine_words}. `python -m benchmarks.lifetime_value`.",
        "",
    ]
    if record["published"]:
        lines += ["## CDNOW, calibration to 1997-09-30", "", "| figure | published | found |", "| --- | ---: | ---: |"]
        for model, figures in PUBLISHED.items():
            for name, value in figures.items():
                digits = len(str(value).split(".")[1])
                lines.append(f"| {model} {name} | {value} | {record['published'][model][name]:.{digits}f} |")
        lines.append("")
    lines += ["## Out of time", ""]
    for part in record["out_of_time"]:
        lines += [
            f"{part['data'].capitalize()}:",
            "",
            "| model | mean error, order days | better than naive | expected ÷ seen | within 80 % bounds | used |",
            "| --- | ---: | ---: | ---: | ---: | --- |",
            *(_check_line(row) for row in part["checks"]),
            "",
        ]
        if part["churn"]:
            churn = part["churn"]
            lines += [
                f"Risk to leave, customers of the newest snapshot whose outcome is known: AUC "
                f"{churn['checked_auc']:.3f}, calibration error {churn['checked_calibration_error']:.3f}, "
                f"{churn['checked_customers']:.0f} customers, of whom "
                f"{churn['checked_share_stayed_away']:.0%} stayed away.",
                "",
            ]
    return "\n".join([*lines, *_million_lines(record["million"])]) + "\n"


def _check_line(row: dict[str, Any]) -> str:
    def shown(value: float | None, words: str) -> str:
        return "" if value is None else format(value, words)

    ratio = None if row["orders_expected"] is None else row["orders_expected"] / row["orders_seen"]
    better = shown(row["better_than_naive_share"], ".1%")
    return (
        f"| {row['model']} | {shown(row['mean_error_orders'], '.3f')} | {better} | "
        f"{shown(ratio, '.2f')} | {shown(row['share_within_bounds'], '.1%')} | {'yes' if row['is_used'] else ''} |"
    )


def _million_lines(found: dict[str, Any]) -> list[str]:
    seconds = found["fit_seconds"] + found["score_seconds"]
    peak = found["peak_gigabytes"]
    lines = [
        f"## {found['customers']:,} customers, drawn from MBG/NBD and gamma-gamma; {found['used']} chosen",
        "",
        f"Load before: {found['load_before']}.",
        "",
        "| figure | found | limit | |",
        "| --- | ---: | ---: | --- |",
        f"| fit and check, s | {found['fit_seconds']:.1f} | | |",
        f"| score with bounds, s | {found['score_seconds']:.1f} | | |",
        f"| together, s | {seconds:.1f} | {LIMITS['seconds']} | {_met(seconds <= LIMITS['seconds'])} |",
        f"| peak memory, GB | {peak:.2f} | {LIMITS['gigabytes']} | {_met(peak <= LIMITS['gigabytes'])} |",
    ]
    if "lifetimes_seconds" in found:
        ratio = seconds / found["lifetimes_seconds"]
        lines += [
            f"| the lifetimes package fits BG/NBD alone, s | {found['lifetimes_seconds']:.1f} | | |",
            f"| ratio | {ratio:.2f} | {LIMITS['of_lifetimes']:.2f} | {_met(ratio <= LIMITS['of_lifetimes'])} |",
        ]
    return lines


def _met(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


if __name__ == "__main__":
    main()
