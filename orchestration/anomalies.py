"""The step behind the gate that compares each source's days with its past, and keeps and tells what is out of line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from orchestration.report import Problem
from orchestration.warehouse import read_state, write_state

if TYPE_CHECKING:
    import polars as pl

    from expectations.anomalies import Span
    from orchestration.company import Company
    from orchestration.run import Counts, Run

_HEADS = "SELECT source, entity, day, kind, field, bucket, records, newest_at FROM quality.daily_profiles"
_JUDGED = "SELECT source, entity, max(last_day) AS last_day FROM anomalies.judged GROUP BY source, entity"
_KEPT = "SELECT source, entity, kind, field, day, since FROM anomalies.findings"

_TABLES = ("anomalies.findings", "anomalies.judged")

UNSEEN = "unseen_searches"
"""Fact of the state: the runs that searched and were not published."""

_TOGETHER = 92
"""Days from the present within which sources are judged together. One that ended years ago is judged by itself: the
days between would all have to be filled."""

_EVENTS = ("orders", "email_events", "calls", "web_events")
"""What `as_of: latest` is the newest of, as in the dbt model int_as_of."""

_SAID = 2
"""Findings of a source that a run's notice spells out."""


def find_anomalies(run: Run) -> Counts:
    """Judge the days that are complete and were not judged before; keep the findings and remember the days."""
    import polars as pl

    from expectations.anomalies import PROFILES, judge, spans_to_judge

    _forget_what_nobody_saw(run)
    settings = run.company.anomalies.settings()
    now = run.started_at.astimezone(UTC).replace(tzinfo=None)
    zone = run.company.time_zone
    named = pl.col("source").is_in(list(run.company.sources))
    heads = _typed(run.engine.frame(f"{_HEADS} WHERE kind = 'records'"), PROFILES).filter(named)
    judged = {(row[0], row[1]): row[2] for row in run.engine.frame(_JUDGED).iter_rows()}
    spans = spans_to_judge(heads, judged, now, zone, settings)
    quiet = last_whole_day(run.company, heads, now)
    if heads.is_empty() or quiet is None:
        return {"days": 0, "anomalies": 0}
    kept = run.engine.frame(_KEPT)
    parts = []
    for group in _groups(spans, quiet):
        silent_at = [] if group and abs((group[0].first - quiet).days) > _TOGETHER else [quiet]
        days = [*(span.first for span in group), *silent_at]
        first = min(days) - timedelta(days=settings.days_needed)
        last = max([*(span.last for span in group), *silent_at])
        # Only the days that count come here: a few hundred, however long the history is.
        profiles = run.engine.frame(f"{_HEADS} WHERE day BETWEEN DATE '{first}' AND DATE '{last}'")
        parts.append(judge(_typed(profiles, PROFILES).filter(named), group, settings, silent_at=silent_at, kept=kept))
    found = _not_kept(pl.concat(parts), kept)
    append: dict[str, pl.DataFrame] = {}
    if found.height:
        append["anomalies.findings"] = found.with_columns(run_id=pl.lit(run.run_id), found_at=pl.lit(now))
    if spans:
        append["anomalies.judged"] = pl.DataFrame(
            {
                "source": [span.source for span in spans],
                "entity": [span.entity for span in spans],
                "first_day": [span.first for span in spans],
                "last_day": [span.last for span in spans],
            }
        ).with_columns(run_id=pl.lit(run.run_id), judged_at=pl.lit(now))
    if append:
        run.engine.keep({}, append)
    run.anomalies = {
        str(source): rows.to_dicts() for (source,), rows in found.partition_by("source", as_dict=True).items()
    }
    run.problems.extend(notices(run.anomalies))
    return {
        "days": sum((span.last - span.first).days + 1 for span in spans),
        "anomalies": int(found["is_new"].sum()),
    }


def _forget_what_nobody_saw(run: Run) -> None:
    """Take back what runs found that ended before their publication: no reader saw it, and no notice told it.

    Their days are judged again, together with those that have come since, as if those runs had never been. Publishing
    takes a run off the list of those to forget.
    """
    import polars as pl

    with run.engine.control(read_only=True) as con:
        unseen = read_state(con).get(UNSEEN) or []
    if unseen:
        rows = {table: run.engine.frame(f"SELECT * FROM {table}") for table in _TABLES}  # noqa: S608 - our own names
        run.engine.keep({table: found.filter(~pl.col("run_id").is_in(unseen)) for table, found in rows.items()})
    with run.engine.control() as con:
        write_state(con, {UNSEEN: [run.run_id]})


def _groups(spans: Sequence[Span], quiet: date) -> list[list[Span]]:
    """Return the spans near the present together, which may be none, and those of each source that ended long ago."""
    near: list[Span] = []
    far: dict[str, list[Span]] = {}
    for span in spans:
        (near if abs((span.first - quiet).days) <= _TOGETHER else far.setdefault(span.source, [])).append(span)
    return [near, *far.values()]


def last_whole_day(company: Company, heads: pl.DataFrame, now: datetime) -> date | None:
    """Return the last whole day before the company's `as_of`, up to which sources should not have been silent.

    With `latest` the newest record of any source says how late it is, so that one source behind the others is found;
    that all of them stopped is found with `now`. None where no record has a time.

    Args:
        company: The company.
        heads: Daily profiles of kind records.
        now: Start of the run (UTC, without zone).
    """
    import polars as pl

    zone = ZoneInfo(company.time_zone)
    if company.as_of == "latest":
        newest = heads.filter(pl.col("entity").is_in(_EVENTS))["newest_at"].max()
        moment = min(newest, now) if isinstance(newest, datetime) else None
    elif company.as_of == "now":
        moment = now
    else:
        at = datetime.fromisoformat(company.as_of)
        if len(company.as_of) == len("2026-01-31"):
            return min(at.date(), now.replace(tzinfo=UTC).astimezone(zone).date() - timedelta(days=1))
        at = at if at.tzinfo else at.replace(tzinfo=zone)
        moment = min(at.astimezone(UTC).replace(tzinfo=None), now)
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC).astimezone(zone).date() - timedelta(days=1)


def notices(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Problem]:
    """Return one notice per source with alarms that are new: the least likely ones in words, the others counted."""
    told = []
    for source, rows in found.items():
        new = sorted((row for row in rows if row["is_new"]), key=lambda row: row["p_value"] / row["level"])
        if not new:
            continue
        rest = len(new) - _SAID
        more = f" And {rest} more." if rest > 0 else ""
        told.append(
            Problem(
                source=source,
                what="Unlike its past: " + " ".join(row["says"] for row in new[:_SAID]) + more,
                todo=f"Nothing was held back. All of them, with the usual ranges: regulars sources anomalies {source}",
                is_failure=False,
            )
        )
    return told


def _typed(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Columns in the types that the search expects, whatever the engine calls them."""
    import polars as pl

    casts = [
        pl.col(name).dt.replace_time_zone(None).cast(kind)
        if isinstance(frame.schema[name], pl.Datetime)
        else pl.col(name).cast(kind)
        for name, kind in schema.items()
    ]
    return frame.select(casts)


def _not_kept(found: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Findings that no run has kept: a silence is looked at in every run, on the same day perhaps twice."""
    import polars as pl

    key = ["source", "entity", "kind", "field"]
    fresh = found.join(kept.select(*key, "day"), on=[*key, "day"], how="anti")
    told = kept.filter(pl.col("kind") == "freshness").select(*key, "since").unique()
    silent = fresh.filter(pl.col("kind") == "freshness").join(told, on=[*key, "since"], how="anti")
    return pl.concat([fresh.filter(pl.col("kind") != "freshness"), silent]).sort("source", "day", "kind", "entity")
