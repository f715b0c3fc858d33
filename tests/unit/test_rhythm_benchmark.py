"""The company with known rhythms that replenishments are measured on: what it writes is what its truth says."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks.rhythms import END, NOISES, START, write_rhythms
from orchestration.company import load_company


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("rhythms")
    truth = write_rhythms(folder, customers=60, seed=5)
    return folder, truth, pl.read_csv(folder / "lines.csv", try_parse_dates=True)


def test_it_is_a_company_whose_files_are_there(written):
    folder, _, lines = written
    company = load_company(folder / "company.yaml")
    assert str(company.as_of) == END.isoformat()
    assert lines["at"].dt.date().is_between(START, END).all()
    assert lines["line"].is_unique().all()
    assert lines.group_by("number").agg(pl.col("customer").n_unique())["customer"].max() == 1


def test_the_same_seed_writes_the_same(written, tmp_path):
    folder, truth, _ = written
    assert write_rhythms(tmp_path, customers=60, seed=5).equals(truth)
    assert (tmp_path / "lines.csv").read_bytes() == (folder / "lines.csv").read_bytes()


def test_steady_customers_buy_in_their_rhythm(written):
    """With a noise of 5 %, most intervals per pack are within 20 % of the rhythm: all but skips and further packs."""
    _, truth, lines = written
    per_pack = (
        lines.filter(pl.col("quantity").is_between(1, 3))
        .sort("customer", "article", "at")
        .with_columns(next=pl.col("at").shift(-1).over("customer", "article"))
        .join(truth.filter(pl.col("noise") == NOISES[0]), on=["customer", "article"])
        .filter(pl.col("next").is_not_null() & (pl.col("rhythm_days") > 10))
        .with_columns(days=(pl.col("next") - pl.col("at")).dt.total_days() / pl.col("quantity"))
        .with_columns(ratio=pl.col("days") / pl.col("rhythm_days"))
    )
    assert per_pack.height > 200
    assert 0.8 < per_pack.select(pl.col("ratio").is_between(0.8, 1.2).mean()).item() < 0.97


def test_what_is_brought_back_stands_on_a_note_of_its_own(written):
    _, _, lines = written
    signs = lines.group_by("number").agg((pl.col("quantity") > 0).n_unique().alias("signs"))
    assert (lines["quantity"] < 0).any()
    assert signs["signs"].max() == 1
