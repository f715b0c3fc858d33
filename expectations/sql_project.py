"""What the rule catalogue needs to know of the dbt project, read without dbt: its macros, entities and columns.

A rule may name a macro of the project, and the columns it may use are those of staging. dbt would answer both, but
takes seconds to start and a warehouse to open; here the same macro files are rendered with Jinja alone, as they read
on DuckDB.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from jinja2 import Environment

    from expectations.catalogue import Rule

_DIALECT = "duckdb"


class MacroError(ValueError):
    """A macro is not there, or cannot be rendered; the message says why."""


class _Returned(Exception):  # noqa: N818 - no error: dbt's `return` leaves a macro with a value
    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass(frozen=True)
class SqlProject:
    """The macros of a dbt project.

    Attributes:
        folder: The project's folder, which holds `macros/`.
    """

    folder: Path

    def sql(self, rule: Rule) -> str:
        """Return a rule's own SQL, or what its macro writes for DuckDB.

        Raises:
            MacroError: The rule's macro is not there, or does not take its arguments.
        """
        return str(self.call("rule_sql", _entry(rule)))

    def condition(self, rule: Rule) -> str:
        """Return a rule's condition as staging applies it on DuckDB, which passes what could not be read.

        Raises:
            MacroError: The rule's macro is not there, or does not take its arguments.
        """
        return str(self.call("rule_condition", _entry(rule)))

    @cached_property
    def fields(self) -> dict[str, list[str]]:
        """Per entity its columns, as mappings and the `field` of a rule name them."""
        return {entity: list(one["columns"]) for entity, one in self.call("entities").items()}

    @cached_property
    def columns(self) -> dict[str, dict[str, str]]:
        """Per entity the columns that a rule's SQL may use, with their types."""
        return {entity: dict(self.call("rule_columns", entity)) for entity in self.fields}

    def call(self, name: str, *arguments: Any) -> Any:
        """Return what a macro of the project gives for some arguments.

        Raises:
            MacroError: There is no such macro, or it cannot be rendered.
        """
        import jinja2

        try:
            return self._macro(name)(*arguments)
        except (jinja2.TemplateError, TypeError) as error:
            raise MacroError(f"macro `{name}`: {error}") from error

    @cached_property
    def _macros(self) -> dict[str, Callable[..., Any]]:
        """Every macro of the project by its name."""
        import jinja2

        environment = self._environment()
        macros: dict[str, Callable[..., Any]] = {}
        for file in sorted((self.folder / "macros").rglob("*.sql")):
            text = file.read_text(encoding="utf-8")
            names = re.findall(r"{%-?\s*macro\s+(\w+)\s*\(", text)
            try:
                module = environment.from_string(text).module
            except jinja2.TemplateError as error:
                line = getattr(error, "lineno", None)
                raise MacroError(f"{file.name}{f', line {line}' if line else ''}: {error}") from error
            macros.update({name: _with_return(getattr(module, name)) for name in names})
        return macros

    def _macro(self, *names: str) -> Callable[..., Any]:
        for name in names:
            if name in self._macros:
                return self._macros[name]
        raise MacroError(f"there is no macro `{names[-1]}` in {self.folder.name}/macros")

    def _environment(self) -> Environment:
        import jinja2

        class Context(jinja2.runtime.Context):
            """Macros of one file call each other without us: their `return` ends here."""

            def call(self, called: Any, /, *arguments: Any, **named: Any) -> Any:
                try:
                    return super().call(called, *arguments, **named)
                except _Returned as returned:
                    if isinstance(called, jinja2.runtime.Macro):
                        return returned.value
                    raise

        environment = jinja2.Environment(  # noqa: S701 - SQL, not HTML
            extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined
        )
        environment.context_class = Context
        environment.globals.update(
            {
                "regulars": _Package(self._macro),
                "adapter": _Adapter(self._macro),
                "dbt": _Dbt(),
                "exceptions": _Exceptions(),
                "return": _leave,
                "execute": False,
            }
        )
        return environment


def _entry(rule: Rule) -> dict[str, Any]:
    return {"sql": rule.sql, "macro": rule.macro, "arguments": list(rule.arguments)}


def _leave(value: Any) -> NoReturn:
    raise _Returned(value)


def _with_return(macro: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return macro(*arguments, **named)
        except _Returned as returned:
            return returned.value

    return call


class _Package:
    """`regulars.<macro>` and `regulars['<macro>']`."""

    def __init__(self, find: Callable[..., Any]) -> None:
        self._find = find

    def __getitem__(self, name: str) -> Any:
        return self._find(name)

    def __getattr__(self, name: str) -> Any:
        return self._find(name)


class _Adapter:
    """`adapter.dispatch`: the macro for the engine, or the one for every engine."""

    def __init__(self, find: Callable[..., Any]) -> None:
        self._find = find

    def dispatch(self, name: str, _package: str = "regulars") -> Any:
        return self._find(f"{_DIALECT}__{name}", f"default__{name}")


class _Dbt:
    """The few macros of dbt itself that ours use for types."""

    def type_string(self) -> str:
        return "varchar"


class _Exceptions:
    def raise_compiler_error(self, message: str) -> NoReturn:
        raise MacroError(message)
