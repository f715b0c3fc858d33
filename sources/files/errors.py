"""Errors of the files source: which source, dataset and file, what was wrong and what to do about it."""

from __future__ import annotations


class SourceError(Exception):
    """A file or a path that could not be used.

    The message never holds a value of a record, so that personal data stay out of logs.

    Attributes:
        source: name of the source in the company file.
        dataset: name of the dataset, or an empty string when the whole source is meant.
        path: the file, folder, glob or URL.
        problem: what was wrong.
        fix: what to do about it.
    """

    def __init__(self, source: str, dataset: str, path: str, problem: str, fix: str) -> None:
        """Keep the parts; `str(error)` joins them to one line."""
        self.source = source
        self.dataset = dataset
        self.path = path
        self.problem = problem
        self.fix = fix
        super().__init__(source, dataset, path, problem, fix)

    def __str__(self) -> str:
        """Return one line: source.dataset, path, problem, fix."""
        where = f"{self.source}.{self.dataset}" if self.dataset else self.source
        return f"{where}: {self.path}: {self.problem}. {self.fix}"


class FileProblem(Exception):  # noqa: N818 - it becomes a SourceError once the source is known
    """What is wrong with one file, before its source and dataset are known."""

    def __init__(self, problem: str, fix: str) -> None:
        """Keep the problem and the fix."""
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}. {fix}")


class StoreError(Exception):
    """A storage location that could not be read or written.

    The message never holds a value of a record, nor a secret of the location.

    Attributes:
        location: the folder or URL, without user, password and query.
        problem: what was wrong.
        fix: what to do about it.
    """

    def __init__(self, location: str, problem: str, fix: str) -> None:
        """Keep the parts; `str(error)` joins them to one line."""
        self.location = location
        self.problem = problem
        self.fix = fix
        super().__init__(location, problem, fix)

    def __str__(self) -> str:
        """Return one line: location, problem, fix."""
        return f"{self.location}: {self.problem}. {self.fix}"
