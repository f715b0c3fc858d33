"""Lifetime value on Spark gives the scores of one machine."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from models.lifetime_value import LifetimeValueSettings, distributed, score

NUMBERS = ("frequency", "recency_days", "tenure_days", "average_order_amount", "revenue_amount")


def customers(count: int) -> pl.DataFrame:
    """Customers who buy at rates of their own and leave at random; some without orders, some out of range."""
    draw = np.random.default_rng(4)
    tenure = draw.integers(30, 730, count).astype(float)
    lived = np.minimum(tenure, draw.exponential(200, count))
    frequency = draw.poisson(lived * draw.gamma(0.7, 1 / 40, count)).astype(float)
    recency = np.where(frequency > 0, np.floor(lived * draw.random(count) ** 0.3), 0)
    average = np.round(draw.gamma(6, 1 / draw.gamma(4, 1 / 15, count)), 2)
    found = pl.DataFrame(
        {
            "customer_id": [f"c_{place}" for place in range(count)],
            "frequency": frequency,
            "recency_days": recency,
            "tenure_days": tenure,
            "average_order_amount": np.where(frequency > 0, average, np.nan),
            "revenue_amount": average * (frequency + 1),
        }
    ).with_columns(pl.col("average_order_amount").fill_nan(None))
    place = pl.int_range(pl.len())
    return found.with_columns(
        frequency=pl.when(place % 50 != 1).then("frequency"),
        recency_days=pl.when(place % 50 == 2).then(pl.lit(5000.0)).otherwise("recency_days"),
        revenue_amount=pl.when(place % 50 == 3).then(pl.lit(-0.0)).otherwise("revenue_amount"),
    )


def in_spark(spark, frame: pl.DataFrame):
    names = [("customer_id", pa.string()), *((name, pa.float64()) for name in NUMBERS)]
    return spark.createDataFrame(frame.to_arrow().cast(pa.schema(names))).repartition(5)


@pytest.mark.parametrize("min_repeat_customers", [30, 10**6])
def test_scores_and_fit_are_those_of_one_machine(spark, min_repeat_customers):
    everyone = customers(3000)
    settings = LifetimeValueSettings(min_repeat_customers=min_repeat_customers)
    scores, parameters = score(everyone, settings)
    on_spark, parameters_on_spark = distributed.score_distributed(in_spark(spark, everyone), settings)
    found = pl.from_arrow(on_spark.toArrow()).sort("customer_id")
    assert_frame_equal(found, scores.sort("customer_id"), rel_tol=1e-9)
    assert_frame_equal(parameters_on_spark, parameters, rel_tol=1e-9)
    assert {"no_orders"} < set(found["status"])
    assert found["status"].str.ends_with("_adjusted").any()


def test_no_customers_and_wrong_customers(spark):
    few = customers(4)
    scores, _ = distributed.score_distributed(in_spark(spark, few.clear()))
    assert scores.collect() == []
    with pytest.raises(ValueError, match="2 rows repeat a customer_id"):
        distributed.score_distributed(in_spark(spark, pl.concat([few, few[:2]])))
    with pytest.raises(ValueError, match="4 rows have no customer_id"):
        distributed.score_distributed(in_spark(spark, few.with_columns(customer_id=pl.lit(None, dtype=pl.String))))
    with pytest.raises(ValueError, match="lacks the columns tenure_days"):
        distributed.score_distributed(in_spark(spark, few).drop("tenure_days"))
