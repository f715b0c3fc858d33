"""The generator as a whole: the same bytes again, its folder, its arguments, its company file."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from sources.sample import desk
from sources.sample.generator import generate
from sources.vendors import SOURCE_TYPES

SMALL = {"customers": 60, "seed": 3, "end": date(2026, 6, 30)}


def _digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    generate(tmp_path / "a", **SMALL)
    generate(tmp_path / "b", **SMALL)
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")


def test_another_seed_gives_another_company(tmp_path):
    generate(tmp_path / "a", **SMALL)
    generate(tmp_path / "b", **{**SMALL, "seed": 4})
    first, second = _digest(tmp_path / "a"), _digest(tmp_path / "b")
    assert first["tills/members/members-2024-07.csv"] != second["tills/members/members-2024-07.csv"]


def test_generating_again_replaces_what_was_there(tmp_path):
    generate(tmp_path, **SMALL)
    before = _digest(tmp_path)
    generate(tmp_path, **{**SMALL, "end": date(2025, 3, 31)})
    assert not list(tmp_path.rglob("*2026*"))
    generate(tmp_path, **SMALL)
    assert _digest(tmp_path) == before


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "tills").mkdir()
    (tmp_path / "tills" / "mine.csv").write_text("a,b\n", "utf-8")
    with pytest.raises(FileExistsError, match="did not write"):
        generate(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.rglob("*.csv")] == ["mine.csv"]


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "out").write_text("x", "utf-8")
    with pytest.raises(FileExistsError, match="is a file"):
        generate(tmp_path / "out", **SMALL)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"customers": 9}, "10 to"),
        ({"customers": 30_000_000}, "10 to 25,000,000"),
        ({"invalid_share": 0.6}, "between 0 and 0.5"),
    ],
)
def test_arguments_out_of_range_are_errors_and_write_nothing(tmp_path, wrong, says):
    with pytest.raises(ValueError, match=says):
        generate(tmp_path / "out", **{**SMALL, **wrong})
    assert not (tmp_path / "out").exists()


def test_ten_customers_are_a_company_with_every_system(tmp_path):
    generate(tmp_path, customers=10, seed=1)
    systems = "shopify tills sendgrid mailchimp twilio zendesk snowplow segment survey boxes trials rates"
    for system in systems.split():
        assert [path for path in (tmp_path / system).rglob("*") if path.is_file()], system


def test_without_errors_only_repeated_records_are_left(tmp_path):
    report = generate(tmp_path, invalid_share=0.0, **SMALL)
    assert report.invalid == 0
    assert report.duplicates > 0
    assert pl.read_parquet(tmp_path / "truth" / "errors.parquet").height == 0


def test_many_rows_are_spread_over_more_files(tmp_path, monkeypatch):
    generate(tmp_path / "a", **SMALL)
    monkeypatch.setattr(desk, "MOST_ROWS", 5)
    generate(tmp_path / "b", **SMALL)
    few, many = (list((tmp_path / name / "snowplow" / "events").iterdir()) for name in "ab")
    assert len(many) > 2 * len(few)
    assert list((tmp_path / "b" / "snowplow" / "events").glob("events-2025-01-*.tsv.gz"))
    counts = [json.loads((tmp_path / name / "truth" / "summary.json").read_text("utf-8"))["entities"] for name in "ab"]
    events = [next(one["records"] - one["duplicates"] for one in part if one["source"] == "site") for part in counts]
    assert events[0] == events[1]


def test_the_report_says_what_was_written(company):
    data = [path for path in company.folder.rglob("*") if path.is_file() and path.parent != company.folder]
    data = [path for path in data if "truth" not in path.parts]
    report = company.report
    assert report.files == len(data)
    assert report.size_bytes == sum(path.stat().st_size for path in data)
    total = json.loads((company.folder / "truth" / "summary.json").read_text("utf-8"))["total"]
    assert (report.records, report.duplicates) == (total["records"], total["duplicates"])
    assert 0.05 < report.invalid / report.records < 0.07
    assert company.said[0] == "people and what they buy: 700 customers"
    assert any("receipts" in words for words in company.said)


def test_the_company_file_is_right_and_finds_every_file(company):
    written = yaml.safe_load((company.folder / "company.yaml").read_text("utf-8"))
    found: set[Path] = set()
    for name, entry in written["sources"].items():
        source = SOURCE_TYPES[entry["type"]].model_validate(entry)
        for dataset in source.datasets.values():
            for path in dataset.path:
                matches = set(company.folder.glob(path))
                assert matches, (name, path)
                found |= matches
    assert {str(path.relative_to(company.folder)) for path in found} == set(company.files)


def test_documented_fields_are_all_there_is(company):
    written = yaml.safe_load((company.folder / "company.yaml").read_text("utf-8"))
    for entry in written["sources"].values():
        source = SOURCE_TYPES[entry["type"]].model_validate(entry)
        if entry["type"] == "files":
            continue
        for name, paths in entry["files"].items():
            known = set(source.vendor.object_named(name).fields)
            rows = company.rows(paths.split("*")[0])
            seen = {key for row in rows if isinstance(row, dict) for key in row}
            assert seen <= known, (entry["type"], name, seen - known)
