"""`regulars handover`: who there is, what an employee's customers need, and the file of it."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.home import Home

NETWORK = """
CREATE TABLE marts.partner_network AS SELECT *, 'EUR' AS currency, TIMESTAMP '2026-01-30 09:00' AS last_contact_at
FROM (VALUES
    ('office:E-1', 'Ada Kern', 'employee', 'ada@bakery.example', true, NULL, 'none', NULL),
    ('office:E-2', 'Ben Lux', 'employee', 'ben@bakery.example', false, TIMESTAMP '2026-01-15', 'known', 'Ada Kern'),
    ('office:E-3', 'Ada Kern', 'employee', NULL, true, NULL, 'unknown', 'nobody'),
    ('office:S-1', 'Mill', 'supplier', 'office@mill.example', true, NULL, 'known', 'Ada Kern')
) AS rows (partner_id, partner_name, kind, email, is_active, ended_at, owner_status, owner);
CREATE TABLE marts.account_handover AS SELECT *, 'EUR' AS currency, false AS is_contested,
    TIMESTAMP '2026-01-20 09:00' AS last_contact_at, 'phone' AS last_contact_channel, 'billing' AS last_contact_reason,
    NULL::TIMESTAMP AS successor_from, NULL::VARCHAR AS successor_name,
    DATE '2026-02-03' AS next_due_on, 'Rye' AS next_due_product, NULL AS next_offer,
    0.684::DOUBLE AS churn_risk
FROM (VALUES
    ('office:E-2', 'c-2', 'Bo Lind', 2, 0, NULL, true, 0, 20::DECIMAL(18, 4)),
    ('office:E-2', 'c-1', '=Anna Berg', 1, 70, 'tickets open: 1; key customer', true, 1, 1210.5::DECIMAL(18, 4))
) AS rows (employee_id, customer_id, display_name, priority_rank, priority_points, priority_reason, is_orphaned,
    open_tickets, revenue_12m_amount);
"""


@pytest.fixture
def call(published_home: Home):
    with duckdb.connect(str(published_home.published_file)) as con:
        con.execute(NETWORK)

    def handover(*arguments: str):
        return CliRunner().invoke(app, ["handover", *arguments, "--home", str(published_home.path)])

    return handover


def test_who_there_is(call):
    shown = call().stdout
    lines = [line for line in shown.splitlines() if "office:" in line]
    assert [line.split()[:2] for line in lines] == [["Ben", "Lux"], ["Ada", "Kern"], ["Ada", "Kern"]]
    # Two customers, nobody looks after them, one has a reason, one ticket is open.
    assert lines[0].split()[3:7] == ["2", "2", "1", "1"]
    assert "1,230.50 EUR" in lines[0]
    assert "2026-01-15 00:00 (has left)" in lines[0]
    assert "Mill" not in shown


@pytest.mark.parametrize("asked", ["office:E-2", "E-2", "BEN@bakery.example", "ben lux"])
def test_an_employee_by_number_address_or_name(call, asked: str):
    answer = call(asked)
    assert answer.exit_code == 0
    lines = [line for line in answer.stdout.splitlines() if " c-" in line]
    assert ["c-1" in lines[0], "c-2" in lines[1], len(lines)] == [True, True, 2]
    assert "tickets open: 1; key customer" in lines[0]
    assert "2026-01-20 phone" in lines[0]
    assert "Rye due 2026-02-03; risk to leave 68 %" in lines[0]
    assert "superior" in answer.stdout
    assert "Ada Kern" in answer.stdout


def test_a_limit_says_what_it_left_out(call):
    answer = call("E-2", "--limit", "1")
    assert " c-2" not in answer.stdout
    assert "1 more customer: --limit 2" in answer.stdout


def test_an_employee_without_customers(call):
    answer = call("E-1")
    assert (answer.exit_code, "No customer hangs on this employee." in answer.stdout) == (0, True)
    assert "nobody (nobody has this number or address)" in call("E-3").stdout


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("E-9", "No employee has this number, e-mail address or name."),
        ("S-1", "No employee has this number, e-mail address or name."),
        ("ada kern", "Several employees fit: office:E-1, office:E-3."),
    ],
)
def test_who_is_not_meant_for_certain(call, asked: str, words: str):
    answer = call(asked)
    assert answer.exit_code == 1
    assert words in " ".join(answer.output.split())


def test_as_json(call):
    found = json.loads(call("E-2", "--json").stdout)
    assert found["employee"]["ended_at"] == "2026-01-15T00:00:00+00:00"
    assert [one["customer_id"] for one in found["customers"]] == ["c-1", "c-2"]
    assert found["customers"][0]["revenue_12m_amount"] == "1210.5000"
    assert found["customers"][1]["priority_reason"] is None


def test_a_file_is_for_its_owner_only_and_no_formula(call, tmp_path: Path):
    file = tmp_path / "out.csv"
    answer = call("E-2", "--to", str(file))
    assert answer.exit_code == 0, answer.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["customer_id"], row["display_name"]) for row in rows] == [("c-1", "'=Anna Berg"), ("c-2", "Bo Lind")]
    assert (rows[0]["next_due_on"], rows[1]["priority_reason"]) == ("2026-02-03", "")
    again = call("E-2", "--to", str(file))
    assert (again.exit_code, "is there already" in " ".join(again.output.split())) == (1, True)
    assert call("E-2", "--to", str(file), "--force").exit_code == 0
    nowhere = call("E-2", "--to", str(tmp_path / "no" / "out.csv"))
    assert (nowhere.exit_code, "cannot be written" in " ".join(nowhere.output.split())) == (1, True)
    assert [one.name for one in tmp_path.iterdir() if "part" in one.name] == []
    # What is shown of the file names nobody.
    assert "Anna" not in answer.output


def test_json_and_files_need_an_employee(call):
    answer = call("--json")
    assert (answer.exit_code, "Name the employee" in answer.output) == (1, True)


def test_an_older_copy_without_these_tables(published_home: Home):
    answer = CliRunner().invoke(app, ["handover", "--home", str(published_home.path)])
    assert answer.exit_code == 1
    assert "has no table partner_network. Run: regulars run" in " ".join(answer.output.split())


def test_help_has_examples():
    shown = CliRunner().invoke(app, ["handover", "--help"]).stdout
    assert "regulars handover office:E-04" in shown
