"""A company whose customers have rhythms that are known: constructed, because no data at hand says what the rhythm is.

Each customer buys one to four of 30 articles, each with a rhythm of its own: lognormal about the article's (sigma 0.4),
whose median is lognormal about 30 days (sigma 0.6). A purchase lasts her rhythm, times 1, 2 or 3 packs (70, 25, 5 %),
times lognormal noise; the noise is 5, 10, 20 or 40 %, drawn once for each customer and article. Besides: 5 % of
purchases are followed by one that is left out, 3 % by a gift of ten packs at some other time, 4 % by a further pack
that is brought back within five days; after 2 % she never comes again. 15 further articles are bought once each by
many, at any time: nobody needs them again.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = date(2024, 1, 1)
END = date(2026, 6, 30)
ARTICLES, ONCE_ONLY = 30, 15
NOISES = (0.05, 0.10, 0.20, 0.40)
_COMPANY = """company: {id: rhythms, name: Known rhythms}
time_zone: Europe/Berlin
currency: EUR
country: DE
as_of: %s

sources:
  shop:
    channel: shop
    owner: team:data
    datasets:
      lines:
        path: lines.csv
        entities:
          - entity: order_lines
            columns: {order_line_id: line, order_id: number, product_id: article, quantity: quantity, unit_price: price}
          - entity: orders
            one_per: number
            columns: {order_id: number, account_id: customer, ordered_at: at}
      customers:
        path: customers.csv
        entities:
          - entity: customers
            columns: {account_id: customer}
"""


def write_rhythms(folder: Path, customers: int, seed: int) -> pl.DataFrame:
    """Write `company.yaml` and its files to a folder; return the truth: customer, article, rhythm_days, noise."""
    rng = np.random.default_rng(seed)
    days = (END - START).days + 1
    pace = np.exp(rng.normal(np.log(30), 0.6, ARTICLES))
    truth: list[tuple[str, str, float, float]] = []
    bought: list[tuple[int, str, str, int]] = []
    for number in range(customers):
        customer = f"c{number}"
        for article in rng.choice(ARTICLES, size=rng.integers(1, 5), replace=False):
            name, own, noise = f"a{article}", pace[article] * np.exp(rng.normal(0, 0.4)), float(rng.choice(NOISES))
            truth.append((customer, name, float(own), noise))
            bought += [(day, customer, name, packs) for day, packs in _purchases(rng, own, noise, days)]
        for article in rng.choice(ONCE_ONLY, size=rng.integers(0, 3), replace=False):
            bought.append((int(rng.integers(0, days)), customer, f"once{article}", 1))
    _write(folder, sorted(bought), customers)
    return pl.DataFrame(truth, schema=["customer", "article", "rhythm_days", "noise"], orient="row")


def _purchases(rng: np.random.Generator, own: float, noise: float, days: int) -> list[tuple[int, int]]:
    """Days and packs of one customer and article; packs below zero are brought back."""
    found: list[tuple[int, int]] = []
    at = rng.random() * days * 0.8
    while at < days:
        packs = int(rng.choice([1, 2, 3], p=[0.70, 0.25, 0.05]))
        lasts = own * packs
        found.append((int(at), packs))
        if rng.random() < 0.03:
            found.append((int(at + rng.random() * lasts), 10))
        if rng.random() < 0.04:
            extra = int(at + rng.random() * lasts)
            found += [(extra, 1), (extra + int(rng.integers(1, 6)), -1)]
        if rng.random() < 0.02:
            break
        at += max(1.0, lasts * np.exp(rng.normal(0, noise)) * (2 if rng.random() < 0.05 else 1))
    return [(day, packs) for day, packs in found if day < days]


def _write(folder: Path, bought: list[tuple[int, str, str, int]], customers: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "company.yaml").write_text(_COMPANY % END, encoding="utf-8")
    with (folder / "lines.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["line", "number", "customer", "at", "article", "quantity", "price"])
        orders: dict[tuple[str, int, bool], int] = {}
        for line, (day, customer, article, packs) in enumerate(bought):
            # What is brought back stands on a note of its own.
            order = orders.setdefault((customer, day, packs < 0), len(orders))
            at = START + timedelta(days=day)
            out.writerow([f"l{line}", f"o{order}", customer, f"{at} 10:00:00", article, packs, "5.00"])
    with (folder / "customers.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["customer"])
        out.writerows([f"c{number}"] for number in range(customers))
