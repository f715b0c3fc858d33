"""The validity index by another way: plain Python over the lines of the files, with fractions, gives the same."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from defects import DEFECTS, RIGHT, Row, entity_of, record, write_company
from helpers import ROOT
from plain_rules import RULES, Known, counted, failed_rules, index, key_of, moment, text
from published_tables import rows

from benchmarks.injected import stage

CATALOGUE: list[dict[str, Any]] = [
    rule
    for entity in RIGHT
    for rule in yaml.safe_load((ROOT / "expectations" / "rules" / f"{entity}.yaml").read_text(encoding="utf-8"))
]
WEIGHTS = {rule["id"]: Fraction(str(rule["weight"])) for rule in CATALOGUE}
HARD = {rule["id"] for rule in CATALOGUE if rule["severity"] == "record"}
OF_ENTITY = {entity: [rule["id"] for rule in CATALOGUE if rule["entity"] == entity] for entity in RIGHT}
CHANGED = ("2025-01-05 10:00:00", "2025-02-05 10:00:00", "2025-03-05 10:00:00", "")


def _lines(chance: random.Random, entity: str, count: int) -> list[Row]:
    """Records of few keys, so that versions of one meet; a third with one defect, some with two."""
    own = [rule for rule in DEFECTS if entity_of(rule) == entity]
    made = []
    for _ in range(count):
        changes: Row = {}
        for rule in chance.sample(own, chance.choice((0, 0, 0, 0, 1, 1, 2))):
            changes |= DEFECTS[rule]
        if "updated_at" in RIGHT[entity] and "updated_at" not in changes:
            changes["updated_at"] = chance.choice(CHANGED)
        made.append(record(entity, chance.randrange(count), changes))
    return made


@dataclass
class Line:
    """One line of a file as Python reads it; `row` is None where it has too few values."""

    source: str
    entity: str
    number: int
    row: Row | None


def _read(folder: Path) -> list[Line]:
    found = []
    for file in sorted(folder.glob("*/*.csv")):
        with file.open(encoding="utf-8", newline="") as opened:
            names, *lines = csv.reader(opened)
        for number, values in enumerate(lines, start=1):
            row = dict(zip(names, values, strict=True)) if len(values) == len(names) else None
            found.append(Line(file.parent.name, file.stem, number, row))
    return found


@dataclass
class Company:
    """A staged company of defects, its lines, and the rules that each of them fails by Python's reckoning."""

    warehouse: Path
    lines: list[Line]
    failed: list[set[str]]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("recomputed")
    chance = random.Random(20261122)
    sources = {
        source: {entity: _lines(chance, entity, count) for entity in entities}
        for source, count, entities in (("shop", 150, RIGHT), ("office", 60, list(RIGHT)[:7]))
    }
    for made in sources.values():
        # Whom and what the others name.
        made["customers"].append(record("customers", 1))
        made["products"].append(record("products", 1))
        made["exchange_rates"].append(record("exchange_rates", 5))
    warehouse = stage(write_company(folder / "company", sources).parent, folder / "home")
    lines = _read(folder / "company")
    known: dict[str, Known] = defaultdict(Known)
    for line in lines:
        if line.row is not None and line.entity == "customers":
            known[line.source].accounts.add(line.row["account_id"])
        if line.row is not None and line.entity == "products":
            known[line.source].products.add(line.row["product_id"])
        if line.row is not None and line.entity == "partners":
            known[line.source].partners.add(line.row["partner_id"])
            if line.row["kind"].lower() == "employee":
                known[line.source].employees.add(line.row["partner_id"])
    failed = [
        failed_rules(line.entity, line.row, set(OF_ENTITY[line.entity]) & set(RULES), known[line.source])
        for line in lines
    ]
    return Company(warehouse, lines, failed)


def _held(company: Company) -> list[int]:
    """The lines that are the record of their key: a valid one before others, then the newest, then the last."""
    best: dict[object, tuple[Any, int]] = {}
    for place, (line, failed) in enumerate(zip(company.lines, company.failed, strict=True)):
        key = (line.source, line.entity, key_of(line.entity, line.row, line.number))
        changed = moment(line.row.get("updated_at")) if line.row else None
        rank = (not failed & HARD, changed is not None, changed.timestamp() if changed else 0.0, line.number)
        if key not in best or rank > best[key][0]:
            best[key] = (rank, place)
    return sorted(place for _, place in best.values())


def _index(company: Company, places: list[int]) -> dict[str, str]:
    """Source, or `all` -> the index with ten decimals."""
    failures = [(company.lines[at].source, company.lines[at].entity, company.failed[at]) for at in places]
    counts = counted(failures, OF_ENTITY)
    found = {}
    for source in dict.fromkeys(source for source, _ in counts):
        shares = {rule: both for (where, rule), both in counts.items() if where == source}
        found[source] = f"{float(index(shares, WEIGHTS)):.10f}"
    return found


def _measured(company: Company, scope: str) -> dict[str, str]:
    query = f"SELECT source, validity FROM marts.data_validity_index WHERE {scope}"
    return {source: f"{validity:.10f}" for source, validity in rows(company.warehouse, query)}


def test_python_knows_every_rule_of_the_catalogue() -> None:
    readable = {f"{entity}_readable" for entity in RIGHT}
    assert set(RULES) | readable == set(WEIGHTS), "a new rule needs a predicate in tests/integration/plain_rules.py"


def test_each_line_fails_the_same_rules(company: Company) -> None:
    different = {}
    found: dict[tuple[str, str, int], set[str]] = {}
    for entity in RIGHT:
        query = f"SELECT source, row_number, failed_rules FROM staging.stg_all__{entity}"
        for source, number, names in rows(company.warehouse, query):
            found[source, entity, number] = set((names or "").split(", ")) - {""}
    for line, failed in zip(company.lines, company.failed, strict=True):
        staged = found.pop((line.source, line.entity, line.number))
        if staged != failed:
            different[line.source, line.entity, line.number] = (staged ^ failed, line.row)
    assert different == {}
    assert found == {}
    assert len({rule for failed in company.failed for rule in failed}) > 100


def test_the_index_of_what_was_received(company: Company) -> None:
    expected = _index(company, list(range(len(company.lines))))
    assert set(expected) == {"all", "shop", "office"}
    assert _measured(company, "load_id NOT IN ('all', 'new', 'used')") == expected
    # Nothing has passed the gate, so all of it is new.
    assert _measured(company, "load_id = 'new'") == expected
    assert float(expected["all"]) < 0.99


def test_the_index_of_what_is_held(company: Company) -> None:
    held = _held(company)
    assert len(held) < len(company.lines) * 0.8
    assert _measured(company, "load_id = 'all'") == _index(company, held)
    # No source is held back.
    assert _measured(company, "load_id = 'used'") == {"all": _index(company, held)["all"]}


def test_the_counts_per_rule(company: Company) -> None:
    failures = [(line.source, line.entity, failed) for line, failed in zip(company.lines, company.failed, strict=True)]
    expected = {key: both for key, both in counted(failures, OF_ENTITY).items() if key[0] != "all"}
    query = "SELECT source, rule, valid_records, records FROM marts.data_validity"
    assert {
        (source, rule): (passed, count) for source, rule, passed, count in rows(company.warehouse, query)
    } == expected


def test_texts_are_read_as_the_sentences_of_the_rules_say() -> None:
    assert (text(" a "), text("  "), text(None)) == ("a", None, None)
    assert moment("2025-03-04 09:30:00").isoformat() == "2025-03-04T08:30:00+00:00"  # type: ignore[union-attr]
    assert moment("2025-02-30 09:30:00") is None
