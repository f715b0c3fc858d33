"""dlt's HTTP session and REST client, set up so that nothing is short, endless or told to whom it is not meant for.

What is dlt's: connections, retries (tenacity), authentication, pagination. What is added: a wait with jitter that can
be interrupted, an answer that is no JSON tried again, an answer that never ends given up, a throttle, no request to
another host, and errors without secrets. Only this module imports dlt, and it is imported when a client is first used.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.requests.retry import DEFAULT_RETRY_EXCEPTIONS, DEFAULT_RETRY_STATUS
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client import auth as dlt_auth

from sources.rest import patience
from sources.rest.auth import ApiKey, Auth, Basic, Bearer, ClientCredentials
from sources.rest.errors import RestError, RestStopped
from sources.rest.exact import parse
from sources.rest.manners import Manners
from sources.rest.patience import Unreadable

MOST_BODY_BYTES = 256 << 20
"""An answer may be this large, unpacked; a page of thousands of records is some megabytes."""

_PASSING_STATUS = (408, 425, *DEFAULT_RETRY_STATUS)
_LIMIT_HEADERS = ("ratelimit", "rate-limit", "call-limit", "retry-after")
_REDIRECTS = (301, 302, 303, 307, 308)


def make_session(manners: Manners) -> requests.Session:
    """Return dlt's session with these manners; every request through it is tried as often as makes sense."""
    client = Client(
        request_timeout=manners.timeout_seconds,
        raise_for_status=False,
        status_codes=_PASSING_STATUS,
        exceptions=(
            *DEFAULT_RETRY_EXCEPTIONS,
            Unreadable,
            requests.exceptions.ContentDecodingError,
            urllib3.exceptions.HTTPError,
        ),
        request_max_attempts=manners.max_attempts,
        retry_condition=lambda response, _error: patience.busy_seconds(manners, response) is not None,
    )
    session: requests.Session = client.session
    session.headers["User-Agent"] = "regulars"
    session.hooks["response"] = [lambda response, **sent: _answered_or_closed(manners, response, **sent)]
    # tenacity's own way to change a wrapped function's settings.
    send = session.send.retry_with(  # type: ignore[attr-defined]
        before=lambda state: _before(manners, state.args[0]),
        wait=lambda state: patience.wait(manners, state),
        stop=lambda state: patience.is_over(manners, state),
        sleep=manners.pause,
        retry_error_callback=lambda state: patience.give_up(manners, state),
    )
    session.send = _unlogged(send)  # type: ignore[method-assign]
    return session


def _before(manners: Manners, request: requests.PreparedRequest) -> None:
    if not manners.allows(request.url):
        raise RestError(
            manners.shown(request.method, request.url),
            "the API leads to another host, which must not see the credential; nothing was sent there",
            "If the vendor has moved, set base_url to the new address",
        )
    manners.throttle()


def _answered_or_closed(manners: Manners, response: requests.Response, **sent: Any) -> None:
    try:
        _answered(manners, response, **sent)
    except BaseException:
        response.close()
        raise


def _answered(manners: Manners, response: requests.Response, **sent: Any) -> None:
    """Look at an answer before anyone else does: refuse, or read it whole and parse it once."""
    status = response.status_code
    for name, value in response.headers.items():
        if any(part in name.lower() for part in _LIMIT_HEADERS):
            manners.limits[name] = value[:100]
    if status in _REDIRECTS and "location" in response.headers:
        # What follows a redirect is asked by the same session, which refuses other hosts; its own message is better.
        target = urljoin(response.url, response.headers["location"])
        if not manners.allows(target):
            raise RestError(
                manners.shown(response.request.method, response.url),
                f"the API redirects to another host ({urlsplit(target).hostname}), which must not see the credential",
                "If the vendor has moved, set base_url (or the shop's or account's name) to the new address",
                status,
            )
        return
    if status >= 300:
        # Nobody reads such a body: it may be long, and it may repeat what was sent.
        response.close()
        response._content, response._content_consumed = b"", True  # type: ignore[attr-defined]
        if status not in _PASSING_STATUS:
            raise _refused(manners, response)
    elif not sent.get("stream"):
        _read(manners, response)


def _refused(manners: Manners, response: requests.Response) -> RestError:
    status = response.status_code
    shown = manners.shown(response.request.method, response.url)
    is_token = manners.token_url is not None and response.url.split("?")[0] == manners.token_url
    if status == 401 or (is_token and status in (400, 403)):
        return RestError(
            shown,
            f"the credential was refused ({status})",
            "Check the token or password in the company file or the environment variable it names: expired, revoked, "
            "of another account, or pasted with a blank",
            status,
        )
    if status == 403:
        return RestError(
            shown,
            "the credential was refused for this (403)",
            "Give it the right to read this, or leave the object out with `objects`",
            status,
        )
    if status == 404:
        return RestError(
            shown,
            "there is no such address (404)",
            "Check the name of the shop, account or domain, and base_url if it is set",
            status,
        )
    if status == 402:
        fix = "Check the account with the vendor: it looks unpaid or frozen"
    else:
        fix = "This request cannot succeed as it is: check the source's settings and the vendor's status page"
    return RestError(shown, f"the API refused the request ({status})", fix, status)


def _read(manners: Manners, response: requests.Response) -> None:
    """Read a body to its end and parse it, so that whoever asks for the JSON later has it at once."""
    body = _read_body(manners, response)
    response._content = body
    response._content_consumed = True  # type: ignore[attr-defined]
    document, is_readable = None, response.status_code == 204
    if not is_readable:
        with contextlib.suppress(ValueError, RecursionError):
            document, is_readable = parse(body), True
    if not is_readable:
        raise Unreadable("no JSON", response=response)
    response.json = lambda **_: document  # type: ignore[method-assign]


def _read_body(manners: Manners, response: requests.Response) -> bytes:
    """Return a whole body. A server that cuts it off, drips it or never ends it raises.

    Raises:
        RestError: it is larger than any page.
        Unreadable: it takes too long.
    """
    pieces: list[bytes] = []
    size = 0
    until = time.monotonic() + 10 * manners.timeout_seconds
    while piece := response.raw.read1(1 << 20, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BODY_BYTES:
            raise RestError(
                manners.shown(response.request.method, response.url),
                f"the answer is larger than {MOST_BODY_BYTES >> 20} MiB",
                "Ask for fewer records a page; nothing of it was kept",
            )
        if time.monotonic() > until:
            raise Unreadable("too slow", response=response)
        if manners.stop():
            raise RestStopped
    response.raw.release_conn()
    return b"".join(pieces)


def dlt_authentication(auth: Auth | None, session: requests.Session) -> Any:
    """Return dlt's authentication; a token is fetched through the session."""
    if isinstance(auth, Bearer):
        return dlt_auth.BearerTokenAuth(token=auth.token)
    if isinstance(auth, Basic):
        return dlt_auth.HttpBasicAuth(username=auth.user, password=auth.password)
    if isinstance(auth, ApiKey):
        return dlt_auth.APIKeyAuth(name=auth.name, api_key=auth.value, location=auth.where)
    if isinstance(auth, ClientCredentials):
        return dlt_auth.OAuth2ClientCredentials(
            access_token_url=auth.token_url,
            client_id=auth.client_id,
            client_secret=auth.client_secret,
            access_token_request_data=dict(auth.data),
            session=session,
        )
    return None


class Rest(RESTClient):
    """dlt's client, which neither logs requests nor takes a page without its list for an empty one."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str], auth: Any, session: requests.Session, manners: Manners
    ) -> None:
        """Take what the session was made with; dlt's own settings files are not read."""
        super().__init__(base_url, dict(headers), auth, session=session, config=RuntimeConfiguration())
        self._manners = manners

    def _log_request(self, request: requests.Request, prepared_url: str) -> None:
        """Say nothing: a query or a body may hold a secret."""

    def extract_response(self, response: requests.Response, data_selector: Any) -> list[Any]:
        """Return the records of a page; a dotted path must be there."""
        document = response.json()
        found = document
        path = [] if data_selector in (None, "$") else str(data_selector).removeprefix("$.").split(".")
        if not all(name.isidentifier() for name in path):
            return list(super().extract_response(response, data_selector))
        for name in path:
            if not isinstance(found, dict) or name not in found:
                raise RestError(
                    self._manners.shown(response.request.method, response.url),
                    f"the answer has no '{data_selector}'",
                    "Check base_url and the version of the vendor's API; nothing of this answer was kept",
                )
            found = found[name]
        if found is None:
            return []
        return found if isinstance(found, list) else [found]


class _OthersOnly(logging.Filter):
    """Drops what urllib3 logs about our requests: their addresses may hold secrets."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - whatever it says
        """Let a record pass unless this thread sends one of our requests."""
        return not getattr(_here, "is_sending", False)


_here = threading.local()
_OTHERS_ONLY = _OthersOnly()


def _unlogged(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    for name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry", "urllib3.response"):
        logging.getLogger(name).addFilter(_OTHERS_ONLY)

    def sending(*given: Any, **named: Any) -> requests.Response:
        before = getattr(_here, "is_sending", False)
        _here.is_sending = True
        try:
            return send(*given, **named)
        finally:
            _here.is_sending = before

    return sending


__all__ = ["Rest", "dlt_authentication", "make_session"]
