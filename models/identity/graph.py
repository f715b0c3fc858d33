"""Connected components of records and identifier values, and the strongest links that hold them."""

from collections.abc import Sequence

import numpy as np

from models.identity.keys import Bools, Ints, Links


def components(links: Links, joins: Bools, records: int, more: tuple[Ints, Ints] | None = None) -> Ints:
    """The component of each record, named by its smallest record.

    Args:
        links: identifier values and the records that carry them.
        joins: per value, whether it joins its records.
        records: number of records.
        more: further links, as records on their left and right.

    Returns:
        Per record, the number of the smallest record it is connected with (its own if it is alone).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right, _ = stars(links, joins)
    if more is not None:
        left, right = np.concatenate([left, more[0]]), np.concatenate([right, more[1]])
    if left.size == 0:
        return np.arange(records, dtype=np.int64)
    matrix = coo_array((np.ones(left.size, dtype=np.int8), (left, right)), shape=(records, records)).tocsr()
    count, label = connected_components(matrix, directed=False)
    smallest = np.empty(count, dtype=np.int64)
    # Written from the last record to the first, so that the smallest one stays.
    smallest[label[::-1]] = np.arange(records - 1, -1, -1)
    root: Ints = smallest[label]
    return root


def stars(links: Links, joins: Bools) -> tuple[Ints, Ints, Ints]:
    """The links from the first record of each joining value to its others: left, right, value.

    They connect the same records as all pairs do.
    """
    first = links.record[links.starts][links.value]
    edge = joins[links.value] & (first != links.record)
    return first[edge], links.record[edge], links.value[edge]


def strongest_tree(left: Ints, right: Ints, weight: Sequence[float] | np.ndarray, records: int) -> Ints:
    """Which links hold each component together: the strongest that suffice (a maximum spanning forest).

    Args:
        left: one record of each link.
        right: the other one.
        weight: bits of each link.
        records: number of records.

    Returns:
        Places of the links that hold, in order; of links of one weight the one between smaller records.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    low, high = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((high, low, -np.asarray(weight, dtype=np.float64)))
    pair = (low * records + high)[order]
    _, first = np.unique(pair, return_index=True)
    # Its place in the order in the place of its weight: no two are the same, so there is one tree.
    cost = first + 1.0
    kept = order[first]
    matrix = coo_array((cost, (low[kept], high[kept])), shape=(records, records)).tocsr()
    chosen = np.sort(minimum_spanning_tree(matrix).data.astype(np.int64)) - 1
    places: Ints = np.sort(order[chosen])
    return places
