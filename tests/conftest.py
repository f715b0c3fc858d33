"""What tests of several packages share: the project's root, and the demo company in a folder of its own."""

import functools
import os
import shutil
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# dbt writes a debug log unless told otherwise, at a sixth of the time of a small run; nobody reads that of a test.
os.environ.setdefault("DBT_LOG_LEVEL_FILE", "none")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Each file goes to a process as a whole; those that look at the corner bakery go to one, which runs it once."""
    from xdist.scheduler import LoadScopeScheduling

    @functools.cache
    def group_of(file):
        return "corner" if "from corner import" in (ROOT / file).read_text("utf-8") else file

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group_of(nodeid.partition("::")[0])

    return ByFile(config, log)


@pytest.fixture(scope="session")
def shared_data():
    """The folder of the real data; a test that asks for it is skipped where it is missing."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data is not part of the project; it lies in ../shared/data where it is")
    return folder


@pytest.fixture(scope="session")
def bakehouse(tmp_path_factory):
    """A small Bakehouse: the company file and its data, made once; tests that change files copy it first."""
    from tests.plain_bakehouse import generate

    folder = tmp_path_factory.mktemp("bakehouse")
    shutil.copy(ROOT / "tests" / "plain_bakehouse" / "company.yaml", folder / "company.yaml")
    generate(folder / "data" / "bakehouse", customers=300, seed=11, end=date(2026, 6, 30))
    return folder


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server with the empty database `regulars`; see tests/postgres_server.py."""
    from tests.postgres_server import running

    with running() as server:
        yield server


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Starts runs in processes of their own, which can be killed; the imports of all of them are paid once."""
    from helpers import Runs

    started = Runs(tmp_path_factory.mktemp("runs"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def corner(tmp_path_factory):
    """The corner bakery after its first delivery, which is faultless: see corner.Corner."""
    from corner import first_run

    return first_run(tmp_path_factory.mktemp("corner"))


@pytest.fixture(scope="session")
def corner_later(corner, tmp_path_factory):
    """The corner bakery after a second delivery full of faults, in folders of its own."""
    from corner import second_run

    return second_run(corner, tmp_path_factory.mktemp("corner_later"))
