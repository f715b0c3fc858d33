"""Make a file ready to be read: hash its content, unpack it, bring it to UTF-8, count its records.

The count is independent of the reader that loads the file: it only looks at line ends and quotes. The loader
compares the two, so that a reader that drops or invents a record is noticed.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sources.files.config import Dataset
from sources.files.discover import SourceFile, download
from sources.files.errors import FileProblem
from sources.files.lines import MARK, Header, Layout, read_header

if TYPE_CHECKING:
    import numpy as np

_CHUNK = 4 << 20


@dataclass(frozen=True)
class Prepared:
    """A file that can be read.

    Attributes:
        file: what was found.
        content_hash: of the bytes as received, 64 hexadecimal characters.
        size: bytes as received.
        path: plain file to read, UTF-8 where the format is text.
        temporary: whether `path` is a working copy that is deleted after the load.
        layout: of a delimited file.
        header: of a delimited file.
        records: independent count of the records, None where only the careful reader can tell.
    """

    file: SourceFile
    content_hash: str
    size: int
    path: Path
    temporary: bool = False
    layout: Layout | None = None
    header: Header | None = None
    records: int | None = None

    def discard(self) -> None:
        """Delete the working copy."""
        if self.temporary:
            self.path.unlink(missing_ok=True)


def layout_of(dataset: Dataset, file: SourceFile) -> Layout:
    """Return how a delimited file of this dataset is written."""
    options = dataset.options
    return Layout(
        separator=options.separator or ("\t" if file.format == "tsv" else ","),
        quote=options.quote,
        backslash=options.escape == "\\",
        header_row=options.header_row,
    )


def reader_of(dataset: Dataset, file: SourceFile) -> str:
    """Return a short mark of everything that decides how a file is read; it changes when an option changes."""
    options = dataset.options
    parts = (
        file.format,
        layout_of(dataset, file),
        options.encoding,
        options.compression,
        options.sheet,
    )
    return hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()


def hashed(file: SourceFile, landing: Path) -> tuple[Path, str, int]:
    """Return the local path of a file, the hash of its content and its size; a remote file is fetched first.

    Raises:
        FileProblem: it cannot be fetched or read.
    """
    path = file.path if file.path is not None else download(file, landing)
    digest = hashlib.blake2b(digest_size=32)
    size = 0
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except PermissionError as error:
        raise FileProblem("no permission to read it", "Let this user read the file") from error
    except FileNotFoundError as error:
        raise FileProblem("it vanished while the load ran", "Start again when the export is complete") from error
    except OSError as error:
        raise FileProblem(f"cannot be read ({error.strerror})", "Check the disk or the network drive") from error
    return path, digest.hexdigest(), size


def prepare(file: SourceFile, dataset: Dataset, landing: Path) -> Prepared:
    """Hash a file and make it readable.

    Raises:
        FileProblem: the file cannot be read, unpacked or decoded, or has no header.
    """
    original, content_hash, size = hashed(file, landing)
    if size == 0:
        raise FileProblem("is empty (0 bytes)", "Ask the sender for the complete file, or remove it")
    if file.format in ("excel", "parquet"):
        return Prepared(file, content_hash, size, original)
    path, temporary = _plain(file, original, dataset, landing)
    prepared = Prepared(file, content_hash, size, path, temporary)
    if file.format == "jsonl":
        return prepared
    try:
        layout = layout_of(dataset, file)
        header = read_header(path, layout)
        records = count_records(path, layout, header)
    except BaseException:
        prepared.discard()
        raise
    return Prepared(file, content_hash, size, path, temporary, layout, header, records)


def _plain(file: SourceFile, original: Path, dataset: Dataset, landing: Path) -> tuple[Path, bool]:
    """Return a plain UTF-8 file with the content and whether it is a working copy."""
    with original.open("rb") as stream:
        head = stream.read(4)
    packed = head[:2] == b"\x1f\x8b" and dataset.options.compression != "none"
    if not packed and (dataset.options.compression == "gzip" or file.name.lower().endswith(".gz")):
        raise FileProblem("is not gzip, though its name or options say so", "Set options.compression: none, or repack")
    if head == b"PK\x03\x04":
        raise FileProblem("is a zip or Excel file", "Unpack it, or set format: excel")
    encoding = codecs.lookup(dataset.options.encoding).name
    utf8 = encoding in ("utf-8", "utf-8-sig", "ascii")
    if not packed and utf8:
        _refuse_utf16(head)
        return original, False
    landing.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="work-", suffix=".txt", dir=landing)
    copy = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as outgoing, _opened(original, packed) as incoming:
            if utf8:
                first = True
                while chunk := incoming.read(_CHUNK):
                    if first:
                        _refuse_utf16(chunk[:4])
                        first = False
                    outgoing.write(chunk)
            else:
                for text in _decoded(incoming, encoding):
                    outgoing.write(text)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        copy.unlink(missing_ok=True)
        raise FileProblem(
            "the gzip file is cut off or damaged; nothing of it was loaded", "Send it again, complete"
        ) from error
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return copy, True


def _opened(path: Path, packed: bool) -> BinaryIO:
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _refuse_utf16(head: bytes) -> None:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or (len(head) == 4 and head[1::2] == b"\x00\x00"):
        raise FileProblem("is not utf-8, it looks like utf-16", "Set options.encoding: utf-16 for the dataset")


def _marked(error: UnicodeError) -> tuple[str, int]:
    """Replace undecodable bytes by a mark that is no UTF-8, so that the reader refuses the record, not the file."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(f"{chr(0xDC00 + MARK)}\\x{byte:02x}" for byte in bad), error.end


def _decoded(incoming: BinaryIO, encoding: str) -> Iterator[bytes]:
    codecs.register_error("regulars_mark", _marked)
    decoder = codecs.getincrementaldecoder(encoding)("regulars_mark")
    first = True
    while True:
        chunk = incoming.read(_CHUNK)
        text = decoder.decode(chunk, final=not chunk)
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        yield text.encode("utf-8", "surrogateescape")
        if not chunk:
            return


def count_records(path: Path, layout: Layout, header: Header) -> int | None:
    """Return the number of records by line ends outside quotes, without parsing values.

    None means that this count cannot be relied on: bytes that are no UTF-8, a backslash that may escape a quote, a
    quote that neither starts nor ends a value, line ends of two kinds, or a header that DuckDB would not find. Such
    files take the careful way.
    """
    if not header.simple:
        return None
    counter = _Counter(layout)
    with path.open("rb") as stream:
        stream.seek(header.records_at)
        while chunk := stream.read(_CHUNK):
            # What follows a quote must be in the same piece.
            while layout.quote and chunk[-1:] == layout.quote.encode() and (more := stream.read(1)):
                chunk += more
            if not counter.add(chunk):
                return None
    return counter.total()


class _Counter:
    """Counts the records of a file that comes in pieces."""

    def __init__(self, layout: Layout) -> None:
        self._quote = layout.quote.encode()
        self._backslash = layout.backslash
        separator = layout.separator.encode()
        self._may_precede = (separator[-1], 10)
        self._may_follow = (separator[0], 10, 13)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._records = self._feeds = self._returns = self._pairs = 0
        self._inside = 0
        # Records start at the beginning of a line.
        self._last_two = (0, 10)

    def add(self, chunk: bytes) -> bool:
        """Count a piece; False if the count cannot be relied on."""
        import numpy as np

        if not _decodes(self._decoder, chunk, final=False) or (self._backslash and b"\\" in chunk):
            return False
        returned = chunk.count(b"\r")
        self._returns += returned
        self._pairs += (chunk.count(b"\r\n") if returned else 0) + (self._last_two[1] == 13 and chunk[0] == 10)
        self._feeds += chunk.count(b"\n")
        octets = np.frombuffer(self._before() + chunk + b"\n", dtype=np.uint8)
        here = octets[2:-1]
        ends = here == 10
        if self._quote and (self._inside or self._quote in chunk):
            quotes = here == self._quote[0]
            inside = np.bitwise_xor.accumulate(quotes.view(np.uint8)) ^ self._inside
            self._inside = int(inside[-1])
            at = np.flatnonzero(quotes)
            opening, closing = at[inside[at] == 1], at[inside[at] == 0]
            if not self._at_edges(octets[opening + 1], octets[closing + 3]):
                return False
            ends &= inside == 0
        found = np.flatnonzero(ends)
        # A blank line is a line end right after another one, or after one and a carriage return.
        before, before_that = octets[found + 1], octets[found]
        blank = (before == 10) | ((before == 13) & (before_that == 10))
        self._records += len(found) - int(np.count_nonzero(blank))
        self._last_two = (int(octets[-3]), int(octets[-2]))
        return True

    def _before(self) -> bytes:
        return bytes(self._last_two)

    def _at_edges(self, before_opening: np.ndarray, after_closing: np.ndarray) -> bool:
        """Whether quotes stand at the edges of values; a doubled quote closes and opens again."""
        return bool(self._allowed(self._may_precede)[before_opening].all()) and bool(
            self._allowed(self._may_follow)[after_closing].all()
        )

    def _allowed(self, octets: tuple[int, ...]) -> np.ndarray:
        import numpy as np

        table = np.zeros(256, dtype=bool)
        table[[*octets, self._quote[0]]] = True
        return table

    def total(self) -> int | None:
        """Return the number of records, None if the count cannot be relied on."""
        if self._returns and not self._returns == self._pairs == self._feeds:
            return None
        if self._inside or not _decodes(self._decoder, b"", final=True):
            return None
        ended = self._last_two[1] == 10 or self._last_two == (10, 13)
        return self._records + (0 if ended else 1)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True
