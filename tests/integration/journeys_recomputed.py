"""Journeys, paths, cohorts and reasons of leaving worked out again, in polars and plain Python, from the facts."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from published_tables import opened, records, rows

ZONE = "Europe/Berlin"
CHURN_DAYS, REGULAR_MONTHS, PATH_CHANNELS = 180, 3, 5
# The cause comes first, where two things happen in one second.
KINDS = (
    "email_delivered", "consent", "web_session", "email_open", "email_click", "call", "ticket", "order",
    "regular_month", "return", "survey", "email_unsubscribe", "email_complaint",
)  # fmt: skip
RESPONSES = {"email_open", "email_click", "web_session", "call", "ticket", "survey"}

Cohort = tuple[Any, ...]


def _as_of(file: Path) -> tuple[datetime, date]:
    ((as_of, day),) = rows(file, "SELECT as_of, as_of_on FROM intermediate.int_as_of")
    return as_of, day


def _local_day(moment: datetime) -> date:
    return moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(ZONE)).date()


def _months(start: date, upto: date) -> list[date]:
    found = [start]
    while found[-1] < upto:
        found.append((found[-1] + timedelta(days=32)).replace(day=1))
    return found


def cohorts(file: Path) -> list[Cohort]:
    """Cohort month, month number, customers, active customers, orders, revenue, revenue so far: of every month."""
    _, today = _as_of(file)
    with opened(file) as con:
        orders = con.sql(
            "SELECT customer_id, ordered_at, order_kind, net_amount FROM marts.fct_orders "
            "WHERE customer_id IS NOT NULL AND order_kind IN ('sale', 'return')"
        ).pl()
    local = pl.col("ordered_at").dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE).dt.date()
    orders = orders.with_columns(day=local, is_sale=pl.col("order_kind") == "sale")
    orders = orders.filter(pl.col("day") <= today).with_columns(month=pl.col("day").dt.truncate("1mo"))
    born = orders.filter("is_sale").group_by("customer_id").agg(cohort=pl.col("month").min())
    cells = (
        orders.join(born, on="customer_id")
        .with_columns(month=pl.max_horizontal("month", "cohort"))
        .group_by("cohort", "month")
        .agg(
            active=pl.col("customer_id").filter("is_sale").n_unique(),
            orders=pl.col("is_sale").sum(),
            revenue=pl.col("net_amount").sum(),
        )
    )
    known = {(cohort, month): rest for cohort, month, *rest in cells.iter_rows()}
    sizes = dict(born.group_by("cohort").len().iter_rows())
    found = []
    for cohort, size in sorted(sizes.items()):
        so_far = 0
        for number, month in enumerate(_months(cohort, today.replace(day=1))):
            active, count, revenue = known.get((cohort, month), (0, 0, 0))
            so_far += revenue
            found.append((cohort, number, size, active, count, revenue, so_far))
    return found


def _touches(file: Path) -> dict[str, list[dict[str, Any]]]:
    """What happened to each customer up to as_of, in order."""
    as_of, _ = _as_of(file)
    found = records(
        file,
        "SELECT customer_id, occurred_at, kind, lower(coalesce(channel, 'unknown')) AS channel, direction, "
        "touchpoint_id FROM marts.fct_touchpoints",
    )
    touches: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for touch in found:
        if touch["occurred_at"] <= as_of:
            touches[touch["customer_id"]].append(touch)
    for own in touches.values():
        own.sort(key=lambda touch: (touch["occurred_at"], KINDS.index(touch["kind"]), touch["touchpoint_id"]))
    return dict(touches)


def _became_regular(orders: list[datetime], today: date) -> datetime | None:
    days = [(_local_day(moment), moment) for moment in sorted(orders) if _local_day(moment) <= today]
    months = sorted({(day.year * 12 + day.month) for day, _ in days})
    for month in months:
        if all(month - back in months for back in range(REGULAR_MONTHS)):
            return min(moment for day, moment in days if day.year * 12 + day.month == month)
    return None


def ways(file: Path) -> dict[tuple[str, str], tuple[int, float]]:
    """From step and to step, of everybody: customers, and the median of the days between."""
    as_of, today = _as_of(file)
    events: dict[str, list[tuple[datetime, str, str]]] = {
        customer: [(touch["occurred_at"], touch["kind"], touch["direction"]) for touch in own]
        for customer, own in _touches(file).items()
    }
    for customer, moment in rows(
        file, "SELECT customer_id, occurred_at FROM intermediate.int_consent_statements WHERE status = 'granted'"
    ):
        if moment is not None and moment <= as_of:
            events.setdefault(customer, []).append((moment, "consent", "in"))
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for own in events.values():
        own.sort(key=lambda event: (event[0], KINDS.index(event[1])))
        orders = [moment for moment, kind, _ in own if kind == "order"]
        answers = [moment for moment, kind, direction in own if kind in RESPONSES and direction == "in"]
        yes = [moment for moment, kind, _ in own if kind == "consent"]
        reached = [
            (moment, place, step)
            for place, (step, moment) in enumerate(
                {
                    "first_contact": own[0][0],
                    "consent": yes[0] if yes else None,
                    "response": answers[0] if answers else None,
                    "first_order": orders[0] if orders else None,
                    "second_order": orders[1] if len(orders) > 1 else None,
                    "regular": _became_regular(orders, today),
                }.items()
            )
            if moment is not None
        ]
        way: list[tuple[datetime, int, str]] = []
        for step_reached in sorted(reached):
            if not way or step_reached[1] > way[-1][1]:
                way.append(step_reached)
        for (here, _, step), (there, _, further) in pairwise(way):
            seconds[step, further].append((there - here).total_seconds())
        here, _, step = way[-1]
        sign = max([here, *(moment for moment, _, direction in own if direction == "in")])
        if _local_day(sign) + timedelta(days=CHURN_DAYS) <= today:
            seconds[step, "dropped_out"].append((sign - here).total_seconds())
        else:
            seconds[step, "still_open"].append((as_of - here).total_seconds())
    return {pair: (len(them), median(them) / 86400) for pair, them in seconds.items()}


def paths(file: Path) -> dict[str, tuple[int, int]]:
    """Path: customers, and those of them who bought."""
    customers: Counter[str] = Counter()
    bought: Counter[str] = Counter()
    for own in _touches(file).values():
        kinds = [touch["kind"] for touch in own]
        before = own[: kinds.index("order")] if "order" in kinds else own
        stays = [channel for channel, _ in groupby(touch["channel"] for touch in before)]
        shown = [*(["..."] if len(stays) > PATH_CHANNELS else []), *stays[-PATH_CHANNELS:]]
        path = " > ".join(shown) or "(none)"
        customers[path] += 1
        bought[path] += "order" in kinds
    return {path: (count, bought[path]) for path, count in customers.items()}


def leavers(file: Path) -> dict[str, tuple[int, int, int]]:
    """Reason of a call or ticket: customers whose time is up, of these who left, and customers whose time is not."""
    _, today = _as_of(file)
    days: dict[str, set[date]] = defaultdict(set)
    for customer, moment in rows(
        file, "SELECT customer_id, ordered_at FROM marts.fct_orders WHERE order_kind = 'sale' AND customer_id <> ''"
    ):
        if _local_day(moment) <= today:
            days[customer].add(_local_day(moment))
    first: dict[tuple[str, str], date] = {}
    for customer, reason, day in rows(
        file,
        "SELECT customer_id, reason_group, day FROM intermediate.int_service_contacts "
        "WHERE direction = 'in' AND customer_id IS NOT NULL",
    ):
        if days[customer] and day >= min(days[customer]):
            first[customer, reason] = min(day, first.get((customer, reason), day))
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for (customer, reason), day in first.items():
        until = day + timedelta(days=CHURN_DAYS)
        if until > today:
            found[reason][2] += 1
        else:
            found[reason][0] += 1
            found[reason][1] += not any(day < one <= until for one in days[customer])
    return {reason: (customers, left, still_open) for reason, (customers, left, still_open) in found.items()}
