"""What has something in common becomes one part: the plain half of connected components, without kinds and limits."""

import numpy as np
import polars as pl

from models.identity.graph import components
from models.identity.keys import Ints, Links


def joined_by(frame: pl.DataFrame, values: list[str], node: str, *, at_most: int | None = None) -> pl.DataFrame:
    """The nodes that share a value with others.

    Args:
        frame: one row per node and value; repeated rows do no harm.
        values: the columns that make the value; null is none.
        node: the column of nodes.
        at_most: a value that more nodes carry joins nobody.

    Returns:
        One row per node and value that joins: node, the values, first (the smallest node with the value).
    """
    pairs = frame.select(node, *values).drop_nulls().unique()
    carriers = pl.len().over(values)
    kept = carriers >= 2 if at_most is None else carriers.is_between(2, at_most)
    return pairs.filter(kept).with_columns(first=pl.col(node).min().over(values))


def connected(left: pl.Series, right: pl.Series, nodes: int) -> Ints:
    """The part of each node, named by its smallest node.

    Args:
        left: per pair, a node from 0 to `nodes` - 1.
        right: per pair, the node that belongs together with it.
        nodes: number of nodes.
    """
    pairs = left.len()
    ends = np.column_stack([left.to_numpy(), right.to_numpy()]).astype(np.int64).ravel()
    number = np.arange(pairs, dtype=np.int64)
    links = Links(
        value=np.repeat(number, 2),
        record=ends,
        starts=2 * number,
        counts=np.full(pairs, 2, dtype=np.int64),
        kind=np.zeros(pairs, dtype=np.int64),
        excluded=np.zeros(pairs, dtype=np.bool_),
        row=number,
    )
    return components(links, np.ones(pairs, dtype=np.bool_), nodes)
