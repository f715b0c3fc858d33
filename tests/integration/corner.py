"""The corner bakery: one shop and nothing else, its deliveries good and bad, and its first two runs."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from helpers import ROOT, Ended, environment, regulars, without_event_log

from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home
from orchestration.report import RunReport

# Nobody's data: the domain is reserved for examples, the numbers for films.
GUESTS = [
    (f"K{number}", f"{name.lower()}.quitte@corner-guests.example", f"030 23125{number:03d}", name)
    for number, name in enumerate(
        ("Adelgunde", "Balduin", "Cunigunde", "Dankwart", "Edeltraud", "Ferfried", "Gerlinde", "Hadubrand"), start=101
    )
]
PERSONAL = [value for _, mail, phone, name in GUESTS for value in (mail, phone, phone.replace(" ", ""), name)] + [
    f"+4930{phone[4:]}" for _, _, phone, _ in GUESTS
]

CORNER = """\
company: {id: corner, name: Corner Bakery}
time_zone: Europe/Berlin
identity: {separates: [], probable: {enabled: false}}
charts: {enabled: false}
currency: EUR
country: DE
as_of: latest
sources:
  shop:
    type: files
    channel: shop
    owner: shop@corner.example
    datasets:
      orders:
        path: data/orders-*.csv
        entities:
          - entity: orders
            columns:
              order_id: no
              account_id: account
              email: mail
              phone: tel
              ordered_at: {column: at, format: "%d.%m.%Y %H:%M"}
              gross_amount: total
      lines:
        path: data/lines-*.tsv.gz
        entities:
          - entity: order_lines
            columns: {order_line_id: line, order_id: no, product_id: article, quantity: pieces, unit_price: price}
      customers:
        path: data/customers.csv
        entities:
          - entity: customers
            columns: {account_id: account, email: mail, phone: tel, first_name: first, last_name: last}
      articles:
        path: data/articles.jsonl
        entities:
          - entity: products
            columns: {product_id: article, product_name: says, unit_price: price, unit_cost: cost}
"""
ORDERS_HEADER = "no,account,mail,tel,at,total,note\n"
FIRST_ORDERS = 40


def corner_order(number: int, note: str = "", *, mail: str | None = None) -> str:
    """The n-th order of the corner bakery as a line: guest n modulo 8, every third day from September 2025 on."""
    account, address, phone, _ = GUESTS[number % len(GUESTS)]
    day = date(2025, 9, 1) + timedelta(days=3 * number)
    return f'N{number},{account},{mail or address},{phone},{day:%d.%m.%Y} 09:30,{10 + number % 5}.50,"{note}"\n'


def _lines(numbers: Iterable[int]) -> bytes:
    lines = [f"N{number}-1\tN{number}\tA{number % 3}\t2\t{5 + number % 5}.25\n" for number in numbers]
    return gzip.compress(("line\tno\tarticle\tpieces\tprice\n" + "".join(lines)).encode(), mtime=0)


def write_corner(folder: Path) -> Path:
    """Write the corner bakery, one shop and nothing else, with its first files; return its company file.

    40 orders of 8 guests, a line each, and 3 articles: all of them right, none twice.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    (folder / "company.yaml").write_text(CORNER, encoding="utf-8")
    orders = "".join(corner_order(number) for number in range(1, FIRST_ORDERS + 1))
    (data / "orders-01.csv").write_text(ORDERS_HEADER + orders, encoding="utf-8")
    (data / "lines-01.tsv.gz").write_bytes(_lines(range(1, FIRST_ORDERS + 1)))
    guests = "".join(f"{account},{mail},{phone},{name},Quitte\n" for account, mail, phone, name in GUESTS)
    (data / "customers.csv").write_text("account,mail,tel,first,last\n" + guests, encoding="utf-8")
    articles = [
        {"article": f"A{number}", "says": f"Loaf {number}", "price": "5.25", "cost": "2"} for number in range(3)
    ]
    (data / "articles.jsonl").write_text("".join(json.dumps(one) + "\n" for one in articles), encoding="utf-8")
    return folder / "company.yaml"


TEN_MEGABYTES = 10_000_000


def deliver_badly(folder: Path) -> None:
    """Bring the corner bakery a second delivery, in which nearly every file has a fault of its own."""
    data = folder / "data"

    def orders(name: str, content: str | bytes, header: str = ORDERS_HEADER) -> None:
        body = content if isinstance(content, bytes) else content.encode()
        (data / f"orders-{name}.csv").write_bytes(header.encode() + body)

    orders("02", corner_order(41) + corner_order(42) + corner_order(1))  # N1 for the second time
    orders("03-empty", "", header="")
    orders("04-header", "")
    orders("05-latin", corner_order(43) + corner_order(44) + corner_order(45, "Caf\xe9"))
    (data / "orders-05-latin.csv").write_bytes(
        (data / "orders-05-latin.csv").read_bytes().replace(b"\xc3\xa9", b"\xe9")
    )
    (data / "orders-06-utf16.csv").write_bytes((ORDERS_HEADER + corner_order(46)).encode("utf-16"))
    orders("07-renamed", corner_order(47), header=ORDERS_HEADER.replace("no,", "number,"))
    short, long = corner_order(49).replace(',""', ""), corner_order(50).replace('""', '"",more,and more')
    orders("08-ragged", corner_order(48) + short + long + corner_order(51))
    orders("09-quotes", corner_order(52, "two\nlines, one value") + corner_order(53).replace('""', '"never closed'))
    mail = "x" * TEN_MEGABYTES + "@corner-guests.example"
    orders("10-big", corner_order(54, "y" * TEN_MEGABYTES) + corner_order(55, mail=mail))
    (data / "lines-02.tsv.gz").write_bytes(_lines(range(43, 56))[:-12])
    (data / "lines-03.tsv.gz").write_bytes(_lines([41, 42, 43]))
    (data / "customers.csv").unlink()


@dataclass
class Corner:
    """The corner bakery in a folder of its own, after a run.

    Attributes:
        folder: where its company file and its data are.
        home: its home; tests that run again copy it first.
        report: of the run.
        code: exit code of the run, None where it was not started by the command line.
        text: what the run wrote.
        meanwhile: what happened to other runs on the same home while this one went on.
    """

    folder: Path
    home: Home
    report: RunReport
    code: int | None = None
    text: str = ""
    meanwhile: dict[str, Ended] = field(default_factory=dict)

    @property
    def company(self) -> Path:
        """The company file."""
        return self.folder / "company.yaml"

    @property
    def published(self) -> Path:
        """The published DuckDB file."""
        return self.home.published_file

    def copy(self, to: Path) -> Corner:
        """The same in another folder; files keep their times, so that nothing in it is new."""
        shutil.copytree(self.folder, to / "corner", symlinks=True)
        shutil.copytree(self.home.path, to / "home", symlinks=True)
        return Corner(to / "corner", Home(to / "home"), self.report)


def _other_run(corner: Path, home: Home, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from orchestration.cli import main; main()"]
    return subprocess.Popen(
        [*command, "run", "--company", str(corner), "--home", str(home.path), *options],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _end(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate()
    return Ended(process.returncode, out, err)


def first_run(folder: Path) -> Corner:
    """The corner bakery after its first run. While it goes on, two others try: one gives up, one waits."""
    company, home = write_corner(folder / "corner"), Home(folder / "home")
    meanwhile: dict[str, Ended] = {}
    waiting: list[subprocess.Popen[str]] = []

    def progress(step: str, state: str, _: str) -> None:
        if (step, state) == ("load shop", "started"):
            meanwhile["refused"] = _end(_other_run(company, home))
            waiting.append(_other_run(company, home, "--wait", "600"))

    with without_event_log():
        report = pipeline.run(load_company(company), home, progress=progress)
    meanwhile["waited"] = _end(waiting[0])
    return Corner(company.parent, home, report, meanwhile=meanwhile)


def second_run(corner: Corner, folder: Path) -> Corner:
    """The corner bakery after its second delivery."""
    later = corner.copy(folder)
    deliver_badly(later.folder)
    with without_event_log():
        ended = regulars("run", "--company", later.company, "--home", later.home.path)
    report = later.home.read_status()
    assert report is not None
    return Corner(later.folder, later.home, report, ended.code, ended.text)
