"""Old customer ids and who they are now."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

ALIASES_SCHEMA: Final = pl.Schema(
    {"old_customer_id": pl.String(), "customer_id": pl.String(), "since_at": pl.Datetime("us")}
)


def aliases(previous: pl.DataFrame, changes: pl.DataFrame, records: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Follow old ids to the customers they went up in.

    Args:
        previous: the aliases before this run, see `ALIASES_SCHEMA`.
        changes: what changed in this run, as `IdentityResult.changes`.
        records: the records of this run: customer_id; an id that a customer has again is no alias any more.
        moment: time of the run, UTC without zone.

    Returns:
        One row per old id: old_customer_id, customer_id (in use), since_at (since when it means that customer).
    """
    merged = changes.filter(pl.col("change") == "merged").select(
        "old_customer_id", customer_id="new_customer_id", since_at=pl.lit(moment, dtype=pl.Datetime("us"))
    )
    living = records.select("customer_id").unique()
    now = merged.select(customer_id="old_customer_id", now="customer_id")
    followed = (
        previous.match_to_schema(ALIASES_SCHEMA)
        .join(now, on="customer_id", how="left")
        .with_columns(
            customer_id=pl.coalesce("now", "customer_id"),
            since_at=pl.when(pl.col("now").is_not_null())
            .then(pl.lit(moment, dtype=pl.Datetime("us")))
            .otherwise("since_at"),
        )
        .drop("now")
    )
    return (
        pl.concat([merged, followed])
        .unique("old_customer_id", keep="first", maintain_order=True)
        .join(living.rename({"customer_id": "old_customer_id"}), on="old_customer_id", how="anti")
        .join(living, on="customer_id", how="semi")
        .sort("old_customer_id")
        .match_to_schema(ALIASES_SCHEMA)
    )
