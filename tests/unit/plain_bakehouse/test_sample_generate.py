"""The generator as a whole: the same bytes again, its folder, its arguments, and a company that makes sense."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import phonenumbers
import polars as pl
import pytest
import yaml

from sources.files.config import FilesSource
from sources.sample.rhythm import Rhythm, local_text, utc_text
from tests.plain_bakehouse import generate
from tests.plain_bakehouse.dataset import far_future, money, negative
from tests.plain_bakehouse.people import phone_as_written

PLAIN = Path(__file__).resolve().parents[2] / "plain_bakehouse"
SMALL = {"customers": 40, "seed": 3, "end": date(2026, 6, 30)}
# Ranges that no subscriber ever gets, as E.164 without the free digits at the end.
FICTION = re.compile(
    r"\+49(3023125|6990009|4066969|2214710|8999998)\d{3}|\+49(17139200|176040690)\d{2}"
    r"|\+33(19900|26191|35301|46571|53649)\d{4}"
)


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
    assert first["shop/customers.csv"] != second["shop/customers.csv"]


def test_generating_again_replaces_what_was_there(tmp_path):
    generate(tmp_path, **SMALL)
    before = _digest(tmp_path)
    generate(tmp_path, **{**SMALL, "end": date(2025, 3, 31)})
    assert not (tmp_path / "site" / "events-2026-06.parquet").exists()
    generate(tmp_path, **SMALL)
    assert _digest(tmp_path) == before


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine.csv").write_text("a,b\n", "utf-8")
    with pytest.raises(FileExistsError, match="did not write"):
        generate(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.rglob("*.csv")] == ["mine.csv"]


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "out").write_text("x", "utf-8")
    with pytest.raises(FileExistsError, match="is a file"):
        generate(tmp_path / "out", **SMALL)


@pytest.mark.parametrize(
    ("wrong", "says"), [({"customers": 9}, "at least 10"), ({"invalid_share": 0.6}, "between 0 and 0.5")]
)
def test_arguments_out_of_range_are_errors_and_write_nothing(tmp_path, wrong, says):
    with pytest.raises(ValueError, match=says):
        generate(tmp_path / "out", **{**SMALL, **wrong})
    assert not (tmp_path / "out").exists()


def test_without_errors_only_duplicates_are_left(tmp_path):
    report = generate(tmp_path, invalid_share=0.0, **SMALL)
    assert report.invalid == 0
    assert report.duplicates > 0
    assert pl.read_csv(tmp_path / "truth" / "errors.csv").height == 0


def test_the_report_says_what_was_written(tmp_path):
    said = []
    report = generate(tmp_path, progress=said.append, **SMALL)
    files = [
        path for name in ("shop", "tills", "newsletter", "phone", "site") for path in (tmp_path / name).rglob("*.*")
    ]
    assert report.files == len(files)
    assert report.size_bytes == sum(path.stat().st_size for path in files)
    total = json.loads((tmp_path / "truth" / "summary.json").read_text("utf-8"))["total"]
    assert (report.records, report.duplicates) == (total["records"], total["duplicates"])
    assert len(said) == 13  # people, eleven datasets, the truth


def test_everything_happens_within_two_years(demo):
    assert min(demo.files) == "newsletter/campaigns.csv"
    months = sorted(name for name in demo.files if name.startswith("site/"))
    assert (months[0], months[-1]) == ("site/events-2024-07.parquet", "site/events-2026-06.parquet")
    assert len(months) == 24
    wrong = demo.wrong_rows()
    for name, rows in demo.files.items():
        if name.startswith("shop/orders/"):
            for number, row in enumerate(rows, start=1):
                if (name, number) not in wrong:
                    assert "2024-07-01" <= row["ordered_at"] < "2026-07-01"


def test_addresses_are_in_domains_for_examples_only(demo):
    addresses = [
        value
        for row in [*demo.rows("shop/"), *demo.rows("tills/members"), *demo.rows("newsletter/")]
        for key in ("email", "EMail", "recipient")
        if (value := row.get(key)) and re.fullmatch(r"[^@ ]+@[^@ ]+\.[^@ ]+", value)
    ]
    assert len(addresses) > 5000
    for address in addresses:
        assert re.search(r"(\.example|[@.]example\.(com|org|net))$", address.lower()), address


def test_numbers_are_from_ranges_for_fiction_only(demo):
    numbers = {row["phone"] for row in demo.rows("shop/customers")} | {
        row["Telefon"] for row in demo.rows("tills/members")
    }
    numbers |= {row["number"] for row in demo.rows("phone/")}
    errors = {row["value_after"] for row in demo.truth("errors.csv")}
    written = numbers - errors - {None, "anonymous"}
    assert len(written) > 200
    styles = Counter()
    for number in written:
        parsed = phonenumbers.parse(number, "DE")
        assert phonenumbers.is_valid_number(parsed)
        assert FICTION.fullmatch(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)), number
        styles["+" if number[0] == "+" else "00" if number[:2] == "00" else "0"] += 1
    assert min(styles["+"], styles["00"], styles["0"]) > 20


def test_amounts_of_an_order_are_those_of_its_lines(demo):
    wrong, spoiled = demo.wrong_rows(), set()
    lines = defaultdict(dict)
    for name, rows in demo.files.items():
        if name.startswith("shop/order_lines/"):
            for number, row in enumerate(rows, start=1):
                if (name, number) in wrong:
                    spoiled.add(row["line_id"].split("-")[0])
                elif row["type"] == "sale":
                    lines[row["order_id"]][row["line_id"]] = row
    checked = 0
    for row in demo.rows("shop/orders/"):
        if row["order_id"] and row["order_id"] not in spoiled:
            own = lines[row["order_id"]].values()
            assert sum(int(line["quantity"]) * float(line["unit_price"]) for line in own) == pytest.approx(
                float(row["gross_total"]), abs=0.005
            )
            assert sum(float(line["discount"]) for line in own) == pytest.approx(
                float(row["discount_total"]), abs=0.005
            )
            checked += 1
    assert checked > 500


def test_statuses_and_refunds_of_orders_fit(demo):
    seen = Counter()
    for row in demo.rows("shop/orders/"):
        goods = float(row["gross_total"]) - float(row["discount_total"])
        refund = float(row["refund_total"])
        seen[row["status"]] += 1
        if row["status"] == "paid":
            assert refund == 0
        elif row["status"] == "void":
            assert refund == pytest.approx(goods + float(row["shipping_total"]), abs=0.005)
        elif row["status"] == "returned":
            assert refund == pytest.approx(goods, abs=0.005)
        else:
            assert row["status"] == "part_returned"
            assert 0 < refund < goods
    assert set(seen) == {"paid", "void", "returned", "part_returned"}
    assert seen["paid"] > 0.9 * sum(seen.values())


def test_receipts_without_a_card_and_refunds_occur(demo):
    receipts = demo.rows("tills/receipts/")
    assert 0.3 < sum(row["card"] is None for row in receipts) / len(receipts) < 0.95
    refunds = [row for row in receipts if row["type"] == "REFUND" and row["qty"].lstrip("-").isdigit()]
    assert refunds
    assert all(int(row["qty"]) <= 0 for row in refunds)
    assert any(row["kind"] == "DEP" for row in receipts)


def test_families_share_a_number_and_a_name(demo):
    owners = defaultdict(set)
    for row in demo.rows("tills/members"):
        if row["Telefon"] and len(row["Telefon"]) > 8:
            parsed = phonenumbers.parse(row["Telefon"], "DE")
            owners[parsed.national_number].add(row["Name"])
    for row in demo.rows("shop/customers"):
        if row["phone"] and "/ABC" not in row["phone"] and len(row["phone"]) > 9 and row["phone"] != "see notes":
            parsed = phonenumbers.parse(row["phone"], "DE")
            owners[parsed.national_number].add(f"{row['last_name']}, {row['first_name']}")
    assert any(len({name.split(", ")[-1].lower() for name in names}) > 1 for names in owners.values())


def test_the_company_file_maps_columns_that_the_files_have(bakehouse):
    company = yaml.safe_load((PLAIN / "company.yaml").read_text("utf-8"))
    for name, source in company["sources"].items():
        for dataset_name, dataset in FilesSource.model_validate(source).datasets.items():
            path = Path(dataset.path[0])
            base = bakehouse / (path.parent if "*" in path.name else path)
            file = base if base.is_file() else next(file for file in sorted(base.iterdir()) if file.is_file())
            columns = set(_columns(file, dataset.options.separator or ("\t" if ".tsv" in file.name else ",")))
            assert dataset.columns_used() <= columns, (name, dataset_name)


def _columns(file: Path, separator: str) -> list[str]:
    if file.suffix == ".parquet":
        return pl.read_parquet(file).columns
    if ".jsonl" in file.name:
        content = file.read_bytes()
        return list(json.loads((gzip.decompress(content) if file.suffix == ".gz" else content).splitlines()[0]))
    return file.read_text("latin-1").splitlines()[0].split(separator)


def test_phone_styles_are_those_of_people():
    import numpy as np

    written = phone_as_written(np.random.default_rng(0), ["+493023125007"] * 200 + [None])
    assert written[-1] is None
    assert set(written[:-1]) == {
        "+49 30 23125007",
        "030/23125007",
        "00493023125007",
        "(030) 23125007",
        "+493023125007",
        "030 231 25007",
    }


def test_money_is_written_in_cents():
    assert money([0.0, 1.005, -2.5, 1234.5]).to_list() == ["0.00", "1.00", "-2.50", "1234.50"]
    assert money([-0.05, 12.3], comma=True).to_list() == ["-0,05", "12,30"]


def test_spoilers_spoil():
    assert far_future(6)(None, ["29.02.2024 10:00:00"]) == ["29.02.2096 10:00:00"]
    assert negative(None, ["0", "0,00", "3,90"]) == ["-1", "-1", "-3,90"]


def test_the_hour_that_summer_time_skips_is_moved_and_utc_follows_the_season():
    midnight = 20_177 * 86_400  # 2025-03-30, when Berlin goes from 2:00 to 3:00
    seconds = pl.Series([midnight + 3_600, midnight + 2 * 3_600 + 5, midnight + 12 * 3_600])
    assert local_text(seconds).to_list() == ["2025-03-30 01:00:00", "2025-03-30 03:00:05", "2025-03-30 12:00:00"]
    assert utc_text(seconds).to_list() == ["2025-03-30T00:00:00Z", "2025-03-30T01:00:05Z", "2025-03-30T10:00:00Z"]


def test_the_rhythm_covers_730_days_and_knows_saturdays():
    rhythm = Rhythm.two_years_to(date(2026, 6, 30))
    assert (rhythm.start, rhythm.days) == (date(2024, 7, 1), 730)  # a Monday
    business = rhythm.busy[1:] - rhythm.busy[:-1]
    assert business[5] / business[6] == pytest.approx(1.46 / 0.68)
    assert rhythm.busy[-1] == pytest.approx(730 / 365.25)
