"""The shop's products as its system numbers them."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.baskets import PRICE_RISE, catalogue

FIRST_PRODUCT, FIRST_VARIANT, FIRST_ITEM = 8_300_000_000_000, 45_100_000_000_000, 47_200_000_000_000
VARIANT = "Default Title"


@cache
def product_table() -> pl.DataFrame:
    """A row per product, in the order of the vocabulary; the last one is the deposit.

    Columns: product_id, variant_id, item_id, sku, title, category, price, cost (cents, of the second year), grams.
    """
    count = len(words.PRODUCTS)
    step = np.arange(count, dtype=np.int64)
    price, cost = catalogue()
    rows = pl.DataFrame(
        {
            "product_id": (FIRST_PRODUCT + step * 33).astype(str),
            "variant_id": (FIRST_VARIANT + step * 51).astype(str),
            "item_id": (FIRST_ITEM + step * 77).astype(str),
            "sku": [item[0] for item in words.PRODUCTS],
            "title": [item[1] for item in words.PRODUCTS],
            "category": [item[2] for item in words.PRODUCTS],
            "price": np.round(price * PRICE_RISE).astype(np.int64),
            "cost": cost,
            "grams": 100 + (step * 83) % 900,
        }
    )
    deposit = pl.DataFrame(
        {
            "product_id": [words.DEPOSIT[0]], "variant_id": [""], "item_id": [""], "sku": [words.DEPOSIT[0]],
            "title": [words.DEPOSIT[1]], "category": ["deposit"], "price": [round(words.DEPOSIT[2] * 100)], "cost": [0],
            "grams": [0],
        }
    )  # fmt: skip
    return pl.concat([rows, deposit], how="vertical_relaxed")


def product_column(name: str, product: np.ndarray) -> pl.Series:
    """A column of the table for rows of products; -1 is the deposit."""
    return product_table()[name].gather(np.where(product < 0, len(words.PRODUCTS), product))
