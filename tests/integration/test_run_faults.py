"""Bad input and a bad machine: each fault gets a clear word, nothing received is lost, and the published copy opens.

The corner bakery (corner.write_corner) is a shop and nothing else. Its second delivery has a fault in nearly every
file; its third mends them. What must hold after each run stands in `assert_nothing_is_lost`.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from corner import CORNER, ORDERS_HEADER, PERSONAL, TEN_MEGABYTES, Corner, corner_order, write_corner
from helpers import ROOT, Ended, Runs, environment, regulars, without_event_log
from published_tables import balance, contract, differences, fingerprint, records, rows, tables_of

from orchestration.home import Home


def assert_nothing_is_lost(home: Home) -> None:
    """Received = valid + quarantined + duplicates in what is published, and received is what the ledger wrote down."""
    counted = balance(home.published_file)
    # Each dataset of these companies feeds one entity.
    received = dict(rows(home.warehouse, "SELECT source, sum(rows_received) FROM ledger.batches GROUP BY source"))
    by_source: dict[str, int] = {}
    for (source, _), numbers in counted.items():
        by_source[source] = by_source.get(source, 0) + numbers[0]
    assert by_source == {source: number for source, number in received.items() if number}
    raw = rows(
        home.warehouse,
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name LIKE 'raw%' ORDER BY ALL",
    )
    held = sum(rows(home.warehouse, f'SELECT count(*) FROM "{schema}"."{table}"')[0][0] for schema, table in raw)
    assert held == sum(received.values())


def assert_no_personal_data(*places: Path | str) -> None:
    """No guest's name, address or number stands in a text, or in any file of a folder."""
    wanted = re.compile("|".join(re.escape(value) for value in PERSONAL).encode())
    texts = []
    for place in places:
        if isinstance(place, str):
            texts.append(("what was written", place.encode()))
        else:
            texts += [(str(file), file.read_bytes()) for file in place.rglob("*") if file.is_file()]
    found = [(name, match.group()) for name, text in texts if (match := wanted.search(text))]
    assert found == []


@pytest.fixture(autouse=True, scope="module")
def events_in_memory() -> Iterator[None]:
    with without_event_log():
        yield


# --- two runs at once --------------------------------------------------------------------------------------------


def test_the_first_run_is_published(corner: Corner) -> None:
    assert (corner.report.outcome, corner.report.problems) == ("published", [])
    assert balance(corner.published) == {
        ("shop", "orders"): (40, 40, 0, 0),
        ("shop", "order_lines"): (40, 40, 0, 0),
        ("shop", "customers"): (8, 8, 0, 0),
        ("shop", "products"): (3, 3, 0, 0),
    }
    assert_nothing_is_lost(corner.home)


def test_a_second_run_at_the_same_time_says_who_is_writing(corner: Corner) -> None:
    refused = corner.meanwhile["refused"]
    assert refused.code == 1
    assert f"process {os.getpid()} is writing to {corner.home.path} since 20" in refused.text
    assert "Wait until it has finished, then run again." in refused.text
    assert "Traceback" not in refused.text


def test_a_second_run_may_wait_for_the_first(corner: Corner) -> None:
    waited = corner.meanwhile["waited"]
    assert (waited.code, waited.err) == (0, "")
    assert "Nothing was new" in waited.text


def test_channels_that_are_not_configured_have_empty_tables(corner: Corner) -> None:
    """The corner bakery sends no mail, takes no calls, answers no tickets, asks nobody, has no site and no list."""
    empty = {
        "fct_email_events", "fct_calls", "fct_tickets", "customer_consents", "fct_web_sessions", "campaign_performance",
        "fct_surveys", "fct_subscriptions", "fct_satisfaction", "customer_satisfaction", "satisfaction_by_subject",
        "satisfaction_and_churn", "attributed_orders", "contact_pressure",
        "leaving_reasons",
        "partner_network", "partner_customers", "fct_partner_contacts", "account_handover",
    }  # fmt: skip
    empty |= {"experiment_arms", "experiment_results"}
    # A year has not passed that forecasts could be checked on, and nobody buys so much that one thing follows another.
    empty |= {"forecast_checks", "forecast_check_orders", "churn_calibration", "next_offers"}
    counts = {table: rows(corner.published, f"SELECT count(*) FROM marts.{table}")[0][0] for table in contract()}
    # Nobody was quarantined either, 40 orders in four months are too few to be unusual, no steward decided anything and
    # names are not compared.
    assert {table for table, count in counts.items() if not count} == empty | {
        "customer_id_aliases", "customer_record_links", "identity_blocked_values", "identity_compared_pairs",
        "identity_decisions", "identity_match_model", "identity_match_weights", "quarantined_records",
        "source_anomalies",
    }  # fmt: skip
    assert counts["fct_orders"] == 40
    assert counts["dim_customers"] == 8


# --- a delivery full of faults -----------------------------------------------------------------------------------


def test_one_bad_file_does_not_keep_the_others_back(corner_later: Corner) -> None:
    assert corner_later.report.outcome == "published"
    assert corner_later.code == 1  # not all that came could be loaded
    assert_nothing_is_lost(corner_later.home)
    received, valid, quarantined, duplicates = balance(corner_later.published)["shop", "orders"]
    # 40 before. Then 02: two and one again; 05: two and one that is no UTF-8; 08: two and two ragged; 09: one and one
    # without its closing quote; 10: two.
    assert (received, valid, quarantined, duplicates) == (40 + 14, 40 + 9, 4, 1)
    assert balance(corner_later.published)["shop", "order_lines"] == (43, 43, 0, 0)


@pytest.mark.parametrize(
    ("file", "what", "todo"),
    [
        ("data/orders-03-empty.csv", "is empty (0 bytes)", "Ask the sender for the complete file, or remove it"),
        ("data/orders-06-utf16.csv", "is not utf-8, it looks like utf-16", "Set options.encoding: utf-16"),
        (
            "data/orders-07-renamed.csv",
            "has no column 'no', which is mapped; columns there: number, account, mail, tel, at, total, note",
            "Change the mapping in the company file, or ask the sender for the old column names",
        ),
        ("data/lines-02.tsv.gz", "the gzip file is cut off or damaged; nothing of it was loaded", "Send it again"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_named(corner_later: Corner, file: str, what: str, todo: str) -> None:
    (problem,) = [problem for problem in corner_later.report.problems if problem.file == file]
    assert (problem.source, problem.is_failure) == ("shop", True)
    assert problem.what == what
    assert problem.todo.startswith(todo)
    assert f"{file}: {what}" in corner_later.text
    assert todo in corner_later.text
    assert rows(corner_later.home.warehouse, "SELECT count(*) FROM ledger.batches WHERE file = ?", [file]) == [(0,)]


def test_a_file_that_is_gone_after_its_load_is_told_and_costs_nothing(corner_later: Corner) -> None:
    (problem,) = [problem for problem in corner_later.report.problems if problem.file == "data/customers.csv"]
    assert (problem.what, problem.is_failure) == ("does not exist", False)
    assert balance(corner_later.published)["shop", "customers"] == (8, 8, 0, 0)
    # This one and the four files above; what the search for anomalies says is about no file.
    assert len([problem for problem in corner_later.report.problems if problem.file]) == 5


def test_a_header_only_is_a_file_without_records(corner_later: Corner) -> None:
    query = "SELECT rows_received, rows_rejected FROM ledger.batches WHERE file = 'data/orders-04-header.csv'"
    assert rows(corner_later.home.warehouse, query) == [(0, 0)]


@pytest.mark.parametrize(
    ("file", "number", "reason", "begins"),
    [
        ("05-latin", 3, "line 4: not valid utf-8 (byte 0xe9), it looks like cp1252", "N45,"),
        ("08-ragged", 2, "line 3: 6 values, the header has 7", "N49,"),
        ("08-ragged", 3, "line 4: 9 values, the header has 7", "N50,"),
        ("09-quotes", 2, "line 4: a quote is opened and never closed", "N53,"),
    ],
)
def test_a_line_that_cannot_be_read_is_quarantined(
    corner_later: Corner, file: str, number: int, reason: str, begins: str
) -> None:
    query = "SELECT batch_id FROM ledger.batches WHERE file = ?"
    [(batch,)] = rows(corner_later.home.warehouse, query, [f"data/orders-{file}.csv"])
    query = "SELECT * FROM marts.quarantined_records WHERE batch_id = ? AND row_number = ?"
    (record,) = records(corner_later.published, query, [batch, number])
    assert (record["source"], record["entity"], record["reasons"]) == ("shop", "orders", "orders_readable")
    assert record["reject_reason"] == f"unreadable line: {reason}"
    assert json.loads(record["raw"])["_raw_line"].startswith(begins)


def test_only_lines_that_cannot_be_read_are_quarantined(corner_later: Corner) -> None:
    assert rows(corner_later.published, "SELECT count(*) FROM marts.quarantined_records") == [(4,)]
    numbers = {number for (number,) in rows(corner_later.published, "SELECT order_id FROM marts.fct_orders")}
    # 45, 49, 50 and 53 are quarantined; 46 and 47 are in files that could not be loaded.
    sound = [*range(1, 45), 48, 51, 52, 54, 55]
    assert numbers == {f"shop:N{number}" for number in sound}


def test_a_line_end_in_quotes_belongs_to_its_value(corner_later: Corner) -> None:
    query = "SELECT note FROM raw_shop.orders WHERE no = 'N52'"
    assert rows(corner_later.home.warehouse, query) == [("two\nlines, one value",)]


def test_ten_megabytes_in_one_value(corner_later: Corner) -> None:
    """One where nobody looks, which is kept; one as an address, which is no address, while its order stays."""
    query = "SELECT no, length(note), length(mail) FROM raw_shop.orders WHERE no IN ('N54', 'N55') ORDER BY no"
    domain = len("@corner-guests.example")
    (kept, address) = rows(corner_later.home.warehouse, query)
    assert kept[1] == TEN_MEGABYTES
    assert address[2] == TEN_MEGABYTES + domain
    query = "SELECT record_status, failed_rules, email FROM staging.stg_all__orders WHERE order_id = 'N55'"
    assert rows(corner_later.home.warehouse, query) == [("valid", "orders_email_format", None)]


def test_no_personal_data_in_what_is_said_and_logged(corner_later: Corner, corner: Corner) -> None:
    for one in (corner, corner_later):
        said = [one.text, *(ended.text for ended in one.meanwhile.values())]
        home = one.home
        assert_no_personal_data(*said, home.dbt, home.logs, home.dagster, home.data_docs, home.landing)
        assert_no_personal_data(home.status_file.read_text(encoding="utf-8"))
    # The same search finds a guest where one is.
    with pytest.raises(AssertionError):
        assert_no_personal_data(corner.folder)


def test_a_run_after_it_repeats_what_is_still_wrong(corner_later: Corner, tmp_path: Path) -> None:
    again = corner_later.copy(tmp_path)
    before = fingerprint(again.home.published)
    ended = regulars("run", "--company", again.company, "--home", again.home.path)
    assert ended.code == 1
    assert "Nothing was new" in ended.text
    for file in ("orders-03-empty.csv", "orders-06-utf16.csv", "orders-07-renamed.csv", "lines-02.tsv.gz"):
        assert f"data/{file}: " in ended.text
    assert fingerprint(again.home.published) == before


# --- a third delivery: files mended, the published copy deleted, and sources that bring nothing readable ---------

MORE_SOURCES = """\
  phone:
    type: files
    channel: call_centre
    owner: phone@corner.example
    datasets:
      calls:
        path: data/calls.csv
        entities: [{entity: calls, columns: {call_id: call, phone: tel, started_at: at}}]
  letter:
    type: files
    channel: email
    owner: letter@corner.example
    datasets:
      events:
        path: data/mails.jsonl
        entities: [{entity: email_events, columns: {event_id: id, email: mail, event: what, occurred_at: at}}]
      campaigns:
        path: data/campaigns.csv.gz
        entities: [{entity: campaigns, columns: {campaign_id: id, campaign_name: says}}]
"""


@pytest.fixture(scope="module")
def mended(corner_later: Corner, tmp_path_factory: pytest.TempPathFactory) -> Corner:
    again = corner_later.copy(tmp_path_factory.mktemp("mended"))
    data = again.folder / "data"
    (data / "orders-03-empty.csv").write_text(ORDERS_HEADER + corner_order(56), encoding="utf-8")
    (data / "orders-06-utf16.csv").write_text(ORDERS_HEADER + corner_order(46), encoding="utf-8")
    (data / "orders-07-renamed.csv").write_text(ORDERS_HEADER + corner_order(47), encoding="utf-8")
    whole = gzip.compress(b"line\tno\tarticle\tpieces\tprice\nN46-1\tN46\tA1\t1\t5.25\n")
    (data / "lines-02.tsv.gz").write_bytes(whole)
    again.company.write_text(CORNER + MORE_SOURCES, encoding="utf-8")
    (data / "calls.csv").write_text("call,tel,at\n", encoding="utf-8")
    (data / "mails.jsonl").write_bytes(b"")
    (data / "campaigns.csv.gz").write_bytes(gzip.compress(b"id,says\n" + b"C1,Loaf of the month\n" * 50)[:40])
    again.home.published_file.unlink()
    ended = regulars("run", "--company", again.company, "--home", again.home.path)
    report = again.home.read_status()
    assert report is not None
    return Corner(again.folder, again.home, report, ended.code, ended.text)


def test_mended_files_are_loaded(mended: Corner) -> None:
    assert mended.report.outcome == "published"
    assert balance(mended.published)["shop", "orders"] == (54 + 3, 49 + 3, 4, 1)
    assert balance(mended.published)["shop", "order_lines"] == (44, 44, 0, 0)
    assert_nothing_is_lost(mended.home)
    assert not [problem for problem in mended.report.problems if problem.source == "shop" and problem.is_failure]


def test_a_deleted_published_copy_is_made_again(mended: Corner) -> None:
    assert rows(mended.published, "SELECT run_id FROM marts.publication") == [(mended.report.run_id,)]


def test_sources_whose_first_files_cannot_be_read_are_empty_and_named(mended: Corner) -> None:
    assert mended.code == 1
    failures = {
        (problem.source, problem.file): problem.what for problem in mended.report.problems if problem.is_failure
    }
    assert failures == {
        ("letter", "data/mails.jsonl"): "is empty (0 bytes)",
        ("letter", "data/campaigns.csv.gz"): "the gzip file is cut off or damaged; nothing of it was loaded",
    }
    for table in ("fct_email_events", "campaign_performance", "fct_calls"):
        assert rows(mended.published, f"SELECT count(*) FROM marts.{table}") == [(0,)]


@pytest.mark.parametrize("harm", ["deleted", "parquet file deleted"])
def test_a_published_copy_that_was_harmed_is_mended_by_a_run_with_nothing_new(
    corner: Corner, tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers have what they had, of the run they had it of; nothing is built. More harm: unit test_mending."""
    monkeypatch.setattr("orchestration.pipeline._execute", lambda _: pytest.fail("everything was built anew"))
    one = corner.copy(tmp_path)
    had = tables_of(one.published, without=())
    gone = one.published if harm == "deleted" else one.home.parquet / "fct_orders.parquet"
    gone.unlink()
    ended = regulars("run", "--company", one.company, "--home", one.home.path)
    assert ended.code == 0, ended.text
    assert f"{gone.name} is gone. It has been published again." in " ".join(ended.text.split())
    assert differences(tables_of(one.published, without=()), had) == {}
    assert {path.stem for path in one.home.parquet.iterdir()} == {*contract(), "publication", "contract_versions"}
    again = regulars("run", "--company", one.company, "--home", one.home.path)
    assert "Nothing was new" in again.text


# --- the company file --------------------------------------------------------------------------------------------


def assert_refused(
    company: Path, home: Path, words: str | None, key: str, found: str, allowed: str, *, leaves_no_home: bool = True
) -> Ended:
    """Run; it must end before anything starts, naming file, line, key, what was found and what is allowed."""
    ended = regulars("run", "--company", company, "--home", home)
    assert ended.code == 2, ended.text
    lines = company.read_text(encoding="utf-8").splitlines()
    # The line where the words stand.
    place = "" if words is None else f":{next(n for n, line in enumerate(lines, start=1) if words in line)}"
    assert f"{company}{place} {key} found {found}" in ended.text
    assert f" allowed {allowed}" in ended.text
    assert "Traceback" not in ended.text
    assert "Published" not in ended.out
    if leaves_no_home:
        assert not home.exists()
    return ended


@pytest.fixture
def bakery(tmp_path: Path) -> Callable[..., Path]:
    """Write the corner bakery with pieces of its company file replaced, each by another."""

    def write(*changes: tuple[str, str]) -> Path:
        company = write_corner(tmp_path / "corner")
        text = CORNER
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        company.write_text(text, encoding="utf-8")
        return company

    return write


ORDERS = "sources.shop.datasets.orders"


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "allowed"),
    [
        (
            "currency: EUR", "curency: EUR", "curency", "the key `curency`, which is not known here",
            "anomalies, as_of, automation",
        ),
        ("as_of: latest", "validity: {goal: ninety}", "validity.goal", "'ninety'", "a number"),
        ("Europe/Berlin", "Europe/Bakery", "time_zone", "'Europe/Bakery'", "an IANA time zone"),
        ("channel: shop", "channel: bakery", "sources.shop.channel", "'bakery'", "call_centre, email, shop, web"),
        (
            "gross_amount: total", "gross: total", f"{ORDERS}.entities[0].columns.gross",
            "the column `gross`, which is not known here", "account_id, buyer_city",
        ),
        (
            "type: files", "type: files\n    password: hunter2hunter2", "sources.shop.password",
            "a value that looks like a password, key or token", "no secrets in the file: use ${ENV:NAME}",
        ),
        (
            "data/orders-*.csv", "s3://baker:hunter2hunter2@store/orders.csv", f"{ORDERS}.path",
            "a value that looks like a password, key or token", "no secrets in the file: use ${ENV:NAME}",
        ),
    ],
    ids=["key", "type", "time zone", "choice", "entity column", "password", "password in a path"],
)  # fmt: skip
def test_a_wrong_company_file(
    bakery: Callable[..., Path], tmp_path: Path, old: str, new: str, key: str, found: str, allowed: str
) -> None:
    company = bakery((old, new))
    ended = assert_refused(company, tmp_path / "home", new.splitlines()[-1].strip(), key, found, allowed)
    assert "hunter2" not in ended.text


def test_a_variable_that_is_not_set(bakery: Callable[..., Path], tmp_path: Path) -> None:
    company = bakery(("data/orders-*.csv", "s3://store/orders.csv?sig=${ENV:CORNER_SHOP_KEY}"))
    assert_refused(
        company, tmp_path / "home", "CORNER_SHOP_KEY", f"{ORDERS}.path",
        "${ENV:CORNER_SHOP_KEY}, which is not set", "a variable that is set: export CORNER_SHOP_KEY=",
    )  # fmt: skip


def test_a_company_file_that_is_not_there(tmp_path: Path) -> None:
    ended = regulars("run", "--company", tmp_path / "none.yaml", "--home", tmp_path / "home")
    assert ended.code == 2
    assert str(tmp_path / "none.yaml") in ended.text
    assert "Traceback" not in ended.text
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("old", "new", "found", "allowed"),
    [
        ("data/orders-*.csv", "data/order-*.csv", "data/order-*.csv: no file matches", "Check the path"),
        ("data/orders-*.csv", "deta/orders-*.csv", "deta/orders-*.csv: the folder", "Check the path"),
        ("data/customers.csv", "data/guests.csv", "data/guests.csv: does not exist", "Check the path, or wait"),
    ],
)
def test_a_path_that_leads_nowhere_before_the_first_load(
    bakery: Callable[..., Path], tmp_path: Path, old: str, new: str, found: str, allowed: str
) -> None:
    key = f"{ORDERS}.path" if "order" in new else "sources.shop.datasets.customers.path"
    assert_refused(bakery((old, new)), tmp_path / "home", new, key, found, allowed, leaves_no_home=False)


def test_a_column_that_is_not_there_before_the_first_load(bakery: Callable[..., Path], tmp_path: Path) -> None:
    company = bakery(("gross_amount: total", "gross_amount: totl"))
    ended = assert_refused(
        company, tmp_path / "home", "totl", f"{ORDERS}.entities[0].columns.gross_amount",
        "the column `totl`, which data/orders-01.csv does not have",
        "a column of the file: account, at, mail, no, note, tel, total (did you mean `total`?)",
        leaves_no_home=False,
    )  # fmt: skip
    assert_no_personal_data(ended.text)
    # Nothing was loaded, so that the mended file starts from nothing.
    home = Home(tmp_path / "home")
    assert rows(home.warehouse, "SELECT count(*) FROM ledger.batches") == [(0,)]


# --- the machine -------------------------------------------------------------------------------------------------


def _fails(corner: Corner, *words: str) -> Ended:
    """Run; it must fail with these words, and leave the published copy as it was."""
    before = fingerprint(corner.home.published)
    ended = regulars("run", "--company", corner.company, "--home", corner.home.path)
    assert ended.code == 1
    for one in words:
        assert one in ended.text
    assert "Traceback" not in ended.text
    assert "unexpected" not in ended.text
    assert_no_personal_data(ended.text)
    assert fingerprint(corner.home.published) == before
    return ended


def test_a_damaged_warehouse(corner: Corner, tmp_path: Path) -> None:
    one = corner.copy(tmp_path)
    content = one.home.warehouse.read_bytes()
    one.home.warehouse.write_bytes(b"\x00" * 8192 + content[8192:])
    _fails(one, str(one.home.warehouse), "is damaged", "move it away", "loads everything again")


def test_a_file_in_the_place_of_the_warehouse(corner: Corner, tmp_path: Path) -> None:
    one = corner.copy(tmp_path)
    one.home.warehouse.write_text("no database", encoding="utf-8")
    _fails(one, str(one.home.warehouse), "is no DuckDB file", "move it away", "loads everything again")


def test_a_warehouse_that_another_program_has_open(corner: Corner, tmp_path: Path) -> None:
    one = corner.copy(tmp_path)
    program = "import duckdb, sys\ncon = duckdb.connect(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(one.home.warehouse)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        _fails(one, "another process has the warehouse open", "published copy")
        other.communicate("")
    # With the other program gone, the run has nothing to mend.
    assert regulars("run", "--company", one.company, "--home", one.home.path).code == 0


# Root may write where it has no right to; a process that gives that up, and runs another program, no longer may.
WITHOUT_PRIVILEGE = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
drop_from_bounding_set, override, read_search = 24, 1, 2
if os.geteuid() == 0 and any(libc.prctl(drop_from_bounding_set, one, 0, 0, 0) for one in (override, read_search)):
    sys.exit(77)
os.execv(sys.executable, [sys.executable, "-c", "from orchestration.cli import main; main()", *sys.argv[1:]])
"""


def _without_privilege(*arguments: object) -> Ended:
    """Run `regulars` as a user for whom permissions count."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PRIVILEGE, *map(str, arguments)],
        cwd=ROOT, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("root cannot give up its privileges here")
    return Ended(done.returncode, done.stdout, done.stderr)


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    company = write_corner(tmp_path / "corner")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    ended = _without_privilege("run", "--company", company, "--home", closed / "home")
    assert ended.code == 1
    assert f"Cannot create the home {closed / 'home'}: no permission. Give another with --home" in ended.text
    assert "Traceback" not in ended.text


def test_a_home_that_cannot_be_written(corner: Corner, tmp_path: Path) -> None:
    one = corner.copy(tmp_path)
    places = [one.home.path, *(place for place in one.home.path.rglob("*") if not place.is_symlink())]
    modes = {place: place.stat().st_mode for place in places}
    before = fingerprint(one.home.path)
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        ended = _without_privilege("run", "--company", one.company, "--home", one.home.path)
        assert ended.code == 1
        assert f"the home {one.home.path}: no permission. Give another with --home" in ended.text
        assert "Traceback" not in ended.text
        # Readers need no right to write.
        shown = _without_privilege("status", "--company", one.company, "--home", one.home.path)
        assert (shown.code, shown.err) == (0, "")
        assert "Corner Bakery" in shown.text
    finally:
        for place, mode in modes.items():
            place.chmod(mode)
    assert fingerprint(one.home.path) == before


# --- a full disk, and a company that has nothing but a web site --------------------------------------------------

SITE = """\
company: {id: site, name: Site}
time_zone: UTC
identity: {separates: [], probable: {enabled: false}}
charts: {png: false}
currency: EUR
country: DE
sources:
  site:
    type: files
    channel: web
    owner: site@corner.example
    datasets:
      events:
        path: data/events.csv
        entities:
          - entity: web_events
            columns:
              {event_id: id, visitor_id: visitor, account_id: account, event: what, occurred_at: at, page_url: page}
"""
VIEWS = 60


def _write_site(folder: Path) -> Path:
    """60 page views of 6 visitors, 5 of them with an account; one view has no time."""
    (folder / "data").mkdir(parents=True)
    (folder / "company.yaml").write_text(SITE, encoding="utf-8")
    views = [
        f"E{n},V{n % 6},{f'K{n % 6}' if n % 6 else ''},page_view,"
        f"{f'2026-01-{1 + n // 6:02d} 10:{n % 6:02d}:00' if n != 7 else ''},https://corner.example/{n % 4}\n"
        for n in range(VIEWS)
    ]
    (folder / "data" / "events.csv").write_text("id,visitor,account,what,at,page\n" + "".join(views), encoding="utf-8")
    return folder / "company.yaml"


def _on_a_full_disk(runs: Runs, company: Path, folder: Path, room_kb: int) -> dict[str, Any]:
    """A run on a disk that is nearly full, then, with room made, another one; the home is then in `kept`."""
    given = {"company": str(company), "folder": str(folder), "room_kb": room_kb}
    done = runs.call("helpers:runs_on_a_full_disk", given).wait()
    assert done.code == 0, done.err
    return json.loads((folder / "seen.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def full_disk(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Two runs of the site, the first without room for its end: what was seen, and the folder."""
    folder = tmp_path_factory.mktemp("site")
    company = _write_site(folder / "company")
    return _on_a_full_disk(runs, company, folder, 5000), folder


def _assert_full_then_mended(seen: dict[str, Any], home: Home) -> None:
    if seen["is_small_disk"]:
        assert seen["first_code"] == 1
        assert seen["first_text"].endswith(
            "the disk is full. What was published before is still in place, and nothing that was loaded is lost. "
            "Free some space, then run again."
        )
        assert "Traceback" not in seen["first_text"]
    assert seen["second_code"] == 0, seen["second_text"]
    assert balance(home.published_file) == {("site", "web_events"): (VIEWS, VIEWS - 1, 1, 0)}
    assert_nothing_is_lost(home)


def test_a_full_disk_and_a_run_with_room_again(full_disk: tuple[dict[str, Any], Path]) -> None:
    seen, folder = full_disk
    _assert_full_then_mended(seen, Home(folder / "kept"))
    if not seen["is_small_disk"]:
        pytest.skip("no small file system can be made here")


@pytest.mark.slow
@pytest.mark.parametrize("room_kb", [300, 1500, 10_000, 14_000, 18_000, 22_000, 26_000])
def test_a_disk_that_is_full_sooner_or_later(runs: Runs, tmp_path: Path, room_kb: int) -> None:
    """From dbt's parsing to the last tables: the home of this company takes about 30 MB."""
    seen = _on_a_full_disk(runs, _write_site(tmp_path / "company"), tmp_path, room_kb)
    if not seen["is_small_disk"]:
        pytest.skip("no small file system can be made here")
    _assert_full_then_mended(seen, Home(tmp_path / "kept"))


def test_a_company_with_a_web_site_only(full_disk: tuple[dict[str, Any], Path]) -> None:
    _, folder = full_disk
    published = Home(folder / "kept").published_file
    counts = {table: rows(published, f"SELECT count(*) FROM marts.{table}")[0][0] for table in contract()}
    assert {table for table, count in counts.items() if count} == {
        "channel_effectiveness", "customer_contact_points", "customer_id_changes", "customer_journeys",
        "customer_record_identifiers",
        "customer_records", "customer_segment_history", "customer_segments", "customer_value",
        "customer_value_origins", "data_validity", "data_validity_by_field", "data_validity_history",
        "data_validity_index", "dim_customers", "forecast_models", "fct_touchpoints", "fct_web_sessions",
        "journey_paths", "kpi_daily", "kpi_gaps", "kpi_scorecard", "portfolio_bridge", "portfolio_profit",
        "quarantined_records", "segment_counts", "segment_movements", "segment_transitions", "source_loads",
    }  # fmt: skip
    assert counts["dim_customers"] == 5
