"""The parameters of the model of probable links, found without labels.

u, what strangers have in common: every pair of a sample of records, by expectation maximisation with m held, so that
the pairs of one person among them do not count. m, how often records of one person differ: within the pairs that share
a birth date, and within those that share both names, each for what it does not share; what comes of it is drawn
towards what is assumed in `comparisons`, because a block of namesakes holds families too. Splink does both (its
documentation: Training, "Estimating model parameters"; method: Fellegi and Sunter 1969, Winkler 1988). How many pairs
are one person, the prior, follows from the scored pairs themselves.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from models.identity.comparisons import COMPARISONS, Comparison, as_splink

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
_BLOCKS: Final = (
    "l.birth_date = r.birth_date",
    "l.first_key = r.first_key AND l.last_key = r.last_key",
)
_DIGITS: Final = 6  # what is kept of a parameter: sums of floating-point numbers in parallel differ beyond


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
    def from_json(cls, text: str) -> Model:
        """From what `to_json` wrote."""
        return cls(**json.loads(text))

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
        "CREATE OR REPLACE TEMP TABLE sampled AS SELECT * FROM compared "  # noqa: S608 - a number
        f"ORDER BY md5(source || '|' || source_record_id), record LIMIT {SAMPLE_RECORDS}"
    )
    model = _with_u(model, con)
    model = _with_m(model, con)
    con.execute("DROP TABLE sampled")
    return model


def settings(model: Model, *, against_household: bool = False) -> dict[str, Any]:
    """Splink's settings for a model; `against_household` puts people of one household in the place of strangers."""
    h = {one.column: [level.h for level in one.levels] for one in COMPARISONS}
    comparisons = [
        as_splink(one, model.m[one.column], (h if against_household else model.u)[one.column]) for one in COMPARISONS
    ]
    if against_household:
        for level in (level for one in comparisons for level in one["comparison_levels"]):
            level.pop("tf_adjustment_column", None)
            level.pop("tf_adjustment_weight", None)
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record",
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
        "max_iterations": 12,
        "em_convergence": 0.001,
        "probability_two_random_records_match": 0.5 if against_household else model.prior,
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": list(_BLOCKS[:1]),  # unused: the pairs are our own
    }


def linker(con: Connection, table: str, spelled: dict[str, Any]) -> Linker:
    """Splink on a table of this connection, silent."""
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    # It warns about untrained parameters, which are assumed here, and logs to the terminal.
    logging.getLogger("splink").setLevel(logging.CRITICAL)
    return Linker(DuckDBAPI(con).register(table), spelled, log_level=None, validate_settings=False)


def _with_u(model: Model, con: Connection) -> Model:
    session = _maximised(
        linker(con, "sampled", settings(model)), "1=1", fix_u_probabilities=False, fix_m_probabilities=True
    )
    if session is None:
        return model
    found = _probabilities(session, "u_probability")
    size = min(model.records, SAMPLE_RECORDS)
    pairs = size * (size - 1) / 2
    u = dict(model.u)
    for one in COMPARISONS:
        seen = found.get(one.column, [])
        if sum(seen) > 0:
            drawn = [
                (pairs * s + _U_PAIRS * level.u) / (pairs + _U_PAIRS) for s, level in zip(seen, one.levels, strict=True)
            ]
            u[one.column] = _shared(one, _as_shares(one, drawn, "u"), model.records)
    return replace(model, u=u)


def _with_m(model: Model, con: Connection) -> Model:
    found: dict[str, list[tuple[float, list[float]]]] = {one.column: [] for one in COMPARISONS}
    matches: dict[str, float] = {}
    for block in _BLOCKS:
        pairs = con.execute(
            f"SELECT count(*) FROM compared AS l INNER JOIN compared AS r ON {block} AND l.record < r.record"  # noqa: S608 - our own text
        ).fetchall()[0][0]
        session = _maximised(linker(con, "compared", settings(model)), block, max_pairs=_EM_PAIRS) if pairs else None
        if session is None:
            continue
        weight = min(pairs, _EM_PAIRS) * float(session.core_model_settings.probability_two_random_records_match)
        matches[block] = round(weight, 1)
        for column, seen in _probabilities(session, "m_probability").items():
            found[column].append((weight, seen))
    m = dict(model.m)
    for one in COMPARISONS:
        total = sum(weight for weight, _ in found[one.column])
        if total <= 0:
            continue
        seen = [
            sum(weight * part[place] for weight, part in found[one.column]) / total for place in range(len(one.levels))
        ]
        strength = min(total, _M_PAIRS / 2)
        drawn = [
            (strength * s + _M_PAIRS * level.m) / (strength + _M_PAIRS)
            for s, level in zip(seen, one.levels, strict=True)
        ]
        m[one.column] = _as_shares(one, drawn, "m")
    return replace(model, m=m, matches=matches)


def _maximised(one: Linker, block: str, **options: Any) -> Any:
    """A session of expectation maximisation; None where the data have nothing to learn from."""
    from splink.internals.exceptions import EMTrainingException

    # It raises ValueError where a probability comes out as 0, which it can on very few pairs.
    try:
        return one.training.estimate_parameters_using_expectation_maximisation(
            block, estimate_without_term_frequencies=True, **options
        )
    except (EMTrainingException, ValueError):
        return None


def _probabilities(session: Any, which: str) -> dict[str, list[float]]:
    """What a session found, per comparison and level; 0 for a level that it did not see."""
    found = {}
    for one in session.core_model_settings.comparisons:
        levels = [level for level in one.comparison_levels if not level.is_null_level]
        values = [getattr(level, which) for level in levels]
        found[one.output_column_name] = [float(value) if isinstance(value, float) else 0.0 for value in values]
    return found


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
