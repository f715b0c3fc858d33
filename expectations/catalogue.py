"""The rule catalogue: what a valid record is, as data that analysts edit.

Each file of `rules/` is a list of rules for one entity. From them come the flags in staging, the Great Expectations
suites, the validity index and its ranking. A rule that cannot be right is refused at start with file, line and reason.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

if TYPE_CHECKING:
    from expectations.sql_project import SqlProject

RULES_DIR = Path(__file__).parent / "rules"

ENTITIES = (
    "customers",
    "products",
    "orders",
    "order_lines",
    "email_events",
    "campaigns",
    "exchange_rates",
    "calls",
    "tickets",
    "consents",
    "surveys",
    "experiment_assignments",
    "subscriptions",
    "web_events",
    "partners",
    "partner_links",
    "partner_contacts",
)

# The `field` of a rule that is about the record as a whole.
WHOLE_RECORD = "record"

Dimension = Literal["completeness", "format", "range", "consistency", "uniqueness", "reference", "timeliness"]
Severity = Literal["record", "field", "warning"]

_MAX_BYTES = 1_000_000
# Each rule becomes a column of staging; text that ends the expression or opens a template would change the statement.
_NOT_AN_EXPRESSION = re.compile(r";|--|/\*|\*/|\{\{|\{%|\{#")


class Rule(BaseModel):
    """One thing that a valid record fulfils.

    Attributes:
        id: Unique name in snake case; staging's flag is `ok_<id>`.
        entity: The entity whose records are judged.
        field: The column it is about, or `record` for the record as a whole.
        dimension: The kind of defect, as data-quality people name it.
        weight: How much the rule counts in the validity index; above 0.
        severity: What a failure does: `record` quarantines the record, `field` sets the value aside and keeps the
            record, `warning` only marks it.
        sql: A condition over the typed staging columns, in SQL that DuckDB and Spark both read. Null counts as passed,
            and a line that was rejected is judged by `<entity>_readable` alone.
        macro: In the place of `sql`, the name of a macro of the dbt project that writes the condition.
        arguments: What the macro is given, such as names of columns.
        mostly: The share of records from which Great Expectations shows the rule as met, 0 to 1.
        says: The rule as a sentence for people.
        file: Where the rule was read.
        line: Its line there, from 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,62}$")]
    entity: str
    field: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    dimension: Dimension
    weight: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    severity: Severity
    sql: Annotated[str, Field(min_length=1)] | None = None
    macro: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    arguments: tuple[str | int | float | bool, ...] = ()
    mostly: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.9
    says: Annotated[str, Field(min_length=10, max_length=300)]
    file: str = ""
    line: int = 0

    @field_validator("entity")
    @classmethod
    def _entity_is_known(cls, value: str) -> str:
        if value not in ENTITIES:
            raise ValueError(f"`{value}` is no entity; known are {', '.join(ENTITIES)}")
        return value

    @field_validator("weight", "mostly", mode="before")
    @classmethod
    def _number_is_written_as_one(cls, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError("must be a number")
        return value

    @field_validator("sql")
    @classmethod
    def _sql_is_one_expression(cls, value: str | None) -> str | None:
        if value is None:
            return None
        found = _NOT_AN_EXPRESSION.search(value)
        if found:
            raise ValueError(f"must be one condition without comments and templates; found `{found.group()}`")
        if value.count("(") != value.count(")"):
            raise ValueError("has parentheses that do not match")
        return " ".join(value.split())

    @model_validator(mode="after")
    def _condition_comes_from_one_place(self) -> Rule:
        if (self.sql is None) == (self.macro is None):
            raise ValueError("a rule needs `sql`, or `macro` with `arguments`, and not both")
        if self.arguments and self.macro is None:
            raise ValueError("`arguments` are those of a `macro`, and there is none")
        return self

    @property
    def written(self) -> str:
        """The condition as its author wrote it: SQL, or the macro with its arguments."""
        if self.macro is None:
            return self.sql or ""
        return f"{self.macro}({', '.join(str(argument) for argument in self.arguments)})"

    @property
    def flag(self) -> str:
        """The boolean column of staging that holds this rule's verdict."""
        return f"ok_{self.id}"


@dataclass(frozen=True)
class RuleProblem:
    """What is wrong with a rule, and where; `line` counts from 1, 0 means the file as a whole."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.reason}" if self.line else f"{self.file}: {self.reason}"


class CatalogueError(ValueError):
    """The rules cannot be used; `problems` names everything that is wrong, not only the first thing."""

    def __init__(self, problems: Iterable[RuleProblem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def load_rules(
    extra: Path | None = None,
    *,
    folder: Path = RULES_DIR,
    fields: Mapping[str, Collection[str]] | None = None,
) -> list[Rule]:
    """Return the catalogue, validated, in the order of entities and files.

    Args:
        extra: One more rules file, or a folder of them: a company's own rules.
        folder: The folder of the catalogue itself.
        fields: Known columns per entity. With it, a rule's `field` must be one of them or `record`.

    Raises:
        CatalogueError: Anything that is wrong in any file: syntax, unknown keys, wrong values, ids that come twice.
    """
    problems: list[RuleProblem] = []
    rules: list[Rule] = []
    for path in [*_files(folder, problems), *(_files(extra, problems) if extra is not None else [])]:
        rules.extend(_rules_of(path, problems))
    problems.extend(_across_rules(rules, fields))
    if problems:
        raise CatalogueError(problems)
    return sorted(rules, key=lambda rule: ENTITIES.index(rule.entity))


def to_dbt_vars(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Return the rules as plain dictionaries for dbt's `rules` var.

    Keys: id, entity, field, dimension, weight, severity, sql or macro with arguments, mostly, says. They hold nothing
    that changes from run to run, because a changed var makes dbt parse the whole project again.
    """
    return [
        {key: list(value) if isinstance(value, tuple) else value for key, value in entry.items()}
        for rule in rules
        for entry in [rule.model_dump(exclude={"file", "line"}, exclude_none=True)]
    ]


def check_sql(rules: Iterable[Rule], project: SqlProject) -> None:
    """Bind each rule's SQL against empty tables, so that a wrong column or bad SQL is found before dbt runs.

    Args:
        rules: The rules to check.
        project: Gives the macros that rules name, and the staging columns that they may use.

    Raises:
        CatalogueError: With file, line and DuckDB's reason for each rule that does not bind to a boolean.
    """
    import duckdb

    from expectations.sql_project import MacroError

    problems: list[RuleProblem] = []
    try:
        columns = project.columns
    except MacroError as error:
        raise CatalogueError([RuleProblem(str(project.folder / "macros"), 0, str(error))]) from error
    con = duckdb.connect(":memory:")
    try:
        for entity, types in columns.items():
            listed = ", ".join(f"{_quoted(name)} {kind}" for name, kind in types.items())
            con.execute(f"CREATE TABLE {_quoted(entity)} ({listed})")
        for rule in rules:
            if rule.entity not in columns:
                problems.append(_problem(rule, f"`{rule.entity}` has no staging table"))
                continue
            word = "sql" if rule.macro is None else "macro"
            try:
                # Beside a plain column, so that an aggregate is refused too.
                verdicts = f"({project.sql(rule)}) AS verdict, ({project.condition(rule)}) AS judged, reject_reason"
                query = f"SELECT {verdicts} FROM {_quoted(rule.entity)}"  # noqa: S608 - rules are our SQL
                kind = con.execute(f"DESCRIBE {query}").fetchall()[0][1]
            except MacroError as error:
                problems.append(_problem(rule, str(error)))
                continue
            except duckdb.Error as error:
                problems.append(_problem(rule, f"{word}: {str(error).splitlines()[0]}"))
                continue
            if kind != "BOOLEAN":
                problems.append(_problem(rule, f"{word}: must be a condition (true or false), gives {kind}"))
    finally:
        con.close()
    if problems:
        raise CatalogueError(problems)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _problem(rule: Rule, reason: str) -> RuleProblem:
    return RuleProblem(rule.file, rule.line, f"rule `{rule.id}`: {reason}")


def _files(place: Path, problems: list[RuleProblem]) -> list[Path]:
    """The rules files of a folder in the order of entities, or the one file."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        problems.append(RuleProblem(str(place), 0, "there is no such rules file or folder"))
        return []
    order = {name: position for position, name in enumerate(ENTITIES)}
    files = [file for file in place.iterdir() if file.suffix in {".yaml", ".yml"} and file.is_file()]
    return sorted(files, key=lambda file: (order.get(file.stem, len(order)), file.name))


def _rules_of(path: Path, problems: list[RuleProblem]) -> Iterator[Rule]:
    """Every good rule of one file; what is wrong is added to the problems."""
    name = str(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            problems.append(RuleProblem(name, 0, "is too large for a rules file"))
            return
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        problems.append(RuleProblem(name, 0, "is not UTF-8 text"))
        return
    except OSError as error:
        problems.append(RuleProblem(name, 0, f"cannot be read: {error.strerror}"))
        return
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "not readable"
        problems.append(RuleProblem(name, mark.line + 1 if mark else 0, f"is no YAML: {reason}"))
        return
    if root is None:
        return
    if not isinstance(root, yaml.SequenceNode):
        problems.append(
            RuleProblem(name, root.start_mark.line + 1, "must be a list of rules, each starting with `- id:`")
        )
        return
    for node in root.value:
        rule = _rule_of(node, name, problems)
        if rule is not None:
            yield rule


def _rule_of(node: yaml.Node, file: str, problems: list[RuleProblem]) -> Rule | None:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        problems.append(RuleProblem(file, line, "a rule must be a mapping of keys and values"))
        return None
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if key.value in lines:
            problems.append(RuleProblem(file, key.start_mark.line + 1, f"`{key.value}` comes twice in one rule"))
            return None
        lines[str(key.value)] = key.start_mark.line + 1
    try:
        entry = _Constructor().construct_document(node)
    except yaml.YAMLError as error:
        problems.append(RuleProblem(file, line, f"cannot be read: {getattr(error, 'problem', error)}"))
        return None
    own = {key: entry.pop(key) for key in ("file", "line") if key in entry}
    for key in own:
        problems.append(RuleProblem(file, lines[key], f"unknown key `{key}`"))
    try:
        return Rule.model_validate({**entry, "file": file, "line": line})
    except ValidationError as error:
        problems.extend(_problems_of(error, entry, file, line, lines))
        return None


class _Constructor(yaml.SafeLoader):
    """A loader without a stream, to build values from nodes that are already composed."""

    def __init__(self) -> None:
        super().__init__("")


def _problems_of(
    error: ValidationError, entry: Mapping[Any, Any], file: str, line: int, lines: Mapping[str, int]
) -> Iterator[RuleProblem]:
    known = entry.get("id") if isinstance(entry.get("id"), str) else None
    about = f"rule `{known}`: " if known else ""
    for item in error.errors(include_url=False):
        key = str(item["loc"][0]) if item["loc"] else ""
        yield RuleProblem(file, lines.get(key, line), about + _sentence(key, item, entry))


def _sentence(key: str, item: Mapping[str, Any], entry: Mapping[Any, Any]) -> str:
    kind, found = item["type"], entry.get(key)
    if kind == "missing":
        return f"`{key}` is missing"
    if kind == "extra_forbidden":
        allowed = ", ".join(name for name in Rule.model_fields if name not in {"file", "line"})
        return f"unknown key `{key}`; allowed are {allowed}"
    text = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    shown = f", found {found!r}" if isinstance(found, (int, float, str)) and len(str(found)) < 60 else ""
    if kind == "string_pattern_mismatch":
        text = "must be lower-case letters, digits and _, starting with a letter (3 to 63 for an id)"
    return f"{key}: {text}{shown}"


def _across_rules(rules: list[Rule], fields: Mapping[str, Collection[str]] | None) -> Iterator[RuleProblem]:
    """What only shows when rules are seen together, or beside the columns of staging."""
    first: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in first:
            other = first[rule.id]
            yield _problem(rule, f"the id is taken by {other.file}, line {other.line}")
        first.setdefault(rule.id, rule)
        if rule.severity == "field" and rule.field == WHOLE_RECORD:
            yield _problem(rule, "severity `field` sets a value aside, so `field` must name a column")
        if fields is not None and rule.field != WHOLE_RECORD and rule.field not in fields.get(rule.entity, ()):
            known = ", ".join(sorted(fields.get(rule.entity, ()))) or "none"
            yield _problem(rule, f"`{rule.field}` is no field of {rule.entity}; known are {known}")
