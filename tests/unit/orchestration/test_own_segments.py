"""Which files of the dbt project are segments of the company's own, and what is said of those that cannot be."""

import re

import pytest

from orchestration.dbt import PROJECT_DIR
from orchestration.own_segments import FOLDER, KINDS, SegmentError, segment_models


def _project(tmp_path, *files):
    folder = tmp_path / "dbt_project" / FOLDER
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).write_text("select 1", "utf-8")
    return tmp_path / "dbt_project"


def test_files_are_found_by_their_names(tmp_path):
    project = _project(tmp_path, "segment__vip.sql", "segment__gift_buyers.sql", "int_own_segments.sql", "notes.md")
    assert segment_models(project) == ["gift_buyers", "vip"]


def test_a_project_without_any_has_none(tmp_path):
    assert segment_models(tmp_path) == []


@pytest.mark.parametrize(
    "file", ["vip.sql", "segment_vip.sql", "segment__Vip.sql", "segment__.sql", "segment__2nd.sql"]
)
def test_a_name_that_says_no_segment_is_refused(tmp_path, file):
    with pytest.raises(SegmentError, match=rf"dbt_project/models/segments/{file}: .* Call it segment__<name>.sql"):
        segment_models(_project(tmp_path, file))


def test_a_name_that_is_taken_is_refused(tmp_path):
    with pytest.raises(SegmentError, match=r"segment__value.sql: the segment value comes with Regulars"):
        segment_models(_project(tmp_path, "segment__value.sql"))


def test_the_kinds_are_those_of_the_dbt_project():
    macro = (PROJECT_DIR / "macros" / "marts" / "own_segments.sql").read_text("utf-8")
    part = macro.split("macro segment_columns()")[1].split("endmacro")[0]
    assert tuple(re.findall(r"'(\w+)':", part)) == KINDS
