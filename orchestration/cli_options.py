"""What every command of the command line shares: its options, its examples, and errors in words."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer

from orchestration import cli_support as support
from orchestration.cli_support import BAD_CONFIGURATION, DONE, FAILED, GATE_STOPPED

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.home import Home

Parameters = ParamSpec("Parameters")

EXIT_CODES = (
    f"Exit codes: {DONE} done · {FAILED} failed · {BAD_CONFIGURATION} bad configuration or usage · "
    f"{GATE_STOPPED} the gate stopped the run"
)


def examples(*lines: str) -> str:
    """What stands below a command's options."""
    # Rich joins lines within a paragraph, so that each example is one of its own.
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines), EXIT_CODES])


CompanyOption = Annotated[
    Path,
    typer.Option("--company", "-c", envvar=support.COMPANY_VARIABLE, help="The company file.", show_default=True),
]
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar=support.HOME_VARIABLE, help="The home folder. Default: home/<company id>."),
]
COMPANY = Path("company.yaml")


def guarded(command: Callable[Parameters, int]) -> Callable[Parameters, None]:
    """Turn a command's result into the exit code, and its errors into words. No traceback reaches the terminal."""

    @functools.wraps(command)
    def command_in_words(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            support.console(stderr=True).print("Stopped. What was published before is still in place.")
            code = FAILED
        except Exception as error:  # noqa: BLE001 - the last place before the terminal
            code = support.tell(error)
        raise typer.Exit(code)

    return command_in_words


def open_company(company_file: Path, home: Path | None) -> tuple[Company, Home]:
    """The checked company file, and the home that belongs to it."""
    from orchestration.company import load_company
    from orchestration.home import Home

    company = load_company(company_file)
    place = Home.locate(company.id, home)
    support.remember_home(place)
    return company, place
