"""A client for APIs that speak JSON, a thin layer over dlt's.

It waits as it is told (429 with Retry-After), tries again what may pass (5xx, time-outs, answers that are cut off or no
JSON), refuses what cannot be right (another host, the same page for ever), and says what was wrong without a secret.
dlt is imported when the first request is made: it takes two seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sources.rest.auth import Auth, ClientCredentials, secrets_of
from sources.rest.errors import RestError, RestStopped
from sources.rest.manners import Manners, origin

if TYPE_CHECKING:
    from sources.rest.session import Rest
    from sources.vendor import ApiSettings


class RestClient:
    """Asks one API. It belongs to one thread at a time.

    Requests that are sent again must do no harm: every POST of a source is a question.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 60,
        max_attempts: int = 6,
        requests_per_second: float | None = None,
        busy: Callable[[Any], float | None] | None = None,
    ) -> None:
        """Keep the settings; nothing is sent yet.

        Args:
            base_url: address that paths start from; requests to other hosts are refused.
            auth: how to prove who asks, see `sources.rest.auth`.
            headers: of every request; a secret belongs into `auth`.
            timeout_seconds: for connecting and for each piece of an answer; a whole answer may take ten times as long.
            max_attempts: tries of one request.
            requests_per_second: at most so many.
            busy: for APIs that say "too busy" in an answer without error (GraphQL): given the answer's JSON, returns
                the seconds to wait before it is asked again, None if all is well.
        """
        self.base_url = base_url.rstrip("/")
        self._auth = auth
        self._headers = dict(headers or {})
        self._timeout = timeout_seconds
        self._attempts = max_attempts
        self._per_second = requests_per_second
        self._busy = busy
        self._made: tuple[Rest, Manners] | None = None
        self.stop: Callable[[], bool] = lambda: False
        """Asked while the client waits; once it returns true, the client raises RestStopped."""

    @classmethod
    def of(cls, settings: ApiSettings, base_url: str, **more: Any) -> RestClient:
        """Return a client with a source's settings; `base_url` is the vendor's address, which they may replace."""
        return cls(
            settings.base_url or base_url,
            timeout_seconds=settings.timeout_seconds,
            max_attempts=settings.max_attempts,
            requests_per_second=settings.requests_per_second,
            **more,
        )

    def __repr__(self) -> str:
        return f"RestClient({self.base_url!r})"

    @property
    def limits(self) -> dict[str, str]:
        """What the last answers said about rate limits, by header."""
        return {} if self._made is None else dict(self._made[1].limits)

    def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            self._made[0].session.close()
            self._made = None

    def wait(self, seconds: float) -> None:
        """Wait, for example until a job that was started is done.

        Raises:
            RestStopped: the load is to end.
        """
        self._ready()[1].pause(seconds)

    def _is_over(self) -> bool:
        return self.stop()  # whatever it is by then

    def _ready(self) -> tuple[Rest, Manners]:
        if self._made is None:
            from sources.rest import session

            token_url = self._auth.token_url if isinstance(self._auth, ClientCredentials) else None
            manners = Manners(
                self._timeout,
                self._attempts,
                self._per_second,
                self._busy,
                {origin(url) for url in (self.base_url, token_url) if url is not None},
                secrets_of(self._auth),
                token_url,
                self._is_over,
            )
            made = session.make_session(manners)
            auth = session.dlt_authentication(self._auth, made)
            self._made = session.Rest(self.base_url, self._headers, auth, made, manners), manners
        return self._made

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON value that a GET answers.

        Raises:
            RestError: it did not succeed.
        """
        return self._request("GET", path, params, None)

    def post(self, path: str, json: Any = None, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON value that a POST answers.

        Raises:
            RestError: it did not succeed.
        """
        return self._request("POST", path, params, json)

    def _request(self, method: str, path: str, params: Mapping[str, Any] | None, json: Any) -> Any:
        rest, _ = self._ready()
        with self._told(method, path):
            given = None if params is None else dict(params)
            answer = rest.request(path, method, params=given, json=json, hooks=dict(rest.session.hooks))
            return answer.json()

    def paginate(
        self,
        path: str,
        *,
        method: str = "GET",
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data_selector: str | None = None,
        paginator: Any = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield pages of records as received.

        Args:
            path: below the base address.
            method: GET, or POST for APIs that are asked so.
            params: of the query.
            json: body.
            data_selector: where the records stand in an answer: dotted names (which must be there) or a JSONPath;
                default the whole answer.
            paginator: how to get the next page, one of `dlt.sources.helpers.rest_client.paginators`; default: there is
                one page only, as guessing could leave pages out.

        Raises:
            RestError: a page could not be had, leads to another host, or leads back to a page that was there.
        """
        rest, manners = self._ready()
        with self._told(method, path):
            from dlt.sources.helpers.rest_client.paginators import SinglePagePaginator

            pages = rest.paginate(
                path,
                method=method,  # type: ignore[arg-type]
                params=None if params is None else dict(params),
                json=_copied(json),
                data_selector=data_selector or "$",
                paginator=paginator or SinglePagePaginator(),
                hooks=dict(rest.session.hooks),
            )
        asked: set[bytes] = set()
        while True:
            with self._told(method, path):
                page = next(pages, None)
                if page is None:
                    return
                records = list(page)
                if not all(isinstance(record, dict) for record in records):
                    raise RestError(
                        manners.shown(method, page.response.url),
                        "a page holds values that are no records",
                        "Check base_url and the version of the vendor's API",
                    )
                # The request is already the next page's: one that was made before would go round for ever.
                mark = _mark(page.request)
                if page.paginator.has_next_page and mark in asked:
                    raise RestError(
                        manners.shown(method, page.response.url),
                        f"page {len(asked) + 1:,} leads back to a page that was there already",
                        "Tell the vendor: its pages run in a circle. What came so far is kept; it is asked again by "
                        "the next load",
                    )
                asked.add(mark)
            yield records

    def download_lines(self, url: str) -> Iterator[bytes]:
        """Yield the lines of a file, without their ends and without blank ones; gzip is unpacked.

        The URL is one that needs no credential (signed), which is not sent. A download that is cut off goes on where
        it was; one that changes meanwhile is an error.

        Raises:
            RestError: the file cannot be had whole.
        """
        from sources.rest.download import lines

        with self._told("GET", url):
            yield from lines(url, self._timeout, self._attempts, self._is_over)

    @contextlib.contextmanager
    def _told(self, method: str, path: str) -> Iterator[None]:
        """Turn what libraries raise into errors of ours: their texts may hold addresses with secrets, and bodies."""
        kind = ""
        try:
            yield
        except (RestError, RestStopped, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text must not get out
            kind = type(error).__name__
        if kind:
            raise RestError(
                self._ready()[1].shown(method, path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"),
                f"the answer is not what was expected ({kind})",
                "Check base_url and the version of the vendor's API",
            )


def _copied(value: Any) -> Any:
    """Paginators write into the body; the caller's stays as it is."""
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _mark(request: Any) -> bytes:
    """Return what tells one request from another."""
    parts = repr((request.method, request.url, sorted((request.params or {}).items(), key=str), request.json))
    return hashlib.blake2b(parts.encode(), digest_size=16).digest()


__all__ = ["RestClient"]
