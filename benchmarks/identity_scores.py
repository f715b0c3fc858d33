"""How well clusters of records fit a known truth, counted in pairs of records."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Scores:
    """Pairs of records, and what follows from their numbers.

    Attributes:
        both: pairs that are together in the clusters and in truth.
        joined: pairs that are together in the clusters.
        true: pairs that are together in truth.
        precision: share of the joined pairs that are true; 1 where nothing is joined.
        recall: share of the true pairs that are joined; 1 where there is no true pair.
        f1: harmonic mean of the two.
    """

    both: int
    joined: int
    true: int

    @property
    def precision(self) -> float:
        """Share of the joined pairs that are true."""
        return self.both / self.joined if self.joined else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that are joined."""
        return self.both / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 where both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def pairwise_scores(clusters: pl.Series, truth: pl.Series) -> Scores:
    """Compare clusters with the truth, after clustering: every pair within a cluster counts as joined.

    Pairs are counted by cells (records of one cluster and one person), never listed, so millions of records do.

    Args:
        clusters: per record, its cluster; no nulls.
        truth: per record, its person; no nulls.

    Raises:
        ValueError: the columns differ in length or hold nulls.
    """
    if clusters.len() != truth.len():
        raise ValueError(f"{clusters.len()} records with a cluster, but {truth.len()} with a truth")
    if clusters.null_count() or truth.null_count():
        raise ValueError(f"{clusters.null_count()} records without a cluster, {truth.null_count()} without a truth")
    cells = pl.DataFrame({"cluster": clusters, "person": truth}).group_by("cluster", "person").len("records")
    return Scores(
        both=_pairs(cells["records"]),
        joined=_pairs(cells.group_by("cluster").agg(pl.col("records").sum())["records"]),
        true=_pairs(cells.group_by("person").agg(pl.col("records").sum())["records"]),
    )


def _pairs(records: pl.Series) -> int:
    """The pairs within groups of so many records."""
    numbers = records.cast(pl.Int64)
    return int((numbers * (numbers - 1) // 2).sum())


def scored(customers: pl.DataFrame, truth: pl.DataFrame) -> Scores:
    """Compare customers with the truth.

    Args:
        customers: source, source_record_id, customer_id; one row per record.
        truth: source, source_record_id, person_id; one row per record.

    Raises:
        ValueError: the frames do not hold the same records, each once.
    """
    keys = ["source", "source_record_id"]
    for name, frame in (("customers", customers), ("truth", truth)):
        doubled = frame.height - frame.select(keys).n_unique()
        if doubled:
            raise ValueError(f"{name} holds {doubled} records more than once")
    both = truth.join(customers, on=keys, how="inner")
    if not both.height == truth.height == customers.height:
        raise ValueError(f"{customers.height} customers' records, {truth.height} with a truth, {both.height} in both")
    return pairwise_scores(both["customer_id"], both["person_id"])
