"""Whether a company's sources are there and have the columns that the company file maps; loads nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.company_errors import CompanyProblem, did_you_mean, key_text, one_of
from orchestration.company_yaml import YamlDocument, read_yaml
from orchestration.metrics import known_metrics
from orchestration.report import Problem
from sources.files.config import FilesSource

if TYPE_CHECKING:
    from datetime import date

    from orchestration.company import Company
    from sources.files.config import Dataset
    from sources.files.discover import SourceFile
    from sources.vendor import VendorSource

# Enough for any header; no more of a file is read here.
_HEAD_BYTES = 1 << 20


@dataclass
class DatasetCheck:
    """One dataset of one source. `size_bytes` is the sum over its files; `columns` are those of its first file."""

    source: str
    dataset: str
    channel: str
    files: int = 0
    size_bytes: int = 0
    formats: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    mapped: list[str] = field(default_factory=list)
    entities: list[str] = field(default_factory=list)
    problems: list[CompanyProblem] = field(default_factory=list)

    @property
    def is_unusable(self) -> bool:
        """Whether none of it can be loaded as mapped: no file at all, or mapped columns that even the first lacks."""
        lacking = bool(self.columns) and not set(self.mapped) <= set(self.columns)
        return bool(self.problems) and (self.files == 0 or lacking)

    @property
    def is_right(self) -> bool:
        """Whether the dataset can be loaded as it is mapped."""
        return not self.problems


def goal_remarks(company: Company, today: date) -> list[Problem]:
    """Goals that are right and yet probably not meant so: reached by anything, or with a deadline that is over.

    Args:
        company: The company file.
        today: What deadlines are held against, where the file names no day as of which everything is.
    """
    found = []
    day = today if company.as_of in ("latest", "now") else datetime.fromisoformat(company.as_of).date()
    for goal in company.goals:
        place = f"goal {goal.id}"
        direction = goal.direction or known_metrics()[goal.metric].direction
        if goal.target == 0 and direction == "up":
            what = "A target of 0 is reached by anything that is not negative."
            found.append(Problem(what, "Give a target above 0, or `direction: down`.", place, is_failure=False))
        if goal.deadline is not None and goal.deadline < day:
            what = f"The deadline {goal.deadline} is over: the goal is judged by that day, and nothing is foretold."
            found.append(Problem(what, "Give it a new deadline, or take the goal out.", place, is_failure=False))
    return found


def check_sources(company: Company, only: str | None = None) -> list[DatasetCheck]:
    """Look at every dataset: its files, and whether each has the columns that are mapped from it.

    Args:
        company: The company file.
        only: The name of one source; None for all.

    Raises:
        CompanyError: an environment variable that the file names is not set.
    """
    document = read_yaml(company.path)
    return [
        _Checker(company, document, name, dataset_name).check()
        for name, source in company.sources.items()
        if only in (None, name)
        for dataset_name, dataset in source.datasets.items()
        if dataset.path
    ]


def engine_problems(company: Company) -> list[CompanyProblem]:
    """What the mapping asks that the company's engine cannot do, found without a file or the engine."""
    if company.warehouse.engine != "spark":
        return []
    from sources.files.dialect_spark import SPARK
    from sources.files.mapping import mapping_problems

    document = read_yaml(company.path)
    problems = []
    for error in mapping_problems(company.sources, SPARK):
        place = ("sources", error.source, "datasets", error.dataset)
        found = f"{error.path}: {error.problem}"
        problems.append(CompanyProblem(str(company.path), document.line_of(place), key_text(place), found, error.fix))
    return problems


class _Checker:
    """Checks one dataset and knows where in the company file its parts are."""

    def __init__(self, company: Company, document: YamlDocument, source: str, dataset: str) -> None:
        self.company = company
        self.document = document
        self.filled = company.source_for_use(source)
        self.settings: Dataset = self.filled.datasets[dataset]
        self.place: tuple[str | int, ...] = ("sources", source, "datasets", dataset)
        if not isinstance(self.filled, FilesSource):
            self.place = ("sources", source, "files", dataset)
        self.line = DatasetCheck(
            source=source,
            dataset=dataset,
            channel=self.filled.channel,
            mapped=sorted(self.settings.columns_used() - {"*"}),
            entities=_entities(self.filled, dataset),
        )

    def check(self) -> DatasetCheck:
        """The dataset with everything that is wrong."""
        from sources.files.discover import discover

        found = discover(self.line.source, self.line.dataset, self.settings, self.company.base)
        for problem in found.problems:
            self._problem(("path",), f"{problem.path}: {problem.problem}", problem.fix)
        self.line.files = len(found.files)
        self.line.size_bytes = sum(max(file.size, 0) for file in found.files)
        self.line.formats = sorted({file.format for file in found.files})
        opened = [(file.name, header) for file in _worth_opening(found.files) if (header := self._header(file))]
        strict = [(name, header.columns) for name, header in opened if not header.is_loose]
        loose = list(dict.fromkeys(column for _, header in opened if header.is_loose for column in header.columns))
        self.line.columns = strict[0][1] if strict else loose
        for column in self.line.mapped:
            lacking = [(name, columns) for name, columns in strict if column not in columns]
            if lacking:
                name, columns = lacking[0]
                where = name if len(lacking) == 1 else f"{len(lacking)} of {len(opened)} files, such as {name},"
                self._missing(column, f"{where} {'does' if len(lacking) == 1 else 'do'} not have", columns)
            # A JSON record may leave a key out, and only the beginning of a long file was seen: a key counts as
            # misspelt where none of the files has it and a near one is there.
            elif loose and not strict and column not in loose and did_you_mean(column, loose):
                self._missing(column, "no record seen has", loose)
        return self.line

    def _header(self, file: SourceFile) -> Header | None:
        from sources.files.errors import FileProblem

        try:
            return read_header(file, self.settings)
        except FileProblem as problem:
            self._problem(("path",), f"{file.name}: {problem.problem}", problem.fix)
            return None

    def _missing(self, column: str, where: str, columns: Sequence[str]) -> None:
        allowed = f"a column of the file: {one_of(column, columns, limit=40)}"
        self._problem(self._mapped_at(column), f"the column `{column}`, which {where}", allowed)

    def _mapped_at(self, column: str) -> tuple[str | int, ...]:
        for index, entity in enumerate(self.settings.entities):
            for name, value in entity.columns.items():
                if column in value.columns_used():
                    return ("entities", index, "columns", name)
            if column in (entity.one_per or []):
                return ("entities", index, "one_per")
            if any(column in condition.columns_used() for condition in entity.where):
                return ("entities", index, "where")
        return ("entities",)

    def _problem(self, inner: tuple[str | int, ...], found: str, allowed: str) -> None:
        place = (*self.place, *inner)
        line = self.document.line_of(place)
        self.line.problems.append(CompanyProblem(str(self.company.path), line, key_text(place), found, allowed))


def _entities(source: FilesSource | VendorSource, dataset: str) -> list[str]:
    """What the records of a dataset become."""
    if isinstance(source, FilesSource):
        return list(dict.fromkeys(entity.entity for entity in source.datasets[dataset].entities))
    return list(source.vendor.object_named(dataset).entities)


def _worth_opening(files: Sequence[SourceFile]) -> list[SourceFile]:
    """All local files; of remote ones the first and the last, because each costs a connection."""
    remote = [file for file in files if file.path is None]
    return [file for file in files if file.path is not None] + remote[:1] + remote[1:][-1:]


@dataclass(frozen=True)
class Header:
    """The columns of a file, made unique as the loader makes them. Loose: a record may leave some out."""

    columns: list[str]
    is_loose: bool = False


def read_header(file: SourceFile, dataset: Dataset) -> Header | None:
    """The columns of a file; None where it has no names of its own.

    Raises:
        FileProblem: the file is empty or cannot be read.
    """
    from sources.files.errors import FileProblem

    if file.size == 0:
        raise FileProblem("is empty (0 bytes)", "Ask the sender for the complete file, or remove it")
    try:
        if file.format == "parquet":
            return Header(_parquet_columns(file))
        if file.format in ("json", "jsonl"):
            return Header(_json_columns(file, dataset), is_loose=True)
        columns = _excel_columns(file, dataset) if file.format == "excel" else _delimited_columns(file, dataset)
        return None if columns is None else Header(columns)
    except FileProblem:
        raise
    except PermissionError as error:
        raise FileProblem("no permission to read it", "Let this user read the file") from error
    except Exception as error:  # every reader and file system raises errors of its own
        fix = f"Check that it is a whole {file.format} file"
        raise FileProblem(f"cannot be read ({type(error).__name__})", fix) from error


def _head(file: SourceFile, dataset: Dataset) -> bytes:
    """The first bytes of a file, unpacked."""
    import fsspec

    place = str(file.path) if file.path is not None else file.url
    packed = dataset.options.compression == "gzip" or (
        dataset.options.compression is None and file.name.lower().endswith(".gz")
    )
    with fsspec.open(place, "rb", compression="gzip" if packed else None) as stream:
        return bytes(stream.read(_HEAD_BYTES))


def _delimited_columns(file: SourceFile, dataset: Dataset) -> list[str]:
    from sources.files.lines import read_header
    from sources.files.prepare import layout_of

    text = _head(file, dataset).decode(dataset.options.encoding, errors="replace")
    with tempfile.TemporaryDirectory() as folder:
        head = Path(folder) / "head"
        head.write_bytes(text.encode("utf-8", "replace"))
        return list(read_header(head, layout_of(dataset, file)).columns)


def _json_columns(file: SourceFile, dataset: Dataset) -> list[str]:
    """The keys of the records in the head of the file, as the loader names them."""
    from sources.files.records import read_json, read_json_lines

    raw = _head(file, dataset)
    content = raw.decode(dataset.options.encoding, errors="replace")
    if file.format == "jsonl" and len(raw) == _HEAD_BYTES:
        content = content.rpartition("\n")[0]
    columns: tuple[str, ...] = ()
    with tempfile.TemporaryDirectory() as folder:
        head = Path(folder) / "head"
        head.write_bytes(content.encode("utf-8", "replace"))
        read = read_json if file.format == "json" else read_json_lines
        for block in read(head, dataset.options.wraps):
            columns = block.columns
    return list(columns)


def _parquet_columns(file: SourceFile) -> list[str]:
    import fsspec
    import pyarrow.parquet as pq

    with fsspec.open(str(file.path) if file.path is not None else file.url, "rb") as stream:
        return [str(name) for name in pq.read_schema(stream).names]


def _excel_columns(file: SourceFile, dataset: Dataset) -> list[str] | None:
    import fsspec
    import openpyxl

    from sources.files.errors import FileProblem
    from sources.files.lines import column_names

    row_number = dataset.options.header_row
    if row_number == 0:
        return None
    with fsspec.open(str(file.path) if file.path is not None else file.url, "rb") as stream:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        sheet = dataset.options.sheet
        names = book.sheetnames
        if isinstance(sheet, int) and not 1 <= sheet <= len(names):
            raise FileProblem(f"has no sheet number {sheet}", f"Sheets: {', '.join(names)}")
        if isinstance(sheet, str) and sheet not in names:
            raise FileProblem(f"has no sheet `{sheet}`", f"Sheets: {one_of(sheet, names)}")
        chosen = book[sheet] if isinstance(sheet, str) else book[names[(sheet or 1) - 1]]
        for row in chosen.iter_rows(min_row=row_number, max_row=row_number, values_only=True):
            return list(column_names(["" if cell is None else str(cell) for cell in row]))
    return []
