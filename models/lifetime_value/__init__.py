"""Lifetime value: how many orders a customer will still place, for how much, and what that is worth today.

`score` does it in one call. For more customers than fit memory: `count_chunk` each chunk, `fit` the counts once, and
`score_chunk` each chunk; `distributed.score_distributed` does so on Spark.
"""

from models.lifetime_value.score import (
    STATUSES,
    LifetimeValueFit,
    LifetimeValueSettings,
    count_chunk,
    expected_orders,
    fit,
    score,
    score_chunk,
)

__all__ = [
    "STATUSES",
    "LifetimeValueFit",
    "LifetimeValueSettings",
    "count_chunk",
    "expected_orders",
    "fit",
    "score",
    "score_chunk",
]
