"""What the commands share: exit codes, consoles, errors in words, and the next things to try."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.privacy import OUR_PACKAGES, safe_traceback

if TYPE_CHECKING:
    from rich.console import Console

    from orchestration.company import Company
    from orchestration.home import Home
    from orchestration.report import GoalLine, RunReport

DONE, FAILED, BAD_CONFIGURATION, GATE_STOPPED = 0, 1, 2, 3

# Spelt here as well as in `company` and `home`, because those take time to import and help texts need the names.
COMPANY_VARIABLE = "REGULARS_COMPANY"
HOME_VARIABLE = "REGULARS_HOME"

_WIDTH_OFF_TERMINAL = 140

_home: Home | None = None


class ExpectedError(Exception):
    """A command cannot go on; the text says what to do. It ends with exit code 1."""


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or error; off a terminal it is wide enough for every table."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    if "utf" not in (getattr(stream, "encoding", None) or "utf-8").lower() and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made = Console(stderr=stderr, highlight=False, width=_WIDTH_OFF_TERMINAL)
    return made


def remember_home(home: Home) -> None:
    """Where the log of an unexpected error goes."""
    global _home  # noqa: PLW0603 - one command runs in one process
    _home = home


def tell(error: Exception) -> int:
    """Show an error in words and return the exit code.

    Errors that our own packages define are written for people. Any other is unexpected: it gets one line, and its
    traceback goes to a log file.
    """
    from orchestration.views.problems import company_problems, failure

    out = console(stderr=True)
    name = type(error).__name__
    if name == "CompanyError":
        out.print(company_problems(error.problems))  # type: ignore[attr-defined]
        return BAD_CONFIGURATION
    if type(error).__module__.split(".")[0] in OUR_PACKAGES:
        out.print(failure(str(error)))
        return BAD_CONFIGURATION if name in ("SourceError", "CatalogueError", "SegmentError") else FAILED
    log = write_log(error)
    kept = "" if log is None else f" The details are in {log}"
    out.print(failure(f"something unexpected happened ({name}).{kept}"), soft_wrap=True)
    return FAILED


def write_log(error: BaseException) -> Path | None:
    """Write an error's traceback, without personal data, and return the file; None where no folder takes it."""
    now = datetime.now(UTC)
    text = f"{now.isoformat(timespec='seconds')}\n{safe_traceback(error)}"
    folders = [] if _home is None else [_home.logs]
    for folder in (*folders, Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"regulars-error-{now:%Y%m%dT%H%M%S}-{os.getpid()}.log"
            path.write_text(text, encoding="utf-8")
        except OSError:
            continue
        return path
    return None


def environment_or_stop(company: Company) -> None:
    """Refuse to run while a variable that the company file names is not set.

    Raises:
        CompanyError: naming each variable and its line.
    """
    from orchestration.company import CompanyError, environment_problems

    problems = environment_problems(company)
    if problems:
        raise CompanyError(problems)


def home_for_reading(company_file: Path, chosen: Path | None) -> tuple[Home, Company | None]:
    """The home to read, and the company where its file is there. A given home is enough: no file is needed.

    Raises:
        CompanyError: there is no company file and no home was given, or the file is wrong.
    """
    from orchestration.home import Home

    company: Company | None = None
    if chosen is None or company_file.exists():
        from orchestration.company import CompanyError, load_company

        try:
            company = load_company(company_file)
        except CompanyError:
            if chosen is None:
                raise
    home = Home.locate(company.id if company else None, chosen)
    remember_home(home)
    return home, company


def published_now(
    home: Home, company: Company | None
) -> tuple[str | None, datetime | None, list[GoalLine], str | None]:
    """The published run, when it was published (UTC), its scorecard, and what is wrong with the copy, in words.

    All are empty where nothing was ever published.
    """
    from orchestration.published import PublishedError, open_published
    from orchestration.published_files import parquet_missing

    if not home.published_file.exists() and not any(home.published.glob("parquet-*")):
        return None, None, [], None
    try:
        with open_published(home.published_file) as published:
            run_id, at = published.publication()
            missing = parquet_missing(home, published.columns) if run_id else []
            harm = f"{missing[0]}. Run: regulars run (it publishes the copy again)" if missing else None
            return run_id or "unknown", at, published.goals(company), harm
    except PublishedError as error:
        return None, None, [], str(error)


def writer(home: Home) -> str | None:
    """Who is writing to the home at this moment, in words."""
    if not home.is_locked():
        return None
    pid, since = home.lock_holder()
    who = "a run" if pid is None else f"process {pid}"
    return who if since is None else f"{who} since {since:%Y-%m-%d %H:%M:%S} UTC"


def next_steps(report: RunReport, company_file: Path, home: Path | None) -> list[tuple[str, str]]:
    """Three commands to try after a run, exactly as they can be typed, with what each does."""
    options = given_options(company_file, home)
    name = program()

    def command(*parts: str, with_home: bool = True) -> str:
        return shlex.join([name, *parts, *(options if with_home else options[: 2 * ("--company" in options)])])

    pages = (command("dev"), "see every step, check and schedule in Dagster's pages")
    if report.outcome == "gate_stopped":
        return [
            (command("status"), "see again which rules cost most"),
            (command("check", with_home=False), "see whether files and columns are as the company file says"),
            (command("run"), "run again when the files or the rules are mended"),
        ]
    if report.outcome == "failed":
        return [
            (command("check", with_home=False), "see whether the company file and its sources are right"),
            (command("run"), "run again; what was loaded is not loaded twice"),
            pages,
        ]
    someone = _someone(report)
    first = (
        (command("customer", someone), "one customer with all channels")
        if someone
        else (command("check", with_home=False), "what each source holds and what is mapped")
    )
    return [first, (command("status"), "this scorecard again, at any time"), pages]


def _someone(report: RunReport) -> str | None:
    """The id of a customer to look at."""
    if report.published_path is None:
        return None
    from orchestration.customer import example_customer
    from orchestration.published import PublishedError, open_published

    try:
        with open_published(Path(report.published_path)) as published:
            return example_customer(published)
    except PublishedError:
        return None


def given_options(company_file: Path, home: Path | None) -> list[str]:
    """The options that differ from the defaults, unless the environment says the same."""
    options: list[str] = []
    if str(company_file) != os.environ.get(COMPANY_VARIABLE, "company.yaml"):
        options += ["--company", str(company_file)]
    if home is not None and str(home) != os.environ.get(HOME_VARIABLE):
        options += ["--home", str(home)]
    return options


def program() -> str:
    """How this command line was started: `regulars` where that is on the path, else the path that was typed."""
    typed = Path(sys.argv[0])
    on_path = shutil.which("regulars")
    if typed.name != "regulars" or (on_path and Path(on_path).resolve() == typed.resolve()):
        return "regulars"
    try:
        return str(typed.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(typed)
