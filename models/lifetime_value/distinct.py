"""Rows that are alike, found by way of numbers: they sort many times faster than rows do."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.lifetime_value.likelihood import Floats

Places = npt.NDArray[np.intp]


def distinct(columns: Sequence[Floats]) -> tuple[Places, Places]:
    """Where each distinct row stands first, in the order of the columns; and which of these each row is like.

    Args:
        columns: of one length; not all their distinct values together may be more than an integer of 64 bits counts.
    """
    codes = np.zeros(columns[0].size, dtype=np.int64)
    for column in columns:
        values, of_row = np.unique(column, return_inverse=True)
        codes = codes * max(values.size, 1) + of_row
    _, places, of_row = np.unique(codes, return_index=True, return_inverse=True)
    return places, of_row
