"""Who looks after how many customers, and what the customers of one employee need when he goes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.handover import Handover
from orchestration.published import Row
from orchestration.views.words import MISSING, counted, facts_grid, moment, money, plain, share, table, whole

_COLUMNS = ("#", "customer", "id", "why", "last contact", "about", "revenue, 12 months", "next")


def employees_view(rows: Sequence[Row]) -> RenderableType:
    """One row per employee."""
    if not rows:
        return Text(
            "No employees are known. Map the entities partners and partner_links: docs/sources/partners.md says how."
        )
    numbers = ("customers", "alone", "with a reason", "open tickets", "revenue, 12 months")
    made = table("employee", "number", *numbers, "last contact", "leaves", right=numbers)
    for row in rows:
        made.add_row(
            Text(row["partner_name"] or MISSING),
            Text(str(row["partner_id"])),
            whole(row["customers"]),
            Text(whole(row["orphaned"]), style="red" if row["orphaned"] else ""),
            whole(row["with_reasons"]),
            whole(row["customers_open_tickets"]),
            money(row["revenue_12m"], row.get("currency")),
            moment(row.get("last_contact_at")),
            _leaves(row),
        )
    return Group(made, Text(), Text("alone: nobody looks after the customer any more", style="dim"))


def handover_view(handover: Handover, limit: int) -> RenderableType:
    """One employee's customers, the most urgent first."""
    employee, customers = handover.employee, handover.customers
    facts = [
        ("number", str(employee["partner_id"])),
        ("leaves", _leaves(employee)),
        ("superior", _owner(employee)),
        ("customers", whole(len(customers))),
        ("nobody looks after", whole(handover.orphaned)),
        ("claimed by others too", whole(sum(bool(row.get("is_contested")) for row in customers))),
        ("last contact", moment(employee.get("last_contact_at"))),
    ]
    parts: list[RenderableType] = [
        Text(f"Hand-over of {employee['partner_name'] or employee['partner_id']}", style="bold"),
        facts_grid(facts) or Text(),
        Text(),
    ]
    if not customers:
        parts.append(Text("No customer hangs on this employee."))
        return Group(*parts)
    made = table(*_COLUMNS, right=("#", "revenue, 12 months"))
    for row in customers[:limit]:
        made.add_row(
            whole(row["priority_rank"]),
            Text(row["display_name"] or MISSING),
            Text(row["customer_id"]),
            Text(row["priority_reason"] or MISSING),
            _last_contact(row),
            Text(row["last_contact_reason"] or MISSING),
            money(row["revenue_12m_amount"], row.get("currency")),
            Text(_next(row)),
        )
    parts.append(made)
    if len(customers) > limit:
        more = counted(len(customers) - limit, "more customer")
        parts.append(Text(f"{more}: --limit {len(customers)}, or all columns of all with --to FILE.csv", style="dim"))
    return Group(*parts)


def _leaves(row: Row) -> str:
    if row.get("ended_at") is None:
        return MISSING
    return f"{moment(row['ended_at'])}{'' if row.get('is_active') else ' (has left)'}"


def _owner(row: Row) -> str:
    status = row.get("owner_status")
    if status in (None, "none"):
        return MISSING
    words = {
        "unknown": "nobody has this number or address",
        "not_employee": "is no employee",
        "loop": "superiors lead round in a circle",
        "ended": "has left",
    }
    said = words.get(str(status))
    return plain(row.get("owner")) + (f" ({said})" if said else "")


def _last_contact(row: Row) -> str:
    if row.get("last_contact_at") is None:
        return MISSING
    return f"{moment(row['last_contact_at'])[:10]} {row.get('last_contact_channel') or ''}".strip()


def _next(row: Row) -> str:
    """What can be done next, in a few words."""
    said = []
    if row.get("successor_name"):
        said.append(f"goes to {row['successor_name']} on {moment(row['successor_from'])[:10]}")
    if row.get("next_due_on") is not None:
        said.append(f"{row.get('next_due_product') or 'a product'} due {moment(row['next_due_on'])}")
    elif row.get("next_offer"):
        said.append(f"offer {row['next_offer']}")
    if row.get("churn_risk") is not None:
        said.append(f"risk to leave {share(row['churn_risk'], 0)}")
    return "; ".join(said) or MISSING
