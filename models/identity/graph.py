"""Connected components of records and identifier values, and the strongest links that hold them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.identity.keys import Bools, Ints, Links, distinct, few

Floats = npt.NDArray[np.float64]
Rank = Callable[[Ints], Ints]


def components(links: Links, joins: Bools, records: int) -> Ints:
    """The component of each record, named by its smallest record.

    Args:
        links: identifier values and the records that carry them.
        joins: per value, whether it joins its records.
        records: number of records.

    Returns:
        Per record, the number of the smallest record it is connected with (its own if it is alone).
    """
    left, right, _ = stars(links, joins)
    return connected_by(left, right, records)


def connected_by(left: Ints, right: Ints, records: int) -> Ints:
    """The component of each record, named by its smallest record, where `left` and `right` are joined."""
    if left.size == 0:
        return np.arange(records, dtype=np.int64)
    count, label = labels(left, right, records)
    smallest = np.empty(count, dtype=np.int64)
    # Written from the last record to the first, so that the smallest one stays.
    smallest[label[::-1]] = np.arange(records - 1, -1, -1)
    root: Ints = smallest[label]
    return root


def labels(left: Ints, right: Ints, records: int) -> tuple[int, Ints]:
    """How many components there are, and per record the number of its own."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(left.size, dtype=np.int8)
    matrix = coo_array((ones, (left.astype(np.int32), right.astype(np.int32))), shape=(records, records)).tocsr()
    count, label = connected_components(matrix, directed=False)
    return int(count), label


def stars(links: Links, joins: Bools) -> tuple[Ints, Ints, Ints]:
    """The links from the first record of each joining value to its others: left, right, value.

    They connect the same records as all pairs do.
    """
    edge = joins[links.value]
    edge[links.starts] = False
    value = links.value[edge]
    return links.record[links.starts][value], links.record[edge], value


def strongest_tree(left: Ints, right: Ints, weight: Floats, root: Ints, rank: Rank) -> Ints:
    """Which links hold each component together: the strongest that suffice (a maximum spanning forest).

    Args:
        left: one record of each link.
        right: the other one.
        weight: bits of each link.
        root: per record, the smallest record of its component; the links connect each component.
        rank: says of links (by their places) in which order they are preferred where they join the same two records
            and weigh the same.

    Returns:
        Places of the links that hold, in order; of links of one weight the one between smaller records.
    """
    # Most components have just as many links as hold them together: then every link holds.
    component = root[left]
    spare = np.bincount(component, minlength=root.size) >= np.bincount(root, minlength=root.size)
    has_spare = spare[component]
    if not has_spare.any():
        return np.arange(left.size)
    places = np.flatnonzero(has_spare)
    held = ~has_spare
    held[places[_tree(left[places], right[places], weight[places], lambda some: rank(places[some]))]] = True
    return np.flatnonzero(held)


def _tree(left: Ints, right: Ints, weight: Floats, rank: Rank) -> Ints:
    """The maximum spanning forest of links, as their places in no order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    # The records are numbered anew, without gaps and in their order.
    nodes = distinct(np.concatenate([left, right]))
    number = np.zeros(int(nodes[-1]) + 1, dtype=np.int64)
    number[nodes] = np.arange(nodes.size)
    low, high = number[np.minimum(left, right)], number[np.maximum(left, right)]
    code = few(-weight)[1]
    pair = low * nodes.size + high
    order = _by_rank(np.lexsort((pair, code)), code, pair, rank)
    _, first = np.unique(pair[order], return_index=True)
    # Its place in the order in the place of its weight: no two are the same, so there is one tree.
    cost = first + 1.0
    kept = order[first]
    matrix = coo_array((cost, (low[kept], high[kept])), shape=(nodes.size, nodes.size)).tocsr()
    places: Ints = order[minimum_spanning_tree(matrix).data.astype(np.int64) - 1]
    return places


def _by_rank(order: Ints, code: Ints, pair: Ints, rank: Rank) -> Ints:
    """The order, with links of one weight between the same records put in the order of their ranks."""
    same = (pair[order][1:] == pair[order][:-1]) & (code[order][1:] == code[order][:-1])
    if not same.any():
        return order
    tied = np.append(same, [False]) | np.append([False], same)
    places = np.flatnonzero(tied)
    run = np.cumsum(~np.append([False], same))[places]
    order = order.copy()
    order[places] = order[places][np.lexsort((rank(order[places]), run))]
    return order
