"""The section `anomalies`, up to when silence counts, what a run says, and what the command line shows."""

from __future__ import annotations

import json
from datetime import date, datetime

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from expectations.anomalies import FINDINGS, PROFILES, Span
from orchestration.anomalies import UNSEEN, _forget_what_nobody_saw, _groups, _not_kept, last_whole_day, notices
from orchestration.cli import app
from orchestration.company import CompanyError, load_company
from orchestration.engines.kept import KEPT_TABLES
from orchestration.home import Home
from orchestration.run import Run
from orchestration.warehouse import read_state, write_state
from sources.files.ledger import ensure_ledger

ANOMALIES = "validity: {goal: 0.9}\nanomalies: "


def test_defaults_of_the_section_are_those_of_the_search(write_company) -> None:
    from expectations.anomalies import AnomalySettings

    assert load_company(write_company()).anomalies.settings() == AnomalySettings()


def test_kinds_are_switched_off_by_source(write_company) -> None:
    path = write_company(("validity: {goal: 0.9}", ANOMALIES + "{off: {shop: [volume, freshness]}}"))
    settings = load_company(path).anomalies.settings()
    looked_for = ["volume", "freshness", "null_share", "new_category", "distribution"]
    assert [settings.looks_for("shop", kind) for kind in looked_for] == [False, False, True, True, True]
    path = write_company(("validity: {goal: 0.9}", ANOMALIES + "{off: {shop: [all]}}"))
    settings = load_company(path).anomalies.settings()
    assert not any(settings.looks_for("shop", kind) for kind in looked_for)


@pytest.mark.parametrize(
    ("section", "key", "found", "allowed"),
    [
        ("{off: {shpo: [volume]}}", "anomalies.off.shpo", "shpo", "shop"),
        ("{off: {shop: [volumes]}}", "anomalies.off.shop", "volumes", "volume"),
        ("{false_alarms_per_month: 0}", "anomalies.false_alarms_per_month", "0", "0"),
        ("{minimum_weeks: 2}", "anomalies.minimum_weeks", "2", "4"),
        ("{sensitivity: high}", "anomalies.sensitivity", "", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_line(write_company, section, key, found, allowed) -> None:
    with pytest.raises(CompanyError) as caught:
        load_company(write_company(("validity: {goal: 0.9}", ANOMALIES + section)))
    [problem] = caught.value.problems
    assert problem.line == 7
    assert problem.key.startswith(key)
    assert found in problem.found
    assert allowed in problem.allowed


def _heads(*moments: tuple[str, datetime]) -> pl.DataFrame:
    rows = [("shop", entity, at.date(), "records", "", "", 1, at) for entity, at in moments]
    return pl.DataFrame(rows, schema=PROFILES, orient="row")


NOW = datetime.fromisoformat("2026-02-10T04:00:00")


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        # 23:30 UTC on the 30th is half past midnight on the 31st in Berlin: the 30th is whole.
        ("latest", date(2026, 1, 30)),
        ("now", date(2026, 2, 9)),
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-01-31T12:00:00", date(2026, 1, 30)),
        ("2027-01-01", date(2026, 2, 9)),
    ],
)
def test_silence_counts_up_to_the_last_whole_day(write_company, as_of, expected) -> None:
    company = load_company(write_company(("as_of: 2026-01-31", f"as_of: {as_of}")))
    # A catalogue without times is dated by its loading, which says nothing of how far the events have come.
    heads = _heads(("orders", datetime.fromisoformat("2026-01-30T23:30:00")), ("products", NOW))
    assert last_whole_day(company, heads, NOW) == expected


def test_without_events_there_is_no_latest_day(write_company) -> None:
    company = load_company(write_company(("as_of: 2026-01-31", "as_of: latest")))
    assert last_whole_day(company, _heads(), NOW) is None


def _finding(**changed) -> dict:
    row = {
        "source": "shop", "entity": "orders", "kind": "volume", "field": "", "day": date(2026, 1, 30),
        "since": date(2026, 1, 30), "is_new": True, "observed": 50.0, "expected": 100.0, "usual_from": 70.0,
        "usual_to": 135.0, "p_value": 1e-6, "level": 1e-4, "records": 50, "says": "Half.",
    }  # fmt: skip
    return row | changed


def test_a_notice_names_the_least_likely_and_counts_the_rest() -> None:
    rows = [
        _finding(says="Third.", p_value=3e-6),
        _finding(says="First.", p_value=1e-6),
        _finding(says="Second.", p_value=2e-6),
        _finding(says="Known.", p_value=1e-9, is_new=False),
    ]
    [notice] = notices({"shop": rows, "desk": [_finding(is_new=False)]})
    assert notice.what == "Unlike its past: First. Second. And 1 more."
    assert (notice.source, notice.is_failure) == ("shop", False)


@pytest.mark.parametrize(
    ("unseen", "kept"), [(["r2"], ["r1"]), ([], ["r1", "r2"]), (None, ["r1", "r2"]), (["r1", "r2"], [])]
)
def test_what_a_killed_run_found_is_found_again(write_company, tmp_path, unseen, kept) -> None:
    """The state of a warehouse from before says nothing (None): then everything was seen."""
    run = Run(load_company(write_company()), Home(tmp_path / "home").create())
    with run.engine.control() as con:
        ensure_ledger(con)
        run.engine.map_sources(run, con)
        write_state(con, {} if unseen is None else {UNSEEN: unseen})
    finding = pl.DataFrame([_finding()], schema=FINDINGS)
    day = pl.DataFrame({"source": "shop", "entity": "orders", "first_day": NOW.date(), "last_day": NOW.date()})
    for run_id in ("r1", "r2"):
        told = {"run_id": pl.lit(run_id)}
        findings = finding.with_columns(**told, found_at=pl.lit(NOW))
        judged = day.with_columns(**told, judged_at=pl.lit(NOW))
        run.engine.keep({}, {"anomalies.findings": findings, "anomalies.judged": judged})
    _forget_what_nobody_saw(run)
    for table in ("anomalies.findings", "anomalies.judged"):
        assert run.engine.frame(f"SELECT run_id FROM {table} ORDER BY 1")["run_id"].to_list() == kept
    with run.engine.control(read_only=True) as con:
        assert read_state(con)[UNSEEN] == [run.run_id]


def test_a_silence_that_was_told_is_not_kept_again() -> None:
    silent = _finding(kind="freshness", since=date(2026, 1, 28))
    kept = pl.DataFrame([silent], schema=FINDINGS)
    tomorrow = _finding(kind="freshness", since=date(2026, 1, 28), day=date(2026, 1, 31))
    after = _finding(kind="freshness", since=date(2026, 1, 30), day=date(2026, 1, 31))
    found = pl.DataFrame([tomorrow, after, _finding()], schema=FINDINGS)
    assert set(_not_kept(found, kept).select("kind", "since").rows()) == {
        ("freshness", date(2026, 1, 30)), ("volume", date(2026, 1, 30)),
    }  # fmt: skip


def test_a_source_that_ended_years_ago_is_judged_by_itself() -> None:
    near = Span("shop", "orders", date(2026, 1, 24), date(2026, 1, 30))
    far = Span("phone", "calls", date(1999, 2, 8), date(1999, 2, 14))
    assert _groups([near, far], date(2026, 1, 30)) == [[near], [far]]
    assert _groups([far], date(2026, 1, 30)) == [[], [far]]


def test_what_is_kept_has_the_columns_of_what_is_found() -> None:
    assert list(KEPT_TABLES["anomalies.findings"]) == [*FINDINGS.names(), "run_id", "found_at"]


def test_what_the_check_shows() -> None:
    import dagster as dg

    from orchestration.assets.anomalies import check_result

    assert check_result("shop", []).passed
    seen = check_result("shop", [_finding()])
    assert (seen.passed, seen.severity) == (False, dg.AssetCheckSeverity.WARN)
    [row] = seen.metadata["findings"].records
    assert (row.data["observed"], row.data["usual_from"], row.data["usual_to"]) == (50.0, 70.0, 135.0)


@pytest.fixture
def regulars(write_company, tmp_path):
    home = Home(tmp_path / "home").create()

    def call(*arguments: str, findings: list[dict] | None = None):
        home.published.mkdir(exist_ok=True)
        home.published_file.unlink(missing_ok=True)
        with duckdb.connect(str(home.published_file)) as con:
            con.execute("CREATE SCHEMA marts")
            if findings is not None:
                con.register("rows", pl.DataFrame(findings, schema=FINDINGS).to_arrow())
                con.execute("CREATE TABLE marts.source_anomalies AS SELECT * FROM rows")
        given = ["sources", "anomalies", *arguments, "--company", str(write_company()), "--home", str(home.path)]
        return CliRunner().invoke(app, given)

    return call


def test_the_command_line_shows_observed_beside_usual(regulars) -> None:
    share = _finding(kind="null_share", field="email", observed=0.301, expected=0.02, usual_from=0.0, usual_to=0.07)
    old = _finding(day=date(2025, 11, 1), since=date(2025, 11, 1), says="Long ago.")
    result = regulars(findings=[_finding(), share, old])
    assert result.exit_code == 0, result.output
    words = " ".join(result.output.split())
    for part in ("orders: volume 50 100 70 to 135", "orders: null share of email 30.1 % 2.0 % 0.0 % to 7.0 %", "Half."):
        assert part in words
    assert "1 older finding" in words
    assert "Long ago." not in words
    assert "Long ago." in regulars("--days", "365", findings=[_finding(), old]).output
    assert [row["day"] for row in json.loads(regulars("shop", "--json", findings=[_finding()]).output)] == [
        "2026-01-30"
    ]


def test_the_command_line_without_anything_to_show(regulars) -> None:
    assert "Nothing was found" in regulars(findings=[]).output
    assert "older than the search" in regulars().output
    wrong = regulars("desk", findings=[])
    assert wrong.exit_code == 1
    assert "no source desk" in wrong.output
