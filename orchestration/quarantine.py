"""What is in quarantine: read where it stands newest, filtered, counted, and written to a CSV file.

Everything is set-based SQL over marts.quarantined_records, in the published copy or in the warehouse.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.home import HomeError, explain_os_error, sync_file
from orchestration.sql import text

if TYPE_CHECKING:
    import duckdb

    from orchestration.company import Company
    from orchestration.home import Home

Row = dict[str, Any]

TABLE = "marts.quarantined_records"
# Of the contract, then what versions before the log of quarantine did not publish.
_COLUMNS = ("source", "entity", "record_id", "load_id", "dataset", "row_number", "reasons", "quarantined_at",
            "released_at", "reject_reason")  # fmt: skip
_ADDED = ("reasons_text", "other_failed_rules", "release_reason", "released_by_run")

# What a spreadsheet may take for a formula, also behind blanks; and our own mark, so that taking one mark away always
# gives the value back.
MARK = "'"
_FORMULA = r"^(?:[\s\x00]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|[\t\r\n\x00'])"
EXPORTED = ("source", "entity", "record_id", "load_id", "dataset", "file_row", "reasons", "reasons_in_words",
            "other_failed_rules", "reject_reason", "quarantined_at", "released_at", "release_reason",
            "raw")  # fmt: skip
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class QuarantineError(RuntimeError):
    """The quarantine cannot be read or written; the text says what to do."""


@dataclass(frozen=True)
class Filters:
    """Which records are meant; what is None does not matter.

    Attributes:
        source: Source of the company file.
        entity: Entity, such as orders.
        reason: Id of a rule that the record fails, among others.
        load: The load that brought it.
        since: Set aside at or after this moment (UTC); for released ones, released.
        released: Those that were released, instead of those that are held.
    """

    source: str | None = None
    entity: str | None = None
    reason: str | None = None
    load: str | None = None
    since: datetime | None = None
    released: bool = False

    def where(self) -> str:
        """The condition in SQL."""
        parts = [f"released_at IS {'NOT ' if self.released else ''}NULL"]
        for column, value in (("source", self.source), ("entity", self.entity), ("load_id", self.load)):
            if value is not None:
                parts.append(f"{column} = {text(value)}")
        if self.reason is not None:
            parts.append(f"list_contains(string_split(reasons, ', '), {text(self.reason)})")
        if self.since is not None:
            moment = text(self.since.isoformat(sep=" "))
            parts.append(f"{'released_at' if self.released else 'quarantined_at'} >= TIMESTAMP {moment}")
        return " AND ".join(parts)


@dataclass(frozen=True)
class Quarantine:
    """An open quarantine, and where it was read.

    Attributes:
        con: The open file.
        place: `published` or `warehouse`.
        words: Where it was read and of when it is, as a sentence.
    """

    con: duckdb.DuckDBPyConnection
    place: str
    words: str

    def total(self, filters: Filters) -> int:
        """How many records fit."""
        [(count,)] = self.con.execute(f"SELECT count(*) FROM {TABLE} WHERE {filters.where()}").fetchall()  # noqa: S608 - our own names, quoted values
        return int(count)

    def records(self, filters: Filters, limit: int | None, *, raw: bool = False) -> list[Row]:
        """The records that fit, the newest first; `raw` adds each as it was received."""
        shown = ", ".join((*_COLUMNS, *self._added(), *(["raw"] if raw else [])))
        moment = "released_at" if filters.released else "quarantined_at"
        return self._rows(
            f"SELECT {shown} FROM {TABLE} WHERE {filters.where()} "  # noqa: S608 - our own names, quoted values
            f"ORDER BY {moment} DESC, source, entity, record_id" + ("" if limit is None else f" LIMIT {int(limit)}")
        )

    def counts(self, filters: Filters) -> list[Row]:
        """Records by source, entity and reason, the most first: a record counts for each of its reasons.

        `of_records` is how many records the source has of the entity, duplicates left out.
        """
        return self._rows(
            f"""
            WITH reasons AS (
                SELECT source, entity, unnest(string_split(reasons, ', ')) AS reason,
                    {"released_at" if filters.released else "quarantined_at"} AS moment
                FROM {TABLE} WHERE {filters.where()}
            ), sizes AS (
                SELECT source, entity, sum(received - duplicates) AS of_records FROM marts.source_loads GROUP BY ALL
            )
            SELECT source, entity, reason, count(*) AS records, CAST(any_value(of_records) AS BIGINT) AS of_records,
                min(moment) AS oldest, max(moment) AS newest
            FROM reasons LEFT JOIN sizes USING (source, entity)
            GROUP BY source, entity, reason ORDER BY records DESC, source, entity, reason
            """  # noqa: S608 - our own names, quoted values
        )

    def released_by(self, run_id: str) -> list[Row]:
        """What one run released: records by source, entity, the reasons they had and the reason of the release."""
        if "released_by_run" not in self._there():
            return []
        return self._rows(
            f"SELECT source, entity, reasons, release_reason, count(*) AS records FROM {TABLE} "  # noqa: S608 - our own names, quoted values
            f"WHERE released_by_run = {text(run_id)} GROUP BY ALL "
            "ORDER BY records DESC, source, entity, reasons, release_reason"
        )

    def export(
        self, filters: Filters, file: Path, *, force: bool = False, separator: str = ",", bom: bool = False
    ) -> int:
        """Write the records that fit to a CSV file that only its owner may read; return how many they are.

        Rows stream from the engine to the disk. Every text that a spreadsheet may take for a formula, and every text
        that starts with an apostrophe, gets an apostrophe in front; to have the value back, take one away.

        Args:
            filters: Which records.
            file: Where to; appears as a whole or not at all.
            force: Replace a file that is there.
            separator: What stands between two cells.
            bom: Begin with a byte order mark, by which Excel knows UTF-8.

        Raises:
            QuarantineError: The file is there, or cannot be written.
        """
        if file.is_dir() or (file.exists() and not force):
            raise QuarantineError(f"{file} is there already. Give another name, or --force to replace it.")
        try:
            with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.part-") as work:
                self.con.execute(f"SET temp_directory = {text(work)}")
                made = Path(work) / "records.csv"
                [(rows,)] = self.con.execute(
                    f"COPY ({self._export_query(filters)}) TO {text(str(made))} "
                    f"(FORMAT csv, HEADER true, DELIMITER {text(separator)}, FORCE_QUOTE *)"
                ).fetchall()
                if bom:
                    made = _with_byte_order_mark(made)
                made.chmod(0o600)
                sync_file(made)
                _put(made, file, force=force)
        except OSError as error:
            raise QuarantineError(f"{file} cannot be written: {explain_os_error(error)}. Choose another.") from error
        return int(rows)

    def _export_query(self, filters: Filters) -> str:
        there = self._there()
        source_of = {"file_row": "row_number", "reasons_in_words": "reasons_text"}
        cells = []
        for name in EXPORTED:
            column = source_of.get(name, name)
            if column not in there:
                cells.append(f"NULL AS {name}")
            elif name == "file_row":
                cells.append(f"{column} AS {name}")
            elif name.endswith("_at"):
                cells.append(f"strftime({column}, '%Y-%m-%d %H:%M:%S') AS {name}")
            else:
                cells.append(f"{guarded(column)} AS {name}")
        return (
            f"SELECT {', '.join(cells)} FROM {TABLE} WHERE {filters.where()} "  # noqa: S608 - our own names, quoted values
            "ORDER BY source, entity, dataset, batch_id, row_number, record_id"
        )

    def _there(self) -> set[str]:
        rows = self.con.execute(
            "SELECT column_name FROM duckdb_columns() "
            "WHERE schema_name || '.' || table_name = ? AND database_name = current_database()",
            [TABLE],
        ).fetchall()
        return {name for (name,) in rows}

    def _added(self) -> list[str]:
        there = self._there()
        return [name if name in there else f"NULL AS {name}" for name in _ADDED]

    def _rows(self, query: str) -> list[Row]:
        answer = self.con.execute(query)
        names = [column[0] for column in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def guarded(column: str) -> str:
    """SQL for a text as a cell that no spreadsheet takes for a formula."""
    return f"CASE WHEN regexp_matches({column}, {text(_FORMULA)}) THEN {text(MARK)} || {column} ELSE {column} END"


def unguarded(cell: str) -> str:
    """The value that a cell of an export stands for."""
    return cell.removeprefix(MARK)


@contextmanager
def open_quarantine(home: Home, company: Company | None = None) -> Iterator[Quarantine]:
    """Open the quarantine where it stands newest.

    That is the published copy, unless the last run did not get as far as publishing; then it is the warehouse, if no
    run holds it. While the warehouse is read here, no run can start: the home is held.

    Raises:
        QuarantineError: Nothing has been published, and the warehouse cannot be read.
    """
    from orchestration.published import PublishedError, open_published

    report = home.read_status()
    is_behind = report is not None and report.outcome in ("gate_stopped", "failed")
    why = ""
    with ExitStack() as opened:
        if report is not None and is_behind and home.warehouse.exists():
            ended = "was stopped by the gate" if report.outcome == "gate_stopped" else "failed"
            con, why = _warehouse(home, opened, company)
            if con is not None:
                words = (
                    f"From the warehouse: the last run, {report.run_id}, {ended}, "
                    "so that the published copy does not show this."
                )
                yield Quarantine(con, "warehouse", words)
                return
        try:
            published = opened.enter_context(open_published(home.published_file))
        except PublishedError as error:
            raise QuarantineError(f"{why} {error}" if why else str(error)) from error
        if not published.has("quarantined_records", "released_at"):
            raise QuarantineError(f"{home.published_file} holds no quarantine. Run: regulars run")
        _settle(published.con, company)
        run_id, at = published.publication()
        words = f"From the published copy of run {run_id}"
        words += "." if at is None else f", {at:%Y-%m-%d %H:%M} UTC."
        if is_behind and report is not None:
            words += f" Run {report.run_id} came later and did not publish. {why}".rstrip()
        elif home.is_locked():
            words += " A run is going on; what it brings is not in it yet."
        yield Quarantine(published.con, "published", words)


def _warehouse(home: Home, opened: ExitStack, company: Company | None) -> tuple[duckdb.DuckDBPyConnection | None, str]:
    """The warehouse for reading, with the home held against runs; None, and why, where it cannot be had."""
    import duckdb

    try:
        opened.enter_context(home.lock())
    except HomeError:
        return None, "The warehouse is not free: a run is going on, or this user may not open it."
    try:
        con = duckdb.connect(str(home.warehouse), read_only=True)
    except duckdb.Error:
        return None, "The warehouse cannot be opened: another program holds it."
    opened.callback(con.close)
    con.execute("SET TimeZone = 'UTC'")
    _settle(con, company)
    found = con.execute("SELECT 1 FROM duckdb_tables() WHERE schema_name || '.' || table_name = ?", [TABLE]).fetchall()
    return (con, "") if found else (None, "The warehouse has no quarantine yet.")


def _settle(con: duckdb.DuckDBPyConnection, company: Company | None) -> None:
    """Keep to the company's memory and threads, and write nothing but answers on standard output."""
    # DuckDB draws a bar there where a query takes long: into the midst of JSON.
    con.execute("SET enable_progress_bar = false")
    if company is not None:
        con.execute(f"SET memory_limit = {text(company.warehouse.memory_limit)}")
        con.execute(f"SET threads = {int(company.warehouse.threads)}")


def _with_byte_order_mark(file: Path) -> Path:
    marked = file.with_name("marked.csv")
    with marked.open("wb") as target, file.open("rb") as source:
        target.write(_BYTE_ORDER_MARK)
        shutil.copyfileobj(source, target, 1 << 20)
    file.unlink()
    return marked


def _put(made: Path, file: Path, *, force: bool) -> None:
    """Give the finished file its name; without force, fail if somebody else has taken it meanwhile."""
    if force:
        made.replace(file)
        return
    try:
        os.link(made, file)
    except FileExistsError as error:
        raise QuarantineError(f"{file} is there already. Give another name, or --force to replace it.") from error
    except OSError:  # a file system without hard links
        made.replace(file)
