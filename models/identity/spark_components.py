"""Connected components of a graph that does not fit one machine, on Spark.

Random contraction: in each round every node goes up in the smallest of itself and its neighbours, by an order that is
drawn anew; edges follow, and loops and repeated edges go. At least a third of the nodes that still have edges is
expected to go in each round, whatever the shape of the graph, so a chain of a million takes some thirty rounds of
shrinking size. (H. Bögeholz, M. Brand, R.-A. Todor: In-database connected component analysis. ICDE 2020, 1525-1536.)
What is left is finished on the driver as soon as it is small enough.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Edges, each counted in both directions, that the driver takes: 64 MB.
EDGES_ON_DRIVER = 4_000_000
MAX_ROUNDS = 300


def components(
    edges: DataFrame, *, keep: Callable[[DataFrame], DataFrame], edges_on_driver: int = EDGES_ON_DRIVER
) -> DataFrame:
    """Name the component of each node that has an edge.

    Args:
        edges: left and right, whole numbers that name nodes; repeated edges and loops do no harm.
        keep: computes a frame and returns it without its plan, which would grow from round to round.
        edges_on_driver: from so many edges on, each counted in both directions, the driver finishes alone.

    Returns:
        node, component: component is one of its nodes. Nodes that only have a loop are left out.

    Raises:
        RuntimeError: the graph does not shrink, which no input explains.
    """
    from pyspark.sql import functions as fn

    turned = edges.select(fn.col("right").alias("left"), fn.col("left").alias("right"))
    left_over = keep(edges.select("left", "right").union(turned).filter("left <> right").distinct())
    rounds: list[DataFrame] = []
    for turn in count():
        if left_over.count() <= edges_on_driver:
            break
        if turn == MAX_ROUNDS:
            raise RuntimeError("identity: connecting records did not come to an end; this is an error of the program.")
        chosen = keep(_chosen(left_over, turn))
        rounds.append(chosen)
        left_over = keep(_contracted(left_over, chosen))
    named = _finished(left_over)
    for chosen in reversed(rounds):
        later = named.select(fn.col("node").alias("chosen"), "component")
        named = keep(
            chosen.join(later, "chosen", "left").select("node", fn.coalesce("component", "chosen").alias("component"))
        )
    return named


def _chosen(edges: DataFrame, turn: int) -> DataFrame:
    """Per node, the one that it goes up in: the first of itself and its neighbours in the order of this round."""
    from pyspark.sql import functions as fn

    def place(column: str) -> object:
        # The node itself behind its hash, so that two nodes with one hash stand in an order too.
        return fn.struct(fn.xxhash64(fn.col(column), fn.lit(turn)).alias("hash"), fn.col(column).alias("node"))

    nearest = edges.groupBy("left").agg(fn.min(place("right")).alias("other"))
    return nearest.select(
        fn.col("left").alias("node"), fn.least(place("left"), fn.col("other")).getField("node").alias("chosen")
    )


def _contracted(edges: DataFrame, chosen: DataFrame) -> DataFrame:
    """The edges between the nodes that are left."""
    from pyspark.sql import functions as fn

    first = chosen.select(fn.col("node").alias("left"), fn.col("chosen").alias("new_left"))
    second = chosen.select(fn.col("node").alias("right"), fn.col("chosen").alias("new_right"))
    return (
        edges.join(first, "left")
        .join(second, "right")
        .select(fn.col("new_left").alias("left"), fn.col("new_right").alias("right"))
        .filter("left <> right")
        .distinct()
    )


def _finished(edges: DataFrame) -> DataFrame:
    """The components of a graph that fits the driver."""
    import numpy as np
    import pyarrow as pa
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    table = edges.toArrow()
    left, right = (table[name].to_numpy() for name in ("left", "right"))
    nodes, place = np.unique(left, return_inverse=True)  # each edge is there in both directions
    if nodes.size == 0:
        return edges.sparkSession.createDataFrame([], "node bigint, component bigint")
    ends = np.searchsorted(nodes, right)
    matrix = coo_array((np.ones(left.size, dtype=np.int8), (place, ends)), shape=(nodes.size, nodes.size)).tocsr()
    _, label = connected_components(matrix, directed=False)
    _, first = np.unique(label, return_index=True)
    return edges.sparkSession.createDataFrame(pa.table({"node": nodes, "component": nodes[first][label]}))
