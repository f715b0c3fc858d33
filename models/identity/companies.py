"""Companies: customers who name the same company, or write from a domain of its own.

A name is that of one company within a country; without a country it is the company of that name where only one country
knows it. A domain is a company's when it is no provider's: no free mailbox, no throw-away domain, not beside many
company names, and not beside none, or hardly any, with very many customers. Name and domain belong together where a
row has both, and one of the two stands with the other more often than with any else: an agency that orders for a client
makes the two no one company. Names and domains that belong together, even through others, are one company.

A customer is in one company: the newest row that says one counts; of equally new ones, the one that names it. So
nobody ties the former employer to the present one. Who names a company makes one alone; a domain needs two customers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from models.identity.joining import connected

if TYPE_CHECKING:
    from models.identity.groups import GroupSettings

NAME: Final = ["company", "country_code"]

BY_NAME_AND_DOMAIN: Final = "same company name and e-mail domain"
BY_NAME: Final = "same company name"
BY_DOMAIN: Final = "same e-mail domain"
BY_OWN_WORD: Final = "names this company"
BY_LINK: Final = "e-mail domain or company name belongs to this company"


def companies(
    rows: pl.DataFrame,
    settings: GroupSettings,
    free_mailbox_domains: pl.DataFrame,
    throwaway_domains: pl.DataFrame,
) -> pl.DataFrame:
    """Find companies.

    Args:
        rows: customer (a number), company (the key of its name; null where the row names none), company_name,
            country_code, email, stated_at.
        settings: the limits.
        free_mailbox_domains: column domain.
        throwaway_domains: column domain.

    Returns:
        One row per customer of a company: customer, group (a number), group_name, reason.
    """
    rows = _own_domains(_of_known_countries(rows), settings, free_mailbox_domains, throwaway_domains)
    rows = rows.filter(pl.any_horizontal(pl.col("company", "domain").is_not_null()))
    rows = _numbered(rows)
    rows = rows.with_columns(group=_group_of_rows(rows))
    home = rows.group_by("customer", "group").agg(
        pl.col("stated_at").max(), names=pl.col("company").count(), times=pl.len()
    )
    home = home.sort(
        "customer", "stated_at", pl.col("names") > 0, "times", "group",
        descending=[False, True, True, True, False], nulls_last=True,
    ).unique("customer", keep="first", maintain_order=True)  # fmt: skip
    rows = rows.join(home.select("customer", "group"), on=["customer", "group"], how="semi")
    is_one = pl.col("company").is_not_null().any() | (pl.col("customer").n_unique() >= 2)
    rows = rows.filter(is_one.over("group"))
    members = _reasons(rows)
    return members.join(_group_names(rows), on="group").select("customer", "group", "group_name", "reason")


def _of_known_countries(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows; where a name is known of one country only, rows that say no country are of that one."""
    countries = (
        rows.filter(pl.col("company").is_not_null())
        .group_by("company")
        .agg(pl.col("country_code").drop_nulls().unique().alias("countries"))
        .filter(pl.col("countries").list.len() == 1)
        .select("company", only=pl.col("countries").list.first())
    )
    rows = rows.join(countries, on="company", how="left")
    return rows.with_columns(pl.col("country_code").fill_null(pl.col("only"))).drop("only")


def _own_domains(
    rows: pl.DataFrame, settings: GroupSettings, free_mailbox_domains: pl.DataFrame, throwaway_domains: pl.DataFrame
) -> pl.DataFrame:
    """The rows with `domain`: that of the address where it is a company's own, else null."""
    listed = pl.concat(
        [frame.select(pl.col("domain").cast(pl.String)) for frame in (free_mailbox_domains, throwaway_domains)]
    )
    listed = listed.select(pl.col("domain").str.strip_chars().str.to_lowercase()).drop_nulls().unique()
    domain = pl.col("email").str.extract(r"@([^@\s]+)$").str.to_lowercase()
    rows = rows.with_columns(domain=domain)
    used = (
        rows.drop_nulls("domain")
        .group_by("domain")
        .agg(
            names=pl.col("company").drop_nulls().n_unique(),
            naming=pl.col("customer").filter(pl.col("company").is_not_null()).n_unique(),
            customers=pl.col("customer").n_unique(),
        )
    )
    own = used.join(listed, on="domain", how="anti").filter(
        pl.when(pl.col("names") > 0)
        .then(
            (pl.col("names") <= settings.max_names_per_domain)
            & (pl.col("customers") <= pl.col("naming") * settings.max_customers_per_naming)
        )
        .otherwise(pl.col("customers") <= settings.max_customers_per_domain)
    )
    return rows.with_columns(pl.when(pl.col("domain").is_in(own["domain"].implode())).then("domain").alias("domain"))


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the number of their name and of their domain, in alphabetical order; names before domains."""
    names = rows.select(NAME).drop_nulls("company").unique().sort(NAME).with_row_index("name")
    domains = rows.select("domain").drop_nulls().unique().sort("domain").with_row_index("place", offset=names.height)
    rows = rows.join(names, on=NAME, how="left", nulls_equal=True)
    return rows.join(domains, on="domain", how="left").cast({"name": pl.Int64, "place": pl.Int64})


def _group_of_rows(rows: pl.DataFrame) -> pl.Series:
    """The company of each row: that of its name, else that of its domain."""
    both = rows.drop_nulls(["name", "place"]).group_by("name", "place").agg(customers=pl.col("customer").n_unique())
    most = pl.col("customers").max()
    pairs = both.filter((pl.col("customers") == most.over("name")) | (pl.col("customers") == most.over("place")))
    nodes = 1 + max(rows.select(pl.max_horizontal(pl.col("name", "place").max())).item() or 0, 0)
    group = pl.Series(connected(pairs["name"], pairs["place"], nodes))
    value = rows.select(pl.coalesce("name", "place")).to_series()
    return group[value.to_numpy()] if value.len() else value


def _reasons(rows: pl.DataFrame) -> pl.DataFrame:
    """Why each customer is in its company: customer, group, reason."""
    shared = {
        column: (pl.col("customer").n_unique().over("group", column) >= 2) & pl.col(column).is_not_null()
        for column in ("name", "place")
    }
    members = (
        rows.with_columns(by_name=shared["name"], by_domain=shared["place"])
        .group_by("customer", "group")
        .agg(pl.col("by_name", "by_domain").any(), own=pl.col("name").is_not_null().any())
    )
    reason = (
        pl.when(pl.col("by_name") & pl.col("by_domain"))
        .then(pl.lit(BY_NAME_AND_DOMAIN))
        .when("by_name")
        .then(pl.lit(BY_NAME))
        .when("by_domain")
        .then(pl.lit(BY_DOMAIN))
        .when("own")
        .then(pl.lit(BY_OWN_WORD))
        .otherwise(pl.lit(BY_LINK))
    )
    return members.select("customer", "group", reason=reason)


def _group_names(rows: pl.DataFrame) -> pl.DataFrame:
    """The most usual spelling of each company's name, else its most used domain: group, group_name."""
    spelled = rows.select(
        "group", "customer", text=pl.coalesce(pl.when(pl.col("company").is_not_null()).then("company_name"), "domain"),
        is_domain=pl.col("company").is_null(),
    )  # fmt: skip
    return (
        spelled.group_by("group", "is_domain", "text")
        .agg(customers=pl.col("customer").n_unique())
        .sort("group", "is_domain", "customers", "text", descending=[False, False, True, False])
        .unique("group", keep="first", maintain_order=True)
        .select("group", group_name="text")
    )
