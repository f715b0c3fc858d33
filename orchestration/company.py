"""The company file: one company's own settings, checked as a whole before anything runs.

`load_company` either returns a `Company` or raises one `CompanyError` that lists every problem with its line.
A text in the file may hold `${ENV:NAME}`; it is filled from the environment only where it is used, so that a secret
never stands in the file, in a printed company or in an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError

from orchestration.company_anomalies import AnomalyWatch
from orchestration.company_checks import PLACEHOLDER, file_problems, walk
from orchestration.company_errors import CompanyError, CompanyProblem, from_pydantic, key_text, show
from orchestration.company_experiments import Experiment
from orchestration.company_fields import (
    DEFAULTS,
    AsOf,
    CompanyId,
    Country,
    Cron,
    Currency,
    GoalId,
    Number,
    Owner,
    Share,
    Strict,
    Text,
    TimeZone,
    WholeNumber,
)
from orchestration.company_identity import IdentitySettings
from orchestration.company_postgres import PostgresSettings
from orchestration.company_publishing import ParquetSettings
from orchestration.company_thresholds import Thresholds
from orchestration.company_warehouse import SparkSettings, WarehouseSettings
from orchestration.company_yaml import read_yaml
from orchestration.metrics import known_metrics
from sources.files.config import FilesSource
from sources.vendor import Vendor, VendorSource
from sources.vendors import AnySource, active_vendors

__all__ = [
    "COMPANY_VARIABLE",
    "Company",
    "CompanyError",
    "CompanyProblem",
    "Goal",
    "environment_problems",
    "fill_environment",
    "load_company",
]

GoalDimension = Literal["value_segment", "lifecycle_stage", "behaviour_segment", "source", "channel", "country_code"]

COMPANY_VARIABLE = "REGULARS_COMPANY"


class CompanyName(Strict):
    """Who the company is; `id` names its home folder, `owner` is who answers for what no source owns."""

    id: CompanyId
    name: Text
    owner: Owner = "team:data"


class SourceGoal(Strict):
    """A source's own validity goal, and what happens below it.

    `block` stops the run, `hold_back` lets the others go on with this source's last good state, `warn` only says so.
    """

    goal: Share
    below_goal: Literal["block", "hold_back", "warn"] = "block"


class ValiditySettings(Strict):
    """The gate: the share of valid records to reach, and how many records a load needs to be judged by itself.

    `sources` has goals of single sources, `rules` a rules file of the company's own, or a folder of them.
    """

    goal: Share = 0.90
    judge_new_loads_from_records: Annotated[WholeNumber, Field(ge=0)] = 100
    sources: dict[str, SourceGoal] = Field(default_factory=dict)
    rules: Text | None = None


class AutomationSettings(Strict):
    """When Dagster runs by itself: a cron timetable in the company's zone, and how often it looks for new files."""

    schedule: Cron = "15 3 * * *"
    look_for_new_files_seconds: Annotated[WholeNumber, Field(ge=10)] = 60


class ChartSettings(Strict):
    """Whether each publication draws the page of charts, and whether its charts are also written as pictures."""

    enabled: bool = True
    png: bool = True


class Goal(Strict):
    """One goal of the scorecard: `metric`, of what fits `filter`, should reach `target` by `deadline`.

    The target is a share from 0 to 1, company money or a count, as the metric is. `direction` is the metric's own
    unless it is said here.
    """

    id: GoalId
    name: Text
    metric: Text
    filter: dict[GoalDimension, Text] = Field(default_factory=dict)
    target: Number | None = None
    direction: Literal["up", "down"] | None = None
    deadline: date | None = None
    owner: Text | None = None

    @property
    def unit(self) -> str:
        """'share', 'money' or 'count'."""
        return known_metrics()[self.metric].unit


def default_goals() -> list[Goal]:
    """The goals of a company whose file states none."""
    data = read_yaml(DEFAULTS / "goals.yaml").data
    return [Goal.model_validate(entry) for entry in data]


class Company(Strict):
    """One company's settings, complete: every default is filled in, every source knows its zone and currency."""

    company: CompanyName
    time_zone: TimeZone
    currency: Currency
    country: Country
    as_of: AsOf = "latest"
    warehouse: WarehouseSettings = Field(default_factory=WarehouseSettings)
    validity: ValiditySettings = Field(default_factory=ValiditySettings)
    identity: IdentitySettings = Field(default_factory=lambda: IdentitySettings.model_validate({}))
    automation: AutomationSettings = AutomationSettings()
    anomalies: AnomalyWatch = AnomalyWatch()
    charts: ChartSettings = ChartSettings()
    postgres: PostgresSettings | None = None
    parquet: ParquetSettings = ParquetSettings()
    thresholds: Thresholds = Thresholds()
    goals: list[Goal] = Field(default_factory=default_goals)
    experiments: list[Experiment] = Field(default_factory=list)
    sources: Annotated[dict[str, AnySource], Field(min_length=1)]

    _path: Path = PrivateAttr(default=Path("company.yaml"))

    def model_post_init(self, _: Any, /) -> None:
        """Fill in what a source takes from the company, and the one target that is said elsewhere."""
        for name, source in self.sources.items():
            defaults = {
                "time_zone": self.time_zone,
                "currency": self.currency,
                "country": self.country,
                "accounts_of": name,
                "products_of": name,
            }
            missing = {key: value for key, value in defaults.items() if getattr(source, key, None) is None}
            self.sources[name] = source.model_copy(update=missing)
        self.goals[:] = [
            goal.model_copy(update={"target": self.validity.goal}) if goal.target is None else goal
            for goal in self.goals
        ]

    @property
    def id(self) -> str:
        """The company's id, which names its home folder."""
        return self.company.id

    @property
    def name(self) -> str:
        """The company's name."""
        return self.company.name

    @property
    def path(self) -> Path:
        """The company file, absolute."""
        return self._path

    @property
    def base(self) -> Path:
        """The folder that relative paths in the file start from."""
        return self._path.parent

    @property
    def own_rules(self) -> Path | None:
        """The company's own rules file or folder of rules files; None where it has none."""
        return None if self.validity.rules is None else self.base / Path(self.validity.rules).expanduser()

    @property
    def rules_files(self) -> list[Path]:
        """The files of the company's own rules that are there, in order."""
        place = self.own_rules
        if place is None:
            return []
        found = place.rglob("*.y*ml") if place.is_dir() else [place]
        return sorted(file for file in found if file.is_file())

    @property
    def vendors(self) -> list[Vendor]:
        """The vendors of its sources, each once."""
        return active_vendors(self.sources)

    def source_for_use(self, name: str, environment: Mapping[str, str] | None = None) -> FilesSource | VendorSource:
        """A source whose `${ENV:NAME}` are filled in: for the code that opens it, never for messages or logs.

        Raises:
            CompanyError: a variable is not set.
        """
        source = self.sources[name]
        filled: FilesSource | VendorSource = type(source).model_validate(
            _fill(source.model_dump(by_alias=True, exclude_unset=True), environment)
        )
        return filled

    def spark_for_use(self, environment: Mapping[str, str] | None = None) -> SparkSettings:
        """Spark's settings with `${ENV:NAME}` filled in: for the code that starts it, never for messages or logs.

        Raises:
            CompanyError: a variable is not set.
        """
        return SparkSettings.model_validate(_fill(self.warehouse.spark.model_dump(exclude_unset=True), environment))

    def dbt_vars(self) -> dict[str, Any]:
        """The part that dbt models read, as plain data: goals, experiments, thresholds, validity, vendors and objects.

        It changes only when the file changes (a changed variable makes dbt parse the whole project again).
        """
        return {
            "goals": [goal.model_dump(mode="json") for goal in self.goals],
            "experiments": [one.model_dump(mode="json") for one in self.experiments],
            "thresholds": self.thresholds.model_dump(mode="json"),
            "validity": self.validity.model_dump(mode="json", exclude={"rules"}),
            "vendors": {
                vendor.name: {one.name: list(one.entities) for one in vendor.objects} for vendor in self.vendors
            },
            "namespaces": {
                "customers": sorted(self._brought("customers", "accounts_of")),
                "products": sorted(self._brought("products", "products_of")),
                "partners": sorted(name for name, source in self.sources.items() if "partners" in source.brings),
            },
        }

    def _brought(self, entity: str, namespace: str) -> set[str]:
        """The sources that own the ids of an entity and bring its records, so that an id unknown there is a mistake.

        Another source that uses their ids, such as a newsletter, may know some of them only.
        """
        return {
            name
            for name, source in self.sources.items()
            if entity in source.brings and getattr(source, namespace) == name
        }


def _units() -> dict[str, str]:
    return {name: metric.unit for name, metric in known_metrics().items()}


def load_company(path: Path | str) -> Company:
    """Read and check a company file.

    Raises:
        CompanyError: with every problem of the file: its line, its key, what was found and what is allowed.
    """
    file = Path(path).expanduser().absolute()
    shown = str(path)
    document = read_yaml(file, shown)
    if not isinstance(document.data, dict):
        found = "an empty file" if document.data is None else show((), document.data)
        raise CompanyError([CompanyProblem(shown, 1, "", found, "a mapping with `company`, `time_zone`, `sources` …")])
    problems = [*document.problems, *file_problems(document, shown, _units(), ValiditySettings().goal)]
    company = None
    try:
        company = Company.model_validate(document.data)
    except ValidationError as error:
        problems += from_pydantic(error, Company, document.data, shown, document.line_of)
    if problems or company is None:
        # Our own checks come first and say more than the models' about the same value.
        unique: dict[tuple[str, str], CompanyProblem] = {}
        for problem in problems:
            unique.setdefault((problem.key, problem.found), problem)
        raise CompanyError(sorted(unique.values(), key=lambda problem: (problem.line or 0, problem.key)))
    company._path = file
    return company


def fill_environment(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Put the values of environment variables in the place of `${ENV:NAME}`.

    The result may hold a secret: hand it to the library that needs it, never to a log or a message.

    Raises:
        CompanyError: a variable is not set; the error names the variable, never a value.
    """
    known = os.environ if environment is None else environment
    missing = [name for name in PLACEHOLDER.findall(text) if name not in known]
    if missing:
        found = ", ".join(f"${{ENV:{name}}}" for name in missing)
        allowed = f"a variable that is set: export {missing[0]}=…, then run again"
        raise CompanyError([CompanyProblem("environment", None, "", f"{found}, which is not set", allowed)])
    return PLACEHOLDER.sub(lambda match: known[match.group(1)], text)


def _fill(data: Any, environment: Mapping[str, str] | None) -> Any:
    """Plain data with the environment filled into every text."""
    if isinstance(data, dict):
        return {key: _fill(value, environment) for key, value in data.items()}
    if isinstance(data, list):
        return [_fill(value, environment) for value in data]
    return fill_environment(data, environment) if isinstance(data, str) else data


def environment_problems(company: Company, environment: Mapping[str, str] | None = None) -> list[CompanyProblem]:
    """Every `${ENV:NAME}` of the file whose variable is not set, with its line."""
    known = os.environ if environment is None else environment
    document = read_yaml(company.path)
    return [
        CompanyProblem(
            str(company.path),
            document.line_of(place),
            key_text(place),
            f"${{ENV:{name}}}, which is not set",
            f"a variable that is set: export {name}=…, then run again",
        )
        for place, value in walk(document.data)
        if isinstance(value, str)
        for name in PLACEHOLDER.findall(value)
        if name not in known
    ]
