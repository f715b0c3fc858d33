"""A file behind a URL, however often the connection breaks: whole, or an error."""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import requests
import urllib3

from sources.rest import patience
from sources.rest.errors import RestError
from sources.rest.manners import Manners
from sources.rest.session import make_session

MOST_LINE_BYTES = 64 << 20
"""A line may be this long."""
_UNPACKED = 16 << 20
_RANGE = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")


def lines(url: str, timeout_seconds: float, max_attempts: int, stop: Callable[[], bool]) -> Iterator[bytes]:
    """Yield the lines of a file without their ends, blank ones left out; gzip is unpacked.

    Raises:
        RestError: the file cannot be had whole.
    """
    file = _File(url, timeout_seconds, max_attempts, stop)
    begun = b""
    for piece in _unpacked(file):
        if b"\n" not in piece and len(begun) + len(piece) > MOST_LINE_BYTES:
            raise file.error(f"a line is longer than {MOST_LINE_BYTES >> 20} MiB", "It is no file of JSON lines")
        found = (begun + piece).split(b"\n")
        begun = found.pop()
        for line in found:
            if line.strip():
                yield line.removesuffix(b"\r")
    if begun.strip():
        if not file.knows_its_end:
            raise file.error("the file ends within a line, and its length is not known", "It is asked again next time")
        yield begun.removesuffix(b"\r")


def _unpacked(file: _File) -> Iterator[bytes]:
    unpack: Any = None
    first = True
    for piece in file.pieces():
        if first:
            unpack = zlib.decompressobj(31) if piece[:2] == b"\x1f\x8b" else None
            first = False
        if unpack is None:
            yield piece
            continue
        left = piece
        while left:
            if unpack.eof:  # a gzip file may be several, one after another
                unpack = zlib.decompressobj(31)
            yield _inflated(file, unpack, left)
            left = unpack.unconsumed_tail or unpack.unused_data
    if unpack is not None and not unpack.eof:
        raise file.error("the gzip file is cut off", "It is asked again next time")


def _inflated(file: _File, unpack: Any, packed: bytes) -> bytes:
    found: bytes | None = None
    with contextlib.suppress(zlib.error):
        found = unpack.decompress(packed, _UNPACKED)
    if found is None:
        raise file.error("the gzip file is damaged", "It is asked again next time")
    return found


class _File:
    """One download; `offset` bytes of it were handed on."""

    def __init__(self, url: str, timeout_seconds: float, max_attempts: int, stop: Callable[[], bool]) -> None:
        self._url = url
        self._attempts = max_attempts
        # No credential goes there, so any host will do.
        self._manners = Manners(timeout_seconds, max_attempts, None, None, None, (), stop=stop)
        self._offset = 0
        self._total: int | None = None
        self._mark: str | None = None
        self.knows_its_end = True

    def error(self, problem: str, fix: str) -> RestError:
        return RestError(self._manners.shown("GET", self._url), problem, fix)

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes as sent; a connection that breaks is made again, and the file goes on where it was."""
        session = make_session(self._manners)
        failures = 0
        try:
            while True:
                before = self._offset
                try:
                    yield from self._once(session)
                except (requests.RequestException, urllib3.exceptions.HTTPError):
                    failures = 1 if self._offset > before else failures + 1
                else:
                    return
                if failures >= self._attempts:
                    raise self.error(
                        f"the file was cut off {failures} times in a row after {self._offset:,} bytes",
                        "Check the network; the next load asks for it again",
                    )
                self._manners.pause(patience.BACKOFF_SECONDS * 2.0 ** (failures - 1))
        finally:
            session.close()

    def _once(self, session: requests.Session) -> Iterator[bytes]:
        headers = {"Accept-Encoding": "identity"}
        if self._offset:
            headers["Range"] = f"bytes={self._offset}-"
        response = session.get(self._url, headers=headers, stream=True)
        try:
            skip = self._skip(response)
            while piece := response.raw.read1(1 << 20, decode_content=False):
                if self._manners.stop():
                    self._manners.pause(0)
                fresh, skip = piece[skip:], max(skip - len(piece), 0)
                self._offset += len(fresh)
                if fresh:
                    yield fresh
            if self._total is not None and self._offset != self._total:
                raise requests.ConnectionError("short")
        finally:
            response.close()

    def _skip(self, response: requests.Response) -> int:
        """Return how many bytes of an answer were handed on before; make sure that it is the same file."""
        start, total = 0, response.headers.get("Content-Length", "")
        if response.status_code == 206:
            found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            start, total = (int(found[1]), found[2]) if found else (-1, "")
        length = int(total) if total.isdigit() else None
        mark = response.headers.get("ETag") or response.headers.get("Last-Modified")
        same = start in (0, self._offset) and (self._offset == 0 or (length, mark) == (self._total, self._mark))
        if not same:
            raise self.error("the file changed while it was read", "It is asked again by the next load")
        self._total, self._mark = length, mark
        self.knows_its_end = length is not None or "chunked" in response.headers.get("Transfer-Encoding", "")
        return self._offset - start
