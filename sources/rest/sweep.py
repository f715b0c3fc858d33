"""From pages to segments: records land as lines of files, each of which becomes one transaction.

A segment ends at the end of a page, after so many pages or bytes, never by the clock: the same pages make the same
segments, whose content is recognised by its hash. What a load asks for again because of the look-back is recognised
record by record.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from sources.files.cursors import Cursor
from sources.rest.errors import RestError
from sources.rest.exact import line
from sources.rest.rows import Gathered, Rows
from sources.rest.times import field_of, iso, moment
from sources.vendor import VendorObject

SEGMENT_PAGES = 100
SEGMENT_BYTES = 32 << 20
"""A segment is full after so many pages or bytes."""
MOST_RECENT = 20_000
"""Records within the look-back that are remembered; more of them are loaded again, and are duplicates then."""
SAME_PAGES = 3
"""The same page so many times in a row ends the sweep."""
EMPTY_PAGES = 1_000
"""So many empty pages in a row end the sweep."""
_FUTURE = timedelta(days=1)
# Some APIs filter by whole days, so pages from before the time that was asked for are usual.
_WHOLE_DAYS = timedelta(days=1)
_PREFIX = "segment-"

_Page = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Segment:
    """A landed file, complete.

    Attributes:
        path: JSON lines, one record each, as received.
        content_hash: as the loader makes it.
        rows: the records, if the file need not be read for them.
        size: in bytes.
        pages: pages in it, without those that brought nothing new.
        records: records in it.
        cursor: to be kept together with its rows, None for none.
    """

    path: Path
    content_hash: str
    rows: Rows | None
    size: int
    pages: int
    records: int
    cursor: Cursor | None

    def discard(self) -> None:
        """Delete the file and what belongs to it."""
        self.path.unlink(missing_ok=True)
        if self.rows is not None:
            self.rows.discard()


@dataclass
class _Open:
    """A segment that is being written."""

    stream: BinaryIO
    part: Path
    rows: Gathered
    digest: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=32))
    size: int = 0
    pages: int = 0
    records: int = 0


@dataclass
class _Recent:
    """Records of one page that may be delivered again; hashed late, as most leave the look-back soon."""

    newest: datetime
    lines: list[tuple[datetime, bytes]]
    digests: list[tuple[datetime, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines) + len(self.digests)

    def hashed(self, since: datetime) -> list[tuple[datetime, str]]:
        self.digests += [(at, digest(text)) for at, text in self.lines if at >= since]
        self.lines = []
        return [one for one in self.digests if one[0] >= since]


def digest(text: bytes) -> str:
    """Return the hash by which a record is known again: 24 hexadecimal characters."""
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def sweep_landing(folder: Path) -> None:
    """Delete the segments that a killed load left behind: the next load asks for them again."""
    for left in folder.glob(f"{_PREFIX}*"):
        left.unlink(missing_ok=True)


class Sweep:
    """One pass over the pages of an object.

    Attributes:
        pages: so far.
        records: received so far, those that were known included.
        known: records received that an earlier load has brought already.
        notices: what people should know though nothing failed.
    """

    def __init__(
        self, one: VendorObject, before: Cursor | None, start: str | None, look_back: timedelta, folder: Path
    ) -> None:
        """Begin where an earlier sweep ended.

        Args:
            one: what is asked for.
            before: how far earlier sweeps came.
            start: the day before which nothing is asked for, ISO 8601.
            look_back: how much is asked for again.
            folder: where segments land; it exists.
        """
        self.pages = self.records = self.known = 0
        self.notices: list[str] = []
        self._one = one
        self._path = tuple(one.cursor.field.split(".")) if one.cursor else ()
        self._look_back = look_back
        self._folder = folder
        self._start = start
        self._before = before
        self._before_at = moment(before.at) if before else None
        self._seen_before = frozenset(before.recent) if before else frozenset()
        # An earlier start than ever before: everything is fetched anew.
        self._anew = before is not None and before.start is not None and (start is None or start < before.start)
        self._newest = None if self._anew else self._before_at
        self._recent: deque[_Recent] = deque()
        self._held = self._empty = 0
        self._latest_allowed = datetime.now(UTC) + _FUTURE
        self._in_order = one.cursor is not None and one.cursor.ascending
        self._odd: Counter[str] = Counter()
        self._last: bytes = b""
        self._repeats = 0
        self._number = 0

    @property
    def since(self) -> datetime | None:
        """The time to ask from, the look-back taken off; None for everything."""
        if self._before_at is None or self._anew:
            return None
        return self._before_at - self._look_back

    def segments(self, pages: Iterator[_Page]) -> Iterator[Segment]:
        """Land the pages; yield each segment as soon as it is known whether it is the last.

        When the pages end with an error, what came in order before it is kept and yielded; then the error is raised.

        Raises:
            RestError: of the pages, or they repeat without end.
            OSError: the folder cannot be written.
        """
        waiting: Segment | None = None
        writing: _Open | None = None
        failed: BaseException | None = None
        try:
            while True:
                try:
                    page = next(pages, None)
                    if page is None:
                        break
                    fresh, text = self._taken(page)
                except Exception as error:  # noqa: BLE001 - raised again after what came before it was kept
                    failed = error
                    break
                if text and writing is None:
                    if waiting is not None:
                        # The page that has just come may have shown that the order does not hold.
                        yield waiting if self._in_order else replace(waiting, cursor=None)
                        waiting = None
                    writing = self._opened()
                if text and writing is not None and self._written(writing, fresh, text):
                    waiting, writing = self._closed(writing, is_last=False), None
            if failed is not None and writing is not None and not self._in_order:
                # A part of a segment would not be recognised when all of it comes again.
                _dropped(writing)
                writing = None
            is_whole = failed is None
            if writing is not None:
                done, writing = writing, None
                yield self._closed(done, is_last=is_whole)
            elif waiting is not None:
                yield replace(waiting, cursor=self._cursor(is_last=is_whole))
            self._tell()
        finally:
            if writing is not None:
                _dropped(writing)
        if failed is not None:
            raise failed

    def _taken(self, page: _Page) -> tuple[_Page, bytes]:
        """Return the records of a page that are new and their lines, having looked at every record's time."""
        self.pages += 1
        self.records += len(page)
        lines = [line(record) for record in page]
        whole = b"".join(lines)
        self._repeats = self._repeats + 1 if whole and whole == self._last else 0
        self._last = whole
        self._empty = 0 if whole else self._empty + 1
        if self._empty >= EMPTY_PAGES:
            raise RestError(
                f"page {self.pages:,}",
                f"{EMPTY_PAGES:,} pages in a row hold nothing, and there are always more",
                "Tell the vendor: its pages do not end. It is asked again by the next load",
            )
        if self._repeats:
            self._odd["repeat"] += 1
            if self._repeats + 1 >= SAME_PAGES:
                raise RestError(
                    f"page {self.pages:,}",
                    f"the same page came {SAME_PAGES} times in a row",
                    "Tell the vendor: its pages do not go on. It is asked again by the next load",
                )
        if not self._path or not page:
            return page, whole
        return self._timed(page, lines, whole)

    def _timed(self, page: _Page, lines: list[bytes], whole: bytes) -> tuple[_Page, bytes]:
        times = [moment(field_of(record, self._path)) for record in page]
        self._odd["untimed"] += times.count(None)
        known = [
            at is not None and self._before_at is not None and at <= self._before_at
            and bool(self._seen_before) and digest(text) in self._seen_before
            for at, text in zip(times, lines, strict=True)
        ]  # fmt: skip
        usable = [(at, text) for at, text in zip(times, lines, strict=True) if at and at <= self._latest_allowed]
        self._odd["future"] += len(page) - times.count(None) - len(usable)
        if usable:
            self._note_order(min(at for at, _ in usable), max(at for at, _ in usable))
            self._remember(usable)
        if any(known):
            self.known += sum(known)
            fresh = [record for record, old in zip(page, known, strict=True) if not old]
            return fresh, b"".join(text for text, old in zip(lines, known, strict=True) if not old)
        return page, whole

    def _note_order(self, first: datetime, newest: datetime) -> None:
        since = self.since
        if since is not None and newest < since - _WHOLE_DAYS:
            self._odd["old"] += 1
        has_moved = self._newest is not None and self._newest != self._before_at
        if self._in_order and has_moved and self._newest is not None and first < self._newest - self._look_back:
            # The promise does not hold: from here on, progress is kept at the end only.
            self._odd["backwards"] += 1
            self._in_order = False
        self._newest = newest if self._newest is None else max(newest, self._newest)

    def _remember(self, records: list[tuple[datetime, bytes]]) -> None:
        """Keep the records that the look-back will bring again."""
        limit = self._limit
        lines = [(at, text) for at, text in records if at >= limit]
        if not lines:
            return
        self._recent.append(_Recent(max(at for at, _ in lines), lines))
        self._held += sum(len(text) for _, text in lines)
        if self._held > SEGMENT_BYTES:
            for page in self._recent:
                page.hashed(limit)
            self._held = 0
        count = sum(len(page) for page in self._recent) if len(self._recent) > 1 else 0
        while len(self._recent) > 1 and (self._recent[0].newest < limit or count > 2 * MOST_RECENT):
            count -= len(self._recent.popleft())

    @property
    def _limit(self) -> datetime:
        newest = max(at for at in (self._newest, self._before_at) if at is not None)
        return newest - self._look_back

    def _opened(self) -> _Open:
        self._number += 1
        part = self._folder / f"{_PREFIX}{os.getpid()}-{time.time_ns():x}-{self._number:05d}.jsonl.part"
        return _Open(part.open("xb"), part, Gathered(part.with_suffix("")))

    def _written(self, writing: _Open, records: _Page, text: bytes) -> bool:
        """Write a page; return whether the segment is full."""
        writing.stream.write(text)
        writing.digest.update(text)
        writing.rows.add(records)
        writing.size += len(text)
        writing.pages += 1
        writing.records += text.count(b"\n")
        is_whole_sweep = self._one.cursor is not None and not self._one.cursor.ascending
        return not is_whole_sweep and (writing.pages >= SEGMENT_PAGES or writing.size >= SEGMENT_BYTES)

    def _closed(self, writing: _Open, *, is_last: bool) -> Segment:
        writing.stream.flush()
        os.fsync(writing.stream.fileno())
        writing.stream.close()
        path = writing.part.with_suffix("")
        writing.part.replace(path)
        return Segment(
            path,
            writing.digest.hexdigest(),
            writing.rows.rows(),
            writing.size,
            writing.pages,
            writing.records,
            self._cursor(is_last=is_last),
        )

    def _cursor(self, *, is_last: bool) -> Cursor | None:
        """Return what to keep with a segment: only a complete sweep moves the cursor of unordered pages."""
        before = self._before
        if self._newest is None or not (is_last or self._in_order):
            return None
        start = self._start if is_last or before is None else before.start
        limit = self._limit
        recent = [one for page in self._recent for one in page.hashed(limit)]
        recent.sort(reverse=True)
        kept = dict.fromkeys(name for _, name in recent)
        if before is not None and self._before_at is not None and self._before_at >= limit:
            kept |= dict.fromkeys(before.recent)
        return Cursor(iso(limit + self._look_back), start, tuple(kept)[:MOST_RECENT])

    def _tell(self) -> None:
        name, odd = (self._one.cursor.field if self._one.cursor else ""), self._odd
        behind = "they are loaded and do not move the cursor"
        words = {
            "repeat": f"{odd['repeat']:,} pages were the same as the page before; their records are duplicates",
            "untimed": f"{odd['untimed']:,} records have no time in '{name}'; {behind}",
            "future": f"{odd['future']:,} records have a time in '{name}' more than a day ahead; {behind}",
            "backwards": f"'{name}' goes backwards, though the vendor promises oldest first; all pages were loaded, "
            "and the cursor was moved at the end only",
            "old": f"{odd['old']:,} pages hold only records from before the time that was asked for; they were loaded, "
            "and the cursor did not go back",
        }
        self.notices += [text for kind, text in words.items() if odd[kind]]


def _dropped(writing: _Open) -> None:
    writing.stream.close()
    with suppress(OSError):
        writing.rows.give_up()
        writing.part.unlink(missing_ok=True)


__all__ = ["Segment", "Sweep", "digest", "sweep_landing"]
