"""Exchange rates by day, in the shape of a central bank's table; made up, a random walk around the level of 2024."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from sources.sample.desk import Desk

LEVELS = {"CHF": 1.05, "GBP": 1.18, "PLN": 0.234, "USD": 0.92}
SOURCE = "rates"


def write_rates(desk: Desk) -> None:
    """Write rates.csv: date, currency, rate (euros for one unit), on working days."""
    rng = desk.rng(90)
    start = desk.rhythm.start - timedelta(days=10)
    days = [start + timedelta(days=step) for step in range((desk.rhythm.end - start).days + 1)]
    working = [day for day in days if day.weekday() < 5]
    lines = []
    for currency, level in LEVELS.items():
        walk = level * np.exp(np.cumsum(rng.normal(0, 0.003, len(working))))
        lines += [f"{day.isoformat()},{currency},{rate:.6f}" for day, rate in zip(working, walk, strict=True)]
    desk.write("rates/rates.csv", pl.Series(sorted(lines)), header="date,currency,rate")
    desk.count(SOURCE, "rates", "exchange_rates", len(lines))
