"""`python -m benchmarks.validity`: how many of the wrong values in the sample company the rules find.

The settings stand here and were chosen before anything was measured. Each company is generated, loaded and staged as
in a run, and compared with the truth beside it (`benchmarks.injected`); the counts of all seeds are added up per rule.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.injected import Comparison, RuleLine, compare, stage
from benchmarks.measure import machine

RESULTS = Path(__file__).resolve().parent / "results"
CUSTOMERS = 3000
SEEDS = (7, 11, 23, 42, 101)
#: The goals: recall and precision of each rule, and how far the index may be from the true share.
SHARE, DISTANCE = 0.99, 0.002


def main() -> None:
    """Measure, print and write `results/validity.md`; the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validity", description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help=f"of each company (default: {CUSTOMERS:,})")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    given = parser.parse_args()
    found = {seed: measure(given.customers, seed) for seed in given.seeds}
    text = as_markdown(found, given.customers)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "validity.md").write_text(text, encoding="utf-8")
    print(text)
    if misses(found):
        sys.exit(1)


def measure(customers: int, seed: int) -> Comparison:
    """Generate, stage and compare one company in a folder that is gone afterwards."""
    from sources.sample.generator import generate

    with tempfile.TemporaryDirectory(prefix="regulars-validity-") as place:
        folder = Path(place) / "company"
        generate(folder, customers=customers, seed=seed)
        return compare(folder, stage(folder, Path(place) / "home"))


def added_up(found: dict[int, Comparison]) -> list[RuleLine]:
    """Every rule over all companies."""
    first, *others = found.values()
    lines = first.lines
    for other in others:
        lines = [one + two for one, two in zip(lines, other.lines, strict=True)]
    return lines


def misses(found: dict[int, Comparison]) -> list[str]:
    """What misses a goal, in words."""
    missed = []
    for line in added_up(found):
        for name, share in (("recall", line.recall), ("precision", line.precision)):
            if share is not None and share < SHARE:
                missed.append(f"{name} of {line.rule} is {share:.4f}")
    for seed, comparison in found.items():
        for source, (measured, true) in comparison.index.items():
            if abs(measured - true) > DISTANCE:
                missed.append(f"the index of {source} (seed {seed}) is {measured:.6f}, the true share {true:.6f}")
    return missed


def as_markdown(found: dict[int, Comparison], customers: int) -> str:
    """The results as text and tables."""
    versions = ", ".join(f"{key} {value}" for key, value in machine().items())
    lines, missed = added_up(found), misses(found)
    injected = [line for line in lines if line.injected]
    others = [line for line in lines if not line.injected and (line.expected or line.follows or line.false)]
    silent = [line.rule for line in lines if not (line.injected or line.expected or line.follows or line.false)]
    records = sum(one.records for one in found.values())
    text = [
        "# How many of the injected errors the rules find",
        "",
        f"{datetime.now(UTC).date().isoformat()}, {versions}. `python -m benchmarks.validity --customers {customers} "
        f"--seeds {' '.join(str(seed) for seed in found)}`: {len(found)} sample companies, {records:,} staged records, "
        f"{sum(line.injected for line in injected):,} of them with an injected error.",
        "",
        f"Goals: recall and precision of each rule at least {SHARE:.2f}, the index at most {DISTANCE} from the true "
        f"share. {'All are met.' if not missed else 'MISSED: ' + '; '.join(missed) + '.'}",
        "",
        "## Rules that errors were injected for",
        "",
        "False: records that fail the rule although nothing was injected for it there, whatever else is wrong with "
        "them.",
        "",
        "| rule | injected | found | missed | false | recall | precision |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {line.rule} | {line.expected:,} | {line.found:,} | {line.expected - line.found:,} | {line.false:,} "
            f"| {_share(line.recall)} | {_share(line.precision)} |"
            for line in injected
        ),
        "",
        "## Rules that fail without an error of their own",
        "",
        "Expected: receipts without a card and callers who hide their number, by the truth; and consents, which models "
        "make from records that have an injected error. Follows: another injected error of the same record brings it "
        "about, such as an order whose only address is unusable. False: nothing explains it.",
        "",
        "| rule | expected | found | missed | follows | false |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {line.rule} | {line.expected:,} | {line.found:,} | {line.expected - line.found:,} | {line.follows:,} "
            f"| {line.false:,} |"
            for line in others
        ),
        "",
        "## Rules that nothing was injected for",
        "",
        f"{len(silent)} of {len(lines)}; none of them found anything, so their precision is not measured here. That "
        "each fires on its defect and on no other is shown in tests/integration/test_every_rule.py.",
        "",
        ", ".join(silent) + ".",
        "",
        "## The index",
        "",
        "Over all records received. The true share is worked out from the truth: records written, and how many of "
        "them break each rule; from staging comes only how many consents a record makes, and the records of entities "
        "that the truth does not count (campaigns seen in mail, identities of the app). What follows from an injected "
        "error is not part of the truth, which is the difference.",
        "",
        "| seed | source | index | true share | difference |",
        "| ---: | --- | ---: | ---: | ---: |",
        *(
            f"| {seed} | {source} | {measured:.6f} | {true:.6f} | {measured - true:+.6f} |"
            for seed, one in found.items()
            for source, (measured, true) in _worst_first(one.index)
        ),
    ]
    return "\n".join(text) + "\n"


def _worst_first(index: dict[str, tuple[float, float]]) -> Sequence[tuple[str, tuple[float, float]]]:
    """All sources together, then the two sources farthest from the truth."""
    sources = sorted((name for name in index if name != "all"), key=lambda name: -abs(index[name][0] - index[name][1]))
    return [(name, index[name]) for name in ("all", *sources[:2])]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    main()
