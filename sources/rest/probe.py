"""One page of each object, to see whether a source's API can be asked and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sources.files.errors import SourceError
from sources.rest.fetch import open_client, told
from sources.rest.times import field_of, iso, moment
from sources.vendor import ApiSettings, VendorObject, VendorSource

if TYPE_CHECKING:
    from sources.rest.client import RestClient

# Enough to see whether it works: a probe answers soon.
_PROBE_ATTEMPTS = 2
_PROBE_DAYS = (7, 365)


@dataclass(frozen=True)
class Seen:
    """What one page of an object showed.

    Attributes:
        object: its name.
        seconds: until the page was there.
        records: records on it.
        fields: names of the records' fields, in the order they came.
        new_fields: those that the vendor's declaration does not name.
        cursor: newest time of change on it, ISO 8601 in UTC; None where there is none.
        days: how many days back was asked for.
        limits: what the API said about rate limits, by header.
        problem: why there is no page.
    """

    object: str
    seconds: float
    records: int = 0
    fields: tuple[str, ...] = ()
    new_fields: tuple[str, ...] = ()
    cursor: str | None = None
    days: int | None = None
    limits: dict[str, str] = field(default_factory=dict)
    problem: SourceError | None = None


def probe(name: str, source: VendorSource, object_name: str | None = None) -> Iterator[Seen]:
    """Fetch one page of each object that the API is asked for, or of a named one; nothing is written.

    What changed in the last week is asked for, and where that is nothing, in the last year. After a credential was
    refused, nothing more is asked.

    Args:
        name: of the source in the company file.
        source: its settings.
        object_name: of one object; None for all.

    Raises:
        KeyError: the API is not asked for an object of that name.
    """
    objects = [one for one in source.asked if object_name in (None, one.name)]
    if object_name is not None and not objects:
        raise KeyError(object_name)
    if source.api is None:
        return
    settings = source.api.model_copy(update={"max_attempts": min(source.api.max_attempts, _PROBE_ATTEMPTS)})
    with open_client(settings, lambda: False) as client:
        for one in objects:
            seen, status = _probed(name, one, client, settings)
            yield seen
            if status == 401:
                return


def _probed(name: str, one: VendorObject, client: RestClient, settings: ApiSettings) -> tuple[Seen, int | None]:
    begun = perf_counter()
    page: list[Any] = []
    days: int | None = None
    error: BaseException | None = None
    for days in _PROBE_DAYS if one.cursor else (None,):
        since = None if days is None else datetime.now(UTC) - timedelta(days=days)
        try:
            pages = iter(one.pages(client, settings, since)) if one.pages else iter(())
            page = list(next(pages, ()))
        except Exception as raised:  # noqa: BLE001 - told below
            error = raised
        if page or error is not None:
            break
    seconds = perf_counter() - begun
    if error is not None:
        status, problem = told(error, name, one.name)
        return Seen(one.name, seconds, days=days, limits=client.limits, problem=problem), status
    fields = tuple(dict.fromkeys(key for record in page for key in record))
    path = tuple(one.cursor.field.split(".")) if one.cursor else ()
    times = [at for record in page if path and (at := moment(field_of(record, path))) is not None]
    return (
        Seen(
            one.name,
            seconds,
            len(page),
            fields,
            tuple(key for key in fields if key not in one.fields),
            iso(max(times)) if times else None,
            days,
            client.limits,
        ),
        None,
    )
