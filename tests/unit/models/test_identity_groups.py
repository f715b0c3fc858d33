"""Households and companies: who belongs together, who does not, and ids that stay. All expected values by hand."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.identity.groups import GROUPS_SCHEMA, MEMBER_COLUMNS, GroupLists, GroupSettings, find_groups

SEEDS = Path(__file__).resolve().parents[3] / "dbt_project" / "seeds"
LISTS = GroupLists(
    free_mailbox_domains=pl.DataFrame({"domain": ["gmail.com", "GMX.de"]}),
    throwaway_domains=pl.DataFrame({"domain": ["mailinator.com"]}),
    legal_forms=pl.DataFrame(
        {
            "words": ["GmbH", "GmbH & Co. KG", "Ltd", "Inc", "Sp. z o.o.", "SARL", "und", "n/a", "株式会社"],
            "place": ["end", "end", "end", "end", "end", "both", "inside", "whole", "both"],
        }
    ),
)
ROAD = {"street": "lindenweg", "house_number": "4", "postal_code": "10115", "country_code": "DE"}
MARKET = {"street": "markt", "house_number": "1", "postal_code": "04109", "country_code": "DE"}
LANDLINE = "+4930123456"

Member = Mapping[str, object]


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 1, number, tzinfo=dt.UTC)


def utc(number: int) -> dt.datetime:
    """The same as the output holds it: UTC, without zone."""
    return day(number).replace(tzinfo=None)


def member(customer: str, last_name: str | None = None, **values: object) -> dict[str, object]:
    """A row of a customer; the sound of a name is the name in small letters, `ai` and `ei` sound the same."""
    key = last_name.lower().replace("ai", "ei") if last_name else None
    return {"customer_id": customer, "last_name": last_name, "last_key": key, **values}


def frame(rows: Iterable[Member]) -> pl.DataFrame:
    schema = dict.fromkeys(MEMBER_COLUMNS, pl.String) | {"stated_at": pl.Datetime("us")}
    return pl.DataFrame([dict(row) for row in rows], schema=schema)


def find(
    rows: Iterable[Member],
    previous: pl.DataFrame | None = None,
    *,
    on: int = 1,
    lists: GroupLists = LISTS,
    **limits: int,
) -> pl.DataFrame:
    return find_groups(frame(rows), previous, GroupSettings(**limits), lists, found_at=day(on))


def parts(found: pl.DataFrame, kind: str) -> list[list[str]]:
    """The customers of each group of a kind."""
    groups = found.filter(kind=kind).group_by("group_id").agg(pl.col("customer_id").sort())
    return sorted(groups["customer_id"].to_list())


def ids(found: pl.DataFrame) -> dict[str, str]:
    return dict(found.select("customer_id", "group_id").iter_rows())


def reasons(found: pl.DataFrame) -> dict[str, str]:
    return dict(found.select("customer_id", "reason").iter_rows())


def new_id(kind: str, customer: str) -> str:
    """The documented id of a new group whose smallest customer this is."""
    return {"household": "h_", "company": "b_"}[kind] + hashlib.blake2b(
        f"{kind}\x1f{customer}".encode(), digest_size=8
    ).hexdigest()


# Households


def test_a_family_at_one_address_is_a_household() -> None:
    found = find([member("c2", "Meier", **ROAD), member("c1", "Maier", **ROAD), member("c3", "Meier", **ROAD)])
    assert found.rows() == [
        ("household", new_id("household", "c1"), "Meier", customer, "same address and last name", utc(1))
        for customer in ("c1", "c2", "c3")
    ]


def test_a_flat_share_is_no_household() -> None:
    assert find([member("c1", "Meier", **ROAD), member("c2", "Kurz", **ROAD), member("c3", None, **ROAD)]).is_empty()


def test_a_couple_of_two_names_is_a_household_by_its_telephone() -> None:
    found = find(
        [
            member("c1", "Meier", **ROAD, phone=LANDLINE),
            member("c2", "Kurz", **ROAD, phone=LANDLINE),
            member("c3", "Kurz", **ROAD),
            member("c4", "Lang", **ROAD),
        ]
    )
    assert parts(found, "household") == [["c1", "c2", "c3"]]
    assert set(found["group_name"]) == {"Kurz / Meier"}
    assert reasons(found) == {
        "c1": "same address and phone number",
        "c2": "same address, last name and phone number",
        "c3": "same address and last name",
    }


def test_address_and_telephone_may_stand_in_different_records() -> None:
    rows = [
        member("c1", "Meier", **ROAD),
        member("c1", None, phone=LANDLINE),
        member("c2", "Kurz", phone=LANDLINE),
        member("c2", "Kurz", **ROAD),
    ]
    assert parts(find(rows), "household") == [["c1", "c2"]]


@pytest.mark.parametrize("missing", list(ROAD))
def test_an_address_that_is_not_whole_joins_nobody(missing: str) -> None:
    rows = [member("c1", "Meier", **{**ROAD, missing: None}), member("c2", "Meier", **{**ROAD, missing: " "})]
    assert find(rows).is_empty()


@pytest.mark.parametrize("other", list(ROAD))
def test_an_address_that_differs_in_one_part_is_another(other: str) -> None:
    assert find([member("c1", "Meier", **ROAD), member("c2", "Meier", **{**ROAD, other: "AT"})]).is_empty()


def test_in_a_tower_block_only_the_name_makes_a_household() -> None:
    strangers = [member(f"c{number}", f"Name{number}", **ROAD) for number in range(10, 20)]
    couple = [member("c1", "Meier", **ROAD, phone=LANDLINE), member("c2", "Kurz", **ROAD, phone=LANDLINE)]
    family = [member("c3", "Lang", **ROAD), member("c4", "Lang", **ROAD)]
    assert parts(find([*strangers, *couple, *family]), "household") == [["c3", "c4"]]
    assert parts(find([*strangers[:8], *couple, *family]), "household") == [["c1", "c2"], ["c3", "c4"]]


def test_residents_of_earlier_times_make_a_building_large() -> None:
    moved = [
        row
        for number in range(20, 33)
        for row in (
            member(f"c{number}", f"Name{number}", **ROAD, stated_at=utc(1)),
            member(f"c{number}", f"Name{number}", **{**MARKET, "house_number": str(number)}, stated_at=utc(2)),
        )
    ]
    couple = [member("c1", "Meier", **ROAD, phone=LANDLINE), member("c2", "Kurz", **ROAD, phone=LANDLINE)]
    assert find([*moved, *couple]).is_empty()


def test_values_over_a_limit_join_nobody() -> None:
    family = [member(f"c{number}", "Meier", **ROAD) for number in range(4)]
    assert parts(find(family, max_customers_per_name=4), "household") == [["c0", "c1", "c2", "c3"]]
    assert find(family, max_customers_per_name=3).is_empty()
    assert parts(find(family, max_customers_per_address=4), "household") == [["c0", "c1", "c2", "c3"]]
    assert find(family, max_customers_per_address=3).is_empty()
    callers = [member(f"c{number}", None, phone=LANDLINE) for number in range(3)]
    assert parts(find(callers, max_customers_per_phone=3), "household") == [["c0", "c1", "c2"]]
    assert find(callers, max_customers_per_phone=2).is_empty()
    flat = [member(f"c{number}", f"Name{number}", **ROAD, phone=LANDLINE) for number in range(3)]
    assert parts(find(flat, max_customers_per_phone=3), "household") == [["c0", "c1", "c2"]]
    assert find(flat, max_customers_per_phone=2).is_empty()


@pytest.mark.parametrize(
    ("second", "together"),
    [
        (member("c2", "Maier"), True),
        (member("c2", None), True),
        (member("c2", "Meier", **ROAD), True),
        (member("c2", "Kurz"), False),
        (member("c2", "Meier", **MARKET), False),
    ],
)
def test_a_telephone_alone_joins_where_nothing_speaks_against_it(second: Member, together: bool) -> None:
    found = find([member("c1", "Meier", **ROAD, phone=LANDLINE), {**second, "phone": LANDLINE}])
    assert (parts(found, "household") == [["c1", "c2"]]) is together


def test_a_third_name_on_a_telephone_speaks_against_it() -> None:
    rows = [member("c1", None, phone="1"), member("c2", "Meier", phone="1"), member("c3", "Kurz", phone="1")]
    assert find(rows).is_empty()


def test_who_says_nothing_does_not_join_two_families() -> None:
    """c3 shares one number with each of two families; either alone would do."""
    meiers = [member("c1", "Meier", **ROAD, phone="1"), member("c2", "Meier", **ROAD)]
    kurzes = [member("c4", "Kurz", **MARKET, phone="2"), member("c5", "Kurz", **MARKET)]
    silent = [member("c3", None, phone="1"), member("c3", None, phone="2")]
    assert parts(find([*meiers, *kurzes, *silent]), "household") == [["c1", "c2"], ["c4", "c5"]]
    one = find([*meiers, *kurzes, silent[0]])
    assert parts(one, "household") == [["c1", "c2", "c3"], ["c4", "c5"]]
    assert reasons(one)["c3"] == "same phone number, and neither address nor last name speaks against it"


def test_names_that_live_together_do_not_speak_against_each_other() -> None:
    couple = [member("c1", "Meier", **ROAD, phone="1"), member("c2", "Kurz", **ROAD, phone="1")]
    assert parts(find([*couple, member("c3", "Kurz", phone="1")]), "household") == [["c1", "c2", "c3"]]
    assert parts(find([*couple, member("c3", "Lang", phone="1")]), "household") == [["c1", "c2"]]


def test_who_moved_out_belongs_to_the_new_home_only() -> None:
    rows = [
        member("c1", "Meier", **ROAD, stated_at=utc(1)),
        member("c2", "Meier", **ROAD, stated_at=utc(1)),
        member("c3", "Meier", **ROAD, stated_at=utc(2)),
        member("c3", "Meier", **MARKET, stated_at=utc(3)),
        member("c4", "Meier", **MARKET, stated_at=utc(1)),
    ]
    assert parts(find(rows), "household") == [["c1", "c2"], ["c3", "c4"]]


@pytest.mark.parametrize(("road", "market"), [((1, 3), 2), ((1, None), None), ((2, None), None)])
def test_the_newest_word_on_the_address_counts(road: tuple[int | None, ...], market: int | None) -> None:
    """A row without a time knows least, and an address may be said again."""
    rows = [
        member("c1", "Meier", **MARKET, stated_at=market and utc(market)),
        member("c1", "Meier", **MARKET, stated_at=None),
        *[member("c1", "Meier", **ROAD, stated_at=when and utc(when)) for when in road],
        member("c2", "Meier", **ROAD),
        member("c3", "Meier", **MARKET),
    ]
    assert parts(find(rows), "household") == [["c1", "c2"]]


def test_without_times_the_address_said_most_often_is_the_home() -> None:
    rows = [
        member("c1", "Meier", **ROAD),
        member("c2", "Meier", **ROAD),
        member("c2", "Meier", **MARKET),
        member("c2", "Meier", **MARKET),
        member("c3", "Meier", **MARKET),
    ]
    assert parts(find(rows), "household") == [["c2", "c3"]]


def test_an_office_is_no_home() -> None:
    office = {**ROAD, "phone": LANDLINE, "company_name": "Ofenbau GmbH"}
    colleagues = [member("c1", "Meier", **office), member("c2", "Kurz", **office)]
    assert parts(find(colleagues), "household") == []
    owners = [member("c3", "Lang", **office), member("c4", "Lang", **ROAD)]
    assert parts(find([*colleagues, *owners]), "household") == [["c3", "c4"]]
    at_home = [member("c1", "Meier", **MARKET), member("c5", "Meier", **MARKET)]
    assert parts(find([*colleagues, *at_home]), "household") == [["c1", "c5"]]


def test_colleagues_with_a_telephone_in_common_are_no_household() -> None:
    office = [member(name, None, **ROAD, company_name="Ofenbau GmbH") for name in ("c1", "c2")]
    own = [member("c1", "Meier", phone="1"), member("c2", "Kurz", phone="1")]
    assert parts(find([*office, *own]), "household") == []


def test_the_telephone_of_an_office_makes_no_household() -> None:
    rows = [member(name, None, phone=LANDLINE, company_name="Ofenbau GmbH") for name in ("c1", "c2")]
    assert parts(find(rows), "household") == []
    assert parts(find([{**row, "company_name": None} for row in rows]), "household") == [["c1", "c2"]]


def test_a_placeholder_in_the_field_for_the_company_makes_no_office() -> None:
    rows = [
        member("c1", "Meier", **ROAD, phone=LANDLINE, company_name="n/a"),
        member("c2", "Kurz", **ROAD, phone=LANDLINE, company_name="-"),
    ]
    assert parts(find(rows), "household") == [["c1", "c2"]]


# Companies


def test_a_company_is_known_by_its_name_in_any_spelling() -> None:
    names = ["Müller & Söhne GmbH", "MÜLLER UND SÖHNE", "Muller  Sohne GmbH & Co. KG", "Müller und Söhne, GmbH"]
    rows = [member(f"c{number}", None, company_name=name, country_code="DE") for number, name in enumerate(names)]
    found = find([*rows, member("c9", None, company_name="Müller & Töchter GmbH", country_code="DE")])
    assert parts(found, "company") == [["c0", "c1", "c2", "c3"], ["c9"]]
    assert ids(found)["c1"] == new_id("company", "c0")
    assert reasons(found)["c3"] == "same company name"
    assert reasons(found)["c9"] == "names this company"


def test_the_most_usual_spelling_is_the_groups_name() -> None:
    names = ["ACME", "Acme Ltd", "Acme Ltd", "Acme Inc."]
    found = find(member(f"c{number}", None, company_name=name) for number, name in enumerate(names))
    assert set(found["group_name"]) == {"Acme Ltd"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ofenbau GmbH", "G.m.b.H. Ofenbau"), ("Ofenbau Sp. z o.o.", "Ofenbau Limited"), ("Ofenbau", "Ofenbauer")],
)
def test_other_names_are_other_companies(one: str, other: str) -> None:
    """Limited is not in the list of this test, and a form that stands at the end is no form at the start."""
    rows = [member("c1", None, company_name=one), member("c2", None, company_name=other)]
    assert parts(find(rows), "company") == [["c1"], ["c2"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ofenbau Sp. z o.o.", "OFENBAU sp z oo"),
        ("SARL Dupont", "Dupont S.A.R.L."),
        ("Ofenbau Ltd.", "Ofenbau, Inc."),
        ("株式会社オーブン", "オーブン 株式会社"),
        ("オーブン株式会社", "オーブン"),
        ("Straße GmbH", "STRASSE"),
        ("Baker's Ltd", "Bakers"),
    ],
)
def test_legal_forms_and_signs_make_no_other_company(one: str, other: str) -> None:
    rows = [member("c1", None, company_name=one), member("c2", None, company_name=other)]
    assert parts(find(rows), "company") == [["c1", "c2"]]


@pytest.mark.parametrize("name", ["GmbH", "n/a", "N/A", "-", "...", " ", "x", "GmbH & Co. KG"])
def test_a_text_that_names_no_company_joins_nobody(name: str) -> None:
    assert find([member("c1", None, company_name=name), member("c2", None, company_name=name)]).is_empty()


def test_a_name_in_two_countries_is_two_companies() -> None:
    rows = [
        member("c1", None, company_name="Acme", country_code="DE"),
        member("c2", None, company_name="Acme Inc", country_code="US"),
        member("c3", None, company_name="Acme GmbH", country_code="DE"),
        member("c4", None, company_name="Acme"),
    ]
    assert parts(find(rows), "company") == [["c1", "c3"], ["c2"], ["c4"]]
    assert parts(find([rows[0], rows[2], rows[3]]), "company") == [["c1", "c3", "c4"]]


def test_two_customers_of_one_domain_are_a_company() -> None:
    rows = [member("c1", None, email="ada@ofenbau.example"), member("c2", None, email="Bo@OFENBAU.example")]
    found = find(rows)
    assert found.rows() == [
        ("company", new_id("company", "c1"), "ofenbau.example", customer, "same e-mail domain", utc(1))
        for customer in ("c1", "c2")
    ]
    assert find(rows[:1]).is_empty()
    assert find([rows[0], member("c1", None, email="office@ofenbau.example")]).is_empty()


@pytest.mark.parametrize("domain", ["gmail.com", "GMAIL.com", "gmx.de", "mailinator.com"])
def test_free_and_throwaway_mailboxes_join_nobody(domain: str) -> None:
    rows = [member("c1", None, email=f"ada@{domain}"), member("c2", None, email=f"bo@{domain}")]
    assert find(rows).is_empty()
    named = [{**row, "company_name": f"Firm {row['customer_id']}"} for row in rows]
    assert parts(find(named), "company") == [["c1"], ["c2"]]


def test_a_name_brings_its_domain_and_the_domain_its_people() -> None:
    rows = [
        member("c1", None, email="ada@ofenbau.example", company_name="Ofenbau GmbH", country_code="DE"),
        member("c2", None, email="bo@ofenbau.example"),
        member("c3", None, email="cleo@gmail.com", company_name="Ofenbau", country_code="DE"),
    ]
    found = find(rows)
    assert parts(found, "company") == [["c1", "c2", "c3"]]
    assert reasons(found) == {
        "c1": "same company name and e-mail domain",
        "c2": "same e-mail domain",
        "c3": "same company name",
    }
    assert parts(find(rows[:1]), "company") == [["c1"]]


def test_a_company_may_have_two_domains() -> None:
    rows = [
        member("c1", None, email="a@ofenbau.example", company_name="Ofenbau"),
        member("c2", None, email="b@ofenbau.example", company_name="Ofenbau"),
        member("c3", None, email="c@ofenbau.test", company_name="Ofenbau"),
        member("c4", None, email="d@ofenbau.test"),
    ]
    assert parts(find(rows), "company") == [["c1", "c2", "c3", "c4"]]


def test_an_agency_and_its_client_stay_two_companies() -> None:
    """One row names the client beside the agency's domain; both are named with their own more often."""
    agency = [member(f"a{n}", None, email=f"{n}@agency.example", company_name="Agency") for n in (1, 2)]
    client = [member(f"c{n}", None, email=f"{n}@client.example", company_name="Client") for n in (1, 2)]
    order = member("a3", None, email="3@agency.example", company_name="Client")
    assert parts(find([*agency, *client, order]), "company") == [["a1", "a2"], ["a3", "c1", "c2"]]


def test_a_domain_of_many_companies_is_a_providers() -> None:
    rows = [member(f"c{n}", None, email=f"{n}@isp.example", company_name=f"Firm {n}") for n in range(3)]
    rows.append(member("c9", None, email="9@isp.example"))
    assert parts(find(rows, max_names_per_domain=3), "company") == [["c0", "c1", "c2", "c9"]]
    assert parts(find(rows, max_names_per_domain=2), "company") == [["c0"], ["c1"], ["c2"]]


def test_a_domain_of_very_many_that_nobody_names_is_a_providers() -> None:
    rows = [member(f"c{n}", None, email=f"{n}@isp.example") for n in range(3)]
    assert parts(find(rows, max_customers_per_domain=3), "company") == [["c0", "c1", "c2"]]
    assert find(rows, max_customers_per_domain=2).is_empty()
    named = [*rows, member("c3", None, email="3@isp.example", company_name="Firm")]
    assert parts(find(named, max_customers_per_domain=2), "company") == [["c0", "c1", "c2", "c3"]]
    # One of four names it: with at most three for each who does, the domain is a provider's and the name one's own.
    assert parts(find(named, max_customers_per_naming=3), "company") == [["c3"]]


def test_who_changed_employers_belongs_to_the_new_one_and_joins_nobody() -> None:
    rows = [
        member("c1", None, email="a@old.example"),
        member("c2", None, email="b@old.example"),
        member("c3", None, email="c@old.example", stated_at=utc(1)),
        member("c3", None, email="c@new.example", stated_at=utc(2)),
        member("c4", None, email="d@new.example"),
    ]
    assert parts(find(rows), "company") == [["c1", "c2"], ["c3", "c4"]]


def test_a_row_without_a_time_says_least_of_the_employer() -> None:
    rows = [
        member("c1", None, company_name="Zinnwerk"),
        member("c1", None, email="a@aaa.example", stated_at=utc(1)),
        member("c2", None, email="b@aaa.example"),
    ]
    assert parts(find(rows), "company") == [["c1", "c2"]]


def test_of_equally_new_rows_the_one_that_names_a_company_counts() -> None:
    rows = [
        member("c1", None, email="a@aaa.example"),
        member("c1", None, company_name="Zinnwerk"),
        member("c2", None, email="b@aaa.example"),
        member("c3", None, email="c@aaa.example"),
    ]
    found = find(rows)
    assert parts(found, "company") == [["c1"], ["c2", "c3"]]


def test_a_customer_may_be_in_a_household_and_in_a_company() -> None:
    rows = [
        member("c1", "Meier", **ROAD, email="a@ofenbau.example"),
        member("c2", "Meier", **ROAD, email="b@ofenbau.example"),
    ]
    found = find(rows)
    assert (parts(found, "household"), parts(found, "company")) == ([["c1", "c2"]], [["c1", "c2"]])
    assert found.select("kind", "customer_id").rows() == [
        ("company", "c1"), ("company", "c2"), ("household", "c1"), ("household", "c2"),
    ]  # fmt: skip


# Ids from run to run


def family(name: str, *customers: str) -> list[Member]:
    """A family in a house of its own."""
    return [member(customer, name, **{**ROAD, "street": name}) for customer in customers]


def test_a_second_run_changes_nothing() -> None:
    rows = [*family("Meier", "c1", "c2"), *family("Kurz", "c3", "c4"), member("c5", None, company_name="Acme")]
    first = find(rows, on=1)
    assert find(rows, first, on=2).equals(first)


def test_a_smaller_customer_that_joins_takes_the_known_id() -> None:
    first = find(family("Meier", "c2", "c3"), on=1)
    second = find(family("Meier", "c1", "c2", "c3"), first, on=2)
    assert set(second["group_id"]) == {new_id("household", "c2")}
    assert dict(second.select("customer_id", "since_at").iter_rows()) == {"c1": utc(2), "c2": utc(1), "c3": utc(1)}


def test_at_a_merge_the_oldest_id_wins() -> None:
    young = find(family("Kurz", "c1", "c2", "c3"), on=5)
    old = find(family("Meier", "c8", "c9"), on=2)
    second = find(family("Meier", "c1", "c2", "c3", "c8", "c9"), pl.concat([young, old]), on=9)
    assert set(second["group_id"]) == {new_id("household", "c8")}


def test_at_a_split_the_largest_part_keeps_the_id() -> None:
    first = find(family("Meier", "c1", "c2", "c3", "c4", "c5"), on=1)
    second = find([*family("Meier", "c1", "c2"), *family("Kurz", "c3", "c4", "c5")], first, on=2)
    old, new = new_id("household", "c1"), second.filter(customer_id="c1")["group_id"].item()
    assert ids(second) == {"c1": new, "c2": new, "c3": old, "c4": old, "c5": old}
    # Its hash is taken by the part that kept the id, so a number is put behind it.
    assert new == "h_" + hashlib.blake2b(b"household\x1fc1\x1f1", digest_size=8).hexdigest()
    assert find([*family("Meier", "c1", "c2"), *family("Kurz", "c3", "c4", "c5")], second, on=3).equals(second)


def test_who_moves_out_leaves_the_household_with_its_id() -> None:
    first = find(family("Meier", "c1", "c2", "c3"), on=1)
    rows = [*family("Meier", "c2", "c3"), member("c1", "Meier", **MARKET), member("c7", "Meier", **MARKET)]
    second = find(rows, first, on=2)
    old = new_id("household", "c1")
    assert {customer for customer, group in ids(second).items() if group == old} == {"c2", "c3"}
    assert ids(second)["c1"] == ids(second)["c7"] != old


def test_household_and_company_of_the_same_people_have_ids_of_their_own() -> None:
    rows = [member(name, "Meier", **ROAD, email=f"{name}@ofenbau.example") for name in ("c1", "c2")]
    first = find(rows, on=1)
    assert first["group_id"].n_unique() == 2
    assert find(rows, first, on=2).equals(first)


# The rest


@pytest.mark.parametrize("previous", [None, pl.DataFrame(), GROUPS_SCHEMA.to_frame()])
def test_no_members_make_no_groups(previous: pl.DataFrame | None) -> None:
    assert find([], previous).schema == GROUPS_SCHEMA
    assert find([], previous).is_empty()


def test_members_that_say_nothing_make_no_groups() -> None:
    assert find([member("c1"), member("c2")]).is_empty()


def test_empty_lists_are_lists_too() -> None:
    texts = {"domain": pl.String}
    forms = {"words": pl.String, "place": pl.String}
    empty = GroupLists(pl.DataFrame(schema=texts), pl.DataFrame(schema=texts), pl.DataFrame(schema=forms))
    rows = [member("c1", None, company_name="Acme GmbH"), member("c2", None, company_name="acme gmbh")]
    assert parts(find(rows, lists=empty), "company") == [["c1", "c2"]]


def test_members_without_times_need_no_column_for_them() -> None:
    members = frame(family("Meier", "c1", "c2")).drop("stated_at")
    found = find_groups(members, None, GroupSettings(), LISTS, found_at=day(1))
    assert parts(found, "household") == [["c1", "c2"]]


def test_wrong_input_is_refused_without_its_values() -> None:
    members = frame(family("Meier", "c1", "c2"))
    with pytest.raises(ValueError, match="members lacks the columns phone"):
        find_groups(members.drop("phone"), None, GroupSettings(), LISTS, found_at=day(1))
    with pytest.raises(ValueError, match="1 rows without customer_id"):
        find([member("c1"), {"last_name": "Meier"}])
    with pytest.raises(ValueError, match="less in max_customers_per_phone"):
        GroupSettings(max_customers_per_phone=0)
    wrong = GroupLists(
        LISTS.free_mailbox_domains, LISTS.throwaway_domains, pl.DataFrame({"words": ["AG"], "place": ["top"]})
    )
    with pytest.raises(ValueError, match="places end, start, both, inside, whole; found top"):
        find([], lists=wrong)


def test_reasons_hold_no_personal_value() -> None:
    rows = [
        member(name, "Quittenbaum", **ROAD, phone=LANDLINE, email=f"{name}@ofenbau.example", company_name="Ofenbau")
        for name in ("c1", "c2")
    ]
    said = " ".join(find(rows)["reason"]).lower()
    for value in ("quittenbaum", "lindenweg", LANDLINE, "10115", "ofenbau"):
        assert value not in said


@st.composite
def towns(draw: st.DrawFn) -> list[Member]:
    """Few values, so that everything meets everything."""
    few = st.one_of(st.none(), st.integers(0, 2))
    rows = []
    for _ in range(draw(st.integers(0, 14))):
        customer, name, home, phone, domain, firm, when = (draw(st.integers(0, 7)), *[draw(few) for _ in range(6)])
        row = member(f"c{customer}", None if name is None else f"Name{name}")
        row |= {} if home is None else {**ROAD, "house_number": str(home)}
        row["phone"] = None if phone is None else str(phone)
        row["email"] = None if domain is None else f"a@d{domain}.example"
        row["company_name"] = None if firm is None else f"Firm{firm}"
        row["stated_at"] = None if when is None else utc(1 + when)
        rows.append(row)
    return rows


@settings(max_examples=40, deadline=None)
@given(towns(), towns(), st.integers(0, 2**32))
def test_the_order_of_rows_changes_nothing_and_a_second_run_neither(
    before: list[Member], now: list[Member], seed: int
) -> None:
    previous = find(before, on=1)
    first = find(now, previous, on=2)
    shuffled = Random(seed).sample(now, len(now))
    assert find(shuffled, previous.sample(fraction=1.0, shuffle=True, seed=seed % 1000), on=2).equals(first)
    assert find(now, first, on=3).equals(first)
    assert first.select("kind", "customer_id").is_unique().all()
    # Two kinds never share an id, and an id is that of one group only.
    sizes = first.filter(kind="household").group_by("group_id").len()
    assert sizes.filter(pl.col("len") < 2).is_empty()
    assert first.group_by("group_id").agg(pl.col("group_name").n_unique()).filter(pl.col("group_name") > 1).is_empty()


@settings(max_examples=40, deadline=None)
@given(towns())
def test_a_household_has_one_private_home(rows: list[Member]) -> None:
    """Whatever is chained to whatever: people at two homes are two households."""
    private = [row for row in rows if row["company_name"] is None]
    found = find([{**row, "email": None} for row in private])
    newest: dict[str, set[object]] = {}
    for row in private:
        if row.get("street"):
            newest.setdefault(str(row["customer_id"]), set()).add(row["house_number"])
    settled = {customer: homes for customer, homes in newest.items() if len(homes) == 1}
    for customers in parts(found, "household"):
        homes = {home for customer in customers for home in settled.get(customer, set())}
        assert len(homes) <= 1


# The lists that come with the project


@pytest.fixture(scope="module")
def delivered() -> GroupLists:
    domains = pl.read_csv(SEEDS / "free_mailbox_domains.csv")
    return GroupLists(domains, pl.DataFrame(schema={"domain": pl.String}), pl.read_csv(SEEDS / "legal_forms.csv"))


def test_the_delivered_domains_are_written_as_addresses_end(delivered: GroupLists) -> None:
    domains = delivered.free_mailbox_domains["domain"]
    assert domains.is_unique().all()
    assert domains.str.contains(r"^[a-z0-9-]+(\.[a-z0-9-]+)+$").all()
    known = {
        "gmail.com",
        "gmx.de",
        "web.de",
        "t-online.de",
        "outlook.com",
        "yahoo.com",
        "orange.fr",
        "libero.it",
        "wp.pl",
    }
    assert known <= set(domains)


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("Ofenbau GmbH & Co. KG", "Ofenbau"),
        ("Ofenbau UG (haftungsbeschränkt)", "Ofenbau"),
        ("Ofenbau AG", "Ofenbau"),
        ("Ofenbau e. K.", "Ofenbau e K"),
        ("Firma Ofenbau", "Ofenbau"),
        ("Four à pain S.A.R.L.", "FOUR A PAIN"),
        ("Forno S.p.A.", "Forno"),
        ("Piekarnia Sp. z o.o. Sp. k.", "Piekarnia"),
        ("Pekárna s.r.o.", "Pekárna"),
        ("Bageri A/S", "Bageri"),
        ("Bakery Pty Ltd", "Bakery"),
        ("The Bakery Company, LLC", "The Bakery"),
        ("ООО Хлеб", "Хлеб"),  # noqa: RUF001 # Cyrillic
        ("Fırın Ltd. Şti.", "Fırın"),  # noqa: RUF001 # Turkish
        ("Panadería, S.L.", "Panaderia"),
    ],
)
def test_the_delivered_legal_forms_are_cut_off(name: str, bare: str, delivered: GroupLists) -> None:
    rows = [member("c1", None, company_name=name), member("c2", None, company_name=bare)]
    assert parts(find(rows, lists=delivered), "company") == [["c1", "c2"]]


@pytest.mark.parametrize("name", ["Privat", "keine Firma", "none", "N/A", "GmbH", "self-employed"])
def test_the_delivered_placeholders_name_no_company(name: str, delivered: GroupLists) -> None:
    assert find([member("c1", None, company_name=name)], lists=delivered).is_empty()
