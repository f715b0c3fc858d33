"""How probable it is that two records are one person, for every pair that is compared.

The weight of a pair is what Splink adds up for it, one person against two strangers, brought together with one person
against two people of one household: P(one person) = 1 / (1 + 2^-w + 2^-h), w and h being the two weights in bits,
priors included. A name alone joins nobody: namesakes are many, so something else must agree as well.
"""

from __future__ import annotations

from dataclasses import replace
from math import log2, prod
from typing import TYPE_CHECKING, Final

import polars as pl

from models.identity.comparisons import COMPARISONS
from models.identity.profiles import FORM_SIGN
from models.identity.training import Model, linker, settings

if TYPE_CHECKING:
    from models.identity.connection import Connection

NAMES: Final = ("first_name", "last_name")
#: Bits that something besides the name has to speak for a pair.
SUPPORT_BITS: Final = 3.0
#: A pair whose weight is below is not kept.
KEEP_BITS: Final = -4.0
_FIRST_LOOK_BITS: Final = -6.0  # what Splink gives back: as much below as the prior may still rise
#: A mailbox domain is rare when few records, or a small share of them, have it.
_RARE_RECORDS, _RARE_SHARE = 5, 0.002
_DECIMALS: Final = 3
_SIGNIFICANT: Final = 6
_ROUNDS: Final = 30
_MOST_NAME_BITS: Final = 6.0
#: There are some families everywhere: at least so many pairs of one household for each pair of one person.
_LEAST_HOUSEHOLDS: Final = 0.02

# Per frequent column: how many records with a value say nothing yet (they may be one person), and the least count.
_FREQUENT: Final = {
    "first": (1.0, 0.5), "last": (1.0, 0.5), "birth_date": (10.0, 0.0), "email": (10.0, 0.0), "phone": (10.0, 0.0),
    "postal_code": (1.0, 1.0), "city": (1.0, 1.0),
}  # fmt: skip

WEIGHT_COLUMNS: Final = tuple(f"{one.column}_weight" for one in COMPARISONS)
SCORES_SCHEMA: Final = pl.Schema(
    {
        "record": pl.Int64(),
        "other": pl.Int64(),
        "weight": pl.Float64(),
        "probability": pl.Float64(),
        "household_weight": pl.Float64(),
        **{name: pl.Float64() for name in WEIGHT_COLUMNS},
    }
)


def load_records(con: Connection, prepared: pl.DataFrame) -> int:
    """Make the table `records` of prepared records, numbered from 0 in their order; return how many."""
    con.register("prepared_records", prepared.with_row_index("record").to_arrow())
    con.execute(
        "CREATE OR REPLACE TABLE records AS SELECT * REPLACE (record::BIGINT AS record) FROM prepared_records "
        "ORDER BY record"
    )
    con.unregister("prepared_records")
    return prepared.height


def load_compared(con: Connection, *, only_paired: bool = False) -> None:
    """Make the table `compared` of what is compared of the records: lists, dates as days, domains that are rare.

    Args:
        con: a connection with the table `records`.
        only_paired: leave out the records that are in none of `candidate_pairs`.
    """
    kept = ""
    if only_paired:
        kept = "WHERE record IN (SELECT join_key_l FROM candidate_pairs UNION SELECT join_key_r FROM candidate_pairs)"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE rare_domains AS SELECT email_domain AS rare_domain FROM records "  # noqa: S608 - numbers
        "WHERE email_domain IS NOT NULL GROUP BY email_domain "
        f"HAVING count(*) <= greatest({_RARE_RECORDS}, {_RARE_SHARE} * (SELECT count(email_domain) FROM records))"
    )
    con.execute(
        "CREATE OR REPLACE TABLE compared AS SELECT "  # noqa: S608 - our own text
        f"* REPLACE (string_split(first_forms, '{FORM_SIGN}') AS first_forms), "
        "date_diff('day', DATE '1900-01-01', try_strptime(birth_date, '%Y%m%d')::DATE) AS birth_days "
        "FROM records LEFT JOIN rare_domains ON email_domain = rare_domain "
        f"{kept} ORDER BY record"
    )


def load_frequencies(con: Connection, model: Model) -> None:
    """Make the tables `frequency_<column>`: how frequent the values are whose frequency counts."""
    for one in COMPARISONS:
        for level, u in zip(one.levels, model.u[one.column], strict=True):
            if level.frequent is None:
                continue
            column = level.frequent
            free, least = _FREQUENT[column]
            # A rare name weighs more than names do on average; a rare number weighs what numbers do.
            floor = 0.0 if one.column in NAMES or one.column == "address" else u
            con.execute(
                f"CREATE OR REPLACE TABLE frequency_{column} AS SELECT {column}, "  # noqa: S608 - our own text
                f"greatest((count(*) - {free}) / sum(count(*)) OVER (), {least} / sum(count(*)) OVER (), {floor!r}) "
                f"AS tf_{column} FROM records WHERE {column} IS NOT NULL GROUP BY {column}"
            )


def score(con: Connection, model: Model, *, settle: bool, keep_all: bool = False) -> tuple[pl.DataFrame, Model]:
    """Weigh the pairs of the table `candidate_pairs`.

    Args:
        con: a connection with `records`, `compared`, the frequencies and `candidate_pairs`.
        model: the model.
        settle: find the prior on these pairs, which must then be all.
        keep_all: keep the pairs that are plainly two people, too.

    Returns:
        The pairs worth keeping, see `SCORES_SCHEMA`, sorted; and the model, with the prior that was used.
    """
    frequent = [level.frequent for one in COMPARISONS for level in one.levels if level.frequent]
    first = linker(con, "compared", settings(model))
    for column in frequent:
        table = first._db_api.register(f"frequency_{column}")
        first.table_management.register_term_frequency_lookup(table, column)
    pairs = first._db_api.register("candidate_pairs")
    first.table_management.register_blocked_pairs_for_predict(pairs)
    found = first.inference.predict(
        threshold_match_weight=None if keep_all else _FIRST_LOOK_BITS, warning_mode="never"
    ).physical_name
    weights = ", ".join(
        f"{_weight(one.column, has_frequent=any(lv.frequent for lv in one.levels))} AS {one.column}_weight"
        for one in COMPARISONS
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE looked_at AS SELECT record_l AS join_key_l, record_r AS join_key_r, "  # noqa: S608 - our own text
        f"'0' AS match_key, match_weight, {weights} FROM {found}"
    )
    con.execute(f"DROP TABLE {found}")
    second = linker(con, "compared", settings(model, against_household=True))
    second.table_management.register_blocked_pairs_for_predict(second._db_api.register("looked_at"))
    household = second.inference.predict(warning_mode="never").physical_name
    con.execute(
        "CREATE OR REPLACE TEMP TABLE weighed AS SELECT looked_at.*, household.match_weight AS against "  # noqa: S608 - Splink's own name
        f"FROM looked_at INNER JOIN {household} AS household "
        "ON household.record_l = join_key_l AND household.record_r = join_key_r"
    )
    con.execute(f"DROP TABLE {household}; DROP TABLE looked_at")
    before = model.prior
    if settle:
        model = _settled(con, model)
        model = replace(model, name_bits=_name_bits(con, model))
        model = _settled(con, model, start=before)
    stranger = f"{_stranger(model)} + {_log_odds(model.prior) - _log_odds(before)!r}"
    relative = f"against - {log2(model.household)!r}"
    support = " + ".join(f"greatest(0, {one.column}_weight)" for one in COMPARISONS if one.column not in NAMES)
    odds = f"-log2(pow(2, -({stranger})) + pow(2, -({relative})))"
    rounded = ", ".join(f"round({name}, {_DECIMALS}) AS {name}" for name in WEIGHT_COLUMNS)
    frame: pl.DataFrame = con.sql(
        f"SELECT record, other, round(bits, {_DECIMALS}) AS weight, round(1 / (1 + pow(2, -bits)), 6) AS probability, "  # noqa: S608 - our own text
        f"round(household, {_DECIMALS}) AS household_weight, {rounded} FROM ("
        f"SELECT join_key_l AS record, join_key_r AS other, {relative} AS household, {', '.join(WEIGHT_COLUMNS)}, "
        f"CASE WHEN {support} < {SUPPORT_BITS} THEN least(0, {odds}) ELSE {odds} END AS bits FROM weighed) "
        f"WHERE {keep_all} OR bits >= {KEEP_BITS} ORDER BY record, other"
    ).pl()
    con.execute("DROP TABLE weighed")
    return frame.match_to_schema(SCORES_SCHEMA), model


def _weight(column: str, *, has_frequent: bool) -> str:
    return f"mw_{column} + mw_tf_adj_{column}" if has_frequent else f"mw_{column}"


def _log_odds(probability: float) -> float:
    return log2(probability / (1 - probability))


def _stranger(model: Model) -> str:
    """The weight against strangers as Splink adds it up, less what equal names weigh too much together."""
    both = " AND ".join(f"{name}_weight > 0" for name in NAMES)
    return f"(match_weight - CASE WHEN {both} THEN {model.name_bits!r} ELSE 0 END)"


def _name_bits(con: Connection, model: Model) -> float:
    """How much more often two strangers share both names than they would if first names did not go with last names.

    Ivan is no surprise beside Ivanov. Counted on all records, without the pairs that are one person.
    """
    shares = []
    for names in ("first", "last", "first, last"):
        shared, total = con.execute(
            "SELECT sum(records * (records - 1.0)), (sum(records) * (sum(records) - 1.0)) "  # noqa: S608 - our own text
            "FROM (SELECT count(*)::DOUBLE AS records "
            f"FROM records WHERE first IS NOT NULL AND last IS NOT NULL GROUP BY {names})"
        ).fetchall()[0]
        shares.append((shared or 0.0) / total if total else 0.0)
    of_one_person = [model.prior * model.m[name][0] for name in NAMES]
    of_strangers = [
        max(share - own, 0.0)
        for share, own in zip(shares, [*of_one_person, prod(of_one_person) / model.prior], strict=True)
    ]
    if not all(of_strangers):
        return 0.0
    bits = log2(of_strangers[2] / (of_strangers[0] * of_strangers[1]))
    return round(min(max(bits, 0.0), _MOST_NAME_BITS), _DECIMALS)


def _settled(con: Connection, model: Model, start: float | None = None) -> Model:
    """The model with the shares of the three kinds of pairs at which as many are expected of each as they say.

    Expectation maximisation over the pairs weighed, with m, u and h held; all other pairs are two strangers.
    """
    total = max(model.records * (model.records - 1) / 2, 2.0)
    # Counted by rounded weights first, so that one sum comes out whatever the order of the pairs.
    histogram = con.execute(
        f"SELECT round({_stranger(model)}, 1), round(against, 1), count(*) FROM weighed GROUP BY ALL ORDER BY ALL"  # noqa: S608 - our own text
    ).fetchall()
    begun = _log_odds(model.prior if start is None else start)
    # Per kind of weights: how much likelier one person and one household are than strangers, and how many pairs.
    ratios = [(2 ** (float(w) - begun), 2 ** (float(w) - begun - float(h)), pairs) for w, h, pairs in histogram]
    person, household = model.prior, model.prior
    for _ in range(_ROUNDS):
        persons = households = 0.0
        for of_person, of_household, pairs in ratios:
            one, home = person * of_person, household * of_household
            every = one + home + 1 - person - household
            persons += pairs * one / every
            households += pairs * home / every
        persons = max(persons, 1.0)
        households = max(households, _LEAST_HOUSEHOLDS * persons)
        person, household = (min(count / total, 0.25) for count in (persons, households))
    digits = f".{_SIGNIFICANT}g"
    return replace(model, prior=float(format(person, digits)), household=float(format(household / person, digits)))
