"""Connected components of records and identifier values."""

import numpy as np

from models.identity.keys import Bools, Ints, Links


def components(links: Links, joins: Bools, records: int) -> Ints:
    """The component of each record, named by its smallest record.

    Args:
        links: identifier values and the records that carry them.
        joins: per value, whether it joins its records.
        records: number of records.

    Returns:
        Per record, the number of the smallest record it is connected with (its own if it is alone).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # A star from the first record of a value to its others connects the same records as all pairs do.
    first = links.record[links.starts][links.value]
    edge = joins[links.value] & (first != links.record)
    left, right = first[edge], links.record[edge]
    if left.size == 0:
        return np.arange(records, dtype=np.int64)
    matrix = coo_array((np.ones(left.size), (left, right)), shape=(records, records)).tocsr()
    count, label = connected_components(matrix, directed=False)
    smallest = np.empty(count, dtype=np.int64)
    # Written from the last record to the first, so that the smallest one stays.
    smallest[label[::-1]] = np.arange(records - 1, -1, -1)
    root: Ints = smallest[label]
    return root
