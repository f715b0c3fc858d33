"""The partner list: suppliers, partners, investors and employees, what hangs on them, and contacts with them.

Three files of one small system that the office keeps by hand: partners.csv, links.csv and one file of contacts a month.
One account manager has left, and only half of his customers were given to somebody else; another one leaves soon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.desk import Desk
from sources.sample.goods import product_table
from sources.sample.people import person_ids
from sources.sample.records import email_at, written_email
from sources.sample.rhythm import DAY
from sources.sample.shopify import customer_ids
from sources.sample.world import World
from sources.sample.zendesk import FIRST_AGENT

SOURCE = "office"
#: Employees: number, name, number as an agent of the desk (-1: none), whether he looks after customers, days before the
#: last day on which he left (below 0: will leave; none: stays), his superior.
EMPLOYEES: Final[tuple[tuple[str, str, int, bool, int | None, str], ...]] = (
    ("E-01", "Renate Vogt", -1, False, None, ""),
    ("E-02", "Paul Anders", -1, True, None, "E-01"),
    ("E-03", "Selin Aydin", -1, True, None, "E-01"),
    ("E-04", "Jonas Beck", -1, True, 75, "E-01"),
    ("E-05", "Maren Lux", -1, True, -20, "E-01"),
    ("E-11", "Tom Riedel", 0, False, None, "E-01"),
    ("E-12", "Ida Kern", 1, False, None, "E-01"),
    ("E-13", "Leo Mahler", 2, False, None, "E-01"),
    ("E-14", "Ayse Demir", 3, False, None, "E-01"),
    ("E-15", "Nils Hagen", 4, False, None, "E-01"),
    ("E-16", "Clara Wolf", 5, False, None, "E-01"),
)
#: Others: number, name, kind, who looks after it, the categories that it supplies. The last two have owners who cannot
#: be: a name that nobody has, and a supplier.
OTHERS: Final[tuple[tuple[str, str, str, str, tuple[str, ...]], ...]] = (
    ("S-01", "Havelmühle", "supplier", "E-02", ("bread", "rolls")),
    ("S-02", "Molkerei Spreetal", "supplier", "E-02", ("pastry",)),
    ("S-03", "Konditorei Süßmann", "supplier", "E-03", ("cake",)),
    ("S-04", "Frischküche Nord", "supplier", "E-03", ("snack",)),
    ("S-05", "Rösterei Kiez", "supplier", "E-04", ("drink",)),
    ("S-06", "Packwerk", "supplier", "E-02", ("box",)),
    ("S-07", "Obsthof Werder", "supplier", "E-05", ()),
    ("P-01", "Stadtführungen Berlin", "partner", "E-03", ()),
    ("P-02", "Coworking am Kanal", "partner", "E-03", ()),
    ("P-03", "Hotelvermittlung Ost", "partner", "nobody@bakehouse.example", ()),
    ("I-01", "Familie Vogt Beteiligungen", "investor", "E-01", ()),
    ("I-02", "Bürgerfonds Brot", "investor", "S-01", ()),
)
#: The drinks came from another house before; its contract was never ended, so that two suppliers hold them.
SECOND_SUPPLIER: Final = ("S-06", "drink")
#: Small suppliers that nothing hangs on, as an office's list is full of.
SMALL_ONES: Final = 48
#: Shares of account holders with an owner, people and businesses; and of those who were brought by a partner.
IS_OWNED: Final = (0.05, 0.90)
IS_REFERRED: Final = 0.04
#: Share of customers with an owner whom a second one claims as well.
IS_CONTESTED: Final = 0.03
CHANNELS: Final = ("phone", "email", "visit")
REASONS: Final = ("prices", "delivery times", "complaint", "new products", "contract", "quality")
HEADERS: Final = {
    "partners": "number,name,kind,email,phone,country,owner,agent,since,until",
    "links": "id,partner,role,customer,email,variant,from,until",
    "contacts": "id,partner,at,channel,direction,by,about,next",
}
PARTNER_FAULTS = (
    dirt.Fault("no_id", "partners_partner_id_present", "partners", "number", "number", dirt.MISSING, 2),
    dirt.Fault("kind_unknown", "partners_kind_known", "partners", "kind", "kind", dirt.instead("friend", "bank"), 2),
    dirt.Fault(
        "end_before_start", "partners_ended_at_not_before_start", "partners", "until", "until", pl.lit("2011-01-01"), 2,
    ),
    dirt.Fault("owns_itself", "partners_owner_is_another", "partners", "owner", "owner", pl.col("number"), 1, "field"),
    dirt.Fault(
        "email_unusable", "partners_email_format", "partners", "email", "email", dirt.broken_email("email"), 1, "field",
    ),
)  # fmt: skip
LINK_FAULTS = (
    dirt.Fault(
        "unknown_partner", "partner_links_partner_received", "partner_links", "partner", "partner", pl.lit("E-99"), 2,
    ),
    dirt.Fault("role_unknown", "partner_links_role_known", "partner_links", "role", "role", pl.lit("friend"), 2),
    dirt.Fault(
        "unknown_customer", "partner_links_account_received", "partner_links", "customer", "customer",
        pl.lit("999999999"), 2, among=pl.col("customer").is_not_null(),
    ),
    dirt.Fault(
        "owner_no_employee", "partner_links_owner_is_employee", "partner_links", "partner", "partner",
        pl.lit("S-07"), 1,
        among=pl.col("role") == "account_owner",
    ),
    dirt.Fault(
        "start_unreadable", "partner_links_valid_from_readable", "partner_links", "from", "from", pl.lit("always"), 1,
    ),
    dirt.Fault(
        "end_before_start", "partner_links_valid_to_not_before_start", "partner_links", "until", "until",
        pl.lit("2011-01-01"), 1, among=pl.col("from").is_not_null(),
    ),
)  # fmt: skip
CONTACT_FAULTS = (
    dirt.Fault("no_id", "partner_contacts_contact_id_present", "partner_contacts", "id", "id", dirt.MISSING, 2),
    dirt.Fault(
        "unknown_partner", "partner_contacts_partner_received", "partner_contacts", "partner", "partner",
        pl.lit("S-99"), 1,
    ),
    dirt.Fault(
        "time_unreadable", "partner_contacts_contacted_at_readable", "partner_contacts", "at", "at",
        dirt.instead("yesterday", "2025-02-30T09:00:00+01:00"), 2, also=(("next", dirt.MISSING),),
    ),
    dirt.Fault(
        "time_in_future", "partner_contacts_contacted_at_not_future", "partner_contacts", "at", "at",
        pl.lit("2096-03-01T10:00:00+01:00"), 2, also=(("next", dirt.MISSING),),
    ),
    dirt.Fault(
        "step_before_contact", "partner_contacts_next_step_not_before_contact", "partner_contacts", "next", "next",
        pl.lit("2019-01-01"), 1, "field",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Owners:
    """Who looks after whom. One row per person with an owner.

    Attributes:
        frame: person, account (row of the shop's accounts), employee, since (local seconds), contender (a second
            employee, or null), contends_since, follower (null: nobody), follows (local seconds; NEVER).
    """

    frame: pl.DataFrame


def draw_owners(rng: np.random.Generator, world: World) -> Owners:
    """Give customers with an account somebody who looks after them."""
    accounts = world.accounts.frame.with_row_index("account").filter(pl.col("slot") == 0)
    person, last = accounts["person"].to_numpy(), world.rhythm.last_second
    is_business = world.people.column("is_business")[person]
    owned = rng.random(len(person)) < np.where(is_business, IS_OWNED[1], IS_OWNED[0])
    # Also the smallest company has one.
    owned[:1] = True
    row = np.flatnonzero(owned)
    managers = [one[0] for one in EMPLOYEES if one[3]]
    leaves = {one[0]: last - one[4] * DAY for one in EMPLOYEES if one[4] is not None}
    place = rng.integers(0, len(managers), len(row))
    opened = np.maximum(accounts["created_at"].to_numpy()[row], world.rhythm.first_second)
    latest = np.array([min(leaves.get(name, last), last - 120 * DAY) for name in managers])[place]
    start = np.minimum(opened + (rng.random(len(row)) * 60 * DAY).astype(np.int64), latest)
    contested = rng.random(len(row)) < IS_CONTESTED
    second = (place + 1) % len(managers)
    # Nobody claims a customer for somebody who has left or is about to.
    contested &= ~np.isin(second, [managers.index(name) for name in leaves])
    leaving = np.isin(place, [managers.index(name) for name in leaves])
    followed = leaving & (rng.random(len(row)) < 0.5)
    left = np.array([leaves.get(name, clock.NEVER) for name in managers])[place]
    nothing = pl.Series([None] * len(row), dtype=pl.String)
    frame = pl.DataFrame(
        {
            "person": person[row],
            "account": accounts["account"].to_numpy()[row],
            "employee": pl.Series(managers).gather(place),
            "since": start // DAY * DAY,
            "contender": pl.Series(managers).gather(second).zip_with(pl.Series(contested), nothing),
            "contends_since": (start + 40 * DAY) // DAY * DAY,
            "follower": pl.Series(managers).gather(second * 0).zip_with(pl.Series(followed), nothing),
            "follows": np.where(followed, left // DAY * DAY, clock.NEVER),
        }
    )
    return Owners(frame)


def write_partners(desk: Desk, world: World, owners: Owners) -> None:
    """Write the three files."""
    rng = desk.rng(121)
    partners = _partners(world)
    small = _small_ones(world)
    small, errors = dirt.spoil(rng, small, PARTNER_FAULTS, desk.invalid_share, "id_was")
    every = pl.concat([partners.with_columns(_fault=pl.lit(-1, dtype=pl.Int8)), small], how="diagonal_relaxed")
    if errors.height:
        errors = errors.with_columns(pl.col("_row") + partners.height)
    _place(desk, rng, "partners", "partners/partners.csv", every, errors, dirt.Carried(), later=False)

    links = _links(rng, world, owners)
    links, errors = dirt.spoil(rng, links, LINK_FAULTS, desk.invalid_share, "id_was")
    _place(desk, rng, "links", "partners/links.csv", links, errors, dirt.Carried(), later=False)

    contacts = _contacts(rng, world)
    carried = dirt.Carried()
    names, starts = clock.months(world.rhythm)
    month = np.searchsorted(starts, contacts["_at"].to_numpy(), side="right") - 1
    for place, name in enumerate(names):
        part = contacts.filter(pl.Series(month == place))
        part, errors = dirt.spoil(rng, part, CONTACT_FAULTS, desk.invalid_share, "id_was")
        file = f"partners/contacts-{name}.csv"
        _place(desk, rng, "contacts", file, part, errors, carried, later=place < len(names) - 1)


def _place(
    desk: Desk,
    rng: np.random.Generator,
    dataset: str,
    file: str,
    frame: pl.DataFrame,
    errors: pl.DataFrame,
    carried: dirt.Carried,
    *,
    later: bool,
) -> None:
    """Put the rows of one file into order, some of them twice, and write them."""
    header = HEADERS[dataset]
    columns = [pl.col(name).fill_null("") for name in header.split(",")]
    slim = frame.with_columns(_text=pl.concat_str(columns, separator=",")).select("id_was", "_text", "_fault")
    placed = dirt.place(rng, slim, carried, file, later=later)
    entity = dataset if dataset == "partners" else f"partner_{dataset}"
    dirt.note_all(desk, SOURCE, dataset, file, placed, [errors], entity, "id_was")
    desk.write(file, placed["_text"], header=header)


def _partners(world: World) -> pl.DataFrame:
    """The columns of the partners that something hangs on."""
    start, end = world.rhythm.start, world.rhythm.end
    rows = []
    for place, (number, name, agent, _, left, owner) in enumerate(EMPLOYEES):
        address = name.lower().replace(" ", ".") + "@bakehouse.example"
        until = None if left is None else (end - timedelta(days=left)).isoformat()
        since = (start - timedelta(days=400 + 90 * place)).isoformat()
        agent_id = str(FIRST_AGENT + agent) if agent >= 0 else None
        rows.append((number, name, "employee", address, owner or None, agent_id, since, until))
    for place, (number, name, kind, owner, _) in enumerate(OTHERS):
        since = (start - timedelta(days=100 + 60 * place)).isoformat()
        rows.append((number, name, kind, f"office@{number.lower()}.example", owner, None, since, None))
    return _frame(rows)


def _small_ones(world: World) -> pl.DataFrame:
    since = (world.rhythm.start - timedelta(days=50)).isoformat()
    return _frame(
        [
            (
                f"S-{place}",
                f"Kleinlieferant {place}",
                "supplier",
                f"office@s-{place}.example",
                "E-02",
                None,
                since,
                None,
            )
            for place in range(100, 100 + SMALL_ONES)
        ]
    )


def _frame(rows: Sequence[tuple[str | None, ...]]) -> pl.DataFrame:
    names = ["number", "name", "kind", "email", "owner", "agent", "since", "until"]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").with_columns(
        id_was=pl.col("number"),
        # Numbers that are kept free for films and examples.
        phone=pl.lit("030 231256") + pl.int_range(pl.len()).cast(pl.String).str.zfill(2),
        country=pl.lit("DE"),
    )


def _links(rng: np.random.Generator, world: World, owners: Owners) -> pl.DataFrame:
    """The columns of the links: products of suppliers, customers of employees and of partners."""
    goods = product_table().filter(pl.col("category") != "deposit")
    supplied = [(number, category) for number, _, _, _, kinds in OTHERS for category in kinds]
    products = [
        (number, "supplier", variant, world.rhythm.start.isoformat())
        for number, category in supplied
        for variant in goods.filter(pl.col("category") == category)["variant_id"]
    ]
    before = (world.rhythm.start - timedelta(days=90)).isoformat()
    products += [
        (SECOND_SUPPLIER[0], "supplier", variant, before)
        for variant in goods.filter(pl.col("category") == SECOND_SUPPLIER[1])["variant_id"]
    ]
    of_products = pl.DataFrame(
        products, schema=dict.fromkeys(["partner", "role", "variant", "from"], pl.String), orient="row"
    )
    frame = owners.frame
    day = clock.local_text
    first = frame.select(
        "person",
        "account",
        partner="employee",
        role=pl.lit("account_owner"),
        **{"from": day(pl.col("since"), "%Y-%m-%d")},
    )
    more = [
        frame.filter(pl.col(who).is_not_null()).select(
            "person", "account", partner=who, role=pl.lit("account_owner"), **{"from": day(pl.col(when), "%Y-%m-%d")}
        )
        for who, when in (("contender", "contends_since"), ("follower", "follows"))
    ]
    accounts = world.accounts.frame.with_row_index("account").filter(pl.col("slot") == 0)
    brought = np.flatnonzero(rng.random(accounts.height) < IS_REFERRED)
    partners = [number for number, _, kind, _, _ in OTHERS if kind == "partner"]
    referred = accounts[brought].select(
        "person",
        "account",
        partner=pl.Series(partners).gather(rng.integers(0, len(partners), len(brought))),
        role=pl.lit("referrer"),
        **{"from": day(pl.col("created_at"), "%Y-%m-%d")},
    )
    of_customers = pl.concat([first, *more, referred], how="vertical_relaxed")
    person = of_customers["person"].to_numpy()
    at = np.full(len(person), world.rhythm.last_second)
    # One in five is known to the office by his address only.
    by_mail = pl.Series(rng.random(len(person)) < 0.2)
    email = written_email(rng, email_at(world.people, person, at), 0.05)
    of_customers = of_customers.with_columns(
        customer=pl.DataFrame({"c": customer_ids(of_customers["account"].to_numpy()), "m": by_mail})
        .select(pl.when(~pl.col("m")).then("c"))
        .to_series(),
        email=pl.DataFrame({"e": email, "m": by_mail}).select(pl.when("m").then("e")).to_series(),
    )
    every = pl.concat([of_products, of_customers.drop("person", "account")], how="diagonal_relaxed")
    ids = pl.concat_str(pl.lit("L-"), (10_000 + pl.int_range(pl.len())).cast(pl.String))
    return every.with_columns(id=ids, id_was=ids, until=pl.lit(None, dtype=pl.String))


def _contacts(rng: np.random.Generator, world: World) -> pl.DataFrame:
    """The columns of the contacts: with each partner every few weeks."""
    numbers = [(number, owner) for number, _, _, owner, _ in OTHERS]
    partner, by, at = [], [], []
    for place, (number, owner) in enumerate(numbers):
        # From every three weeks to twice a year.
        days = np.cumsum(rng.gamma(2.0, 10.0 + 8.0 * place, 200))
        days = days[days < world.rhythm.days]
        partner += [number] * len(days)
        by += [owner if owner.startswith("E-") else "E-01"] * len(days)
        at.append(days)
    moment = world.rhythm.first_second + (np.floor(np.concatenate(at)) * DAY).astype(np.int64)
    moment = moment + rng.integers(9 * 3600, 17 * 3600, len(moment))
    count = len(moment)
    promised = rng.random(count) < 0.4
    follows = moment + (rng.integers(7, 45, count) * DAY)
    frame = pl.DataFrame(
        {
            "_at": moment,
            "partner": partner,
            "by": by,
            "channel": pl.Series(CHANNELS).gather(rng.integers(0, len(CHANNELS), count)),
            "direction": pl.Series(["in", "out"]).gather(rng.integers(0, 2, count)),
            "about": pl.Series(REASONS).gather(rng.integers(0, len(REASONS), count)),
            "_next": np.where(promised, follows, -1),
        }
    ).sort("_at", "partner", maintain_order=True)
    ids = pl.concat_str(pl.lit("C-"), (1_000 + pl.int_range(pl.len())).cast(pl.String))
    return frame.with_columns(
        id=ids,
        id_was=ids,
        at=clock.offset_text(pl.col("_at")),
        next=pl.when(pl.col("_next") >= 0).then(clock.local_text(pl.col("_next"), "%Y-%m-%d")),
    )


def owner_truth(world: World, owners: Owners) -> pl.DataFrame:
    """One row per person with an owner: who looks after him on the last day, and who will."""
    last = world.rhythm.last_second
    gone = [one[0] for one in EMPLOYEES if one[4] is not None and one[4] >= 0]
    followed = pl.col("follower").is_not_null() & (pl.col("follows") <= last)
    employee = (
        pl.when(followed)
        .then("follower")
        .when(pl.col("contender").is_not_null())
        .then("contender")
        .otherwise("employee")
    )
    return owners.frame.select(
        person_id=person_ids(owners.frame["person"]),
        account_id=customer_ids(owners.frame["account"].to_numpy()),
        employee=employee,
        is_orphaned=pl.col("employee").is_in(gone) & ~followed & pl.col("contender").is_null(),
        is_contested=pl.col("contender").is_not_null(),
        successor=pl.when(~followed).then("follower"),
    )
