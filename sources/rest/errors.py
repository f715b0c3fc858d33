"""Errors of API sources: which request, what was wrong, what to do. Never a query, a body, a record or a secret."""

from __future__ import annotations

from sources.files.errors import SourceError


class RestError(Exception):
    """A request that did not succeed, after all tries that made sense.

    Attributes:
        request: method and path, without query; another host is named before the path.
        problem: what was wrong.
        fix: what to do about it.
        status: of the answer, None when there was none or it is not the point.
    """

    def __init__(self, request: str, problem: str, fix: str, status: int | None = None) -> None:
        """Keep the parts; `str(error)` joins them to one line."""
        self.request = request
        self.problem = problem
        self.fix = fix
        self.status = status
        super().__init__(request, problem, fix, status)

    def __str__(self) -> str:
        """Return one line: request, problem, fix."""
        return f"{self.request}: {self.problem}. {self.fix}"

    def at(self, source: str, dataset: str) -> SourceError:
        """Return the error of a source's object."""
        return SourceError(source, dataset, self.request, self.problem, self.fix)


class RestStopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """Whoever runs the load wants it to end, so the client does not wait any longer."""
