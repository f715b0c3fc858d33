"""`regulars sources` and `regulars sources test`: what is known without the warehouse, and what one look shows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.home import Home
from orchestration.report import DriftLine, Problem, RunReport, SourceState
from orchestration.source_states import drift_notices, states_of
from orchestration.sources_list import SourcesNow, sources_now
from sources.files.ledger import ensure_ledger

NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)

COMPANY = """\
company: {id: corner, name: Corner}
time_zone: Europe/Berlin
currency: EUR
country: DE
sources:
  shop:
    type: shopify
    owner: team:data
    api: {shop: corner, access_token: "${ENV:CORNER_TOKEN}"}
  till:
    channel: shop
    owner: team:data
    datasets:
      orders:
        path: data/orders-*.csv
        entities: [{entity: orders, columns: {order_id: no, gross_amount: total}}]
  post:
    type: sendgrid
    owner: team:data
    files: {events: data/mails/*.jsonl}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "company.yaml").write_text(COMPANY, encoding="utf-8")
    (tmp_path / "data" / "mails").mkdir(parents=True)
    (tmp_path / "data" / "orders-1.csv").write_text("no,total,note\n1,2.00,x\n", encoding="utf-8")
    mail = {"email": "a@corner.example", "event": "open", "timestamp": 1769000000, "sg_event_id": "e1", "surprise": 1}
    (tmp_path / "data" / "mails" / "1.jsonl").write_text(json.dumps(mail) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def home(place: Path) -> Home:
    """A home whose last run knew of shop and of a source that the file no longer has."""
    home = Home(place / "home").create()
    loaded = NOW - timedelta(hours=3)
    home.write_status(
        RunReport(
            run_id="run-1",
            started_at=loaded,
            finished_at=loaded,
            outcome="published",
            problems=[
                Problem("2 pages did not come.", "Try again.", source="shop"),
                Problem("Something else.", "Nothing.", source="till", is_failure=False),
            ],
            source_states=[
                SourceState(
                    "shop", "shopify", "shop", None, loaded, "run-1", 0, 12, NOW - timedelta(days=2),
                    {"orders": "2026-01-30T09:00:00Z"},
                    [DriftLine("orders", "new_field", "gift_note", "gift_note: new")],
                ),
                SourceState("gone", "files", "web", None, loaded, "run-0", 3, 40),
            ],
        )
    )  # fmt: skip
    home.published.mkdir(exist_ok=True)
    with duckdb.connect(str(home.published_file)) as con:
        con.execute(
            "CREATE SCHEMA marts; CREATE TABLE marts.source_loads AS SELECT * FROM (VALUES "
            "('run-0', 'shop', 'orders', 8, 6, 1, 1), ('run-1', 'shop', 'orders', 4, 4, 0, 0)) "
            "AS t(load_id, source, entity, received, valid, quarantined, duplicates)"
        )
    return home


@pytest.fixture
def regulars(place: Path, home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CORNER_TOKEN", "shpat_do_not_show")

    def call(*arguments: object):
        given = [str(one) for one in arguments]
        env = {"COLUMNS": "220", "REGULARS_COMPANY": str(place / "company.yaml"), "REGULARS_HOME": str(home.path)}
        return CliRunner().invoke(app, given, env=env)

    return call


def _now(place: Path, home: Home) -> SourcesNow:
    from orchestration.company import load_company

    return sources_now(home, load_company(place / "company.yaml"), NOW)


def test_what_is_known_of_each_source(place: Path, home: Home) -> None:
    found = {one.state.source: one for one in _now(place, home).sources}
    assert list(found) == ["shop", "till", "post", "gone"]
    shop = found["shop"]
    assert (shop.received, shop.valid, shop.quarantined, shop.duplicates) == (12, 10, 1, 1)
    assert shop.lag == timedelta(days=2)
    assert [problem.what for problem in shop.problems] == ["2 pages did not come."]
    assert (found["till"].state.last_load_at, found["till"].received, found["till"].lag) == (None, None, None)
    assert not found["gone"].is_configured


def test_the_list_and_its_json(regulars) -> None:
    result = regulars("sources")
    assert result.exit_code == 0, result.output
    words = " ".join(result.output.split())
    for part in ("shopify", "1 problem", "+1", "orders.gift_note", "2026-01-30T09:00:00Z", "not in the company file"):
        assert part in words
    listed = json.loads(regulars("sources", "--json").output)
    assert listed["run_id"] == "run-1"
    shop = listed["sources"][0]
    assert (shop["source"], shop["type"], shop["received"], shop["cursors"]) == (
        "shop", "shopify", 12, {"orders": "2026-01-30T09:00:00Z"},
    )  # fmt: skip
    assert shop["drift"] == [
        {"dataset": "orders", "kind": "new_field", "field": "gift_note", "words": "gift_note: new"}
    ]


def test_it_answers_while_a_run_writes(regulars, home: Home) -> None:
    with home.lock():
        result = regulars("sources")
    assert result.exit_code == 0
    assert "Running" in result.output


def test_it_answers_before_the_first_run(place: Path, tmp_path: Path) -> None:
    env = {"COLUMNS": "200", "REGULARS_COMPANY": str(place / "company.yaml"), "REGULARS_HOME": str(tmp_path / "none")}
    result = CliRunner().invoke(app, ["sources"], env=env)
    assert result.exit_code == 0
    assert "never" in result.output
    assert "No run yet" in result.output


def test_states_of_an_empty_and_of_a_filled_ledger(place: Path) -> None:
    from orchestration.company import load_company

    company = load_company(place / "company.yaml")
    with duckdb.connect() as con:
        assert [state.last_load_at for state in states_of(con, company)] == [None, None, None]
        ensure_ledger(con)
        con.execute(
            "INSERT INTO ledger.loads VALUES ('run-1', 'till', TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-02', 1, 5)"
        )
        con.execute(
            "INSERT INTO ledger.loads VALUES ('run-2', 'till', TIMESTAMP '2026-01-03', TIMESTAMP '2026-01-04', 1, 7)"
        )
        till = states_of(con, company)[1]
    assert (till.last_load_id, till.records, till.last_load_at) == ("run-2", 12, datetime(2026, 1, 4, tzinfo=UTC))


def test_drift_is_a_notice_per_dataset_with_the_fields() -> None:
    drift = [
        DriftLine("orders", "new_field", "gift_note", ""), DriftLine("orders", "removed_field", "fax", ""),
        DriftLine("lines", "changed_type", "price", ""),
    ]  # fmt: skip
    notices = drift_notices("shop", drift)
    assert [notice.is_failure for notice in notices] == [False, False]
    assert "New: gift_note; gone: fax." in notices[0].what
    assert "Of another type: price." in notices[1].what


# --- regulars sources test ---------------------------------------------------------------------------------------


def test_files_are_looked_at_without_loading(regulars, home: Home) -> None:
    result = regulars("sources", "test", "till")
    assert result.exit_code == 0, result.output
    words = " ".join(result.output.split())
    assert "fields, 3: no, total, note" in words
    assert "becomes: orders" in words
    mails = " ".join(regulars("sources", "test", "post").output.split())
    assert "not documented (kept all the same), 1: surprise" in mails
    assert "becomes: email events" in mails
    assert not home.warehouse.exists()


def test_wrong_names_are_told(regulars) -> None:
    unknown = regulars("sources", "test", "shoop")
    assert unknown.exit_code == 2
    assert "did you mean `shop`" in unknown.stderr
    part = regulars("sources", "test", "till", "--object", "oders")
    assert part.exit_code == 2
    assert "did you mean `orders`" in part.stderr


def test_a_missing_file_is_a_problem(regulars, place: Path) -> None:
    (place / "data" / "orders-1.csv").unlink()
    result = regulars("sources", "test", "till")
    assert result.exit_code == 2
    assert "data/orders-*.csv" in result.output


def test_a_variable_that_is_not_set(regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORNER_TOKEN")
    result = regulars("sources", "test", "shop")
    assert result.exit_code == 2
    assert "CORNER_TOKEN" in result.stderr


class _Refusing(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - one server a test

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.send_response(401)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def refusing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_wrong_credential_is_told_at_once_and_not_shown(regulars, place: Path, refusing: str) -> None:
    _Refusing.asked.clear()
    text = COMPANY.replace('access_token: "', f'base_url: "{refusing}", access_token: "')
    (place / "company.yaml").write_text(text, encoding="utf-8")
    result = regulars("sources", "test", "shop")
    assert result.exit_code == 2, result.output
    said = result.output + result.stderr
    assert "401" in said or "credential" in said or "refus" in said
    assert "shpat_do_not_show" not in said
    assert len(_Refusing.asked) == 1


def test_drift_of_a_load_is_told_by_run_and_status(place: Path) -> None:
    """A field more and a field less in the second file: notices of the run, and what the status keeps."""
    from orchestration.company import load_company
    from orchestration.run import Run
    from orchestration.steps import load_source

    company, home = load_company(place / "company.yaml"), Home(place / "second").create()
    first = Run(company, home)
    load_source(first, "till")
    assert (first.drift, first.problems) == ({"till": []}, [])
    (place / "data" / "orders-2.csv").write_text("no,total,coupon\n2,3.00,y\n", encoding="utf-8")
    second = Run(company, home)
    load_source(second, "till")
    assert {(line.kind, line.field) for line in second.drift["till"]} == {
        ("new_field", "coupon"), ("removed_field", "note"),
    }  # fmt: skip
    assert [problem.is_failure for problem in second.problems] == [False]
    assert "New: coupon; gone: note." in second.problems[0].what
    with second.engine.control(read_only=True) as con:
        state = states_of(con, company)[1]
    assert {line.field for line in state.drift} == {"coupon", "note"}
    assert (state.files, state.records, state.last_load_id) == (2, 2, second.run_id)
