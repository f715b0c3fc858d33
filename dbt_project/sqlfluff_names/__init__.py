"""The dbt names that sqlfluff's Jinja templater does not bring, so that SQL is linted without dbt and a warehouse.

sqlfluff knows `ref`, `source`, `this` and the macros of this project by their bare names. Here are the package
prefix `regulars.`, `adapter.dispatch`, the `dbt.` macros, and the vars as dbt_project.yml has them. dbt's own
templater would bring all of that, but ties sqlfluff to an older version that takes four times as long.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import yaml
from jinja2 import pass_context
from jinja2.runtime import Context, Undefined

_DIALECT = "duckdb"
_PROJECT = yaml.safe_load((Path(__file__).parents[1] / "dbt_project.yml").read_text(encoding="utf-8"))


class _Package:
    """`regulars.<macro>`: the macro of that name."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        @pass_context
        def call(context: Context, *args: Any, **kwargs: Any) -> Any:
            return context.environment.call(context, _macro(context, name), *args, **kwargs)

        return call


class _Adapter:
    """`adapter.dispatch`: the macro for the engine, or the one for every engine."""

    @pass_context
    def dispatch(self, context: Context, name: str, _package: str) -> Any:
        return _macro(context, f"{_DIALECT}__{name}", f"default__{name}")


class _Dbt:
    """`dbt.<macro>`: SQL of the right shape. What dbt writes in earnest does not matter here."""

    def type_string(self) -> str:
        return "varchar"

    def generate_series(self, upper_bound: int) -> str:
        return f"select {upper_bound} as generated_number"

    def __getattr__(self, name: str) -> Callable[..., str]:
        return lambda *args: f"{name}({', '.join(str(arg) for arg in args)})"


class _Exceptions:
    def raise_compiler_error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _macro(context: Context, *names: str) -> Any:
    for name in names:
        found = context.resolve(name)
        if not isinstance(found, Undefined):
            return found
    raise ValueError(f"No macro {' or '.join(names)} in dbt_project/macros.")


def var(name: str, default: Any = None) -> Any:
    """The default in dbt_project.yml, or the one that the caller has for a variable it may lack."""
    return _PROJECT["vars"].get(name, default)


def is_incremental() -> bool:
    """A first build: the other branches ask the warehouse."""
    return False


regulars = _Package()
adapter = _Adapter()
dbt = _Dbt()
exceptions = _Exceptions()
execute = False
