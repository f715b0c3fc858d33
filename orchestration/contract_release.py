"""The reporting contract as it was released: a file per release, and what has changed since.

A release is a small YAML file in `dbt_project/contract`, named by its number. It has no text of a description, only a
digest, so that a change of words is seen and the file stays short.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from orchestration.contract import ContractTable, version_key

RELEASES = Path(__file__).resolve().parent.parent / "dbt_project" / "contract"
_HEAD = """\
# The reporting contract as released: what readers rely on. Written by `regulars contract release`; `make test` and
# `regulars contract diff` compare the models with it. Do not edit: a change of the contract is a new release.
# A column is [type, digest of its description].
"""
_UNVERSIONED = "none"


class ReleaseError(RuntimeError):
    """A file of a release is not there, cannot be read or cannot be written; the text says what to do."""


@dataclass(frozen=True)
class ReleasedColumn:
    """A column as promised; `words` is the digest of its description."""

    type: str
    words: str


@dataclass(frozen=True)
class ReleasedVersion:
    """One version of a model as promised: its columns in their order, its grain, and its last day if it has one."""

    columns: dict[str, ReleasedColumn]
    grain: tuple[str, ...] | None = None
    ends_on: date | None = None


@dataclass(frozen=True)
class ReleasedModel:
    """A model as promised: the version that its plain name stood for, and every version by name."""

    latest_version: str
    versions: dict[str, ReleasedVersion]


@dataclass(frozen=True)
class Release:
    """The contract of one moment. `number` counts up: 2 after a change that readers must follow, 1.1 after others."""

    number: str
    models: dict[str, ReleasedModel]
    released_on: date | None = None
    note: str = ""
    changes: list[str] = field(default_factory=list)


def present_release(contract: Mapping[str, ContractTable]) -> Release:
    """The contract of dbt's manifest in the form of a release without number."""
    versions: dict[str, dict[str, ReleasedVersion]] = {}
    latest: dict[str, str] = {}
    for table in contract.values():
        if table.same_as is not None:
            continue
        model = table.model or table.name
        versions.setdefault(model, {})[table.version or _UNVERSIONED] = ReleasedVersion(
            columns={
                column.name: ReleasedColumn(column.type.strip().lower(), digest_of(column.description))
                for column in table.columns
            },
            grain=table.grain,
            ends_on=table.ends_on,
        )
        latest[model] = table.latest_version or _UNVERSIONED
    models = {
        name: ReleasedModel(latest[name], dict(sorted(versions[name].items(), key=lambda one: version_key(one[0]))))
        for name in sorted(versions)
    }
    return Release(number="", models=models)


def digest_of(words: str) -> str:
    """Eight letters that change with the words, but not with the way they are broken into lines."""
    return hashlib.blake2b(" ".join(words.split()).encode(), digest_size=4).hexdigest()


def release_key(number: str) -> tuple[int, ...]:
    """What releases are sorted by: 1.10 comes after 1.9."""
    return tuple(int(part) for part in number.split("."))


def release_files(folder: Path = RELEASES) -> list[Path]:
    """The files of all releases, the oldest first."""
    found = [path for path in folder.glob("*.yml") if re.fullmatch(r"\d+(\.\d+)?", path.stem)]
    return sorted(found, key=lambda path: release_key(path.stem))


def last_release(folder: Path = RELEASES) -> Release | None:
    """The last release, or None before the first.

    Raises:
        ReleaseError: its file cannot be read.
    """
    files = release_files(folder)
    return read_release(files[-1]) if files else None


def last_number(folder: Path = RELEASES) -> str:
    """The number of the last release, by its file's name alone; `0` before the first."""
    files = release_files(folder)
    return files[-1].stem if files else "0"


def read_release(path: Path) -> Release:
    """A release from its file.

    Raises:
        ReleaseError: the file is not there, or is no release.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ReleaseError(f"{path}: the released contract cannot be read ({reason}). {_which(path.parent)}") from error
    try:
        return _from_plain(yaml.safe_load(text))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReleaseError(
            f"{path}: this is no released contract ({type(error).__name__}). Take the file back from version control, "
            "or name another with --against."
        ) from error


def _which(folder: Path) -> str:
    known = ", ".join(path.name for path in release_files(folder))
    return f"Releases there: {known}." if known else "There is no release in that folder."


def write_release(release: Release, folder: Path = RELEASES) -> Path:
    """Write the file of a release and return it.

    Raises:
        ReleaseError: there is one of that number already, or the folder cannot be written.
    """
    path = folder / f"{release.number}.yml"
    text = _HEAD + yaml.safe_dump(
        _to_plain(release), sort_keys=False, default_flow_style=None, width=100, allow_unicode=True
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ReleaseError(f"{path} is there already: a release is never changed. Give the next number.") from error
    except OSError as error:
        raise ReleaseError(f"{path} cannot be written: {error.strerror}. Make the folder writable.") from error
    return path


def _to_plain(release: Release) -> dict[str, Any]:
    return {
        "release": release.number,
        "released_on": release.released_on,
        "note": release.note,
        "changes": release.changes,
        "models": {
            name: {
                "latest_version": model.latest_version,
                "versions": {
                    version: {
                        "grain": None if one.grain is None else list(one.grain),
                        "ends_on": one.ends_on,
                        "columns": {column: [about.type, about.words] for column, about in one.columns.items()},
                    }
                    for version, one in model.versions.items()
                },
            }
            for name, model in release.models.items()
        },
    }


def _from_plain(plain: Mapping[str, Any]) -> Release:
    return Release(
        number=str(plain["release"]),
        released_on=plain["released_on"],
        note=plain["note"] or "",
        changes=list(plain["changes"] or []),
        models={
            name: ReleasedModel(
                str(model["latest_version"]),
                {
                    str(version): ReleasedVersion(
                        columns={column: ReleasedColumn(*about) for column, about in one["columns"].items()},
                        grain=None if one["grain"] is None else tuple(one["grain"]),
                        ends_on=one["ends_on"],
                    )
                    for version, one in model["versions"].items()
                },
            )
            for name, model in plain["models"].items()
        },
    )
