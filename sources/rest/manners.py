"""How a client behaves on the wire: how fast, how patient, where to, and what it never says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sources.rest.errors import RestStopped


@dataclass
class Manners:
    """How a session behaves.

    Attributes:
        timeout_seconds: for connecting, and for each piece of an answer; a whole answer may take ten times as long.
        max_attempts: tries of one request.
        requests_per_second: at most so many, None for no limit.
        busy: tells from an answer's JSON how many seconds to wait if it says "too busy" without a status, else None.
        stop: whether to end as soon as possible.
        origins: scheme and host that requests may go to; None for any, where no credential is sent.
        secrets: values that no message may hold.
        token_url: where a token is fetched.
        limits: what the last answers said about rate limits, by header.
    """

    timeout_seconds: float
    max_attempts: int
    requests_per_second: float | None
    busy: Callable[[Any], float | None] | None
    origins: set[tuple[str, str]] | None
    secrets: tuple[str, ...]
    token_url: str | None = None
    stop: Callable[[], bool] = lambda: False
    limits: dict[str, str] = field(default_factory=dict)
    _next_at: float = 0.0

    def allows(self, url: str | None) -> bool:
        """Return whether requests may go there."""
        return self.origins is None or origin(url or "") in self.origins

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until somebody wants the load to end.

        Raises:
            RestStopped: somebody does.
        """
        until = time.monotonic() + seconds
        while True:
            if self.stop():
                raise RestStopped
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.2))

    def throttle(self) -> None:
        """Wait until the next request may be sent."""
        self.pause(max(self._next_at - time.monotonic(), 0.0))
        if self.requests_per_second:
            self._next_at = max(self._next_at, time.monotonic()) + 1 / self.requests_per_second

    def shown(self, method: str | None, url: str | None) -> str:
        """Return a request for messages: no query, no secret, and the host only if it is not the usual one."""
        parts = urlsplit(url or "")
        is_usual = self.origins is not None and origin(url or "") in self.origins
        host = "" if is_usual else f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        path = f"{host}{parts.path or '/'}"
        for secret in self.secrets:
            if secret:
                path = path.replace(secret, "***")
        return f"{(method or 'GET').upper()} {path}"


def origin(url: str) -> tuple[str, str]:
    """Return scheme and host with port of a URL."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    port = parts.port or {"http": 80, "https": 443}.get(scheme)
    return scheme, f"{(parts.hostname or '').lower()}:{port}"
