"""Every rule of the catalogue finds its own defect, and only it: one wrong value per rule, written into plain files."""

from __future__ import annotations

from collections import defaultdict

import pytest
from defects import DEFECTS, RIGHT, entity_of, record, write_company
from published_tables import rows

from benchmarks.injected import stage
from expectations.catalogue import load_rules

RULES = load_rules()
RIGHT_ONES = 3


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, set[str]]]:
    """Entity -> row of its file -> the rules that it fails. Right records come first, then one for each rule."""
    folder = tmp_path_factory.mktemp("rules")
    sources = {"shop": {entity: [record(entity, n) for n in range(1, RIGHT_ONES + 1)] for entity in RIGHT}}
    for rule, changes in DEFECTS.items():
        written = sources["shop"][entity_of(rule)]
        written.append(record(entity_of(rule), len(written) + 1, changes))
    warehouse = stage(write_company(folder / "company", sources).parent, folder / "home")
    found: dict[str, dict[int, set[str]]] = {}
    for entity in RIGHT:
        query = f"SELECT row_number, failed_rules FROM staging.stg_all__{entity} ORDER BY batch_id, row_number"
        found[entity] = {number: set((names or "").split(", ")) - {""} for number, names in rows(warehouse, query)}
    return found


def test_each_rule_of_the_catalogue_has_a_defect() -> None:
    assert set(DEFECTS) == {rule.id for rule in RULES}, "a new rule needs a defect in tests/integration/defects.py"
    assert all(rule.entity == entity_of(rule.id) for rule in RULES)


def test_right_records_break_no_rule(failed: dict[str, dict[int, set[str]]]) -> None:
    right = {entity: [found[number] for number in range(1, RIGHT_ONES + 1)] for entity, found in failed.items()}
    assert right == {entity: [set()] * RIGHT_ONES for entity in RIGHT}


def _numbers() -> dict[str, int]:
    """Rule -> the row of its defect."""
    counts: dict[str, int] = defaultdict(lambda: RIGHT_ONES)
    numbers = {}
    for rule in DEFECTS:
        counts[entity_of(rule)] += 1
        numbers[rule] = counts[entity_of(rule)]
    return numbers


@pytest.mark.parametrize("rule", DEFECTS)
def test_a_rule_finds_its_defect_and_no_other_rule_does(rule: str, failed: dict[str, dict[int, set[str]]]) -> None:
    assert failed[entity_of(rule)][_numbers()[rule]] == {rule}


def test_every_record_was_received_once(failed: dict[str, dict[int, set[str]]]) -> None:
    expected = {entity: RIGHT_ONES + sum(entity_of(rule) == entity for rule in DEFECTS) for entity in RIGHT}
    assert {entity: len(found) for entity, found in failed.items()} == expected
