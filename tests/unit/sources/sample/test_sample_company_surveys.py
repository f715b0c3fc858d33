"""Answers and contracts of the sample company: what they depend on, and that nothing else hangs on them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sources.sample import boxes, opinions
from sources.sample.generator import generate
from sources.sample.rhythm import Rhythm
from sources.sample.world import draw_world

END = date(2026, 6, 30)


@pytest.fixture(scope="module")
def contracts() -> pl.DataFrame:
    """The contracts of some thousand people."""
    world = draw_world(5, 12_000, Rhythm.two_years_to(END))
    return boxes.contract_truth(world, boxes.draw_contracts(np.random.default_rng(1), world))


def test_contracts_end_when_their_periods_do(contracts):
    for row in contracts.head(300).iter_rows(named=True):
        months = row["started_on"].month - 1 + row["periods"] * row["period_months"]
        year, month = row["started_on"].year + months // 12, months % 12 + 1
        last = (date(year + month // 12, month % 12 + 1, 1) - date.resolution).day
        assert row["ends_on"] == date(year, month, min(row["started_on"].day, last))
    assert (contracts["is_active_at_end"] == (contracts["ends_on"] > END)).all()


def test_contracts_are_cancelled_as_the_model_says(contracts):
    """Mean a / (a + b) = 0.149; and of those that outlive a period, fewer go at the next one: 0.668 / 5.474 = 0.122."""
    count = contracts.height
    assert count > 1_200
    assert contracts["cancel_probability"].mean() == pytest.approx(0.668 / 4.474, abs=0.02)
    stayed = contracts.filter(pl.col("periods") > 1)
    assert 1 - stayed.height / count == pytest.approx(0.149, abs=3.5 * (0.149 * 0.851 / count) ** 0.5)
    second = (stayed["periods"] == 2).mean()
    assert second == pytest.approx(0.122, abs=3.5 * (0.122 * 0.878 / stayed.height) ** 0.5)


def test_answers_depend_on_the_service_and_on_the_person(company):
    answers = company.truth("answers")
    assert answers.height > 200
    middle = dict(zip(("nps", "csat", "rating"), opinions.SCALES, strict=True))
    for row in answers.iter_rows(named=True):
        base, step, least, most = middle[row["kind"]]
        opinion = 0.8 * row["own_level"] + row["service_effect"] + row["quality_effect"]
        assert row["expected_score"] == pytest.approx(base + step * opinion)
        assert least <= row["score"] <= most
    nps = answers.filter(pl.col("kind") == "nps")
    well, badly = (
        nps.filter(condition)["score"].mean()
        for condition in (pl.col("service_effect") == 0, pl.col("service_effect") < -0.5)
    )
    assert well - badly > 1


def test_answers_name_what_happened(company):
    """Late deliveries and open tickets of the truth are in the effect of the answers about them."""
    orders = company.truth("orders").filter(pl.col("delivered_late"))["order_id"].to_list()
    rows = {row["response_id"]: row for row in company.rows("survey/") if row["response_id"]}
    late = [
        row["service_effect"] for row in company.truth("answers").filter(pl.col("kind") == "nps").iter_rows(named=True)
        if row["response_id"] in rows and rows[row["response_id"]]["order"] in orders
    ]  # fmt: skip
    assert late
    assert max(late) <= opinions.EFFECTS["delivered_late"] + 1e-9
    waits = company.truth("answers").filter(pl.col("subject") == "call")["service_effect"]
    assert waits.min() < 0
    assert waits.max() == 0


def test_who_leaves_easily_thinks_less_of_us(company):
    level = company.truth("satisfaction").filter(pl.col("kind") == "person").select(person_id="id", effect="effect")
    people = company.truth("people").filter("is_buyer").join(level, on="person_id")
    found = people.select(pl.corr("effect", pl.col("drop_out_probability").rank())).item()
    assert found == pytest.approx(-opinions.LEAVERS, abs=0.12)
    assert people["effect"].std() == pytest.approx(1, abs=0.1)


def test_a_company_without_answers_is_written_all_the_same(tmp_path: Path, monkeypatch):
    """Nobody answers in time: there is no file, and the truth has an empty table."""
    monkeypatch.setattr(opinions, "ASKED_AFTER", (10**9,) * 4)
    generate(tmp_path, customers=10, seed=1, end=END)
    assert not (tmp_path / "survey").exists()
    assert pl.read_parquet(tmp_path / "truth" / "answers.parquet").is_empty()
