"""When a request is sent again, how long that waits, and what is said when it is given up.

Functions here get tenacity's state of one request: dlt's session retries with that library.
"""

from __future__ import annotations

import random
from typing import Any

import requests
import urllib3

from sources.rest.errors import RestError
from sources.rest.manners import Manners
from sources.rest.times import retry_after

BACKOFF_SECONDS = 1.0
"""The first wait after a failure; each further one is twice as long."""
LONGEST_BACKOFF_SECONDS = 60.0
LONGEST_ASKED_WAIT_SECONDS = 900.0
"""A server may ask for a longer wait (a daily quota); then the load ends, and the next one goes on."""


class Unreadable(requests.RequestException):
    """An answer without error that is no JSON, or does not end."""


def _response(state: Any) -> requests.Response | None:
    if state.outcome is None or state.outcome.failed:
        return None
    found: requests.Response = state.outcome.result()
    return found


def busy_seconds(manners: Manners, response: requests.Response | None) -> float | None:
    """Return the seconds to wait if an answer without error says "too busy", else None."""
    if manners.busy is None or response is None or not response.ok or "json" not in vars(response):
        return None
    return manners.busy(response.json())


def _askedwait(manners: Manners, state: Any) -> float | None:
    """Return the seconds that the server asks to wait, None if it does not say."""
    response = _response(state)
    if response is None:
        return None
    asked = retry_after(response.headers.get("Retry-After"))
    return asked if asked is not None else busy_seconds(manners, response)


def wait(manners: Manners, state: Any) -> float:
    """Return the seconds until the next try: what the server asks for, else twice as long each time."""
    doubled = min(BACKOFF_SECONDS * 2.0 ** (state.attempt_number - 1), LONGEST_BACKOFF_SECONDS)
    # Jitter: those who failed together do not come back together.
    jittered: float = doubled * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    asked = _askedwait(manners, state)
    return jittered if asked is None else asked + 0.1 * jittered


def is_over(manners: Manners, state: Any) -> bool:
    """Return whether trying again makes no sense."""
    return (
        state.attempt_number >= manners.max_attempts or (_askedwait(manners, state) or 0.0) > LONGEST_ASKED_WAIT_SECONDS
    )


def give_up(manners: Manners, state: Any) -> None:
    """Say why a request was given up. It runs outside of any handler, so no other error clings to this one."""
    request = state.args[0]
    shown = manners.shown(request.method, request.url)
    tries = f"after {state.attempt_number} tries" if state.attempt_number > 1 else "at the first try"
    response = _response(state)
    later = "The next load goes on from here"
    if response is None:
        raise RestError(shown, *_unanswered(manners, state.outcome.exception(), tries))
    asked = _askedwait(manners, state)
    if response.status_code == 429 or response.ok:
        wait = f"; the API asks to wait {asked:,.0f} s" if asked else ""
        raise RestError(
            shown, f"the rate limit is reached {tries}{wait}", f"Set requests_per_second lower. {later}", 429
        )
    raise RestError(
        shown, f"the API answers {response.status_code} {tries}", f"Check the vendor's status page. {later}",
        response.status_code,
    )  # fmt: skip


def _unanswered(manners: Manners, error: BaseException | None, tries: str) -> tuple[str, str]:
    """Return problem and fix of a request without a usable answer."""
    network = "Check the network and the vendor's status page. The next load goes on from here"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return f"no answer within {manners.timeout_seconds:g} s {tries}", f"{network}; or set timeout_seconds higher"
    if isinstance(error, Unreadable):
        what = "takes too long" if "slow" in str(error) else "is no JSON"
        return f"the answer {what} {tries}", "Check base_url and the vendor's status page"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate cannot be verified", "Check base_url, a proxy between, and this machine's time"
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError)):
        return f"the answer is cut off {tries}", network
    if isinstance(error, requests.ConnectionError):
        return f"the host cannot be reached {tries}", f"Check the name of the shop or account. {network}"
    return f"the answer cannot be read {tries} ({type(error).__name__})", network
