"""What a resolution returns: its frames and their columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import polars as pl

RECORDS_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "source_record_id": pl.String(),
        "customer_id": pl.String(),
        "match_method": pl.String(),
        "match_probability": pl.Float64(),
        "match_reason": pl.String(),
        "resolved_at": pl.Datetime("us"),
    }
)

CHANGES_SCHEMA = pl.Schema(
    {
        "changed_at": pl.Datetime("us"),
        "change": pl.String(),
        "old_customer_id": pl.String(),
        "new_customer_id": pl.String(),
        "reason": pl.String(),
    }
)

BLOCKED_SCHEMA = pl.Schema(
    {
        "kind": pl.String(),
        "value": pl.String(),
        "records": pl.Int64(),
        "people": pl.Int64(),
        "max_records": pl.Int64(),
        "max_people": pl.Int64(),
        "reason": pl.String(),
    }
)

LINKS_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "source_record_id": pl.String(),
        "other_source": pl.String(),
        "other_record_id": pl.String(),
        "customer_id": pl.String(),
        "method": pl.String(),
        "kind": pl.String(),
        "value": pl.String(),
        "weight": pl.Float64(),
        "probability": pl.Float64(),
        "is_holding": pl.Boolean(),
        "reason": pl.String(),
    }
)

DECISIONS_STATUS_SCHEMA = pl.Schema({"decision_id": pl.String(), "status": pl.String(), "note": pl.String()})

CUSTOMER_SIZES_SCHEMA = pl.Schema({"records": pl.Int64(), "customers": pl.Int64()})


@dataclass(frozen=True, slots=True)
class IdentityReport:
    """What a resolution did; `counts` is for logs and metadata, and holds no personal value.

    Attributes:
        records: source records resolved.
        customers: customers they form.
        joining_values: identifier values that join two or more records.
        largest_customer: records of the largest customer.
        created: customers that are new.
        merged: customer ids that went up in another one.
        split: parts of a customer that now have another id.
        blocked_values: one row per identifier value that may not join: kind, value, records that carry it, people
            (distinct names among them), max_records and max_people (the limits; null where there is none), reason
            (`over the limit of records`, `over the limit of people`, `excluded`). Most used first.
        customer_sizes: one row per size: records per customer, and how many customers have that many.
    """

    records: int = 0
    customers: int = 0
    joining_values: int = 0
    largest_customer: int = 0
    created: int = 0
    merged: int = 0
    split: int = 0
    blocked_values: pl.DataFrame = field(default_factory=BLOCKED_SCHEMA.to_frame)
    customer_sizes: pl.DataFrame = field(default_factory=CUSTOMER_SIZES_SCHEMA.to_frame)

    @classmethod
    def of(
        cls,
        changes: Mapping[str, int],
        joining_values: int,
        blocked_values: pl.DataFrame,
        customer_sizes: pl.DataFrame,
    ) -> Self:
        """Make a report from the number of changes of each sort, the values and the sizes of customers."""
        records, customers = customer_sizes["records"], customer_sizes["customers"]
        return cls(
            records=int((records * customers).sum()),
            customers=int(customers.sum()),
            joining_values=joining_values,
            largest_customer=int(records.max() or 0),  # type: ignore[arg-type] # a column of integers
            created=changes.get("created", 0),
            merged=changes.get("merged", 0),
            split=changes.get("split", 0),
            blocked_values=blocked_values,
            customer_sizes=customer_sizes,
        )

    def counts(self) -> dict[str, int]:
        """The numbers of the report by name, for run metadata."""
        return {
            "records": self.records,
            "customers": self.customers,
            "joining_values": self.joining_values,
            "largest_customer": self.largest_customer,
            "created": self.created,
            "merged": self.merged,
            "split": self.split,
            "blocked_values": self.blocked_values.height,
        }


@dataclass(frozen=True, slots=True)
class IdentityResult:
    """The outcome of a resolution.

    Attributes:
        records: one row per source record, sorted by source and source_record_id: source, source_record_id,
            customer_id, match_method (`single`: the customer's only record, `exact`: joined by equal
            identifiers or a steward, `probabilistic`: tied to the rest of its customer by probable links only),
            match_probability, match_reason (plain words, with the values that agreed and their weight),
            resolved_at (UTC: since when this record belongs to this customer_id).
        changes: one row per change: changed_at (UTC), change (`created`, `merged`, `split`),
            old_customer_id (null when created), new_customer_id, reason.
        links: the links that hold each customer together (is_holding: a tree, the strongest links that suffice) and
            those that were stopped: source, source_record_id, other_source, other_record_id, customer_id (of the first
            record), method (`exact`, `probabilistic`, `steward`), kind, value, weight (bits), probability, is_holding,
            reason.
        decisions: what became of each steward's decision: decision_id, status (`applied`, `overruled`,
            `unknown record`), note.
        report: counts and the values that were not allowed to join.
    """

    records: pl.DataFrame
    changes: pl.DataFrame
    links: pl.DataFrame
    decisions: pl.DataFrame
    report: IdentityReport
