"""Generates the demo company: the Bakehouse, a bakery chain.

It has a web shop, tills with a loyalty card, a newsletter, a telephone line and a site.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sources.sample.rhythm import Rhythm
from tests.plain_bakehouse.dirt import Finished, make_dirty
from tests.plain_bakehouse.newsletter import draw_campaigns, draw_mails, newsletter_datasets
from tests.plain_bakehouse.people import draw_people
from tests.plain_bakehouse.purchases import Buying, draw_lines, draw_orders, in_order, orders_after_clicks
from tests.plain_bakehouse.shop import shop_datasets
from tests.plain_bakehouse.site import site_datasets
from tests.plain_bakehouse.telephone import phone_datasets
from tests.plain_bakehouse.tills import till_datasets
from tests.plain_bakehouse.writing import write_dataset, write_truth

#: The file that marks a folder as ours, so that generating again may replace what is in it.
MARKER = "GENERATED.txt"
FOLDERS = ("shop", "tills", "newsletter", "phone", "site", "truth")


@dataclass(frozen=True)
class SampleReport:
    """What was generated.

    Attributes:
        out: The folder.
        files: Number of data files, the truth not counted.
        size_bytes: Their size together.
        records: Records over all entities.
        invalid: Records that break a rule: the record itself or one of its values.
        duplicates: Records that come a second time.
        entities: Counts per source, dataset and entity, as in truth/summary.json.
        seconds: Time it took.
    """

    out: Path
    files: int
    size_bytes: int
    records: int
    invalid: int
    duplicates: int
    entities: list[dict[str, Any]]
    seconds: float


def generate(
    out: Path,
    *,
    customers: int = 3000,
    seed: int = 7,
    end: date = date(2026, 6, 30),
    invalid_share: float = 0.06,
    progress: Callable[[str], None] | None = None,
) -> SampleReport:
    """Write the exports of the Bakehouse's five systems over two years, and the truth about them.

    The same arguments give the same bytes with the same versions of NumPy and Polars. All people are made up; e-mail
    domains are reserved for examples, telephone numbers for fiction. There are 5,200 such numbers in Germany: when they
    are used up, from about 6,500 customers on, nobody else there has one.

    Args:
        out: Folder to write to; made if missing. What an earlier call wrote there is replaced.
        customers: Number of people; the size of everything follows it.
        seed: Where chance starts.
        end: Last day of the exports.
        invalid_share: Share of records that break exactly one rule, 0 to 0.5.
        progress: Called with a few words before each step.

    Raises:
        ValueError: An argument is out of range.
        FileExistsError: `out` holds something else than an earlier call's files.
    """
    if customers < 10:
        raise ValueError(f"customers is {customers}; the demo company needs at least 10")
    if not 0 <= invalid_share <= 0.5:
        raise ValueError(f"invalid_share is {invalid_share}; it must be between 0 and 0.5")
    started = time.perf_counter()
    tell = progress or (lambda _: None)
    _make_room(out)
    tell("people and what they buy")
    drawn = _draw(customers, seed, end)
    finished: list[Finished] = []
    sizes: dict[str, int] = {}
    dirt = np.random.default_rng([seed, 99])
    for dataset in drawn.datasets:
        tell(f"{dataset.source}: {dataset.name}")
        part = make_dirty(dirt, dataset, invalid_share)
        sizes |= write_dataset(out, part)
        finished.append(part)
    tell("the truth about it")
    arguments = {"customers": customers, "seed": seed, "end": end.isoformat(), "invalid_share": invalid_share}
    counts = write_truth(out, finished, drawn.people, drawn.visitors, arguments)
    return SampleReport(
        out=out,
        files=len(sizes),
        size_bytes=sum(sizes.values()),
        records=sum(count["records"] for count in counts),
        invalid=sum(count["invalid"] + count["invalid_fields"] for count in counts),
        duplicates=sum(count["duplicates"] for count in counts),
        entities=counts,
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True)
class _Drawn:
    people: pl.DataFrame
    visitors: pl.DataFrame
    datasets: list[Any]


def _draw(customers: int, seed: int, end: date) -> _Drawn:
    """Everything that happens, and how the systems write it down, before errors and duplicates."""
    # A stream of chance for each part: more calls do not change who buys what.
    rngs = [np.random.default_rng([seed, part]) for part in range(9)]
    rhythm = Rhythm.two_years_to(end)
    people = draw_people(rngs[0], customers, rhythm)
    campaigns = draw_campaigns(rhythm)
    mails = draw_mails(rngs[1], people, campaigns, rhythm)
    clicks = mails.filter((pl.col("event") == "click") & ~pl.col("is_machine")).select("person", "at", "campaign")
    orders = in_order(draw_orders(rngs[2], people, rhythm), orders_after_clicks(rngs[3], clicks, people, rhythm))
    buying = Buying(orders, draw_lines(rngs[4], orders, people, rhythm))
    shop, order_ids = shop_datasets(rngs[5], people, buying, rhythm, campaigns)
    site, visitors = site_datasets(rngs[8], people, buying, order_ids, clicks, campaigns, rhythm)
    datasets = [
        *shop,
        *till_datasets(rngs[6], people, buying, rhythm),
        *newsletter_datasets(rngs[1], people, campaigns, mails, rhythm),
        *phone_datasets(rngs[7], people, rhythm),
        *site,
    ]
    return _Drawn(people, visitors, datasets)


def _make_room(out: Path) -> None:
    """Make the folder, or empty it of what an earlier call wrote."""
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; name a folder for the demo company's exports")
    if out.exists() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise FileExistsError(
            f"{out} holds files that the demo company's generator did not write; name a folder that is new or empty"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / MARKER).write_text(
        "The exports of a made-up company, written by `regulars sample`. Generating again replaces them.\n",
        encoding="utf-8",
    )
    for name in FOLDERS:
        shutil.rmtree(out / name, ignore_errors=True)
