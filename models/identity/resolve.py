"""Identity resolution: records that share an identifier, even through others, are one customer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import polars as pl

from models.identity.result import IdentityResult
from models.identity.rules import Evidence, Guards, weights_of

IDENTIFIER_COLUMNS = ("source", "source_record_id", "kind", "value")
PREVIOUS_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "source_record_id": pl.String(),
        "customer_id": pl.String(),
        "resolved_at": pl.Datetime("us"),
    }
)


def resolve(
    identifiers: pl.DataFrame,
    previous: pl.DataFrame | None = None,
    *,
    kinds: Sequence[str],
    max_records_per_value: int | Mapping[str, int],
    resolved_at: datetime,
    excluded_values: Mapping[str, Collection[str]] | None = None,
    max_people_per_value: Mapping[str, int] | None = None,
    weights: Mapping[str, float] | None = None,
    evidence: Evidence | None = None,
) -> IdentityResult:
    """Join records into customers by equal identifier values and keep customer ids stable.

    Two records are one customer if a chain of shared (kind, value) pairs leads from one to the other. A value
    that more than `max_records_per_value` records or `max_people_per_value` people carry, or that is excluded,
    joins nothing. A record without a usable value (a row with null or empty kind or value) stays a customer of its
    own. Evidence adds probable links and stewards' decisions to the chains; where it knows values that contradict
    each other, links are followed from the strongest to the weakest, and none joins two people (see `clusters`).

    Ids. A customer that holds records known from `previous` keeps one of their ids:

    1. An old id stays with the part that holds most of its records; a tie goes to the part with the smallest
       record.
    2. Where several old ids stay with one part, the oldest wins (earliest resolved_at), then the one with
       most records there, then the smallest id.
    3. A part without an old id gets a new one: `c_` and 16 hex digits of a hash of its smallest
       (source, source_record_id). An id of the previous run is never given to another customer.

    The outcome does not depend on the order of rows, and a second run on the same input changes nothing.

    Args:
        identifiers: one row per record, kind and value, values normalised: source, source_record_id, kind,
            value. Further columns (first_seen_at, last_seen_at) are ignored; repeated rows do no harm.
        previous: `records` of the previous run, one row per record: source, source_record_id, customer_id,
            resolved_at (UTC). None or empty on the first run. Records no longer in `identifiers` count for
            the age of their id and appear in no output.
        kinds: the kinds of identifier that join; the order is that of `match_reason`.
        max_records_per_value: how many records may carry a value that still joins; one number or one a kind.
        resolved_at: time of this run; a time without offset is taken as UTC.
        excluded_values: per kind, values or shell patterns that never join (`info@*`, dummy numbers).
        max_people_per_value: per kind, how many people, told apart by the names in `evidence`, may share a value.
        weights: per kind, the bits that an equal value weighs; `guards.WEIGHTS` for kinds that are not named.
        evidence: what is known beside identifiers.

    Returns:
        The records, the changes against `previous`, the links, what became of decisions, and a report.

    Raises:
        ValueError: a column is missing, a record has no source or id, `previous` holds a record twice or
            without a customer_id, a limit is missing or below 1, or `kinds` names a kind twice.
    """
    # numpy and scipy load only where a resolution really runs.
    from models.identity.engine import run

    guards = checked_guards(kinds, max_records_per_value, max_people_per_value, excluded_values, weights)
    return run(
        _identifiers(identifiers), checked_previous(previous), guards, evidence or Evidence(), utc_moment(resolved_at)
    )


def checked_guards(
    kinds: Sequence[str],
    max_records_per_value: int | Mapping[str, int],
    max_people_per_value: Mapping[str, int] | None = None,
    excluded_values: Mapping[str, Collection[str]] | None = None,
    weights: Mapping[str, float] | None = None,
) -> Guards:
    """Return the guards of the kinds.

    Raises:
        ValueError: as `checked_limits`.
    """
    people = max_people_per_value or {}
    return Guards(
        kinds=list(kinds),
        max_records=checked_limits(kinds, max_records_per_value),
        max_people=[people.get(kind) for kind in kinds],
        excluded={kind: frozenset(values) for kind, values in (excluded_values or {}).items()},
        weights=weights_of(kinds, weights),
    )


def utc_moment(moment: datetime) -> datetime:
    """Return a time as UTC without zone; one without offset is UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def checked_limits(kinds: Sequence[str], limit: int | Mapping[str, int]) -> list[int]:
    """Return the limit of each kind, in the order of `kinds`.

    Raises:
        ValueError: a kind is named twice, or a limit is missing or below 1.
    """
    if len(set(kinds)) != len(kinds):
        raise ValueError(f"identity: kinds must differ, got {', '.join(kinds)}")
    if isinstance(limit, Mapping):
        missing = [kind for kind in kinds if kind not in limit]
        if missing:
            raise ValueError(f"identity: max_records_per_value has no limit for {', '.join(missing)}")
        limits = [limit[kind] for kind in kinds]
    else:
        limits = [limit] * len(kinds)
    if any(number < 1 for number in limits):
        raise ValueError(f"identity: max_records_per_value must be at least 1, got {min(limits)}")
    return limits


def _identifiers(frame: pl.DataFrame) -> pl.DataFrame:
    """The four columns that matter, as text."""
    require(frame.columns, IDENTIFIER_COLUMNS, "identifiers")
    frame = frame.select(pl.col(IDENTIFIER_COLUMNS).cast(pl.String))
    _require_keys(frame, "identifiers")
    return frame


def checked_previous(frame: pl.DataFrame | None) -> pl.DataFrame:
    """Return the previous records with UTC times without zone; None and a frame without columns are an empty one.

    Raises:
        ValueError: a column, a key or a customer_id is missing.
    """
    if frame is None or frame.width == 0:
        return PREVIOUS_SCHEMA.to_frame()
    require(frame.columns, tuple(PREVIOUS_SCHEMA), "previous")
    when = frame.schema["resolved_at"]
    moment = pl.col("resolved_at")
    if isinstance(when, pl.Datetime) and when.time_zone is not None:
        moment = moment.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    frame = frame.select(
        pl.col("source", "source_record_id", "customer_id").cast(pl.String), moment.cast(pl.Datetime("us"))
    )
    _require_keys(frame, "previous")
    nameless = frame["customer_id"].null_count()
    if nameless:
        raise ValueError(f"identity: previous has {nameless} records without customer_id")
    return frame


def require(found: Sequence[str], columns: Sequence[str], name: str) -> None:
    """Refuse a frame that lacks columns, with ValueError."""
    missing = [column for column in columns if column not in found]
    if missing:
        raise ValueError(f"identity: {name} lacks the columns {', '.join(missing)}; found {', '.join(found)}")


def _require_keys(frame: pl.DataFrame, name: str) -> None:
    keyless = frame.select((pl.col("source").is_null() | pl.col("source_record_id").is_null()).sum()).item()
    if keyless:
        raise ValueError(f"identity: {name} has {keyless} rows without source or source_record_id")
