"""What tests of several packages share: the project's root, and the demo company in a folder of its own."""

import shutil
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="the real data is not part of the project; it lies in ../shared/data where it is"
)


@pytest.fixture(scope="session")
def bakehouse(tmp_path_factory):
    """A small Bakehouse: the company file and its data, made once; tests that change files copy it first."""
    from sources.sample import generate

    folder = tmp_path_factory.mktemp("bakehouse")
    shutil.copy(ROOT / "company.yaml", folder / "company.yaml")
    generate(folder / "data" / "bakehouse", customers=300, seed=11, end=date(2026, 6, 30))
    return folder
