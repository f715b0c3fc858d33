"""Lifetime value on Spark gives the scores of one machine."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from models.lifetime_value import LifetimeValueSettings, distributed, score, score_chunk
from models.lifetime_value.score import SCORES_SCHEMA
from models.spark_arrow import ddl, in_chunks

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


PAST = pl.DataFrame(
    [(x, 60 * (x > 0), 200, later, 40) for x in range(6) for later in range(4)],
    schema=["frequency", "recency_days", "tenure_days", "later_orders", "customers"],
    orient="row",
)


@pytest.mark.parametrize("min_repeat_customers", [30, 10**6])
def test_scores_and_fit_are_those_of_one_machine(spark, min_repeat_customers):
    everyone = customers(3000)
    settings = LifetimeValueSettings(min_repeat_customers=min_repeat_customers)
    scores, model = score(everyone, settings, PAST)
    on_spark = distributed.fit_distributed(in_spark(spark, everyone), settings, PAST)
    types = {name: "string" if name in ("customer_id", "status") else "double" for name in SCORES_SCHEMA}
    work = in_chunks(partial(score_chunk, model=on_spark), types)
    found = pl.from_arrow(in_spark(spark, everyone).mapInArrow(work, ddl(types)).toArrow()).sort("customer_id")
    # Quantiles of the revenue magnify what the order of adding leaves.
    assert_frame_equal(found, scores.sort("customer_id"), rel_tol=1e-7)
    assert_frame_equal(on_spark.parameters, model.parameters, rel_tol=1e-9)
    assert_frame_equal(on_spark.check, model.check, rel_tol=1e-9)
    assert {"no_orders"} < set(found["status"])
    assert found["status"].str.ends_with("_adjusted").any()


def test_no_customers_and_wrong_customers(spark):
    few = customers(4)
    nobody = distributed.fit_distributed(in_spark(spark, few.clear()))
    assert nobody.rates.status == "few_repeat_customers"
    with pytest.raises(ValueError, match="2 rows repeat a customer_id"):
        distributed.fit_distributed(in_spark(spark, pl.concat([few, few[:2]])))
    with pytest.raises(ValueError, match="4 rows have no customer_id"):
        distributed.fit_distributed(in_spark(spark, few.with_columns(customer_id=pl.lit(None, dtype=pl.String))))
    with pytest.raises(ValueError, match="lacks the columns tenure_days"):
        distributed.fit_distributed(in_spark(spark, few).drop("tenure_days"))
