"""What the rules find in the sample company, beside the wrong values that were written into it on purpose.

The truth (`truth/errors.parquet`) names each wrong value by source, file and row. Staging names the rows that fail each
rule; the ledger knows the file of each batch. Both sides are brought to the same words and compared as sets: what was
injected and not found is missed, what was found and not injected is false.

The share of right values is worked out a second time from the truth alone, with fractions, so that neither staging nor
the SQL of the index has a say in it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import duckdb
import polars as pl

from expectations.catalogue import Rule, load_rules

# Rules about consents that a wrong value elsewhere in the same record breaks too: models make consents from the records
# of customers and of e-mail events, and the truth lists each wrong value once, where it is.
SHARED = {
    "customers_email_format": "consents_email_format",
    "customers_phone_format": "consents_phone_format",
    "customers_account_id_present": "consents_consent_id_present",
    "email_events_event_id_present": "consents_consent_id_present",
    "email_events_email_format": "consents_email_format",
}
# A list's consents are named by address, not by the member's number.
_NAMED_OTHERWISE = {("list", "consents_consent_id_present")}

Place = tuple[str, str, int]
Record = tuple[str, str, int, str]


@dataclass(frozen=True)
class RuleLine:
    """One rule: what the truth expects of it, and what it found.

    Attributes:
        rule: The rule's id.
        injected: Records with a wrong value that was injected to break it.
        expected: Records that must fail it: the injected ones, and what the truth says of others.
        found: Expected records that failed it.
        follows: Further ones that failed because the same record has another injected value; only for rules that
            nothing was injected for, such as `customer known` where the address is unusable.
        false: Further ones that nothing explains.
    """

    rule: str
    injected: int = 0
    expected: int = 0
    found: int = 0
    follows: int = 0
    false: int = 0

    @property
    def recall(self) -> float | None:
        """Share of the expected ones that were found; None where nothing was expected."""
        return self.found / self.expected if self.expected else None

    @property
    def precision(self) -> float | None:
        """Share of what was found that is explained; None where nothing was found."""
        right = self.found + self.follows
        return right / (right + self.false) if right + self.false else None

    def __add__(self, other: RuleLine) -> RuleLine:
        """The same rule over two companies."""
        return RuleLine(
            self.rule,
            self.injected + other.injected,
            self.expected + other.expected,
            self.found + other.found,
            self.follows + other.follows,
            self.false + other.false,
        )


@dataclass
class Comparison:
    """What was found against what is true, of one company.

    Attributes:
        lines: Every rule of the catalogue, in its order.
        index: Source, or `all` -> the index of the load as the mart has it, and as the truth has it.
        records: Records of the load.
        differences: Rule -> a few of the records that were missed or found falsely, for whoever looks for the reason.
    """

    lines: list[RuleLine]
    index: dict[str, tuple[float, float]]
    records: int
    differences: dict[str, list[Record]] = field(default_factory=dict)


def stage(folder: Path, home: Path) -> Path:
    """Load and stage a generated company as a run does, without what comes behind; return the warehouse file."""
    from orchestration.company import load_company
    from orchestration.home import Home
    from orchestration.run import Run
    from orchestration.steps import load_source, prepare

    run = Run(load_company(folder / "company.yaml"), Home(home).create())
    run.dbt.parse()
    for source in run.company.sources:
        load_source(run, source)
    prepare(run)
    without = [word for kind in ("unit_test", "test") for word in ("--exclude-resource-type", kind)]
    run.dbt.build(["--select", "tag:phase_staging", *without])
    return run.home.warehouse


def compare(folder: Path, warehouse: Path) -> Comparison:
    """Compare a generated company, staged in one load, with the truth in its folder.

    Raises:
        ValueError: Staging does not hold as many records as the truth counts.
    """
    rules = load_rules()
    staged, truth = _Staged.read(warehouse, rules), _Truth.read(folder)
    wrong = {key: (count, staged.received.get(key)) for key, count in truth.received.items()}
    wrong = {key: both for key, both in wrong.items() if both[0] != both[1]}
    if wrong:
        raise ValueError(f"records by the truth, and staged: {wrong}")
    injected = truth.injected(staged)
    expected = truth.expected(staged, injected)
    lines, differences = [], {}
    for rule in rules:
        found = {truth.first_of(one) for one in staged.failed.get(rule.id, [])}
        wanted = expected.get(rule.id, set())
        others = found - wanted
        follows = set()
        if not injected.get(rule.id):
            follows = {one for one in others if one[:3] in truth.spoiled}
        false = others - follows
        lines.append(
            RuleLine(
                rule.id, len(injected.get(rule.id, ())), len(wanted), len(wanted & found), len(follows), len(false)
            )
        )
        if wanted - found or false:
            differences[rule.id] = [*sorted(wanted - found)[:3], *sorted(false)[:3]]
    true = true_index(rules, staged.received, truth.failures(staged, expected))
    index = {source: (measured, true[source]) for source, measured in sorted(staged.index.items())}
    return Comparison(lines, index, sum(staged.received.values()), differences)


def true_index(
    rules: Iterable[Rule], received: dict[tuple[str, str], int], failures: Counter[tuple[str, str]]
) -> dict[str, float]:
    """Return source, or `all` -> the weighed share of records that pass.

    Args:
        rules: The catalogue.
        received: (source, entity) -> records.
        failures: (source, rule) -> records that fail it.
    """
    sums: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for rule in rules:
        weight = Fraction(str(rule.weight))
        counts = {source: count for (source, entity), count in received.items() if entity == rule.entity}
        parts = {source: (count, failures[source, rule.id]) for source, count in counts.items()}
        if parts:
            parts["all"] = (sum(counts.values()), sum(failed for _, failed in parts.values()))
        for source, (records, failed) in parts.items():
            sums[source][0] += weight * Fraction(records - failed, records)
            sums[source][1] += weight
    return {source: float(passed / weights) for source, (passed, weights) in sums.items()}


@dataclass
class _Staged:
    """What staging holds after one load: rows per source and entity, rows that fail each rule, the index."""

    received: dict[tuple[str, str], int]
    failed: dict[str, list[Record]]
    index: dict[str, float]
    # (source, entity) whose records share rows of a file, such as the lines of an order.
    shared: set[tuple[str, str]]
    places: dict[tuple[str, str], Place]
    consents: Counter[Place]

    @classmethod
    def read(cls, warehouse: Path, rules: Sequence[Rule]) -> _Staged:
        received: dict[tuple[str, str], int] = {}
        failed: dict[str, list[Record]] = defaultdict(list)
        shared = set()
        with duckdb.connect(str(warehouse), read_only=True) as con:
            for entity in dict.fromkeys(rule.entity for rule in rules):
                table = f"staging.stg_all__{entity} AS s JOIN ledger.batches AS b USING (batch_id)"
                for source, rows, places in con.execute(
                    f"SELECT s.source, count(*), count(DISTINCT (batch_id, row_number)) FROM {table} GROUP BY 1"
                ).fetchall():
                    received[source, entity] = rows
                    if rows > places and entity != "consents":
                        shared.add((source, entity))
                for source, file, row, key, names in con.execute(
                    # The truth names what shipping costs by its own number alone.
                    "SELECT s.source, b.file, row_number, replace(split_part(record_key, '|', 2), 'shipping:', ''), "
                    "failed_rules "
                    f"FROM {table} WHERE failed_rules IS NOT NULL"
                ).fetchall():
                    for rule in names.split(", "):
                        failed[rule].append((source, file, row, key if (source, entity) in shared else ""))
            consents = Counter(
                {
                    (source, file, row): count
                    for source, file, row, count in con.execute(
                        "SELECT s.source, b.file, row_number, count(*) FROM staging.stg_all__consents AS s "
                        "JOIN ledger.batches AS b USING (batch_id) GROUP BY ALL"
                    ).fetchall()
                }
            )
            places = {
                (source, key): (source, file, row)
                for source, key, file, row in con.execute(
                    "SELECT s.source, key, b.file, row_number FROM ("
                    "SELECT source, call_id AS key, batch_id, row_number FROM staging.stg_all__calls "
                    "WHERE part_of IS NULL UNION ALL "
                    "SELECT source, response_id, batch_id, row_number FROM staging.stg_all__surveys"
                    ") AS s JOIN ledger.batches AS b USING (batch_id)"
                ).fetchall()
            }
            index = dict(
                con.execute(
                    "SELECT source, validity FROM marts.data_validity_index WHERE load_id NOT IN ('all', 'new')"
                ).fetchall()
            )
        return cls(received, failed, index, shared, places, consents)


class _Truth:
    """What the generator wrote down of a company."""

    def __init__(self, folder: Path) -> None:
        made = folder / "truth"
        self.errors = pl.read_parquet(made / "errors.parquet").filter(pl.col("rule").is_not_null())
        self.duplicates = pl.read_parquet(made / "duplicates.parquet").filter(pl.col("kind") != "older_version")
        orders = pl.read_parquet(made / "orders.parquet")
        self.nobody = orders.filter(~pl.col("is_linked") & (pl.col("source") == "tills") & pl.col("is_received"))
        self.hidden = pl.read_parquet(made / "calls.parquet").filter("is_withheld")["call_id"].to_list()
        self.anonymous = pl.read_parquet(made / "answers.parquet").filter("is_anonymous")["response_id"].to_list()
        self.received: dict[tuple[str, str], int] = defaultdict(int)
        for one in json.loads((made / "summary.json").read_text(encoding="utf-8"))["entities"]:
            self.received[one["source"], one["entity"]] += one["records"]
        self.spoiled: set[Place] = set(self.errors.select("source", "file", "row_number").iter_rows())
        self._firsts = self._first_places()

    @classmethod
    def read(cls, folder: Path) -> _Truth:
        return cls(folder)

    def _first_places(self) -> dict[Place, Place]:
        """The place of each copy -> the place of the record it repeats; of a post delivered again, by its key."""
        by_key = {
            (source, entity, key): (source, file, row)
            for source, entity, key, file, row in self.errors.select(
                "source", "entity", "record_key", "file", "row_number"
            ).iter_rows()
        }
        firsts = {}
        for source, file, row, entity, key, first, first_row in self.duplicates.select(
            "source", "file", "row_number", "entity", "record_key", "first_file", "first_row_number"
        ).iter_rows():
            found = (source, first, first_row) if first is not None else by_key.get((source, entity, key))
            if found is not None:
                firsts[source, file, row] = found
        return firsts

    def first_of(self, record: Record) -> Record:
        """The record, or the one that it is a copy of."""
        return (*self._firsts.get(record[:3], record[:3]), record[3])

    def injected(self, staged: _Staged) -> dict[str, set[Record]]:
        """Rule -> records with a value that was made wrong to break it, or that such a value brings with it."""
        made: dict[str, set[Record]] = defaultdict(set)
        for rule, source, entity, file, row, key in self.errors.select(
            "rule", "source", "entity", "file", "row_number", "record_key"
        ).iter_rows():
            made[rule].add((source, file, row, key if (source, entity) in staged.shared else ""))
        return made

    def expected(self, staged: _Staged, injected: dict[str, set[Record]]) -> dict[str, set[Record]]:
        """Rule -> records that must fail it: also of people who hide, or are not named, and shared values."""
        made = defaultdict(set, {rule: set(records) for rule, records in injected.items()})
        nobody = self.nobody.select("source", "file", "row_number").iter_rows()
        made["orders_customer_known"] |= {(source, file, row, "") for source, file, row in nobody}
        for rule, source, keys in (
            ("calls_caller_known", "phone", self.hidden),
            ("surveys_respondent_known", "survey", self.anonymous),
        ):
            places = [staged.places.get((source, key)) for key in keys]
            made[rule] |= {(*place, "") for place in places if place is not None}
        for rule, broken in SHARED.items():
            made[broken] |= {
                one
                for one in injected.get(rule, ())
                if staged.consents[one[:3]] and (one[0], broken) not in _NAMED_OTHERWISE
            }
        return made

    def failures(self, staged: _Staged, expected: dict[str, set[Record]]) -> Counter[tuple[str, str]]:
        """(source, rule) -> received records that must fail it, each as often as it came."""
        copies = Counter(self._firsts.values())
        failures: Counter[tuple[str, str]] = Counter()
        for rule, records in expected.items():
            for record in records:
                many = staged.consents[record[:3]] if rule.startswith("consents_") else 1
                failures[record[0], rule] += many * (1 + copies[record[:3]])
        return failures
