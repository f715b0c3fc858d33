"""Groups above the person: households and companies, with ids that stay the same from run to run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from models.identity.companies import companies
from models.identity.company_names import company_keys
from models.identity.households import households
from models.identity.ids import assign
from models.identity.keys import number_records
from models.identity.resolve import require, utc_moment

MEMBER_COLUMNS: Final = (
    "customer_id", "last_name", "last_key", "street", "house_number", "postal_code", "country_code", "phone", "email",
    "company_name",
)  # fmt: skip

GROUPS_SCHEMA: Final = pl.Schema(
    {
        "kind": pl.String(),
        "group_id": pl.String(),
        "group_name": pl.String(),
        "customer_id": pl.String(),
        "reason": pl.String(),
        "since_at": pl.Datetime("us"),
    }
)

# Kind -> what its ids begin with.
PREFIXES: Final = {"household": "h_", "company": "b_"}
# Ids are given as customers' ids are, and these begin so.
CUSTOMER_PREFIX: Final = "c_"


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """From what size on something in common says nothing any more.

    Attributes:
        large_building_customers: an address of more customers is a large building: there a shared phone number
            makes no household, only the same last name does.
        max_customers_per_address: an address of more customers joins nobody.
        max_customers_per_name: a last name that more customers have at one address joins nobody.
        max_customers_per_phone: a phone number of more customers joins nobody.
        max_names_per_domain: an e-mail domain that stands beside more company names is a provider's.
        max_customers_per_domain: an e-mail domain of more customers that no company name stands beside is a
            provider's.
        max_customers_per_naming: an e-mail domain of more customers for each one who names a company is a
            provider's.
    """

    large_building_customers: int = 12
    max_customers_per_address: int = 60
    max_customers_per_name: int = 10
    max_customers_per_phone: int = 6
    max_names_per_domain: int = 5
    max_customers_per_domain: int = 200
    max_customers_per_naming: int = 20

    def __post_init__(self) -> None:
        """Refuse a limit below 1.

        Raises:
            ValueError: a limit is below 1.
        """
        small = [name for name in self.__slots__ if getattr(self, name) < 1]
        if small:
            raise ValueError(f"identity: groups need limits of at least 1, got less in {', '.join(small)}")


@dataclass(frozen=True, slots=True)
class GroupLists:
    """What everybody knows about names and domains.

    Attributes:
        free_mailbox_domains: column domain: providers of mailboxes for everybody.
        throwaway_domains: column domain: providers of addresses that are thrown away after use.
        legal_forms: columns words, place (see `models.identity.company_names`).
    """

    free_mailbox_domains: pl.DataFrame
    throwaway_domains: pl.DataFrame
    legal_forms: pl.DataFrame


def find_groups(
    members: pl.DataFrame,
    previous: pl.DataFrame | None,
    settings: GroupSettings,
    lists: GroupLists,
    *,
    found_at: datetime,
) -> pl.DataFrame:
    """Find households and companies among customers.

    A customer is in one household and in one company at most; what makes them is said in
    `models.identity.households` and `models.identity.companies`. Ids stay by the rules of
    `models.identity.resolve.resolve`, with customers in the place of records: an id stays with the largest part,
    the oldest wins where several meet, and a new one is `h_` or `b_` and 16 hex digits of a hash of kind and
    smallest customer_id. The outcome does not depend on the order of rows, and a second run changes nothing.

    Args:
        members: one row per customer and record with personal data, in no order: customer_id, last_name, last_key
            (a sound of the last name), street, house_number, postal_code, country_code, phone, email, company_name,
            all text, normalised, null when unknown. `stated_at` (a time) may say how new a row is; without it
            all rows are as new.
        previous: the groups of the previous run as returned; None or empty on the first run.
        settings: the limits.
        lists: free mailboxes, throw-away domains, legal forms.
        found_at: time of this run; a time without offset is taken as UTC.

    Returns:
        One row per kind and customer that is in a group, sorted by kind and customer_id: kind (household, company),
        group_id, group_name (last names; the most usual spelling of the company, else its domain; null when
        no member says one), customer_id, reason (plain words, no personal value), since_at (UTC: since when the
        customer is in this group).

    Raises:
        ValueError: a column is missing, a row has no customer_id, or `previous` holds a customer twice in a kind.
    """
    ids, rows = _rows(members, lists.legal_forms)
    moment = utc_moment(found_at)
    before = _previous(previous)
    found = {
        "household": households(rows, ids.len(), settings),
        "company": companies(rows, settings, lists.free_mailbox_domains, lists.throwaway_domains),
    }
    parts = [_named(kind, groups, ids, before.filter(pl.col("kind") == kind), moment) for kind, groups in found.items()]
    return pl.concat(parts).sort("kind", "customer_id")


def _rows(members: pl.DataFrame, legal_forms: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """The customer ids, sorted, and the rows with the number of their customer (its place among the ids)."""
    require(members.columns, MEMBER_COLUMNS, "members")
    stated_at = pl.col("stated_at") if "stated_at" in members.columns else pl.lit(None, dtype=pl.Datetime("us"))
    texts = pl.col(MEMBER_COLUMNS).cast(pl.String).str.strip_chars()
    rows = members.select(texts.replace("", None), stated_at.alias("stated_at"))
    nameless = rows["customer_id"].null_count()
    if nameless:
        raise ValueError(f"identity: members has {nameless} rows without customer_id")
    ids = rows["customer_id"].unique().sort()
    numbers = pl.DataFrame({"customer_id": ids}).with_row_index("customer")
    rows = rows.with_columns(company_keys(rows["company_name"], legal_forms))
    return ids, rows.join(numbers.cast({"customer": pl.Int64}), on="customer_id").drop("customer_id")


def _previous(previous: pl.DataFrame | None) -> pl.DataFrame:
    """The earlier groups: kind, customer_id, group_id, since_at."""
    columns = ("kind", "customer_id", "group_id", "since_at")
    if previous is None or previous.width == 0:
        return GROUPS_SCHEMA.to_frame().select(columns)
    require(previous.columns, columns, "previous groups")
    return previous.select(pl.col(columns[:3]).cast(pl.String), pl.col("since_at").cast(pl.Datetime("us")))


def _named(kind: str, groups: pl.DataFrame, ids: pl.Series, previous: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Groups with ids and times, in the columns of the result.

    Args:
        kind: household or company.
        groups: customer, group (a number), group_name, reason; one row per customer.
        ids: the customer ids by number.
        previous: the earlier groups of this kind.
        moment: time of this run.
    """
    prefix = PREFIXES[kind]
    groups = groups.with_columns(ids[groups["customer"].to_numpy()].alias("customer_id")).sort("customer_id")
    keys = groups.select(pl.lit(kind).alias("source"), source_record_id="customer_id")
    known = previous.select(
        pl.lit(kind).alias("source"),
        source_record_id="customer_id",
        customer_id=pl.lit(CUSTOMER_PREFIX) + pl.col("group_id").str.slice(len(prefix)),
        resolved_at="since_at",
    )
    records = number_records(keys, known)
    # Rows are sorted as the records are numbered, so the row is the record. The first of each group names it.
    _, first, place = np.unique(groups["group"].to_numpy(), return_index=True, return_inverse=True)
    given = assign(first[place].astype(np.int64), records, known)
    group_id = pl.lit(prefix) + pl.Series(given.names[given.slot], dtype=pl.String).str.slice(len(CUSTOMER_PREFIX))
    since = keys.join(known.select("source_record_id", "resolved_at"), on="source_record_id", how="left")
    return groups.select(
        pl.lit(kind).alias("kind"),
        group_id.alias("group_id"),
        "group_name",
        "customer_id",
        "reason",
        since_at=pl.when(pl.Series(given.kept)).then(since["resolved_at"]).fill_null(moment).cast(pl.Datetime("us")),
    ).match_to_schema(GROUPS_SCHEMA)
