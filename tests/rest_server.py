"""A web server on this machine that answers as it is told: pages, errors, delays, answers that are cut off.

    with RestServer() as server:
        server.script("/orders.json", Answer(429, headers={"Retry-After": "1"}), Answer(json={"orders": []}))
        server.route("/customers.json", lambda asked: Answer(json={"customers": customers[asked.number("page")]}))

A path's script is used up answer by answer; the last one stays. `server.asked` holds every request that came.
"""

from __future__ import annotations

import contextlib
import gzip
import json as json_library
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Answer:
    """One answer of the server.

    Attributes:
        status: of HTTP.
        json: sent as JSON unless there is a body.
        body: sent as it is.
        headers: besides length and type.
        delay: seconds before anything is sent.
        cut_after: the connection ends after so many bytes of the body, whatever length was announced.
        drip: seconds between single bytes of the body.
        packed: gzip as content encoding.
        chunked: sent in chunks, without a length.
    """

    status: int = 200
    json: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut_after: int | None = None
    drip: float = 0.0
    packed: bool = False
    chunked: bool = False

    @property
    def content(self) -> bytes:
        """The body as sent."""
        plain = self.body if self.body is not None else json_library.dumps(self.json).encode()
        return gzip.compress(plain) if self.packed else plain


@dataclass(frozen=True)
class Asked:
    """One request that came.

    Attributes:
        method: GET, POST.
        path: without query.
        query: name to values.
        headers: by name in small letters.
        body: as sent.
        at: seconds of a clock that only goes forward.
    """

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes
    at: float

    def one(self, name: str, default: str = "") -> str:
        """The first value of a parameter."""
        return self.query.get(name, [default])[0]

    def number(self, name: str, default: int = 1) -> int:
        """A parameter as a number."""
        return int(self.one(name, str(default)))

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json_library.loads(self.body)


class _Server(ThreadingHTTPServer):
    """Clients that go away are part of the tests."""

    def __init__(self, rest: RestServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rest = rest

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


Route = Callable[[Asked], Answer]


class RestServer:
    """The server; it runs in threads of this process until the block ends."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._routes: dict[str, Route] = {}
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> RestServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def route(self, path: str, route: Route) -> None:
        """Answer a path by a function of the request."""
        self._routes[path] = route

    def script(self, path: str, *answers: Answer) -> None:
        """Answer a path with these, one after another; the last one stays."""
        left = list(answers)

        def next_answer(_: Asked) -> Answer:
            with self._lock:
                return left.pop(0) if len(left) > 1 else left[0]

        self._routes[path] = next_answer

    def pages(
        self, path: str, records: Callable[[Asked], Sequence[Any]], *, key: str = "records", size: int = 10
    ) -> None:
        """Answer a path with pages of what `records` gives, and the next page's number under `next`."""

        def answer(asked: Asked) -> Answer:
            everything = list(records(asked))
            page = asked.number("page")
            more = page * size < len(everything)
            return Answer(json={key: everything[(page - 1) * size : page * size], "next": page + 1 if more else None})

        self.route(path, answer)

    def requests(self, path: str) -> list[Asked]:
        """The requests of one path, in the order they came."""
        return [one for one in self.asked if one.path == path]

    def answer(self, asked: Asked) -> Answer:
        """What a request is answered."""
        self.asked.append(asked)
        route = self._routes.get(asked.path)
        return route(asked) if route else Answer(404, json={"errors": "Not Found"})


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *args: Any) -> None:
        """Stay silent."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            self.command,
            parts.path,
            parse_qs(parts.query, keep_blank_values=True),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            time.monotonic(),
        )
        answer = self.server.rest.answer(asked)
        time.sleep(answer.delay)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        content = answer.content
        headers = {"Content-Type": "application/json", **answer.headers}
        if answer.packed:
            headers["Content-Encoding"] = "gzip"
        if answer.chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str(len(content))
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        sent = content if answer.cut_after is None else content[: answer.cut_after]
        for piece in _pieces(sent, answer):
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(answer.drip)
        if answer.cut_after is not None:
            self.close_connection = True

    do_GET = do_POST = _serve  # noqa: N815 - names of http.server


def _pieces(sent: bytes, answer: Answer) -> Iterator[bytes]:
    """The bytes of a body as they go out, one write after another."""
    if answer.chunked:
        half = len(sent) // 2
        yield from (b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (sent[:half], sent[half:]) if chunk)
        if answer.cut_after is None:
            yield b"0\r\n\r\n"
    elif answer.drip:
        yield from (sent[place : place + 1] for place in range(len(sent)))
    else:
        yield sent


__all__ = ["Answer", "Asked", "RestServer"]
