"""The client against a server that is slow, busy, broken, or wrong."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import logging
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sources.rest import patience
from sources.rest.auth import ApiKey, Basic, Bearer, ClientCredentials
from sources.rest.client import RestClient
from sources.rest.errors import RestError, RestStopped
from tests.rest_server import Answer, RestServer

SECRET = "shpat_0123456789abcdef"
Make = Callable[..., RestClient]
GOOD = Answer(json={"orders": [{"id": 1}], "next": None})


def _by_cursor() -> Any:
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    return JSONResponseCursorPaginator(cursor_path="next", cursor_param="page")


def _by_link() -> Any:
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    return JSONLinkPaginator(next_url_path="next")


def _all(client: RestClient, path: str = "/orders", paginator: Any = None) -> list[Any]:
    return [one for page in client.paginate(path, data_selector="orders", paginator=paginator) for one in page]


def test_pages_are_followed_to_the_end(server: RestServer, client: Make) -> None:
    server.pages("/orders", lambda _: [{"id": n} for n in range(25)], key="orders")
    pages = list(client().paginate("/orders", params={"limit": 10}, data_selector="orders", paginator=_by_cursor()))
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [one.one("limit") for one in server.asked] == ["10"] * 3


def test_a_page_without_its_list_is_no_empty_page(server: RestServer, client: Make) -> None:
    server.script("/orders", Answer(json={"errors": "nope"}))
    with pytest.raises(RestError, match="the answer has no 'orders'"):
        _all(client())


def test_get_and_post_give_json_with_every_digit(server: RestServer, client: Make) -> None:
    from sources.rest.exact import line

    server.script("/a", Answer(body=b'{ "n": 1.10, "big": 123456789012345678901234567890 }'))
    server.route("/b", lambda asked: Answer(json=asked.json))
    one = client()
    assert line(one.get("/a", {"x": 1})) == b'{"n":1.10,"big":123456789012345678901234567890}\n'
    assert one.post("/b", json={"query": "{ shop }"}) == {"query": "{ shop }"}


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_rate_limit_is_waited_for_as_long_as_the_server_says(server: RestServer, client: Make, form: str) -> None:
    until = time.time() + 2
    asked = "1" if form == "seconds" else email.utils.formatdate(until, usegmt=True)
    server.script("/orders", Answer(429, headers={"Retry-After": asked}), GOOD)
    assert _all(client()) == [{"id": 1}]
    if form == "seconds":
        assert server.asked[1].at - server.asked[0].at >= 1
    else:
        # A date has whole seconds.
        assert time.time() >= until - 1


def test_a_wait_that_is_too_long_is_told_instead(server: RestServer, client: Make) -> None:
    server.script("/orders", Answer(429, headers={"Retry-After": "86400"}))
    with pytest.raises(RestError, match="asks to wait 86,400 s") as caught:
        _all(client())
    assert caught.value.status == 429
    assert len(server.asked) == 1


def test_an_answer_that_says_busy_is_asked_again(server: RestServer, client: Make) -> None:
    busy = Answer(json={"errors": [{"extensions": {"code": "THROTTLED"}}]})
    server.script("/graphql", busy, busy, Answer(json={"data": 1}))
    one = client(busy=lambda answer: 0.05 if "errors" in answer else None)
    assert one.post("/graphql", json={}) == {"data": 1}
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    "bad",
    [
        Answer(500),
        Answer(503, headers={"Retry-After": "0"}),
        Answer(json={"orders": [{"id": 1}]}, cut_after=9),
        Answer(json={"orders": [{"id": 1}]}, cut_after=9, chunked=True),
        Answer(json={"orders": [{"id": 1}]}, cut_after=9, packed=True),
        Answer(body=b'{"orders": [{"id": 1}'),
        Answer(body=b"<html>Sorry</html>"),
        Answer(body=b""),
        Answer(json={}, delay=0.6),
    ],
    ids=["500", "503", "cut", "cut-chunked", "cut-packed", "half", "html", "empty", "slow"],
)
def test_what_may_pass_is_tried_again_and_given_up_in_the_end(server: RestServer, client: Make, bad: Answer) -> None:
    server.script("/orders", bad, bad, GOOD)
    assert _all(client(timeout_seconds=0.3)) == [{"id": 1}]
    assert len(server.asked) == 3
    server.script("/orders", bad)
    with pytest.raises(RestError, match="after 4 tries"):
        _all(client(timeout_seconds=0.3))
    assert len(server.asked) == 7


def test_an_answer_that_drips_is_given_up(server: RestServer, client: Make) -> None:
    server.script("/orders", Answer(json={"orders": [{"id": "x" * 200}]}, drip=0.05))
    with pytest.raises(RestError, match="takes too long"):
        _all(client(timeout_seconds=0.1, max_attempts=1))


def test_an_answer_that_is_too_large_is_refused(
    server: RestServer, client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.rest.session.MOST_BODY_BYTES", 1000)
    server.script("/orders", Answer(json={"orders": [{"id": "x" * 2000}]}, packed=True))
    with pytest.raises(RestError, match="larger than"):
        _all(client())
    assert len(server.asked) == 1


def test_waits_grow_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "BACKOFF_SECONDS", 1.0)

    class State:
        outcome = None

        def __init__(self, attempt: int) -> None:
            self.attempt_number = attempt

    from sources.rest.manners import Manners

    manners = Manners(1, 6, None, None, None, ())
    waits = [[patience.wait(manners, State(attempt)) for _ in range(20)] for attempt in range(1, 9)]
    for attempt, of_attempt in enumerate(waits):
        most = min(2.0**attempt, 60.0)
        assert all(most / 2 <= one <= most for one in of_attempt)
        assert len(set(of_attempt)) > 1


@pytest.mark.parametrize("status", [400, 402, 404, 410, 422, 501 - 100])
def test_what_cannot_pass_is_not_tried_again(server: RestServer, client: Make, status: int) -> None:
    server.script("/orders", Answer(status, json={"errors": "jane.doe@example.com"}))
    with pytest.raises(RestError) as caught:
        _all(client())
    assert str(status) in str(caught.value)
    assert "jane.doe" not in str(caught.value)
    assert len(server.asked) == 1


def test_requests_are_no_faster_than_allowed(server: RestServer, client: Make) -> None:
    server.pages("/orders", lambda _: [{"id": n} for n in range(50)], key="orders")
    _all(client(requests_per_second=10), paginator=_by_cursor())
    assert len(server.asked) == 5
    assert server.asked[-1].at - server.asked[0].at >= 0.4 - 0.02


def test_a_wait_ends_when_the_load_is_to_stop(server: RestServer, client: Make) -> None:
    server.script("/orders", Answer(429, headers={"Retry-After": "60"}))
    one = client()
    begun = time.monotonic()
    one.stop = lambda: time.monotonic() > begun + 0.3
    with pytest.raises(RestStopped):
        _all(one)
    assert time.monotonic() - begun < 5


def test_a_host_that_is_not_there_is_told(client: Make) -> None:
    with pytest.raises(RestError, match="the host cannot be reached after 2 tries"):
        RestClient("http://127.0.0.1:9", max_attempts=2).get("/x")


# ------------------------------------------------------------------------------------------------ who may see what


_AUTHS = {
    "bearer": (Bearer(SECRET), lambda asked: asked.headers["authorization"] == f"Bearer {SECRET}"),
    "basic": (Basic("user", SECRET), lambda asked: asked.headers["authorization"].startswith("Basic dXNlcjpz")),
    "header": (ApiKey("X-Key", SECRET), lambda asked: asked.headers["x-key"] == SECRET),
    "query": (ApiKey("key", SECRET, "query"), lambda asked: asked.one("key") == SECRET),
}


@pytest.mark.parametrize("kind", _AUTHS)
def test_every_way_to_prove_who_asks(server: RestServer, client: Make, kind: str) -> None:
    auth, arrived = _AUTHS[kind]
    server.pages("/orders", lambda _: [{"id": n} for n in range(15)], key="orders")
    assert len(_all(client(auth=auth), paginator=_by_cursor())) == 15
    assert all(arrived(asked) for asked in server.asked)
    assert SECRET not in repr(auth)


def test_a_token_is_fetched_with_client_credentials(server: RestServer, client: Make) -> None:
    server.script("/token", Answer(json={"access_token": "t1", "expires_in": 3600}))
    server.script("/orders", GOOD)
    auth = ClientCredentials(f"{server.url}/token", "id", SECRET, {"scope": "read"})
    one = client(auth=auth)
    assert _all(one) == _all(one) == [{"id": 1}]
    assert b"grant_type=client_credentials" in server.asked[0].body
    assert [asked.headers.get("authorization") for asked in server.asked] == [None, "Bearer t1", "Bearer t1"]


@pytest.mark.parametrize("kind", [*_AUTHS, "token"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_credential_is_told_at_once_and_nowhere_printed(
    server: RestServer,
    client: Make,
    kind: str,
    status: int,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("dlt").setLevel(logging.DEBUG)
    refused = Answer(status, json={"error": f"invalid token {SECRET}"}, headers={"X-Echo": SECRET})
    server.script("/orders", refused)
    server.script("/token", refused)
    token = ClientCredentials(f"{server.url}/token", "id", SECRET)
    one = client(auth=token if kind == "token" else _AUTHS[kind][0])
    with pytest.raises(RestError, match="the credential was refused") as caught:
        _all(one)
    assert caught.value.status == status
    assert len(server.asked) == 1
    _nowhere(SECRET, caught.value, capfd, caplog)
    assert SECRET not in repr(one)


def test_no_error_holds_a_secret_of_the_query(
    server: RestServer, client: Make, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    one = client(auth=ApiKey("key", SECRET, "query"), timeout_seconds=0.3, max_attempts=2)
    for bad in (
        Answer(500),
        Answer(429, headers={"Retry-After": "9999"}),
        Answer(json={}, delay=0.5),
        Answer(json={"orders": 1}, cut_after=3),
        Answer(body=b"no"),
        Answer(302, headers={"Location": f"http://localhost:1/{SECRET}"}),
        Answer(json={"orders": [1, 2]}),
        Answer(json={"nothing": 1}),
    ):
        server.script(f"/{SECRET}/orders", bad)
        with pytest.raises(RestError) as caught:
            _all(one, f"/{SECRET}/orders")
        assert "/***/orders" in str(caught.value)
        _nowhere(SECRET, caught.value, capfd, caplog)
    with pytest.raises(RestError) as caught:
        RestClient("http://127.0.0.1:9", auth=ApiKey("key", SECRET, "query"), max_attempts=2).get("/x")
    _nowhere(SECRET, caught.value, capfd, caplog)


def _nowhere(secret: str, error: BaseException, capfd: Any, caplog: Any) -> None:
    shown = capfd.readouterr()
    texts = [shown.out, shown.err, caplog.text, "".join(traceback.format_exception(error))]
    here: BaseException | None = error
    while here is not None:
        texts += [str(here), repr(here), repr(here.args)]
        here = here.__cause__ or here.__context__
    assert all(secret not in text for text in texts)


def test_dlt_reads_and_writes_no_files_and_talks_to_nobody_else(server: RestServer, tmp_path: Any) -> None:
    import os
    import subprocess
    import sys

    server.script("/orders", GOOD)
    program = f"""
import socket, sys
def refuse(self, address, real=socket.socket.connect):
    if address[0] != "127.0.0.1":
        raise AssertionError(address)
    return real(self, address)
socket.socket.connect = refuse
import sources.rest.fetch, sources.rest.probe, sources.rest.client
assert "dlt" not in sys.modules and "requests" not in sys.modules
from sources.rest.client import RestClient
print(list(RestClient("{server.url}").paginate("/orders", data_selector="orders")))
"""
    root = str(Path.cwd())
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": root,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[[{'id': 1}]]", done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_is_refused(server: RestServer, client: Make, status: int) -> None:
    with RestServer() as other:
        other.script("/orders", GOOD)
        server.script("/orders", Answer(status, headers={"Location": f"{other.url}/orders"}))
        with pytest.raises(RestError, match="redirects to another host"):
            _all(client(auth=ApiKey("X-Key", SECRET)))
        assert other.asked == []


def test_a_redirect_on_the_same_host_is_followed(server: RestServer, client: Make) -> None:
    server.script("/orders", Answer(301, headers={"Location": "/orders/"}))
    server.script("/orders/", Answer(500), GOOD)
    assert _all(client()) == [{"id": 1}]


def test_a_next_page_on_another_host_is_refused(server: RestServer, client: Make) -> None:
    with RestServer() as other:
        other.script("/orders", GOOD)
        server.script("/orders", Answer(json={"orders": [{"id": 1}], "next": f"{other.url}/orders"}))
        pages = client(auth=Bearer(SECRET)).paginate("/orders", data_selector="orders", paginator=_by_link())
        assert next(pages) == [{"id": 1}]
        with pytest.raises(RestError, match="leads to another host"):
            next(pages)
        assert other.asked == []


def test_pages_that_run_in_a_circle_end(server: RestServer, client: Make) -> None:
    def circle(asked):
        page = asked.number("page")
        return Answer(json={"orders": [{"id": page}], "next": page % 3 + 1})

    server.route("/orders", circle)
    seen = []
    with pytest.raises(RestError, match="leads back to a page that was there already"):
        for page in client().paginate("/orders", data_selector="orders", paginator=_by_cursor()):
            seen += page
    assert [one["id"] for one in seen] == [1, 2, 3]


def test_limits_that_the_server_tells_are_kept(server: RestServer, client: Make) -> None:
    server.script("/orders", Answer(json={"orders": []}, headers={"X-Rate-Limit-Remaining": "17"}))
    one = client()
    _all(one)
    assert one.limits == {"X-Rate-Limit-Remaining": "17"}


# ------------------------------------------------------------------------------------------------------- downloads


LINES = [b'{"id": %d, "text": "%s"}' % (n, b"x" * (n % 50)) for n in range(20_000)]
FILE = b"\n".join(LINES) + b"\n"


def _serve(server: RestServer, content: bytes, *, cuts: int, ranges: bool = True, mark: str = "a") -> None:
    """Serve a file whose connection breaks some times."""
    left = [cuts]

    def answer(asked):
        begin, headers = 0, {"ETag": mark}
        if ranges and "range" in asked.headers:
            begin = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        left[0] -= 1
        cut = (len(content) - begin) // 3 if left[0] >= 0 else None
        return Answer(206 if begin else 200, body=content[begin:], headers=headers, cut_after=cut)

    server.route("/file", answer)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ranges", [False, True])
def test_a_download_that_is_cut_off_goes_on(server: RestServer, client: Make, packed: bool, ranges: bool) -> None:
    _serve(server, gzip.compress(FILE) if packed else FILE, cuts=2, ranges=ranges)
    assert list(client(auth=Bearer(SECRET)).download_lines(f"{server.url}/file?signature={SECRET}")) == LINES
    assert len(server.asked) == 3
    assert all("authorization" not in asked.headers for asked in server.asked)


def test_a_download_that_changes_meanwhile_is_refused(server: RestServer, client: Make) -> None:
    marks = iter("abcdefgh")

    def answer(asked):
        return Answer(body=FILE, headers={"ETag": next(marks)}, cut_after=len(FILE) // 2)

    server.route("/file", answer)
    with pytest.raises(RestError, match="changed while it was read"):
        list(client().download_lines(f"{server.url}/file"))


def test_a_download_that_never_ends_well_is_given_up(server: RestServer, client: Make) -> None:
    server.script("/file", Answer(body=FILE, cut_after=0))
    with pytest.raises(RestError, match="cut off 4 times in a row") as caught:
        list(client().download_lines(f"{server.url}/file?signature={SECRET}"))
    assert SECRET not in str(caught.value)
    server.script("/gone", Answer(403))
    with pytest.raises(RestError, match="refused"):
        list(client().download_lines(f"{server.url}/gone?signature={SECRET}"))


def test_several_gzip_parts_blank_lines_and_a_missing_last_end(server: RestServer, client: Make) -> None:
    content = gzip.compress(b'{"a": 1}\r\n\n') + gzip.compress(b'{"b": 2}')
    server.script("/file", Answer(body=content))
    assert list(client().download_lines(f"{server.url}/file")) == [b'{"a": 1}', b'{"b": 2}']
    server.script("/file", Answer(body=content[:-9]))
    with pytest.raises(RestError, match="the gzip file is cut off"):
        list(client().download_lines(f"{server.url}/file"))


def test_a_download_from_another_host_is_allowed(server: RestServer, client: Make) -> None:
    with RestServer() as other, contextlib.closing(client(auth=Bearer(SECRET))) as one:
        other.script("/file", Answer(body=b'{"a": 1}\n', headers={}))
        assert list(one.download_lines(f"{other.url}/file")) == [b'{"a": 1}']
        assert "authorization" not in other.asked[0].headers
