"""A company of any size as plain CSV files: orders, web events and e-mail events, with duplicates and late files.

Drawn column by column, so that ten million events take seconds: it measures engines, and is no picture of a real
company (`regulars sample` is). One event in ten is an order, seven are page views, two e-mail events; one row in fifty
is sent twice, in another file; customers buy with a long tail (the share of a customer falls with his number).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

FILES = 8
EVENTS_A_CUSTOMER = 20
DUPLICATES = 0.02
DAYS = 730
FIRST_DAY = datetime(2024, 7, 1)  # noqa: DTZ001 - the files hold wall-clock times

_COMPANY = """\
company: {{id: events, name: Ten Million Events}}
time_zone: Europe/Berlin
currency: EUR
country: DE
as_of: latest
warehouse: {warehouse}
sources:
  shop:
    type: files
    channel: shop
    owner: team:data
    datasets:
      orders:
        path: {data}/orders-*.csv
        entities:
          - entity: orders
            columns:
              order_id: order
              account_id: account
              ordered_at: at
              gross_amount: total
              status: {{constant: completed}}
  site:
    type: files
    channel: web
    owner: team:data
    accounts_of: shop
    datasets:
      views:
        path: {data}/views-*.csv
        entities:
          - entity: web_events
            columns:
              event_id: event
              visitor_id: visitor
              account_id: account
              event: {{constant: page_view}}
              occurred_at: at
              page_url: page
  mail:
    type: files
    channel: email
    owner: team:data
    accounts_of: shop
    datasets:
      events:
        path: {data}/mails-*.csv
        entities:
          - entity: email_events
            columns:
              event_id: event
              message_id: message
              campaign_id: campaign
              account_id: account
              event: kind
              occurred_at: at
"""


def write_events(folder: Path, events: int, seed: int = 7) -> None:
    """Write the files of `events` events (duplicates come on top) into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    customers = max(events // EVENTS_A_CUSTOMER, 10)
    orders, views = events // 10, events * 7 // 10
    _write(folder / "orders", _orders(draw, orders, customers), draw)
    _write(folder / "views", _views(draw, views, customers), draw)
    _write(folder / "mails", _mails(draw, events - orders - views, customers), draw)


def write_company(file: Path, data: Path, warehouse: str) -> Path:
    """Write a company file on those events; `warehouse` is the text behind that key."""
    file.write_text(_COMPANY.format(data=data, warehouse=warehouse), encoding="utf-8")
    return file


def _accounts(draw: np.random.Generator, rows: int, customers: int) -> pl.Series:
    # The square of an even draw: few customers buy much, many buy little.
    return "A" + pl.Series((draw.random(rows) ** 2 * customers).astype(np.int64)).cast(pl.String)


def _moments(draw: np.random.Generator, rows: int) -> pl.Series:
    seconds = pl.Series(draw.integers(0, DAYS * 86_400, rows))
    return (pl.lit(FIRST_DAY) + pl.duration(seconds=seconds)).dt.strftime("%Y-%m-%d %H:%M:%S")  # type: ignore[return-value]


def _orders(draw: np.random.Generator, rows: int, customers: int) -> pl.DataFrame:
    cents = pl.Series(np.round(draw.gamma(2.0, 900.0, rows)).astype(np.int64) + 100)
    return pl.select(
        order="O" + pl.int_range(rows).cast(pl.String),
        account=_accounts(draw, rows, customers),
        at=_moments(draw, rows),
        total=(cents // 100).cast(pl.String) + "." + (cents % 100).cast(pl.String).str.zfill(2),
    )


def _views(draw: np.random.Generator, rows: int, customers: int) -> pl.DataFrame:
    account = _accounts(draw, rows, customers)
    known = pl.Series(draw.random(rows) < 0.3)
    return pl.select(
        event="V" + pl.int_range(rows).cast(pl.String),
        visitor="v" + account.str.slice(1),
        account=pl.when(known).then(account),
        at=_moments(draw, rows),
        page="https://shop.example/p/" + pl.Series(draw.integers(0, 500, rows)).cast(pl.String),
    )


def _mails(draw: np.random.Generator, rows: int, customers: int) -> pl.DataFrame:
    kinds = pl.Series(["sent", "delivered", "open", "click"])
    message = pl.int_range(rows) // 4
    return pl.select(
        event="M" + pl.int_range(rows).cast(pl.String),
        message="m" + message.cast(pl.String),
        campaign="c" + (message % 50).cast(pl.String),
        account="A" + (message % customers).cast(pl.String),
        kind=kinds.gather(np.arange(rows) % 4),
        at=_moments(draw, rows),
    )


def _write(stem: Path, rows: pl.DataFrame, draw: np.random.Generator) -> None:
    again = rows.sample(fraction=DUPLICATES, seed=int(draw.integers(1 << 30)))
    for number in range(FILES):
        part = rows.gather_every(FILES, number)
        if number == FILES - 1:
            part = pl.concat([part, again])
        part.write_csv(f"{stem}-{number + 1}.csv")
