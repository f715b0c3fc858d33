"""What an employee's customers need when the employee changes, read from the published copy."""

from __future__ import annotations

import csv
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.home import explain_os_error
from orchestration.published import Published, Row
from orchestration.sql import quote

_NETWORK, _HANDOVER = "partner_network", "account_handover"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


class HandoverError(RuntimeError):
    """The employee is not known, or the file cannot be written; the text says what to do."""


@dataclass(frozen=True)
class Handover:
    """One employee and his customers.

    Attributes:
        employee: His row of partner_network.
        customers: Rows of account_handover, by priority_rank.
    """

    employee: Row
    customers: list[Row]

    @property
    def orphaned(self) -> int:
        """How many have nobody who looks after them."""
        return sum(bool(row.get("is_orphaned")) for row in self.customers)


def employees(published: Published) -> list[Row]:
    """Every employee who has customers or is still there.

    Returns:
        Rows of partner_network with customers, orphaned, customers_open_tickets, with_reasons and revenue_12m beside
        them; most customers first.
    """
    _require(published)
    network, customers = quote("marts", _NETWORK), quote("marts", _HANDOVER)
    query = f"""
        SELECT n.*, count(h.customer_id) AS customers, count(*) FILTER (WHERE h.is_orphaned) AS orphaned,
            coalesce(sum(h.open_tickets), 0)::BIGINT AS customers_open_tickets,
            count(*) FILTER (WHERE h.priority_points > 0) AS with_reasons, sum(h.revenue_12m_amount) AS revenue_12m
        FROM {network} AS n LEFT JOIN {customers} AS h ON n.partner_id = h.employee_id
        WHERE n.kind = 'employee' GROUP BY ALL HAVING count(h.customer_id) > 0 OR n.is_active
        ORDER BY count(h.customer_id) DESC, n.partner_id
    """  # noqa: S608 - quoted names
    answer = published.con.execute(query)
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def find_employee(published: Published, asked: str) -> Row:
    """The employee with this number, e-mail address or name.

    Raises:
        HandoverError: there is none, or several.
    """
    _require(published)
    asked = asked.strip()
    for condition in (
        "partner_id = ?",
        "ends_with(partner_id, ':' || ?)",
        "lower(email) = lower(?)",
        "lower(partner_name) = lower(?)",
    ):
        found = published.rows(_NETWORK, f"kind = 'employee' AND {condition}", [asked], order="partner_id")
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(str(row["partner_id"]) for row in found)
            raise HandoverError(f"Several employees fit: {ids}. Name one of these numbers.")
    raise HandoverError(
        "No employee has this number, e-mail address or name. All of them: regulars handover. "
        "Records that were quarantined are not among them: regulars quarantine."
    )


def gather_handover(published: Published, asked: str) -> Handover:
    """One employee with his customers, the most urgent first.

    Raises:
        HandoverError: there is no such employee, or several.
    """
    employee = find_employee(published, asked)
    customers = published.rows(_HANDOVER, "employee_id = ?", [employee["partner_id"]], order="priority_rank")
    return Handover(employee, customers)


def as_plain(handover: Handover) -> dict[str, Any]:
    """Everything as JSON knows it; amounts are texts, so that no digit is lost."""
    return {"employee": _json_row(handover.employee), "customers": [_json_row(row) for row in handover.customers]}


def write_csv(handover: Handover, file: Path, *, force: bool = False) -> int:
    """Write the customers to a CSV file that only its owner may read; return how many they are.

    A text that a spreadsheet may take for a formula gets an apostrophe in front. The file appears as a whole or not at
    all.

    Raises:
        HandoverError: the file is there, or cannot be written.
    """
    if file.is_dir() or (file.exists() and not force):
        raise HandoverError(f"{file} is there already. Give another name, or --force to replace it.")
    names = list(handover.customers[0]) if handover.customers else ["customer_id"]
    try:
        # Made for the owner alone from the first byte on.
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.part-")
        made = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerow(names)
                writer.writerows([_cell(row[name]) for name in names] for row in handover.customers)
                out.flush()
                os.fsync(out.fileno())
            made.replace(file)
        except BaseException:
            made.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise HandoverError(f"{file} cannot be written: {explain_os_error(error)}. Choose another.") from error
    return len(handover.customers)


def _require(published: Published) -> None:
    for table, columns in ((_NETWORK, ("partner_id", "kind", "email")), (_HANDOVER, ("employee_id", "priority_rank"))):
        if not published.has(table, *columns):
            raise HandoverError(f"The published copy has no table {table}. Run: regulars run")


def _json_row(row: Row) -> Row:
    return {name: _json_value(value) for name, value in row.items()}


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return _json_value(value)
