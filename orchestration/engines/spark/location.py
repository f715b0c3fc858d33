"""The storage folder of a company on Spark: paths below it, as Spark and as this process name them."""

from __future__ import annotations

import posixpath
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.engines.base import EngineError
from sources.files.storage import spark_url

if TYPE_CHECKING:
    import duckdb


class Location:
    """A folder, local or behind a URL.

    Attributes:
        text: The folder without a slash at its end; a local one is absolute.
    """

    def __init__(self, text: str, base: Path) -> None:
        if "://" in text and not text.startswith("file://"):
            self.text = text.rstrip("/")
        else:
            self.text = str((base / Path(text.removeprefix("file://")).expanduser()).absolute())

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine's file system."""
        return "://" not in self.text

    def path(self, folder: str) -> str:
        """A folder below it as this process names it."""
        return posixpath.join(self.text, folder)

    def url(self, folder: str) -> str:
        """A folder below it as Spark names it."""
        # A cluster may take a bare path for one of its own file system.
        return Path(self.path(folder)).as_uri() if self.is_local else spark_url(self.path(folder))

    @cached_property
    def _files(self) -> tuple[Any, str]:
        import fsspec

        try:
            filesystem, root = fsspec.core.url_to_fs(self.text)
        except (ImportError, ValueError) as error:
            raise EngineError(f"warehouse.spark.location cannot be opened: {error}") from error
        return filesystem, root.rstrip("/")

    def register(self, con: duckdb.DuckDBPyConnection) -> None:
        """Let a DuckDB connection read this storage through Python's file system, without an extension of its own."""
        if not self.is_local:
            con.register_filesystem(self._files[0])

    def folders(self, folder: str) -> list[str]:
        """Folders directly below a folder, by their path below the location; none where it is absent."""
        filesystem, root = self._files
        filesystem.invalidate_cache()
        start = posixpath.join(root, folder)
        if not filesystem.isdir(start):
            return []
        found = [
            entry["name"].rstrip("/") for entry in filesystem.ls(start, detail=True) if entry["type"] == "directory"
        ]
        return sorted(posixpath.join(folder, posixpath.basename(name)) for name in found)

    def remove(self, folder: str) -> None:
        """Remove a folder and all it holds."""
        filesystem, root = self._files
        filesystem.rm(posixpath.join(root, folder), recursive=True)

    def make(self, folder: str) -> None:
        """Make a folder where storage knows folders.

        Raises:
            EngineError: it cannot be written.
        """
        filesystem, root = self._files
        try:
            filesystem.makedirs(posixpath.join(root, folder), exist_ok=True)
        except OSError as error:
            raise EngineError(
                f"The storage {self.text} cannot be written ({error.strerror or type(error).__name__}). Give this user "
                "the right to write there, or name another warehouse.spark.location."
            ) from error
