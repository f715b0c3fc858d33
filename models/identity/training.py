"""The parameters of the model of probable links, found without labels.

u, what strangers have in common: every pair of a sample of records, by expectation maximisation with m held, so that
the pairs of one person among them do not count. m, how often records of one person differ: within the pairs that share
a birth date, and within those that share both names, each for what it does not share; what comes of it is drawn
towards what is assumed in `comparisons`, because a block of namesakes holds families too. It is the way of Splink's
documentation (Training, "Estimating model parameters"); Splink compares the pairs, `maximising` finds the shares. How
many pairs are one person, the prior, follows from the scored pairs themselves.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from math import sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.identity.comparisons import COMPARISONS, Comparison, as_splink
from models.identity.maximising import Patterns, maximised

if TYPE_CHECKING:
    from splink import Linker

    from models.identity.connection import Connection

#: Records whose pairs tell what strangers have in common.
SAMPLE_RECORDS: Final = 800
#: How many pairs the assumed u weighs, beside those of the sample.
_U_PAIRS: Final = 5_000
#: How many pairs of one person the assumed m weighs; those found weigh half of it at the most.
_M_PAIRS: Final = 300
_EM_PAIRS: Final = 300_000
_PARTS: Final = 1_000_000  # records are drawn by so many parts of their hashes
_DIGITS: Final = 6  # what is kept of a parameter: sums of floating-point numbers in parallel differ beyond


@dataclass(frozen=True, slots=True)
class Block:
    """Pairs that share something, and are therefore often one person.

    Attributes:
        columns: what they share.
        held: the comparisons that it decides.
    """

    columns: tuple[str, ...]
    held: tuple[str, ...]


_BLOCKS: Final = (
    Block(("birth_date",), ("birth_date",)),
    Block(("first_key", "last_key"), ("first_name", "last_name")),
)


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model.

    Attributes:
        m: per comparison, the probability of each level among pairs of one person.
        u: the same among pairs of strangers.
        prior: probability that two records drawn at random are one person.
        household: how many pairs are two people of one household, for each pair that is one person.
        name_bits: what two equal names weigh too much together, because first names go with last names.
        records: how many records it was trained on.
        matches: how many pairs of one person EM saw, per block; for the model card.
        assumed: fingerprint of the comparisons and assumptions that it was trained with.
    """

    m: dict[str, list[float]]
    u: dict[str, list[float]]
    prior: float
    household: float
    name_bits: float
    records: int
    matches: dict[str, float]
    assumed: str

    def to_json(self) -> str:
        """As text, to be kept."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Model | None:
        """From what `to_json` wrote; None where another version did, whose model says other things."""
        told = json.loads(text)
        return cls(**told) if set(told) == {field.name for field in fields(cls)} else None

    @property
    def is_current(self) -> bool:
        """Whether the comparisons are still those that it was trained with."""
        return self.assumed == fingerprint()


def fingerprint() -> str:
    """A hash of what is compared and assumed."""
    return sha256(json.dumps([asdict(comparison) for comparison in COMPARISONS]).encode()).hexdigest()[:16]


def untrained(records: int) -> Model:
    """The model before any data: what is assumed."""
    return Model(
        m={one.column: [level.m for level in one.levels] for one in COMPARISONS},
        u={one.column: _shared(one, [level.u for level in one.levels], records) for one in COMPARISONS},
        prior=min(0.5, 1 / max(records, 2)),
        household=1.0,
        name_bits=0.0,
        records=records,
        matches={},
        assumed=fingerprint(),
    )


def train(con: Connection, records: int) -> Model:
    """Estimate u and m on the table `compared`; the prior is a first guess, see `scoring.settle_prior`.

    Args:
        con: a connection with the table `compared` of `scoring.load_compared`.
        records: its rows.
    """
    model = untrained(records)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE sampled AS SELECT record FROM compared "  # noqa: S608 - a number
        f"ORDER BY md5(source || '|' || source_record_id), record LIMIT {SAMPLE_RECORDS}"
    )
    model = _with_u(model, con)
    model = _with_m(model, con)
    con.execute("DROP TABLE sampled")
    return model


def settings(model: Model, *, against_household: bool = False, for_training: bool = False) -> dict[str, Any]:
    """Splink's settings for a model.

    Args:
        model: the model.
        against_household: put people of one household in the place of strangers; all values then weigh the same.
        for_training: give the levels that pairs reach instead of what they weigh; frequent values weigh no less.
    """
    h = {one.column: [level.h for level in one.levels] for one in COMPARISONS}
    comparisons = [
        as_splink(one, model.m[one.column], (h if against_household else model.u)[one.column]) for one in COMPARISONS
    ]
    if against_household or for_training:
        for level in (level for one in comparisons for level in one["comparison_levels"]):
            level.pop("tf_adjustment_column", None)
            level.pop("tf_adjustment_weight", None)
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record",
        "retain_matching_columns": for_training,  # the levels come with them only
        "retain_intermediate_calculation_columns": not for_training,
        "probability_two_random_records_match": 0.5 if against_household else model.prior,
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": ["1=1"],  # unused: the pairs are our own
    }


def linker(con: Connection, table: str, spelled: dict[str, Any]) -> Linker:
    """Splink on a table of this connection, silent."""
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    # It warns about untrained parameters, which are assumed here, and logs to the terminal.
    logging.getLogger("splink").setLevel(logging.CRITICAL)
    return Linker(DuckDBAPI(con).register(table), spelled, log_level=None, validate_settings=False)


def _with_u(model: Model, con: Connection) -> Model:
    size = min(model.records, SAMPLE_RECORDS)
    pairs = size * (size - 1) / 2
    every = "SELECT l.record AS l, r.record AS r FROM sampled AS l INNER JOIN sampled AS r ON l.record < r.record"
    found = maximised(_patterns(con, model, every), m=model.m, u=model.u, prior=model.prior, learn="u")
    u = dict(model.u)
    for one in COMPARISONS:
        if one.column in found.shares:
            drawn = [
                (pairs * s + _U_PAIRS * level.u) / (pairs + _U_PAIRS)
                for s, level in zip(found.shares[one.column], one.levels, strict=True)
            ]
            u[one.column] = _shared(one, _as_shares(one, drawn, "u"), model.records)
    return replace(model, u=u)


def _with_m(model: Model, con: Connection) -> Model:
    seen: dict[str, list[tuple[float, list[float]]]] = {one.column: [] for one in COMPARISONS}
    matches: dict[str, float] = {}
    for block in _BLOCKS:
        patterns = _patterns(con, model, _pairs_within(con, block))
        if not patterns.pairs.size:
            continue
        found = maximised(patterns, m=model.m, u=model.u, prior=model.prior, learn="m", held=block.held)
        weight = float(patterns.pairs.sum()) * found.prior
        matches[", ".join(block.columns)] = round(weight, 1)
        for column, shares in found.shares.items():
            seen[column].append((weight, shares))
    m = dict(model.m)
    for one in COMPARISONS:
        total = sum(weight for weight, _ in seen[one.column])
        if total <= 0:
            continue
        strength = min(total, _M_PAIRS / 2)
        drawn = [
            (strength * sum(weight * shares[place] for weight, shares in seen[one.column]) / total + _M_PAIRS * level.m)
            / (strength + _M_PAIRS)
            for place, level in enumerate(one.levels)
        ]
        m[one.column] = _as_shares(one, drawn, "m")
    return replace(model, m=m, matches=matches)


def _pairs_within(con: Connection, block: Block) -> str:
    """The pairs that share what the block says, in SQL; of some records only where they were too many."""
    columns = ", ".join(block.columns)
    known = " AND ".join(f"{column} IS NOT NULL" for column in block.columns)
    total = con.execute(
        "SELECT sum(records * (records - 1) / 2) FROM (SELECT count(*)::DOUBLE AS records FROM compared "  # noqa: S608 - our own names
        f"WHERE {known} GROUP BY {columns})"
    ).fetchall()[0][0]
    # Of half of the records there are a quarter of the pairs; which half depends on nothing but their keys.
    share = min(1.0, sqrt(_EM_PAIRS / total)) if total else 1.0
    some = (
        f"(SELECT record, {columns} FROM compared WHERE {known} "  # noqa: S608 - our own names
        f"AND md5_number_lower(source || '|' || source_record_id) % {_PARTS} < {round(share * _PARTS)})"
    )
    return f"SELECT l.record AS l, r.record AS r FROM {some} AS l INNER JOIN {some} AS r USING ({columns}) WHERE l.record < r.record"  # noqa: S608, E501 - our own names


def _patterns(con: Connection, model: Model, pairs: str) -> Patterns:
    """Compare pairs of records with Splink; `pairs` is a query of l and r, numbers of records."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE training_pairs AS SELECT l AS join_key_l, r AS join_key_r, '0' AS match_key FROM ({pairs})"  # noqa: S608, E501 - our own text
    )
    one = linker(con, "compared", settings(model, for_training=True))
    one.table_management.register_blocked_pairs_for_predict(one._db_api.register("training_pairs"))
    found = one.inference.predict(warning_mode="never").physical_name
    columns = [f"gamma_{comparison.column}" for comparison in COMPARISONS]
    rows = con.execute(
        f"SELECT {', '.join(columns)}, count(*) FROM {found} GROUP BY ALL ORDER BY ALL"  # noqa: S608 - our own names
    ).fetchall()
    con.execute(f"DROP TABLE {found}; DROP TABLE training_pairs")
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(columns) + 1)
    # Splink numbers levels from the last one up.
    levels = {
        comparison.column: np.where(table[:, place] < 0, -1, len(comparison.levels) - 1 - table[:, place])
        for place, comparison in enumerate(COMPARISONS)
    }
    return Patterns(levels, table[:, -1])


def _as_shares(one: Comparison, values: list[float], which: str) -> list[float]:
    """Values that add up to 1, rounded; a level that weighs nothing stays as it is assumed."""
    total = sum(values)
    return [
        getattr(level, which) if level.is_neutral else float(f"{value / total:.{_DIGITS}g}")
        for level, value in zip(one.levels, values, strict=True)
    ]


def _shared(one: Comparison, u: list[float], records: int) -> list[float]:
    """With u of the first level as said by how many people share a value, where that is what decides."""
    if one.sharers is None:
        return u
    return [float(f"{one.sharers / max(records, 2):.{_DIGITS}g}"), *u[1:]]
