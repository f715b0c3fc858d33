"""Make a file ready to be read: hash its content, unpack it, bring it to UTF-8, count its records."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from sources.files.config import Dataset
from sources.files.count import Piece, scan_delimited, scan_lines
from sources.files.discover import SourceFile, download
from sources.files.errors import FileProblem
from sources.files.lines import MARK, Header, Layout, read_header
from sources.files.records import holds_lines

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
        pieces: independent count of the records, None where only the careful reader can tell. Of JSON, a line
            counts as a record.
        has_lines: of JSON: whether each line stands for itself.
    """

    file: SourceFile
    content_hash: str
    size: int
    path: Path
    temporary: bool = False
    layout: Layout | None = None
    header: Header | None = None
    pieces: tuple[Piece, ...] | None = None
    has_lines: bool = False

    @property
    def records(self) -> int:
        """Records of all pieces."""
        return sum(piece.records for piece in self.pieces or ())

    @property
    def is_json(self) -> bool:
        """Whether the records are JSON objects."""
        return self.file.format in ("json", "jsonl")

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
        columns=tuple(options.columns or ()),
    )


def reader_of(dataset: Dataset, file: SourceFile) -> str:
    """Return a short mark of everything that decides how a file is read; it changes when an option changes."""
    options = dataset.options
    layout = layout_of(dataset, file)
    # Options that are not set leave the mark as releases without them made it.
    later = [part for part in (layout.columns, options.wraps) if part]
    parts = (file.format, layout, options.encoding, options.compression, options.sheet, *later)
    return hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()


def hashed(path: Path) -> tuple[str, int]:
    """Return the hash of a file's content and its size in bytes."""
    digest = hashlib.blake2b(digest_size=32)
    size = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


@contextmanager
def _told() -> Iterator[None]:
    """Turn an error of the disk into one that says what to do."""
    try:
        yield
    except PermissionError as error:
        raise FileProblem("no permission to read it", "Let this user read the file") from error
    except FileNotFoundError as error:
        raise FileProblem("it vanished while the load ran", "Start again when the export is complete") from error
    except OSError as error:
        raise FileProblem(f"cannot be read ({error.strerror})", "Check the disk or the network drive") from error


def prepare(file: SourceFile, dataset: Dataset, landing: Path) -> Prepared:
    """Hash a file and make it readable.

    Raises:
        FileProblem: the file cannot be read, unpacked or decoded, or has no header.
        OSError: a working copy cannot be written.
    """
    original = file.path if file.path is not None else download(file, landing)
    with _told():
        if original.stat().st_size == 0:
            raise FileProblem("is empty (0 bytes)", "Ask the sender for the complete file, or remove it")
        if file.format in ("excel", "parquet"):
            return Prepared(file, *hashed(original), original)
        # Also tells whether it may be read.
        with original.open("rb") as stream:
            head = stream.read(4)
    path, temporary = _plain(file, original, head, dataset, landing)
    try:
        with _told():
            # A plain file is hashed by the reading that counts.
            known = hashed(original) if temporary else None
            prepared = _scanned(Prepared(file, "", 0, path, temporary), dataset)
    except BaseException:
        if temporary:
            path.unlink(missing_ok=True)
        raise
    return prepared if known is None else replace(prepared, content_hash=known[0], size=known[1])


def _scanned(bare: Prepared, dataset: Dataset) -> Prepared:
    path = bare.path
    if bare.is_json:
        if bare.file.format == "json" and not holds_lines(path):
            content_hash, size = hashed(path)
            return replace(bare, content_hash=content_hash, size=size)
        lines = scan_lines(path)
        return replace(bare, content_hash=lines.content_hash, size=lines.size, pieces=lines.pieces, has_lines=True)
    layout = layout_of(dataset, bare.file)
    header = read_header(path, layout)
    scanned = scan_delimited(path, layout, header)
    return replace(
        bare,
        content_hash=scanned.content_hash,
        size=scanned.size,
        pieces=scanned.pieces,
        layout=layout,
        header=header,
    )


def _plain(file: SourceFile, original: Path, head: bytes, dataset: Dataset, landing: Path) -> tuple[Path, bool]:
    """Return a plain UTF-8 file with the content and whether it is a working copy."""
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
