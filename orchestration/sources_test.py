"""Tries a source without loading anything: one page of each object of an API, the first file of each dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.company_errors import CompanyError, CompanyProblem, key_text, one_of
from orchestration.company_yaml import read_yaml
from sources.vendor import VendorSource

if TYPE_CHECKING:
    from orchestration.check import DatasetCheck
    from orchestration.company import Company
    from sources.files.config import FilesSource


@dataclass(frozen=True)
class Look:
    """What one object of an API, or one dataset of files, showed.

    Attributes:
        part: the object or dataset.
        way: api or files.
        records: on the page; None where only the head of a file was read.
        files: that the path finds; None for an API.
        fields: there, in their order.
        missing: documented or mapped fields that are not there. An API may leave out what is empty.
        unknown: fields that the vendor does not document; they are kept.
        newest: newest time of change on the page, ISO 8601.
        days: how many days back the page was asked for.
        entities: what it becomes.
        seconds: until the page was there.
        problem: why there is nothing, with what to do.
    """

    part: str
    way: str
    records: int | None = None
    files: int | None = None
    fields: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    newest: str | None = None
    days: int | None = None
    entities: tuple[str, ...] = ()
    seconds: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class SourceLookup:
    """A source that is looked at, its `${ENV:NAME}` filled in: never show or log it."""

    name: str
    source: FilesSource | VendorSource

    @classmethod
    def of(cls, company: Company, name: str) -> SourceLookup:
        """Return the source of a name.

        Raises:
            CompanyError: the file has none, or a variable of it is not set.
        """
        if name not in company.sources:
            document = read_yaml(company.path)
            found = f"no source `{name}`"
            allowed = f"a source of this file: {one_of(name, company.sources)}"
            raise CompanyError(
                [
                    CompanyProblem(
                        str(company.path), document.line_of(("sources",)), key_text(("sources",)), found, allowed
                    )
                ]
            )
        return cls(name, company.source_for_use(name))


def look_at(company: Company, lookup: SourceLookup, part: str | None = None) -> Iterator[Look]:
    """Look at every object and dataset of a source, or at the one of a name; nothing is written.

    Args:
        company: the company file.
        lookup: the source.
        part: an object or dataset; None for all.

    Raises:
        CompanyError: there is no such part.
    """
    source = lookup.source
    asked = [one.name for one in source.asked] if isinstance(source, VendorSource) else []
    landing = [name for name, dataset in source.datasets.items() if dataset.path]
    if part is not None and part not in (*asked, *landing):
        place = ("sources", lookup.name)
        found, allowed = f"nothing called `{part}`", f"one of {one_of(part, {*asked, *landing})}"
        line = read_yaml(company.path).line_of(place)
        raise CompanyError([CompanyProblem(str(company.path), line, key_text(place), found, allowed)])
    if isinstance(source, VendorSource) and asked and part in (None, *asked):
        yield from _api(lookup.name, source, part)
    if part is None or part in landing:
        yield from _files(company, lookup, part)


def _api(name: str, source: VendorSource, part: str | None) -> Iterator[Look]:
    from sources.rest.probe import probe

    for seen in probe(name, source, part):
        one = source.vendor.object_named(seen.object)
        if seen.problem is not None:
            problem = f"{seen.problem.problem}. {seen.problem.fix}"
            yield Look(seen.object, "api", entities=one.entities, seconds=seen.seconds, problem=problem)
            continue
        yield Look(
            seen.object,
            "api",
            records=seen.records,
            fields=seen.fields,
            missing=tuple(name for name in one.fields if name not in seen.fields) if seen.records else (),
            unknown=seen.new_fields,
            newest=seen.cursor,
            days=seen.days,
            entities=one.entities,
            seconds=seen.seconds,
        )


def _files(company: Company, lookup: SourceLookup, part: str | None) -> Iterator[Look]:
    from orchestration.check import check_sources

    for check in check_sources(company, only=lookup.name):
        if part in (None, check.dataset):
            yield _file(check, lookup.source)


def _file(check: DatasetCheck, source: FilesSource | VendorSource) -> Look:
    known: tuple[str, ...] = tuple(check.mapped)
    unknown: tuple[str, ...] = ()
    if isinstance(source, VendorSource):
        known = source.vendor.object_named(check.dataset).fields
        unknown = tuple(name for name in check.columns if name not in known)
    problem = " ".join(f"{one.found}; allowed: {one.allowed}." for one in check.problems) or None
    return Look(
        check.dataset,
        "files",
        files=check.files,
        fields=tuple(check.columns),
        missing=tuple(name for name in known if name not in check.columns) if check.columns else (),
        unknown=unknown,
        entities=tuple(check.entities),
        problem=problem,
    )
