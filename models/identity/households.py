"""Households: customers who live at one address and have a last name or a telephone in common.

A customer has one home: the full address (street, house number, postcode, country) of the newest row that has one. So
nobody ties the family left behind to the one founded. Two customers are a household when

1. they have the same home and the same sound of the last name, or
2. the same home and the same telephone, unless the building is large, or
3. the same telephone, and nothing speaks against it: no two homes, no two last names in the whole household.

An address in a row that names a company is the company's. It is a home only for people of one name, and only
for who has no other; a telephone in such a row is the company's and makes no household.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from models.identity.joining import connected, joined_by

if TYPE_CHECKING:
    from models.identity.groups import GroupSettings
    from models.identity.keys import Ints

ADDRESS: Final = ("street", "house_number", "postal_code", "country_code")
NAMES_IN_GROUP_NAME: Final = 3

BY_NAME_AND_PHONE: Final = "same address, last name and phone number"
BY_NAME: Final = "same address and last name"
BY_PHONE: Final = "same address and phone number"
BY_PHONE_ALONE: Final = "same phone number, and neither address nor last name speaks against it"


def households(rows: pl.DataFrame, customers: int, settings: GroupSettings) -> pl.DataFrame:
    """Find households.

    Args:
        rows: customer (a number from 0), last_name, last_key, the four columns of the address, phone, company (null
            where the row names none), stated_at.
        customers: number of customers.
        settings: the limits.

    Returns:
        One row per customer of a household of two or more: customer, group (the smallest customer of it), group_name,
        reason.
    """
    rows = rows.with_columns(_number("phone"), is_company=pl.col("company").is_not_null())
    homes = _homes(rows)
    names = rows.select("customer", _number("last_key")).drop_nulls().unique()
    phones = _phones(rows, settings)
    private = homes.filter(~pl.col("is_company"))

    shared = homes.filter(pl.col("residents") <= settings.max_customers_per_address).join(names, on="customer")
    by_name = joined_by(shared, ["home", "last_key"], "customer", at_most=settings.max_customers_per_name)
    small = private.filter(pl.col("residents") <= settings.large_building_customers)
    by_phone = joined_by(small.join(phones, on="customer"), ["home", "phone"], "customer")
    core = _parts([by_name, by_phone], customers)
    alone = _by_phone_alone(phones, names, private, core, customers)

    group = _parts([by_name, by_phone, alone], customers)
    members = pl.DataFrame({"customer": range(customers), "group": group}, schema_overrides={"customer": pl.Int64})
    members = members.filter(pl.len().over("group") >= 2).with_columns(
        pl.col("customer").is_in(by_name["customer"].unique().implode()).alias("by_name"),
        pl.col("customer").is_in(by_phone["customer"].unique().implode()).alias("by_phone"),
    )
    reason = (
        pl.when(pl.col("by_name") & pl.col("by_phone"))
        .then(pl.lit(BY_NAME_AND_PHONE))
        .when("by_name")
        .then(pl.lit(BY_NAME))
        .when("by_phone")
        .then(pl.lit(BY_PHONE))
        .otherwise(pl.lit(BY_PHONE_ALONE))
    )
    members = members.select("customer", "group", reason=reason)
    return members.join(_group_names(members, rows), on="group", how="left").select(
        "customer", "group", "group_name", "reason"
    )


def _homes(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per customer with a home: customer, home (a number), is_company, residents."""
    addresses = rows.drop_nulls(ADDRESS).select(
        "customer", "is_company", "stated_at", address=pl.concat_str(ADDRESS, separator="\x1f")
    )
    stated = (
        addresses.with_columns(_number("address").alias("home"))
        .group_by("customer", "home")
        .agg(pl.col("is_company").min(), pl.col("stated_at").max(), pl.col("address").first(), times=pl.len())
        # Everybody who ever gave the address makes the building large, not only who lives there now.
        .with_columns(residents=pl.len().over("home"), addresses=pl.len().over("customer"))
    )
    newest = (
        stated.filter(pl.col("addresses") > 1)
        .sort(
            "customer", "is_company", "stated_at", "times", "address",
            descending=[False, False, True, True, False], nulls_last=True,
        )
        .unique("customer", keep="first", maintain_order=True)
    )  # fmt: skip
    homes = pl.concat([stated.filter(pl.col("addresses") == 1), newest])
    return homes.select("customer", "home", "is_company", "residents")


def _number(column: str) -> pl.Expr:
    """A number per distinct text, in no order: joins and groups by numbers take a fraction of the time."""
    return pl.col(column).cast(pl.Categorical(pl.Categories.random())).to_physical()


def _phones(rows: pl.DataFrame, settings: GroupSettings) -> pl.DataFrame:
    """Private telephones that several customers carry, but not too many: customer, phone."""
    phones = joined_by(rows, ["phone"], "customer", at_most=settings.max_customers_per_phone)
    private = rows.filter(~pl.col("is_company")).select("customer", "phone").drop_nulls().unique()
    return private.join(phones.select("phone").unique(), on="phone", how="semi")


def _parts(joins: list[pl.DataFrame], customers: int) -> Ints:
    """The part of each customer, named by its smallest customer."""
    pairs = pl.concat([join.select("first", "customer") for join in joins])
    return connected(pairs["first"], pairs["customer"], customers)


def _by_phone_alone(
    phones: pl.DataFrame, names: pl.DataFrame, homes: pl.DataFrame, core: Ints, customers: int
) -> pl.DataFrame:
    """Who is joined by a telephone only, where nothing in the whole household would speak against it.

    Args:
        phones: customer, phone.
        names: customer, last_key.
        homes: customer, home: private ones.
        core: per customer, the household by its address.
        customers: number of customers.

    Returns:
        As of `joined_by`: customer, phone, first.
    """
    of_customer = pl.DataFrame({"customer": range(customers), "core": core}, schema_overrides={"customer": pl.Int64})
    asked = phones.join(of_customer, on="customer")
    asked = asked.filter(pl.col("core").n_unique().over("phone") >= 2)
    cores = of_customer.join(asked.select("core").unique(), on="core", how="semi")
    facts = {
        "home": cores.join(homes, on="customer").select("core", value="home").unique(),
        "name": cores.join(names, on="customer").select("core", value="last_key").unique(),
    }
    sound = asked.join(
        _that_agree(asked.select("core", part="phone"), facts), left_on="phone", right_on="part", how="semi"
    )
    # Each telephone may be sound and the chain of them not: a number without name or home between two families.
    joins = joined_by(sound, ["phone"], "core")
    part = connected(joins["first"], joins["core"], customers)
    parts = joins.select("core").with_columns(part=pl.Series(part)[joins["core"].to_numpy()])
    agreed = _that_agree(parts, facts)
    good = parts.join(agreed, on="part", how="semi").select("core").unique()
    return joined_by(sound.join(good, on="core", how="semi"), ["phone"], "customer")


def _that_agree(parts: pl.DataFrame, facts: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The parts of whose cores all that say where they live say the same, and all that say a name have one in common.

    Args:
        parts: core, part.
        facts: home and name: core, value.
    """
    parts = parts.unique()
    good = parts.select("part").unique()
    for fact in facts.values():
        told = parts.join(fact, on="core")
        saying = told.group_by("part").agg(cores=pl.col("core").n_unique())
        shared = (
            told.group_by("part", "value")
            .agg(same=pl.col("core").n_unique())
            .group_by("part")
            .agg(pl.col("same").max())
        )
        torn = saying.join(shared, on="part").filter(pl.col("same") < pl.col("cores"))
        good = good.join(torn, on="part", how="anti")
    return good


def _group_names(members: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The last names of each household, the most frequent one first: group, group_name."""
    spelled = (
        members.select("customer", "group")
        .join(rows.select("customer", "last_name", "last_key"), on="customer")
        .drop_nulls("last_name")
        .with_columns(pl.col("last_key").fill_null(pl.col("last_name")))
        .group_by("group", "last_key", "last_name")
        .agg(customers=pl.col("customer").n_unique())
        .sort("group", "last_key", "customers", "last_name", descending=[False, False, True, False])
        .unique(["group", "last_key"], keep="first", maintain_order=True)
        .sort("group", "customers", "last_name", descending=[False, True, False])
    )
    return spelled.group_by("group", maintain_order=True).agg(
        group_name=pl.col("last_name").head(NAMES_IN_GROUP_NAME).str.join(" / ")
    )
