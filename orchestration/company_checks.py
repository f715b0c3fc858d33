"""Checks of a company file that its models cannot make: secrets, references between parts, things said twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from orchestration.company_anomalies import anomaly_problems
from orchestration.company_errors import CompanyProblem, is_secret, key_text, one_of, show
from orchestration.company_experiments import experiment_problems
from orchestration.company_fields import check_country, check_currency, check_owner, check_time_zone
from orchestration.company_yaml import KeyPath, YamlDocument

PLACEHOLDER = re.compile(r"\$\{ENV:([^}]*)\}")
_SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED_NAMES = frozenset({"all"})  # the marts use it for every source together
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Say = Callable[[KeyPath, str, str], CompanyProblem]


def is_source_name(name: object) -> bool:
    """Whether a source may be called so."""
    return isinstance(name, str) and bool(_SOURCE_NAME.fullmatch(name)) and name not in _RESERVED_NAMES


def file_problems(document: YamlDocument, file: str, units: Mapping[str, str], gate: float) -> list[CompanyProblem]:
    """What the models cannot see: secrets written out, references between parts, uniqueness.

    Args:
        document: the file as read.
        file: its name, for messages.
        units: every known metric with its unit ('share', 'money' or 'count').
        gate: the validity goal of a file that states none.
    """

    def problem(place: KeyPath, found: str, allowed: str) -> CompanyProblem:
        return CompanyProblem(file, document.line_of(place), key_text(place), found, allowed)

    data = document.data
    problems: list[CompanyProblem] = []
    for place, value in walk(data):
        if is_secret(place, value):
            found = "a value that looks like a password, key or token"
            problems.append(problem(place, found, "no secrets in the file: use ${ENV:NAME} and set the variable NAME"))
        if isinstance(value, str):
            problems += [
                problem(place, f"${{ENV:{name}}}", "${ENV:NAME}, where NAME has letters, digits and _")
                for name in PLACEHOLDER.findall(value)
                if not _VARIABLE_NAME.fullmatch(name)
            ]
    sources = data.get("sources")
    for name, source in sources.items() if isinstance(sources, dict) else ():
        problems += _source_problems(name, source, {str(other) for other in sources}, problem)
    problems += _own_goal_problems(data, problem)
    problems += _attribution_problems(data, problem)
    problems += anomaly_problems(data, problem)
    problems += experiment_problems(data, problem)
    problems += _goal_problems(data, problem, units, gate)
    return problems


def _source_problems(name: Any, source: object, known: set[str], problem: Say) -> Iterator[CompanyProblem]:
    place: KeyPath = ("sources", name)
    if not isinstance(name, str) or not _SOURCE_NAME.fullmatch(name):
        allowed = "a name of small letters, digits and _, starting with a letter (it becomes the schema raw_<name>)"
        yield problem(place, f"the source name `{name}`", allowed)
    if name in _RESERVED_NAMES:
        yield problem(place, f"the source name `{name}`", "another name: the marts use it for all sources together")
    if not isinstance(source, dict):
        return
    brought = set(_entities_of(source))
    for entity in sorted(brought & {"partner_links", "partner_contacts"}) if "partners" not in brought else ():
        allowed = "the entity `partners` in the same source: numbers of partners are those of their source"
        yield problem((*place, "datasets"), f"`{entity}` without `partners`", allowed)
    for key in ("accounts_of", "products_of"):
        other = source.get(key)
        if isinstance(other, str) and other not in known:
            yield problem((*place, key), show(place, other), f"a source of this file: {one_of(other, known)}")
    checks = {
        "time_zone": check_time_zone, "currency": check_currency, "country": check_country, "owner": check_owner,
    }  # fmt: skip
    for key, check in checks.items():
        value = source.get(key)
        if isinstance(value, str) and value:
            try:
                check(value)
            except PydanticCustomError as error:
                yield problem((*place, key), show(place, value), str((error.context or {})["allowed"]))


def _entities_of(source: dict[Any, Any]) -> Iterator[str]:
    """The entities that a source's datasets are mapped to, as far as they are written right."""
    datasets = source.get("datasets")
    for dataset in datasets.values() if isinstance(datasets, dict) else ():
        entities = dataset.get("entities") if isinstance(dataset, dict) else None
        for entry in entities if isinstance(entities, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("entity"), str):
                yield entry["entity"]


def _own_goal_problems(data: dict[Any, Any], problem: Say) -> Iterator[CompanyProblem]:
    """Goals of sources that are not in the file."""
    validity, sources = data.get("validity"), data.get("sources")
    goals = validity.get("sources") if isinstance(validity, dict) else None
    known = {str(name) for name in sources} if isinstance(sources, dict) else set()
    for name in goals if isinstance(goals, dict) else ():
        if str(name) not in known:
            yield problem(
                ("validity", "sources", name), f"the source `{name}`", f"a source of this file: {one_of(name, known)}"
            )


def _attribution_problems(data: dict[Any, Any], problem: Say) -> Iterator[CompanyProblem]:
    """Shares of the first and the last touch that leave less than nothing for those between."""
    thresholds = data.get("thresholds")
    if not isinstance(thresholds, dict):
        return
    keys = ("attribution_first_share", "attribution_last_share")
    # One that is not stated has its default, which is the same for both.
    first, last = (thresholds.get(key, 0.4) for key in keys)
    if not all(isinstance(share, int | float) and 0 <= share <= 1 for share in (first, last)):
        return
    if round(first + last, 6) > 1:
        place: KeyPath = ("thresholds", keys[0] if keys[0] in thresholds else keys[1])
        allowed = "shares of the first and the last touch that are at most 1 together; those between have the rest"
        yield problem(place, f"{first} and {last}, together {round(first + last, 6)}", allowed)


def _goal_problems(
    data: dict[Any, Any], problem: Say, units: Mapping[str, str], default_gate: float
) -> Iterator[CompanyProblem]:
    goals = data.get("goals")
    validity = data.get("validity")
    gate = validity.get("goal", default_gate) if isinstance(validity, dict) else default_gate
    sources = data.get("sources")
    known_sources = {str(name) for name in sources} if isinstance(sources, dict) else set()
    seen: set[object] = set()
    for index, goal in enumerate(goals if isinstance(goals, list) else ()):
        if not isinstance(goal, dict):
            continue
        place: KeyPath = ("goals", index)
        identity, metric, target = goal.get("id"), goal.get("metric"), goal.get("target")
        if isinstance(identity, str) and identity in seen:
            yield problem((*place, "id"), f"the goal id `{identity}` twice", "each id once")
        seen.add(identity if isinstance(identity, str) else None)
        if isinstance(metric, str) and metric not in units:
            yield problem((*place, "metric"), show(place, metric), f"a metric: {one_of(metric, units)}")
        yield from _filter_problems(place, goal, known_sources, problem)
        if metric == "validity" and target is not None and target != gate:
            allowed = f"no target here, or {gate}: the target on validity is `validity.goal`, which the gate uses too"
            yield problem((*place, "target"), show(place, target), allowed)
        elif metric in units and metric != "validity" and target is None:
            yield problem((*place, "target"), "nothing", "`target` must be given")
        elif units.get(str(metric)) == "share" and isinstance(target, int | float) and not 0 <= target <= 1:
            yield problem((*place, "target"), show(place, target), "a share from 0 to 1 (0.3 for 30 %)")
        elif units.get(str(metric)) == "count" and isinstance(target, int | float) and target < 0:
            yield problem((*place, "target"), show(place, target), "0 or more")


def _filter_problems(place: KeyPath, goal: dict[Any, Any], sources: set[str], problem: Say) -> Iterator[CompanyProblem]:
    filters = goal.get("filter")
    if not isinstance(filters, dict):
        return
    source = filters.get("source")
    if isinstance(source, str) and source not in sources:
        allowed = f"a source of this file: {one_of(source, sources)}"
        yield problem((*place, "filter", "source"), show(place, source), allowed)
    if goal.get("metric") == "validity":
        for name in filters:
            if name != "source":
                yield problem(
                    (*place, "filter", name), f"the filter `{name}` on validity", "`source`: the index is of sources"
                )


def walk(data: Any, place: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every value that is no mapping and no list, with its key path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from walk(value, (*place, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from walk(value, (*place, index))
    else:
        yield place, data
