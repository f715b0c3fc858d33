"""Records and the identifiers that link them, drawn at scale: what `benchmarks.identity_exact` joins.

Every number is drawn from one seed. The rows come in no order, and the number of a record says nothing of its person,
as in a warehouse.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]

SEED = 20261122
KINDS = ("account", "loyalty_card", "email", "phone", "visitor")
#: Identifier rows per record: 16 million for ten million records.
LINKS_PER_RECORD = 1.6
#: How many records may carry a value that still joins.
MAX_RECORDS_PER_VALUE = 50

# None of the rates is measured anywhere; they are set so that each thing happens often enough to cost its time.
#: Per source: its share of the records, the prefix of its ids, the kind that each of its records carries, and the
#: kinds that some carry besides.
SOURCES: tuple[tuple[str, float, str, str, dict[str, float]], ...] = (
    ("webshop", 0.36, "account", "account", {"email": 0.85, "phone": 0.45}),
    ("newsletter", 0.20, "email", "email", {"account": 0.35}),
    ("call_centre", 0.12, "phone", "phone", {"account": 0.25, "email": 0.15}),
    ("till", 0.14, "card", "loyalty_card", {"email": 0.30, "phone": 0.15}),
    ("site", 0.18, "visitor", "visitor", {"email": 0.35, "account": 0.40}),
)
#: Share of people by how many records they have, from one on.
RECORDS_OF_A_PERSON = (0.45, 0.22, 0.14, 0.09, 0.06, 0.04)
#: Which of a person's values of a kind a record carries: the first, the second, …
CHOICE = {
    "account": (1.0,),
    "loyalty_card": (0.95, 0.05),
    "email": (0.82, 0.14, 0.04),
    "phone": (0.90, 0.10),
    "visitor": (0.45, 0.30, 0.15, 0.10),
}
VALUES_OF_A_PERSON = 4
#: People who give the telephone of the person before them, as a family does.
SHARED_PHONE_RATE = 0.04
#: E-mail addresses and numbers that are one of a few: the shop's own, `info@`, a dummy. Most are over the limit.
COMMON_VALUE_RATE, COMMON_VALUES = 0.01, 400
#: Records that hang on one another, each by an e-mail or a number that the one before it has too.
CHAIN_SHARE = 0.02
LONG_CHAIN, SHORT_CHAIN = (2_000, 6_000), (10, 300)

_COMMON, _CHAIN = 10**9, 2 * 10**9


def draw(records: int, seed: int = SEED) -> pl.DataFrame:
    """Draw the links of so many records, at least 1,000.

    Returns:
        record (number of the record), source (place in SOURCES), kind (place in KINDS), value (number of the value
        within its kind): LINKS_PER_RECORD rows per record, each record at least once, in no order, none twice.
    """
    if records < 1_000:
        raise ValueError(f"identity: at least 1,000 records can be drawn, not {records}")
    rng = np.random.default_rng(seed)
    chained = int(records * CHAIN_SHARE)
    plain = records - chained
    number = rng.permutation(records)
    source = rng.choice(len(SOURCES), records, p=[share for _, share, *_ in SOURCES])

    wanted = round(records * LINKS_PER_RECORD)
    first, more = _carried(rng, source[:plain], wanted - plain - 2 * chained)
    person = _people(rng, plain)
    carrier, kind = np.concatenate([first[0], more[0]]), np.concatenate([first[1], more[1]])
    value = _values(rng, person[carrier], kind)

    chain_carrier, chain_kind, chain_value = _chains(rng, chained)
    carrier = np.concatenate([carrier, plain + chain_carrier])
    kind, value = np.concatenate([kind, chain_kind]), np.concatenate([value, chain_value])
    order = rng.permutation(carrier.size)
    carrier = carrier[order]
    return pl.DataFrame(
        {
            "record": number[carrier].astype(np.int32),
            "source": source[carrier].astype(np.int8),
            "kind": kind[order].astype(np.int8),
            "value": value[order],
        }
    )


def _carried(rng: np.random.Generator, source: Ints, wanted: int) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """Which records carry which kinds: first the one that each carries, then so many of the others."""
    own = np.array([KINDS.index(kind) for *_, kind, _ in SOURCES])
    records, kinds = [], []
    for place, kind in enumerate(KINDS):
        rate = np.array([rates.get(kind, 0.0) for *_, rates in SOURCES])
        some = np.flatnonzero(rng.random(source.size) < rate[source])
        records.append(some)
        kinds.append(np.full(some.size, place, dtype=np.int64))
    record, kind_of = np.concatenate(records), np.concatenate(kinds)
    if record.size < wanted:
        raise ValueError(f"identity: {record.size} further links were drawn, {wanted} are needed; raise the rates")
    kept = rng.permutation(record.size)[:wanted]
    return (np.arange(source.size), own[source]), (record[kept], kind_of[kept])


def _people(rng: np.random.Generator, records: int) -> Ints:
    """The person of each record; the records of a person follow one another."""
    mean = float(np.dot(RECORDS_OF_A_PERSON, np.arange(1, len(RECORDS_OF_A_PERSON) + 1)))
    sizes = rng.choice(len(RECORDS_OF_A_PERSON), int(records / mean * 1.1) + 100, p=RECORDS_OF_A_PERSON) + 1
    person: Ints = np.repeat(np.arange(sizes.size), sizes)[:records]
    return person


def _values(rng: np.random.Generator, person: Ints, kind: Ints) -> Ints:
    """The value that a link has: one of the person's, of the family's, or one that many have."""
    value = person * VALUES_OF_A_PERSON
    for place, name in enumerate(KINDS):
        of_kind = np.flatnonzero(kind == place)
        who = person[of_kind]
        if name == "phone":
            shares = rng.random(int(person.max()) + 1) < SHARED_PHONE_RATE
            who = np.where(shares[who], np.maximum(who - 1, 0), who)
        value[of_kind] = who * VALUES_OF_A_PERSON + rng.choice(len(CHOICE[name]), of_kind.size, p=CHOICE[name])
        if name in ("email", "phone"):
            # The r-th most used is carried by a share of 1 / r.
            rank = np.exp(rng.random(of_kind.size) * np.log(COMMON_VALUES + 1)).astype(np.int64)
            value[of_kind] = np.where(rng.random(of_kind.size) < COMMON_VALUE_RATE, _COMMON + rank, value[of_kind])
    return value


def _chains(rng: np.random.Generator, records: int) -> tuple[Ints, Ints, Ints]:
    """Chains: record, kind, value. Half of the records are in long chains.

    The values of a chain are told apart by their place: record i carries the values i and i + 1, by turns an e-mail
    and a number, so it shares one with each neighbour.
    """
    lengths = [rng.integers(*span, size=max(records // sum(span), 1)) for span in (LONG_CHAIN, SHORT_CHAIN)]
    # The rest goes to the last chain; a few records make one chain only.
    ends = np.cumsum(np.concatenate(lengths))
    ends = np.append(ends[ends < records], records)
    chain = np.searchsorted(ends, np.arange(records), side="right")
    # One more value than records per chain.
    before = np.arange(records) + chain
    record = np.repeat(np.arange(records), 2)
    place = np.stack([before, before + 1], axis=1).ravel()
    kind = np.where(place % 2 == 0, KINDS.index("email"), KINDS.index("phone"))
    return record, kind, _CHAIN + place


def write(folder: Path, records: int, seed: int = SEED) -> dict[str, Any]:
    """Write `links.parquet` (source, source_record_id, kind, value) and `links.json`, and return what the latter says.

    `links.json` counts rows and records, and says what a resolution has to come to, worked out from the drawn numbers:
    customers, records of the largest one, values that are over the limit. The files are kept if they are there.
    """
    told, file = folder / "links.json", folder / "links.parquet"
    if told.exists() and file.exists():
        known = dict(json.loads(told.read_text(encoding="utf-8")))
        if (known["records"], known["seed"]) == (records, seed):
            return known
    folder.mkdir(parents=True, exist_ok=True)
    drawn = draw(records, seed)
    known = {"records": records, "seed": seed, "links": drawn.height, **expected(drawn)}
    prefixes = "[" + ", ".join(f"'{prefix}'" for _, _, prefix, *_ in SOURCES) + "]"
    sources = "[" + ", ".join(f"'{name}'" for name, *_ in SOURCES) + "]"
    kinds = "[" + ", ".join(f"'{kind}'" for kind in KINDS) + "]"
    with duckdb.connect() as con:
        con.execute("SET threads = 2; SET preserve_insertion_order = true")
        con.register("drawn", drawn.to_arrow())
        con.execute(
            f"""
            COPY (
                SELECT {sources}[source + 1] AS source,
                    {prefixes}[source + 1] || ':' || lpad(record::VARCHAR, 10, '0') AS source_record_id,
                    {kinds}[kind + 1] AS kind,
                    CASE kind
                        WHEN 0 THEN 'webshop:A' || value
                        WHEN 1 THEN '29' || lpad(value::VARCHAR, 11, '0')
                        WHEN 2 THEN ['anna', 'ben', 'chiara', 'deniz', 'eva', 'farid', 'greta'][value % 7 + 1]
                            || '.' || value || '@mail' || value % 97 || '.example'
                        WHEN 3 THEN '+49' || lpad(value::VARCHAR, 11, '0')
                        ELSE md5(value::VARCHAR)
                    END AS value
                FROM drawn
            ) TO '{file}.part' (FORMAT parquet, COMPRESSION zstd)
            """
        )
    Path(f"{file}.part").rename(file)
    told.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    return known


def expected(drawn: pl.DataFrame) -> dict[str, int]:
    """What a resolution has to come to, from the drawn numbers alone and by another way than the models' own.

    Returns:
        customers, largest_customer (its records), blocked_values (carried by too many).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    records = int(drawn["record"].max()) + 1  # type: ignore[arg-type] # a column of integers
    key = drawn["value"].to_numpy() * len(KINDS) + drawn["kind"].to_numpy()
    values, place, carriers = np.unique(key, return_inverse=True, return_counts=True)
    joins = (carriers <= MAX_RECORDS_PER_VALUE)[place]
    # Records and values are the nodes, as they are drawn; the values that join nothing are left out afterwards.
    left, right = drawn["record"].to_numpy()[joins].astype(np.int32), (place[joins] + records).astype(np.int32)
    size = records + values.size
    graph = coo_array((np.ones(left.size, dtype=np.int8), (left, right)), shape=(size, size)).tocsr()
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label[:records])
    return {
        "customers": int((sizes > 0).sum()),
        "largest_customer": int(sizes.max()),
        "blocked_values": int((carriers > MAX_RECORDS_PER_VALUE).sum()),
    }
