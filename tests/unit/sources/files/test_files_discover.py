from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sources.files.config import FilesSource
from sources.files.discover import Found, discover, download, public_url
from sources.files.errors import FileProblem


def found(settings: FilesSource, base: Path) -> Found:
    return discover("shop", "orders", settings.datasets["orders"], base)


def names(settings: FilesSource, base: Path) -> list[str]:
    result = found(settings, base)
    assert not result.problems
    return [file.name for file in result.files]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.csv",
        "a.csv.gz",
        "c.tsv",
        "notes.md",
        "notes.txt",
        ".hidden.csv",
        "_SUCCESS.csv",
        "d.csv.part",
        "sub/e.csv",
    ):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("id\n1\n")
    return tmp_path


def test_folder_takes_files_of_a_known_format(tree: Path, source: Callable[..., FilesSource]) -> None:
    assert names(source("in"), tree) == ["in/a.csv.gz", "in/b.csv", "in/c.tsv"]


def test_folder_with_a_format_takes_only_that(tree: Path, source: Callable[..., FilesSource]) -> None:
    assert names(source("in", format="csv"), tree) == ["in/a.csv.gz", "in/b.csv"]


def test_glob_file_and_list_give_each_file_once(tree: Path, source: Callable[..., FilesSource]) -> None:
    assert names(source(["in/b.csv", "in/b.*", "in/sub/../b.csv", "in/**/e.csv"]), tree) == ["in/b.csv", "in/sub/e.csv"]


def test_absolute_and_file_urls(tree: Path, source: Callable[..., FilesSource]) -> None:
    assert names(source(str(tree / "in" / "b.csv")), tree) == ["in/b.csv"]
    assert names(source(f"file://{tree}/in/b.csv"), tree) == ["in/b.csv"]
    (tree / "company").mkdir()
    assert names(source("../in/b.csv"), tree / "company") == [f"{tree}/in/b.csv"]


def test_brackets_in_a_real_name_are_no_glob(tmp_path: Path, source: Callable[..., FilesSource]) -> None:
    (tmp_path / "orders [2024].csv").write_text("id\n1\n")
    assert names(source("orders [2024].csv"), tmp_path) == ["orders [2024].csv"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("missing.csv", "does not exist"),
        ("in/*.xlsx", "no file matches"),
        ("nowhere/*.csv", "does not exist"),
        ("in/notes.md", "does not tell the format"),
    ],
)
def test_what_is_not_found_is_said(tree: Path, source: Callable[..., FilesSource], path: str, problem: str) -> None:
    result = found(source([path, "in/b.csv"]), tree)
    assert [file.name for file in result.files] == ["in/b.csv"]
    (error,) = result.problems
    assert problem in error.problem
    assert str(error).startswith(f"shop.orders: {path}: ")
    assert error.fix


def test_a_changed_file_has_another_fingerprint(tree: Path, source: Callable[..., FilesSource]) -> None:
    path = tree / "in" / "b.csv"
    before = found(source("in/b.csv"), tree).files[0]
    os.utime(path, ns=(1, 1))
    after = found(source("in/b.csv"), tree).files[0]
    assert before.size == after.size == 5
    assert before.fingerprint != after.fingerprint


def test_remote_files_are_listed_and_fetched_whole(tmp_path: Path, source: Callable[..., FilesSource]) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/discover/a.csv", b"id\n1\n")
    memory.pipe("/discover/b.csv", b"id\n2\n")
    memory.pipe("/discover/c.txt.part", b"id\n")
    try:
        assert names(source("memory://discover/a.csv"), tmp_path) == ["memory://discover/a.csv"]
        assert len(names(source("memory://discover/*.csv"), tmp_path)) == 2
        assert len(names(source("memory://discover"), tmp_path)) == 2
        file = found(source("memory://discover/b.csv"), tmp_path).files[0]
        copy = download(file, tmp_path / "landing")
        assert copy.read_bytes() == b"id\n2\n"
        memory.pipe("/discover/b.csv", b"id\n")
        with pytest.raises(FileProblem, match="3 of 5 bytes arrived"):
            download(file, tmp_path / "landing2")
        assert not list((tmp_path / "landing2").iterdir())
    finally:
        memory.rm("/discover", recursive=True)


@pytest.mark.parametrize(
    ("url", "problem"),
    [("memory://nothing/a.csv", "does not exist"), ("nosuch://a/b.csv", "not understood")],
)
def test_remote_problems(tmp_path: Path, source: Callable[..., FilesSource], url: str, problem: str) -> None:
    (error,) = found(source(url), tmp_path).problems
    assert problem in error.problem


def test_secrets_of_a_url_are_not_shown() -> None:
    assert public_url("sftp://me:pw@host/a.csv?sig=1#x") == "sftp://host/a.csv"


_AS_NOBODY = """
import os, sys
sys.path.insert(0, {root!r})
from sources.files.config import FilesSource
from sources.files.discover import discover
from sources.files.load import _try_prepare
os.setuid(65534)
from pathlib import Path
data = {{"path": sys.argv[1], "entities": [{{"entity": "orders", "columns": {{"order_id": "id"}}}}]}}
source = FilesSource.model_validate({{"channel": "shop", "owner": "me", "datasets": {{"orders": data}}}})
found = discover("shop", "orders", source.datasets["orders"], Path("/"))
for problem in found.problems:
    print(problem)
for file in found.files:
    print(_try_prepare(file, source.datasets["orders"], Path("/nowhere")))
"""


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs to become another user")
def test_no_permission_is_said(tmp_path: Path) -> None:
    folder = Path("/tmp") / f"regulars-closed-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "a.csv").write_text("id\n1\n")
        (folder / "a.csv").chmod(0o600)
        script = _AS_NOBODY.format(root=str(Path.cwd()))

        def run(path: str) -> str:
            command = [sys.executable, "-c", script, path]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return done.stdout

        assert "no permission to read it" in run(str(folder / "a.csv"))
        folder.chmod(0o700)
        assert "no permission to look there" in run(str(folder / "*.csv"))
    finally:
        (folder / "a.csv").unlink()
        folder.rmdir()
