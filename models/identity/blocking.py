"""Which pairs of records are compared: those that share one of many keys, in blocks of bounded size.

A key that too many records share says little and costs the square of its records. Such a block is parted by more of
what its records say; what is still too large then is not compared by this key. So the number of pairs grows with
the number of records, whatever the data, and each record has other keys to meet its double by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from models.identity.connection import Connection

# Rule and key, in SQL over a prepared record; null where a record lacks a part. Each survives errors in what it leaves
# out.
RULES: Final = {
    "e-mail": "email",
    "e-mail before the @": "email_local",
    "e-mail domain": "email_domain",
    "e-mail domain, first letters": "email_domain || substr(coalesce(first_key, last_key), 1, 2)",
    "phone": "phone",
    "end of phone, first name": "right(phone, 6) || first_key",
    "both names": (
        # Not without one of the names, which least and greatest would leave out.
        "least(first_key, last_key) || ' ' || greatest(first_key, last_key) || left(first_key || last_key, 0)"
    ),
    "birth date, first name": "birth_date || substr(first_key, 1, 2)",
    "birth date, last name": "birth_date || substr(last_key, 1, 2)",
    "birth date, postal code": "birth_date || substr(postal_code, 1, 3)",
    "birth date, city": "birth_date || substr(city, 1, 3)",
    "birth date": "birth_date",
    "first name, month of birth": "first_key || substr(birth_date, 1, 6)",
    "last name, year of birth": "last_key || substr(birth_date, 1, 4)",
    "first name, postal code": "first_key || ' ' || postal_code",
    "last name, postal code": "last_key || ' ' || postal_code",
    "last name, city": "last_key || ' ' || city",
    "first name, city": "first_key || ' ' || city",
    "first name, day of birth": "first_key || substr(birth_date, 5, 4)",
    "address": "street || ' ' || house_number || ' ' || substr(postal_code, 1, 2)",
    "house, first name": "postal_code || ' ' || house_number || ' ' || substr(first_key, 1, 2)",
    "consonants of the names": (
        "regexp_replace(substr(first_key, 1, 4), '[aeo]', '', 'g') || ' ' || regexp_replace(last_key, '[aeo]', '', 'g')"
    ),
}

# By what a block that is too large is parted, in turn.
_FINER: Final = (
    "coalesce(substr(first_key, 1, 3), '') || ' ' || coalesce(substr(last_key, 1, 3), '')",
    "coalesce(substr(birth_date, 1, 4), '') || ' ' || coalesce(substr(postal_code, 1, 3), substr(city, 1, 3), '')",
)


def candidate_pairs(
    con: Connection, *, max_block_records: int, only_with: str | None = None
) -> list[tuple[str, int, int]]:
    """Make the table `candidate_pairs` (join_key_l < join_key_r, match_key) from the table `records`.

    Args:
        con: a connection with the table `records`: record (whole number) and the prepared columns.
        max_block_records: the most records that a block may have.
        only_with: a table with a column `record`; only pairs with one of these records are wanted.

    Returns:
        Per rule with blocks that stayed too large: rule, blocks, records in them; most records first.
    """
    rules = list(RULES.items())
    if only_with is None:
        _keys(con, "block_keys", rules)
    else:
        # Blocks that hold none of the wanted records are left out at once, or they would cost what all of them cost.
        _keys(con, "wanted_keys", rules, f"SEMI JOIN {only_with} USING (record)")
        _keys(con, "block_keys", rules, within="(SELECT block FROM wanted_keys)")
        con.execute("DROP TABLE wanted_keys")
    for finer in ("finer_0", "finer_1", None):
        con.execute(
            "CREATE OR REPLACE TEMP TABLE large_blocks AS SELECT block, count(*) AS records, any_value(rule) AS rule "  # noqa: S608 - our own text
            f"FROM block_keys GROUP BY block HAVING count(*) > {int(max_block_records)}"
        )
        if finer is not None:
            con.execute(
                f"UPDATE block_keys SET block = hash(block, {finer}) "  # noqa: S608 - our own text
                "WHERE block IN (SELECT block FROM large_blocks)"
            )
    left_out = con.execute(
        "SELECT rule, count(*), sum(records)::BIGINT FROM large_blocks GROUP BY rule ORDER BY 3 DESC, 1"
    ).fetchall()
    is_wanted = "true" if only_with is None else f"record IN (SELECT record FROM {only_with})"  # noqa: S608 - our own text
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE small_blocks AS SELECT DISTINCT block, record, {is_wanted} AS is_wanted "  # noqa: S608 - our own text
        "FROM block_keys WHERE block NOT IN (SELECT block FROM large_blocks)"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE candidate_pairs AS SELECT DISTINCT l.record AS join_key_l, "
        "r.record AS join_key_r, '0' AS match_key FROM small_blocks AS l INNER JOIN small_blocks AS r "
        "ON l.block = r.block AND l.record < r.record AND (l.is_wanted OR r.is_wanted)"
    )
    con.execute("DROP TABLE block_keys; DROP TABLE small_blocks; DROP TABLE large_blocks")
    return [(rules[place][0], blocks, records) for place, blocks, records in left_out]


def _keys(
    con: Connection, table: str, rules: list[tuple[str, str]], records: str = "", within: str | None = None
) -> None:
    """Make a table with a row per record and key: record, rule, block, and what the block may be parted by."""
    parts = []
    for place, (_, key) in enumerate(rules):
        block = f"hash({place}, {key})"
        kept = "" if within is None else f" AND {block} IN {within}"
        parts.append(
            f"SELECT record, {place}::UTINYINT AS rule, {block} AS block, {_finer()} FROM records {records} "  # noqa: S608 - our own text
            f"WHERE ({key}) IS NOT NULL{kept}"
        )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {' UNION ALL '.join(parts)}")


def _finer() -> str:
    return ", ".join(f"hash({sql}) AS finer_{place}" for place, sql in enumerate(_FINER))
