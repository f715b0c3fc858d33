"""The page of charts as a file: whole or not at all, offline, without anybody's data, and never a failed run."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import duckdb
import marts_by_hand as by_hand
import pytest
from typer.testing import CliRunner

from orchestration import steps, value_report
from orchestration.charts import draw
from orchestration.cli import app
from orchestration.company import load_company
from orchestration.home import Home
from orchestration.run import Run


@pytest.fixture
def company(write_company):
    return load_company(write_company())


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "home").create()
    with duckdb.connect(str(made.published_file)) as con:
        con.execute("CREATE SCHEMA marts")
        for table in by_hand.ALL:
            con.execute(table)
    return made


@pytest.fixture
def quick(monkeypatch):
    """Drawings that cost nothing, for what does not depend on them."""
    monkeypatch.setattr(draw, "svg_of", lambda spec, says: f"<svg>{says}</svg>")
    monkeypatch.setattr(draw, "png_of", lambda svg: b"picture")


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        known = dict(attrs)
        if tag == "figure":
            self.names.add(known["id"])
        self.links.update(value for key, value in attrs if key in ("href", "src", "xlink:href"))


def test_the_page_as_it_is_drawn(home, company):
    written = value_report.write_value_report(home, company)
    assert written.problems == []
    assert written.page == home.value_charts
    text = home.value_charts.read_text(encoding="utf-8")
    page = Page(text)
    assert page.names == {chart.name for _, charts in value_report.SECTIONS for chart, _ in charts}
    assert "Measured at 2026-06-30 21:16 UTC. Amounts in EUR. Run run-7." in text
    assert "Bakehouse: what customers are worth" in text
    # It opens offline: no script, and nothing but its own headings and the pictures beside it.
    assert "script" not in page.tags
    pictures = {path.name for path in home.value_charts.parent.glob("*.png")}
    assert {link for link in page.links if not link.startswith("#")} == pictures
    assert len(pictures) == written.charts == len(page.names) - 1
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    # Pointing at a mark shows its numbers, and a product's name is only text.
    assert "<title>low → high: 10 customers, 10 %</title>" in text
    assert "&lt;script&gt;" in text
    assert (home.value_charts.parent / "concentration.png").read_bytes().startswith(b"\x89PNG")


def test_nobodys_data(published_home, company, quick):
    """A copy with people in it, and of the charts' tables only customers' own."""
    value_report.write_value_report(published_home, company)
    text = published_home.value_charts.read_text(encoding="utf-8")
    for word in ("Anna", "Berg", "example.org", "+4930", "c-1"):
        assert word not in text


def test_agents_addresses_stay_out(home, company, quick):
    value_report.write_value_report(home, company)
    assert "callcentre.example" not in home.value_charts.read_text(encoding="utf-8")


def test_a_chart_that_fails_leaves_its_place_and_a_notice(home, company, quick, monkeypatch):
    with duckdb.connect(str(home.published_file)) as con:
        con.execute("ALTER TABLE marts.portfolio_bridge DROP COLUMN amount")
    run = Run(company, home)
    counts = steps.draw_charts(run)
    [problem] = run.problems
    assert "bridge" in problem.what
    assert "regulars charts" in problem.todo
    assert not problem.is_failure
    text = home.value_charts.read_text(encoding="utf-8")
    assert "This chart could not be drawn; the run says why." in text
    assert counts == {"charts": text.count("<svg>")}
    assert counts["charts"] > 5


def test_what_a_library_quotes_is_not_told(home, company, monkeypatch):
    def fail(spec, says):
        raise ValueError("cannot draw 'Anna Berg' <anna@example.org>")

    monkeypatch.setattr(draw, "svg_of", fail)
    written = value_report.write_value_report(home, company)
    assert written.charts == 0
    assert written.page is not None
    assert not any("Anna" in problem.what or "example.org" in problem.what for problem in written.problems)


def test_the_old_page_stays_when_the_disk_is_full(home, company, quick, monkeypatch):
    value_report.write_value_report(home, company)
    before = home.value_charts.read_bytes()

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(value_report, "write_atomically", full)
    written = value_report.write_value_report(home, company)
    [problem] = written.problems
    assert "the disk is full" in problem.what
    assert not problem.is_failure
    assert (written.page, home.value_charts.read_bytes()) == (None, before)


def test_no_published_copy_is_a_notice(tmp_path, company):
    written = value_report.write_value_report(Home(tmp_path / "home").create(), company)
    assert [problem.is_failure for problem in written.problems] == [False]
    assert written.page is None


def test_pictures_only_where_they_are_wanted(home, write_company, quick):
    value_report.write_value_report(home, load_company(write_company()))
    assert (home.value_charts.parent / "bridge.png").read_bytes() == b"picture"
    unwanted = load_company(write_company(("as_of: 2026-01-31", "as_of: 2026-01-31\ncharts: {png: false}")))
    value_report.write_value_report(home, unwanted)
    assert list(home.value_charts.parent.iterdir()) == [home.value_charts]
    assert ".png" not in home.value_charts.read_text(encoding="utf-8")


def test_a_picture_of_another_day_does_not_stay(home, company, quick):
    value_report.write_value_report(home, company)
    with duckdb.connect(str(home.published_file)) as con:
        con.execute("DELETE FROM marts.churn_calibration")
    value_report.write_value_report(home, company)
    assert not (home.value_charts.parent / "churn_calibration.png").exists()
    assert "The risk to leave could not be checked" in home.value_charts.read_text(encoding="utf-8")


def test_the_command_draws_again(home, write_company, quick):
    result = CliRunner().invoke(app, ["charts", "-c", str(write_company()), "--home", str(home.path)])
    assert result.exit_code == 0, result.output
    assert f"charts in {home.value_charts}" in result.output
    home.published_file.unlink()
    result = CliRunner().invoke(app, ["charts", "-c", str(write_company()), "--home", str(home.path)])
    assert result.exit_code == 1
    assert "could not be read" in result.output
