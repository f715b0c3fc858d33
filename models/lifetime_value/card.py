"""The model card: what was fitted, on how many customers, how it did out of time, and what is used."""

from __future__ import annotations

import numpy as np
import polars as pl

from models.lifetime_value.bg_nbd import BgNbdFit
from models.lifetime_value.check import Choice
from models.lifetime_value.gamma_gamma import GammaGammaFit
from models.lifetime_value.score import FIT_SCHEMA

Line = tuple[str, str, float | None, str | None]


def parameters(counts: pl.DataFrame, choice: Choice, amounts: GammaGammaFit) -> pl.DataFrame:
    """One row per model and parameter, see `FIT_SCHEMA`; numbers that do not exist are null."""
    used = choice.rates
    lines = [*_input(counts), ("orders", "used", None, used.name if used.status == "fitted" else "simple")]
    lines.append(("orders", "chosen_by", None, choice.reason))
    lines.append(("orders", "status", None, str(used.status)))
    lines.append(("simple", "factor", choice.simple_factor, "what the simple estimate would have got wrong a year ago"))
    for fit in choice.candidates:
        names = ("r", "alpha") if fit.name == "nbd" else ("r", "alpha", "a", "b")
        lines += _model(fit.name, fit, names)
        lines.append((fit.name, "repeat_customers", fit.repeat_customers, None))
    lines += _model("gamma_gamma", amounts, ("p", "q", "v"))
    correlation = _correlation(counts.filter(pl.col("part") == "amounts"))
    words = "of frequency and average amount; the model takes it as 0"
    lines.append(("gamma_gamma", "correlation", correlation, words))
    lines += _check(choice.results)
    value = pl.col("value")
    return pl.DataFrame(lines, schema=FIT_SCHEMA, orient="row", strict=False).with_columns(
        value=pl.when(value.is_finite()).then(value)
    )


def _input(counts: pl.DataFrame) -> list[Line]:
    number = dict(counts.group_by("part").agg(pl.col("customers").sum()).iter_rows())
    without, adjusted = number.get("no_orders", 0), number.get("adjusted", 0)
    return [
        ("input", "customers", without + adjusted + number.get("rates", 0), "rows received"),
        ("input", "customers_without_orders", without, "not fitted, scored no_orders"),
        ("input", "customers_adjusted", adjusted, "not fitted, scored with values in range"),
    ]


def _model(name: str, model: BgNbdFit | GammaGammaFit, parameters: tuple[str, ...]) -> list[Line]:
    errors = model.standard_errors or (None,) * len(parameters)
    return [
        *((name, parameter, getattr(model, parameter), None) for parameter in parameters),
        *(
            (name, f"{parameter}_standard_error", error, None)
            for parameter, error in zip(parameters, errors, strict=True)
        ),
        (name, "log_likelihood", model.log_likelihood, None),
        (name, "customers", model.customers, "customers the fit rests on"),
        (name, "status", None, str(model.status)),
    ]


def _check(results: pl.DataFrame) -> list[Line]:
    """The check as lines of each model."""
    shown = ("customers", "mean_error_orders", "orders_expected", "orders_seen", "share_within_bounds")
    return [
        (str(row["model"]), f"checked_{name}", row[name], "twelve months out of time")
        for row in results.iter_rows(named=True)
        for name in shown
        if row[name] is not None
    ]


def _correlation(amounts: pl.DataFrame) -> float | None:
    """The correlation of x and y over customers; None or not a number where there is none."""
    x, y, weight = (amounts[name].cast(pl.Float64).to_numpy() for name in ("x", "y", "customers"))
    if weight.sum() < 2:
        return None
    x, y = x - np.average(x, weights=weight), y - np.average(y, weights=weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float((weight @ (x * y)) / np.sqrt((weight @ x**2) * (weight @ y**2)))
