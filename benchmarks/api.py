"""`python -m benchmarks.api`: pages of an API to raw, beside fetching the same pages and writing them to disk.

Both use the same client, the same server (a process of its own on this machine) and the same pages: orders in the shape
and size that shops deliver. Plain `requests` without a look at the content runs beside them, for comparison only.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

from benchmarks.measure import machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
LIMIT = 2.0
GIB = 2**30
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure and write `results/api-<date>.json` and `results/api.md`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000, help="how many orders (default: 200,000)")
    parser.add_argument("--pages", type=int, default=1_000, help="on how many pages (default: 1,000)")
    parser.add_argument("--times", type=int, default=2, help="how often; the shortest time counts (default: 2)")
    parser.add_argument("--folder", type=Path, help="where pages and results lie meanwhile (default: a temporary one)")
    parser.add_argument("--part", choices=sorted(PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        import duckdb  # noqa: F401 - what every part imports once is not measured
        import pyarrow as pa  # noqa: F401

        import sources.rest.fetch
        import sources.rest.session  # noqa: F401

        before = time.process_time()
        begun = perf_counter()
        records = PARTS[given.part](given.url, given.folder)
        seconds = perf_counter() - begun
        used = resource.getrusage(resource.RUSAGE_SELF)
        peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        cpu = used.ru_utime + used.ru_stime - before
        print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "records": records, "peak_bytes": peak}))
        return
    with tempfile.TemporaryDirectory(prefix="regulars-bench-", dir=given.folder) as name:
        measure(Path(name), given.records, given.pages, given.times)


def measure(folder: Path, records: int, pages: int, times: int) -> None:
    """Run every part in processes of their own, in turn, and write the results."""
    size = write_pages(folder / "pages", records, pages)
    context = multiprocessing.get_context("spawn")
    port = context.Queue()
    server = context.Process(target=serve, args=(folder / "pages", port), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{port.get(timeout=60)}"
    found: dict[str, list[dict[str, Any]]] = {part: [] for part in PARTS}
    try:
        for number in range(times):
            for part, runs in found.items():
                scratch = folder / f"{part}-{number}"
                scratch.mkdir()
                words = [sys.executable, "-m", "benchmarks.api", "--part", part, "--url", url, "--folder", str(scratch)]
                done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    sys.exit(f"{part}: {done.stderr[-4000:]}")
                runs.append(json.loads(done.stdout))
                if runs[-1]["records"] != records:
                    sys.exit(f"{part}: {runs[-1]['records']} records instead of {records}")
                _empty(scratch)
    finally:
        server.terminate()
    best = {part: min(runs, key=lambda run: float(run["seconds"])) for part, runs in found.items()}
    write(records, pages, size, best)


def _empty(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            file.unlink()


# ------------------------------------------------------------------------------------------------------- the server


def serve(folder: Path, port: Any) -> None:
    """Serve page n under /orders?page=n; the answer names the next page."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log_message(self, *args: Any) -> None:
            """Stay silent."""

        def do_GET(self) -> None:
            page = self.path.partition("page=")[2].partition("&")[0] or "1"
            body = (folder / f"{int(page)}.json").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.put(server.server_address[1])
    server.serve_forever()


def write_pages(folder: Path, records: int, pages: int) -> int:
    """Write the pages as files; return their bytes."""
    import orjson

    folder.mkdir(parents=True)
    size = done = 0
    for page in range(1, pages + 1):
        last = records * page // pages
        orders = [order(number) for number in range(done, last)]
        body = orjson.dumps({"orders": orders, "next": page + 1 if page < pages else None})
        (folder / f"{page}.json").write_bytes(body)
        size += len(body)
        done = last
    return size


def order(number: int) -> dict[str, Any]:
    """Return one order in the shape of a shop's REST payload: about 60 fields, one to four lines."""
    at = FIRST + timedelta(minutes=number)
    customer = number * 7919 % 50_011
    money = {"shop_money": {"amount": "34.90", "currency_code": "EUR"}}
    both = money | {"presentment_money": money["shop_money"]}
    address = {
        "first_name": f"Anna{customer}", "last_name": "Becker", "address1": f"Hauptstr. {customer % 200}",
        "address2": None, "city": "Köln", "zip": f"{10_000 + customer}", "province": None, "country": "Germany",
        "country_code": "DE", "phone": f"+49221{customer:07d}", "company": None, "latitude": 50.9375,
        "longitude": 6.9603, "name": f"Anna{customer} Becker",
    }  # fmt: skip
    lines = [
        {
            "id": number * 10 + place, "product_id": 700_000 + (number + place) % 900, "title": "Sourdough loaf 750 g",
            "variant_id": 800_000 + (number + place) % 2_000, "variant_title": "sliced", "sku": f"SOUR-{place}",
            "quantity": 1 + place % 2, "price": "8.90", "price_set": both, "total_discount": "0.00",
            "total_discount_set": both, "taxable": True, "requires_shipping": True, "gift_card": False, "grams": 750,
            "fulfillable_quantity": 1, "fulfillment_status": None, "vendor": "Bakehouse", "properties": [],
            "discount_allocations": [], "name": "Sourdough loaf 750 g - sliced", "fulfillment_service": "manual",
            "tax_lines": [{"title": "MwSt", "price": "0.58", "rate": 0.07, "price_set": both}], "duties": [],
        }
        for place in range(1 + number % 4)
    ]  # fmt: skip
    return {
        "id": 5_000_000_000 + number, "name": f"#{number}", "order_number": number, "created_at": at.isoformat(),
        "updated_at": (at + timedelta(seconds=30)).isoformat(), "processed_at": at.isoformat(), "closed_at": None,
        "cancelled_at": None, "cancel_reason": None, "email": f"anna{customer}@example.com", "currency": "EUR",
        "contact_email": f"anna{customer}@example.com", "phone": None, "buyer_accepts_marketing": number % 3 == 0,
        "confirmed": True, "confirmation_number": f"X{number:09d}", "test": False, "taxes_included": True,
        "cart_token": f"{number:032x}", "checkout_token": f"{number + 1:032x}", "token": f"{number + 2:032x}",
        "browser_ip": f"203.0.113.{number % 250}", "landing_site": "/?utm_source=newsletter&utm_campaign=spring",
        "referring_site": "https://search.example/", "source_name": "web", "location_id": None, "user_id": None,
        "financial_status": "paid", "fulfillment_status": None, "note": None, "note_attributes": [], "tags": "",
        "subtotal_price": "34.90", "subtotal_price_set": both, "total_price": "34.90", "total_price_set": both,
        "total_tax": "2.28", "total_tax_set": both, "total_discounts": "0.00", "total_discounts_set": both,
        "total_line_items_price": "34.90", "total_line_items_price_set": both, "total_outstanding": "0.00",
        "total_shipping_price_set": both, "total_weight": 750 * len(lines), "presentment_currency": "EUR",
        "customer_locale": "de-DE", "payment_gateway_names": ["card"], "discount_codes": [], "refunds": [],
        "discount_applications": [], "tax_lines": [{"price": "2.28", "rate": 0.07, "title": "MwSt", "price_set": both}],
        "billing_address": address, "shipping_address": address, "fulfillments": [], "line_items": lines,
        "client_details": {"browser_ip": f"203.0.113.{number % 250}", "user_agent": "Mozilla/5.0 (X11; Linux x86_64)"},
        "customer": {
            "id": 6_000_000_000 + customer, "email": f"anna{customer}@example.com", "first_name": f"Anna{customer}",
            "last_name": "Becker", "created_at": FIRST.isoformat(), "updated_at": at.isoformat(), "state": "enabled",
            "verified_email": True, "currency": "EUR", "phone": None, "tags": "", "tax_exempt": False, "note": None,
            "default_address": address,
        },
        "shipping_lines": [
            {"id": number, "code": "standard", "title": "Standard", "price": "4.90", "price_set": both}
        ],
    }  # fmt: skip


# --------------------------------------------------------------------------------------------- what runs against it


def _pages(client: Any, settings: Any, since: datetime | None) -> Iterator[Sequence[Any]]:
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    paginator = JSONResponseCursorPaginator(cursor_path="next", cursor_param="page")
    yield from client.paginate("/orders", data_selector="orders", paginator=paginator)


def to_raw(url: str, folder: Path) -> int:
    """Load the pages as a run does, into a new warehouse."""
    import duckdb

    from sources.files import ledger
    from sources.files.sink import TableSink
    from sources.rest.client import RestClient
    from sources.rest.fetch import load_api
    from sources.vendor import ApiSettings, Cursor, Vendor, VendorObject, source_class

    class Settings(ApiSettings):
        secrets: ClassVar[tuple[str, ...]] = ()

        def client(self) -> RestClient:
            return RestClient.of(self, url)

    one = VendorObject(
        name="orders",
        says="An order.",
        docs="",
        fields=("id",),
        entities=("orders",),
        pages=_pages,
        cursor=Cursor("updated_at"),
    )
    vendor = Vendor(name="bench", label="Bench", channel="shop", docs="", objects=(one,), api=Settings)
    source = source_class(vendor).model_validate({"type": "bench", "owner": "bench@example.com", "api": {}})
    with duckdb.connect(str(folder / "raw.duckdb")) as con:
        con.execute("SET threads = 2")
        ledger.ensure_ledger(con)
        sink = TableSink(con, "shop", "bench")
        report = load_api(con, "shop", source, landing=folder / "landing", load_id="bench", sink=sink)
        if report.problems:
            raise SystemExit(str(report.problems[0]))
        return sum(outcome.received for _, outcome in report.outcomes)


def to_disk(url: str, folder: Path) -> int:
    """Fetch the pages with the same client and write their records to disk, nothing else."""
    from sources.rest.client import RestClient
    from sources.rest.exact import line

    records = 0
    for number, page in enumerate(_pages(RestClient(url), None, None)):
        with (folder / f"{number}.jsonl").open("wb") as file:
            file.write(b"".join([line(record) for record in page]))
            file.flush()
            os.fsync(file.fileno())
        records += len(page)
    return records


def bytes_to_disk(url: str, folder: Path) -> int:
    """Fetch the pages with `requests` and write the bytes to disk, without a look at their content."""
    import requests

    session = requests.Session()
    records, page = 0, 1
    while page:
        body = session.get(f"{url}/orders", params={"page": page}, timeout=60).content
        with (folder / f"{page}.json").open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        records += body.count(b'"order_number":')
        after = body[-40:].rpartition(b'"next":')[2].rstrip(b"}")
        page = 0 if after == b"null" else int(after)
    return records


PARTS = {"to_raw": to_raw, "to_disk": to_disk, "bytes_to_disk": bytes_to_disk}


# ----------------------------------------------------------------------------------------------------- the results


def write(records: int, pages: int, size: int, best: dict[str, dict[str, Any]]) -> None:
    """Write the results for machines and for people, and show the latter."""
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "records": records,
        "pages": pages,
        "bytes": size,
        "parts": best,
        "ratio": round(best["to_raw"]["seconds"] / best["to_disk"]["seconds"], 2),
        "limit_ratio": LIMIT,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"api-{record['date']}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "api.md").write_text(text, encoding="utf-8")
    print(text)


def as_markdown(record: dict[str, Any]) -> str:
    """The results as a table."""
    parts, megabytes = record["parts"], record["bytes"] / 1e6
    rows = {
        "to_raw": "pages to raw: landed, hashed, rows with ledger and cursor",
        "to_disk": "the same client, records written to disk",
        "bytes_to_disk": "`requests`, bytes written to disk",
    }
    met = "met" if record["ratio"] <= record["limit_ratio"] else "missed"
    show = partial("{:,.1f}".format)
    lines = [
        "# An API's pages to raw",
        "",
        f"{record['date']}, " + ", ".join(f"{key} {value}" for key, value in record["machine"].items()) + ".",
        "",
        f"{record['records']:,} orders on {record['pages']:,} pages, {megabytes:,.0f} MB, from a server on the same "
        f"machine. Ratio of the first two rows: {record['ratio']} (limit {record['limit_ratio']}: {met}).",
        "",
        "| what | seconds | of a processor | MB a second | records a second | peak memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for part, what in rows.items():
        run = parts[part]
        seconds = run["seconds"]
        numbers = [show(seconds), show(run["cpu_seconds"]), f"{megabytes / seconds:,.0f}"]
        numbers += [f"{record['records'] / seconds:,.0f}", f"{run['peak_bytes'] / GIB:.2f} GiB"]
        lines.append(f"| {what} | {' | '.join(numbers)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
