"""What the end-to-end tests share: runs in processes of their own, tables as readers see them, and a small company.

A run pays about fifteen seconds for importing Dagster, dbt and Great Expectations. `Runs` pays once: a process that
has imported them and has done nothing else is forked for each run, so that every run still starts with nothing of an
earlier one, can be killed, and writes to a standard output and error of its own.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home
from orchestration.report import RunReport

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "dbt_project" / "models"

Row = dict[str, Any]

# What a run imports sooner or later. Importing starts no thread of Python and opens nothing.
_HEAVY = (
    "dagster_dbt", "dbt.cli.main", "dbt.adapters.duckdb", "great_expectations", "scipy.optimize", "email_validator",
    "phonenumbers", "orchestration.cli", "orchestration.definitions", "expectations.gate", "expectations.suites",
    "models.identity", "models.lifetime_value", "sources.files.load", "sources.files.mapping",
)  # fmt: skip


def environment() -> dict[str, str]:
    """The environment of a run: this project on the path, wide output without colours, no settings of the machine."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("REGULARS_", "DAGSTER_", "DBT_"))}
    paths = [str(ROOT), str(Path(__file__).parent), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200", "NO_COLOR": "1"}


@dataclass
class Ended:
    """A run that has ended: its exit code (below zero: the signal that killed it) and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All it wrote, blanks and line ends made one blank, so that a wrapped line still reads as one."""
        return " ".join((self.out + "\n" + self.err).split())


@dataclass
class Going:
    """A run that goes on in a process of its own."""

    pid: int
    runs: Runs
    folder: Path

    def lines(self) -> list[str]:
        """What it has written so far."""
        return (self.folder / "out").read_text(encoding="utf-8").splitlines()

    def kill(self) -> None:
        """End it as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def is_alive(self) -> bool:
        """Whether it goes on."""
        return self.runs.poll(self.pid) is None

    def wait(self) -> Ended:
        """Wait for its end."""
        code = self.runs.wait(self.pid)
        out, err = ((self.folder / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
        return Ended(code, out, err)


class Runs:
    """Starts runs of the command line, each in a process forked from one that has the imports behind it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        self._server = subprocess.Popen(
            [sys.executable, "-c", "from helpers import serve; serve()"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ask({"do": "hello"})

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        if not answer:
            raise RuntimeError("the process that starts runs has ended")
        return json.loads(answer)

    def start(self, *arguments: object, before: str | None = None, given: Any = None) -> Going:
        """Start `regulars` with these arguments; `before` names a function (module:name) called first with `given`."""
        return self.call("helpers:command_line", {"arguments": [str(one) for one in arguments]}, before, given)

    def call(self, function: str, given: Mapping[str, Any], before: str | None = None, first: Any = None) -> Going:
        """Start a function (module:name) of its keyword arguments; what it returns is the exit code."""
        self._count += 1
        folder = self.folder / f"run-{self._count}"
        folder.mkdir(parents=True)
        request = {"do": "start", "call": function, "given": given, "before": before, "first": first}
        return Going(self._ask(request | {"folder": str(folder)}), self, folder)

    def run(self, *arguments: object, before: str | None = None, given: Any = None) -> Ended:
        """Run `regulars` with these arguments to its end."""
        return self.start(*arguments, before=before, given=given).wait()

    def wait(self, pid: int) -> int:
        """The exit code of a run, once it has ended."""
        return int(self._ask({"do": "wait", "pid": pid}))

    def poll(self, pid: int) -> int | None:
        """The exit code of a run, None while it goes on."""
        answer = self._ask({"do": "poll", "pid": pid})
        return None if answer is None else int(answer)

    def close(self) -> None:
        """End the process that starts runs."""
        assert self._server.stdin is not None
        self._server.communicate("")


def serve() -> None:
    """Import what runs need, then fork a child for each request on standard input until it is closed."""
    for name in _HEAVY:
        importlib.import_module(name)
    ended: dict[int, int] = {}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not be taken for an answer
    while line := sys.stdin.readline():
        request = json.loads(line)
        answer: int | None = 0
        if request["do"] == "start":
            answer = os.fork()
            if answer == 0:
                _be_a_run(request)
        elif request["do"] != "hello":
            pid = request["pid"]
            if pid not in ended:
                found, status = os.waitpid(pid, 0 if request["do"] == "wait" else os.WNOHANG)
                if found:
                    ended[pid] = os.waitstatus_to_exitcode(status)
            answer = ended.get(pid)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _be_a_run(request: Mapping[str, Any]) -> None:
    code = 70
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(Path(request["folder"]) / name, os.O_WRONLY | os.O_CREAT, 0o644), number)
        sys.stdin = os.fdopen(0)
        if request["before"]:
            _function(request["before"])(request["first"])
        code = int(_function(request["call"])(**request["given"]) or 0)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the last place before the process ends
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def regulars(*arguments: object) -> Ended:
    """Run the command line in this process, where the imports are paid for already."""
    from typer.testing import CliRunner

    from orchestration.cli import app

    with pytest.MonkeyPatch.context() as patch:
        for key in [*os.environ]:
            if key.startswith("REGULARS_"):
                patch.delenv(key)
        patch.setenv("COLUMNS", "200")
        patch.setenv("NO_COLOR", "1")
        result = CliRunner().invoke(app, [str(one) for one in arguments])
    return Ended(result.exit_code, result.stdout, result.stderr)


@contextlib.contextmanager
def without_event_log() -> Iterator[None]:
    """Let Dagster keep its events in memory: its files take a fifth of a small run's time, and the demo writes them."""
    import dagster as dg

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "open_instance", lambda _: dg.DagsterInstance.ephemeral())
        yield


def command_line(arguments: Sequence[str]) -> int:
    """Be `regulars` with these arguments."""
    from orchestration.cli import main

    sys.argv = ["regulars", *arguments]
    main()
    return 0


def killed_run(company: str, home: str, kill_at: Mapping[str, Any]) -> int:
    """Run, and be killed: at the n-th word of a step (`step`, `state`, `count`), then `seconds` later."""
    import threading

    seen = 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def progress(step: str, state: str, words: str) -> None:
        nonlocal seen
        sys.stdout.write(f"{step}|{state}|{words}\n")
        if kill_at.get("step") in (None, step) and kill_at.get("state") in (None, state):
            seen += 1
            if seen == kill_at.get("count", 1):
                if kill_at.get("seconds"):
                    threading.Timer(kill_at["seconds"], die).start()
                else:
                    die()

    report = pipeline.run(load_company(company), Home(Path(home)), progress=progress)
    return 0 if report.outcome in ("published", "nothing_new") else 1


def runs_on_a_full_disk(company: str, folder: str, room_kb: int) -> int:
    """Run on a small disk with so much room, make room, run again; what was seen goes to `seen.json`.

    The disk is a file system in memory that only this process sees, so the home is copied to `kept` at the end. Where
    none can be made, both runs have the ordinary disk.
    """
    place = Path(folder) / "disk"
    place.mkdir()
    is_small = _mount_small_disk(place, megabytes=256)
    filler = place / "filler"
    if is_small:
        free = shutil.disk_usage(place).free
        with filler.open("wb") as file:
            file.truncate(0)
            block = b"\0" * 65536
            for _ in range((free - room_kb * 1024) // len(block)):
                file.write(block)
    home = place / "home"
    first = regulars("run", "--company", company, "--home", home)
    filler.unlink(missing_ok=True)
    second = regulars("run", "--company", company, "--home", home)
    seen = {
        "is_small_disk": is_small,
        "first_code": first.code,
        "first_text": first.text,
        "second_code": second.code,
        "second_text": second.text,
    }
    shutil.copytree(home, Path(folder) / "kept", symlinks=True)
    (Path(folder) / "seen.json").write_text(json.dumps(seen), encoding="utf-8")
    return 0


def _mount_small_disk(place: Path, megabytes: int) -> bool:
    """Mount a file system in memory that this process alone sees; False where that is not allowed."""
    import ctypes

    mounts, users, private, recursive = 0x20000, 0x10000000, 1 << 18, 1 << 14
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(mounts) and libc.unshare(mounts | users):
            return False
        if libc.mount(None, b"/", None, private | recursive, None):
            return False
        return libc.mount(b"tmpfs", str(place).encode(), b"tmpfs", 0, f"size={megabytes}m".encode()) == 0
    except (AttributeError, OSError):
        return False


# --- tables as readers see them ----------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB file, open for reading."""
    with duckdb.connect(str(file), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


def rows(file: Path, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """The rows of a query on a DuckDB file."""
    with opened(file) as con:
        return con.execute(query, list(values)).fetchall()


def records(file: Path, query: str, values: Sequence[object] = ()) -> list[Row]:
    """The rows of a query on a DuckDB file, by column name."""
    with opened(file) as con:
        answer = con.execute(query, list(values))
        names = [column[0] for column in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def contract() -> dict[str, list[str]]:
    """The columns of every contract table, read from the YAML beside the models, without dbt."""
    tables = {}
    for file in MODELS.rglob("*.yml"):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
            is_mart = file.is_relative_to(MODELS / "marts")
            if is_mart or model.get("access") == "public":
                tables[model["name"]] = [column["name"] for column in model["columns"]]
    return dict(sorted(tables.items()))


# Of one run and no other: when something was measured or loaded, and under which run.
OF_ONE_RUN = frozenset(
    {
        "load_id",
        "measured_at",
        "resolved_at",
        "started_at",
        "finished_at",
        "quarantined_at",
        "released_at",
        "changed_at",
    }
)


def tables_of(file: Path, without: Iterable[str] = OF_ONE_RUN) -> dict[str, list[tuple[Any, ...]]]:
    """All contract tables of a published file as sorted rows, without the columns that belong to one run.

    What stands per load is summed over loads, because a run that was killed splits a load in two: source_loads and
    data_validity. The index is that of everything held.
    """
    left_out = set(without)
    made = {}
    for table, columns in contract().items():
        query = f"SELECT {{}} FROM marts.{table}"
        if table == "source_loads":
            query = (
                "SELECT source, entity, sum(received), sum(valid), sum(quarantined), sum(duplicates) "
                "FROM marts.source_loads GROUP BY ALL"
            )
        elif table == "data_validity":
            query = (
                "SELECT source, entity, field, rule, dimension, weight, sum(records), sum(valid_records) "
                "FROM marts.data_validity GROUP BY ALL"
            )
        elif table == "data_validity_index":
            query += " WHERE load_id = 'all'"
        kept = ", ".join(f'"{column}"' for column in columns if column not in left_out)
        made[table] = sorted(rows(file, query.format(kept)), key=repr)
    return made


def differences(one: Mapping[str, list[Any]], other: Mapping[str, list[Any]]) -> dict[str, tuple[list[Any], list[Any]]]:
    """Per table the rows that only the one and only the other has, three of each; empty where all are equal."""
    found = {}
    for table in one.keys() | other.keys():
        left, right = one.get(table, []), other.get(table, [])
        if left != right:
            found[table] = (
                [row for row in left if row not in right][:3] or left[:1],
                [row for row in right if row not in left][:3] or right[:1],
            )
    return found


def fingerprint(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """What the files of a folder are: inode, time of change and content; two equal answers mean nobody wrote."""
    return {
        str(file.relative_to(folder)): (file.stat().st_ino, file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def balance(file: Path) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """(source, entity) -> received, valid, quarantined, duplicates of a published file; fails unless they add up."""
    found = {}
    for load, source, entity, *numbers in rows(
        file, "SELECT load_id, source, entity, received, valid, quarantined, duplicates FROM marts.source_loads"
    ):
        assert numbers[0] == sum(numbers[1:]), (load, source, entity, numbers)
        before = found.get((source, entity), (0, 0, 0, 0))
        found[source, entity] = tuple(old + new for old, new in zip(before, numbers, strict=True))
    return found


# --- a small company ---------------------------------------------------------------------------------------------

# Nobody's data: the domain is reserved for examples, the numbers for films.
GUESTS = [
    (f"K{number}", f"{name.lower()}.quitte@corner-guests.example", f"030 23125{number:03d}", name)
    for number, name in enumerate(
        ("Adelgunde", "Balduin", "Cunigunde", "Dankwart", "Edeltraud", "Ferfried", "Gerlinde", "Hadubrand"), start=101
    )
]
PERSONAL = [value for _, mail, phone, name in GUESTS for value in (mail, phone, phone.replace(" ", ""), name)] + [
    f"+4930{phone[4:]}" for _, _, phone, _ in GUESTS
]

CORNER = """\
company: {id: corner, name: Corner Bakery}
time_zone: Europe/Berlin
currency: EUR
country: DE
as_of: latest
sources:
  shop:
    type: files
    channel: shop
    owner: shop@corner.example
    datasets:
      orders:
        path: data/orders-*.csv
        entities:
          - entity: orders
            columns:
              order_id: no
              account_id: account
              email: mail
              phone: tel
              ordered_at: {column: at, format: "%d.%m.%Y %H:%M"}
              gross_amount: total
      lines:
        path: data/lines-*.tsv.gz
        entities:
          - entity: order_lines
            columns: {order_line_id: line, order_id: no, product_id: article, quantity: pieces, unit_price: price}
      customers:
        path: data/customers.csv
        entities:
          - entity: customers
            columns: {account_id: account, email: mail, phone: tel, first_name: first, last_name: last}
      articles:
        path: data/articles.jsonl
        entities:
          - entity: products
            columns: {product_id: article, product_name: says, unit_price: price, unit_cost: cost}
"""
ORDERS_HEADER = "no,account,mail,tel,at,total,note\n"
FIRST_ORDERS = 40


def corner_order(number: int, note: str = "", *, mail: str | None = None) -> str:
    """The n-th order of the corner bakery as a line: guest n modulo 8, every third day from September 2025 on."""
    account, address, phone, _ = GUESTS[number % len(GUESTS)]
    day = date(2025, 9, 1) + timedelta(days=3 * number)
    return f'N{number},{account},{mail or address},{phone},{day:%d.%m.%Y} 09:30,{10 + number % 5}.50,"{note}"\n'


def _lines(numbers: Iterable[int]) -> bytes:
    lines = [f"N{number}-1\tN{number}\tA{number % 3}\t2\t{5 + number % 5}.25\n" for number in numbers]
    return gzip.compress(("line\tno\tarticle\tpieces\tprice\n" + "".join(lines)).encode(), mtime=0)


def write_corner(folder: Path) -> Path:
    """Write the corner bakery, one shop and nothing else, with its first files; return its company file.

    40 orders of 8 guests, a line each, and 3 articles: all of them right, none twice.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    (folder / "company.yaml").write_text(CORNER, encoding="utf-8")
    orders = "".join(corner_order(number) for number in range(1, FIRST_ORDERS + 1))
    (data / "orders-01.csv").write_text(ORDERS_HEADER + orders, encoding="utf-8")
    (data / "lines-01.tsv.gz").write_bytes(_lines(range(1, FIRST_ORDERS + 1)))
    guests = "".join(f"{account},{mail},{phone},{name},Quitte\n" for account, mail, phone, name in GUESTS)
    (data / "customers.csv").write_text("account,mail,tel,first,last\n" + guests, encoding="utf-8")
    articles = [
        {"article": f"A{number}", "says": f"Loaf {number}", "price": "5.25", "cost": "2"} for number in range(3)
    ]
    (data / "articles.jsonl").write_text("".join(json.dumps(one) + "\n" for one in articles), encoding="utf-8")
    return folder / "company.yaml"


TEN_MEGABYTES = 10_000_000


def deliver_badly(folder: Path) -> None:
    """Bring the corner bakery a second delivery, in which nearly every file has a fault of its own."""
    data = folder / "data"

    def orders(name: str, content: str | bytes, header: str = ORDERS_HEADER) -> None:
        body = content if isinstance(content, bytes) else content.encode()
        (data / f"orders-{name}.csv").write_bytes(header.encode() + body)

    orders("02", corner_order(41) + corner_order(42) + corner_order(1))  # N1 for the second time
    orders("03-empty", "", header="")
    orders("04-header", "")
    orders("05-latin", corner_order(43) + corner_order(44) + corner_order(45, "Caf\xe9"))
    (data / "orders-05-latin.csv").write_bytes(
        (data / "orders-05-latin.csv").read_bytes().replace(b"\xc3\xa9", b"\xe9")
    )
    (data / "orders-06-utf16.csv").write_bytes((ORDERS_HEADER + corner_order(46)).encode("utf-16"))
    orders("07-renamed", corner_order(47), header=ORDERS_HEADER.replace("no,", "number,"))
    short, long = corner_order(49).replace(',""', ""), corner_order(50).replace('""', '"",more,and more')
    orders("08-ragged", corner_order(48) + short + long + corner_order(51))
    orders("09-quotes", corner_order(52, "two\nlines, one value") + corner_order(53).replace('""', '"never closed'))
    mail = "x" * TEN_MEGABYTES + "@corner-guests.example"
    orders("10-big", corner_order(54, "y" * TEN_MEGABYTES) + corner_order(55, mail=mail))
    (data / "lines-02.tsv.gz").write_bytes(_lines(range(43, 56))[:-12])
    (data / "lines-03.tsv.gz").write_bytes(_lines([41, 42, 43]))
    (data / "customers.csv").unlink()


@dataclass
class Corner:
    """The corner bakery in a folder of its own, after a run.

    Attributes:
        folder: where its company file and its data are.
        home: its home; tests that run again copy it first.
        report: of the run.
        code: exit code of the run, None where it was not started by the command line.
        text: what the run wrote.
        meanwhile: what happened to other runs on the same home while this one went on.
    """

    folder: Path
    home: Home
    report: RunReport
    code: int | None = None
    text: str = ""
    meanwhile: dict[str, Ended] = field(default_factory=dict)

    @property
    def company(self) -> Path:
        """The company file."""
        return self.folder / "company.yaml"

    @property
    def published(self) -> Path:
        """The published DuckDB file."""
        return self.home.published_file

    def copy(self, to: Path) -> Corner:
        """The same in another folder; files keep their times, so that nothing in it is new."""
        shutil.copytree(self.folder, to / "corner", symlinks=True)
        shutil.copytree(self.home.path, to / "home", symlinks=True)
        return Corner(to / "corner", Home(to / "home"), self.report)


def _other_run(corner: Path, home: Home, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from orchestration.cli import main; main()"]
    return subprocess.Popen(
        [*command, "run", "--company", str(corner), "--home", str(home.path), *options],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _end(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate()
    return Ended(process.returncode, out, err)


def first_run(folder: Path) -> Corner:
    """The corner bakery after its first run. While it goes on, two others try: one gives up, one waits."""
    company, home = write_corner(folder / "corner"), Home(folder / "home")
    meanwhile: dict[str, Ended] = {}
    waiting: list[subprocess.Popen[str]] = []

    def progress(step: str, state: str, _: str) -> None:
        if (step, state) == ("load shop", "started"):
            meanwhile["refused"] = _end(_other_run(company, home))
            waiting.append(_other_run(company, home, "--wait", "600"))

    with without_event_log():
        report = pipeline.run(load_company(company), home, progress=progress)
    meanwhile["waited"] = _end(waiting[0])
    return Corner(company.parent, home, report, meanwhile=meanwhile)


def second_run(corner: Corner, folder: Path) -> Corner:
    """The corner bakery after its second delivery."""
    later = corner.copy(folder)
    deliver_badly(later.folder)
    with without_event_log():
        ended = regulars("run", "--company", later.company, "--home", later.home.path)
    report = later.home.read_status()
    assert report is not None
    return Corner(later.folder, later.home, report, ended.code, ended.text)
