"""`python -m benchmarks.identity_probable`: what probable links cost: a million records, growth, one per cent more.

Records are those of `benchmarks.identity_people`. Each measurement has a process of its own, from records as they would
come out of the warehouse to customers: making comparable, comparing, joining. Beside the full run stands DuckDB reading
and writing the same records once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from math import log
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.measure import machine

RESULTS = Path(__file__).resolve().parent / "results"
SIZES = (100_000, 1_000_000)
MORE = 0.01
LIMITS = {"seconds": 300, "gigabytes": 8.0, "exponent": 1.15, "more": 0.10}


def main() -> None:
    """Measure, print and write `results/identity_probable.md` and `.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity_probable", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=SIZES, help="records of the small and the large set")
    parser.add_argument("--measure", choices=("full", "more", "copy"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(_measure(given.measure, given.folder)))
        return
    with tempfile.TemporaryDirectory() as place:
        found = [_of_size(Path(place) / str(size), size) for size in given.sizes]
    small, large = found
    exponent = log(large["full"]["cpu"] / small["full"]["cpu"]) / log(large["records"] / small["records"])
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "sizes": found,
        "exponent": round(exponent, 3),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "identity_probable.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / "identity_probable.md").write_text(text, encoding="utf-8")
    print(text)


def _of_size(folder: Path, size: int) -> dict[str, Any]:
    """Draw the records, and measure in processes of their own."""
    from benchmarks.identity_people import people

    folder.mkdir()
    profiles, _ = people(size)
    profiles.write_parquet(folder / "profiles.parquet")
    del profiles
    measured: dict[str, Any] = {"records": size}
    for name in ("copy", "full", "more"):
        load = os.getloadavg()[0]
        command = [sys.executable, "-m", "benchmarks.identity_probable", "--measure", name, "--folder", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        measured[name] = {**json.loads(done.stdout.splitlines()[-1]), "load_before": round(load, 1)}
        print(size, name, measured[name], flush=True)
    return measured


def _measure(what: str, folder: Path) -> dict[str, Any]:
    if what == "copy":
        return _copy(folder)
    import polars as pl

    from benchmarks.identity_link import familiar, link
    from models.identity.probable import KEY, ProbableSettings
    from models.identity.profiles import prepare
    from models.identity.training import Model

    familiar()
    profiles = pl.read_parquet(folder / "profiles.parquet")
    new = profiles.sample(fraction=MORE, seed=5)
    old = profiles.join(new, on=KEY, how="anti")
    always = ProbableSettings(always_train_below=0)
    begun, used = perf_counter(), process_time()
    if what == "full":
        found = link(old, settings=always)
        taken = _taken(begun, used)
        found.prepared.write_parquet(folder / "prepared.parquet")
        found.probable.pairs.write_parquet(folder / "pairs.parquet")
        found.result.records.write_parquet(folder / "records.parquet")
        assert found.probable.model is not None
        (folder / "model.json").write_text(found.probable.model.to_json(), encoding="utf-8")
    else:
        before = pl.read_parquet(folder / "prepared.parquet")
        prepared = pl.concat([before, prepare(new, familiar())]).sort(KEY)
        found = link(
            profiles,
            prepared=prepared,
            previous=pl.read_parquet(folder / "records.parquet"),
            settings=always,
            model=Model.from_json((folder / "model.json").read_text(encoding="utf-8")),
            known=pl.read_parquet(folder / "pairs.parquet"),
            changed=new.select(KEY),
        )
        taken = _taken(begun, used)
    return {**taken, "compared": found.probable.compared, "customers": found.result.report.customers}


def _copy(folder: Path) -> dict[str, Any]:
    """DuckDB reads and writes the records once."""
    from benchmarks.identity_link import work_space

    begun, used = perf_counter(), process_time()
    with work_space() as con:
        con.execute(f"COPY (FROM '{folder / 'profiles.parquet'}') TO '{folder / 'copy.parquet'}'")
    return _taken(begun, used)


def _taken(begun: float, used: float) -> dict[str, float]:
    return {
        "seconds": round(perf_counter() - begun, 1),
        "cpu": round(process_time() - used, 1),
        "gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


def as_markdown(record: dict[str, Any]) -> str:
    """The results as a table, with the limits."""
    large = record["sizes"][-1]
    shares = {kind: large["more"][kind] / large["full"][kind] for kind in ("seconds", "cpu")}
    versions = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    lines = [
        "# Probable links: what they cost",
        "",
        f"{record['date']}, {versions}. `python -m benchmarks.identity_probable`: records of "
        "`benchmarks/identity_people.py`, from what the sources say to customers. The machine is shared; the load "
        "before each measurement stands beside it.",
        "",
        "| records | what | seconds | of the processors | peak GB | pairs compared | load before |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    words = {"copy": "DuckDB reads and writes them once", "full": "trained and linked", "more": "1 % more"}
    for one in record["sizes"]:
        for name, said in words.items():
            taken = one[name]
            lines.append(
                f"| {one['records']:,} | {said} | {taken['seconds']:.1f} | {taken['cpu']:.1f} "
                f"| {taken['gigabytes']:.2f} | {taken.get('compared', 0):,} | {taken['load_before']} |"
            )
    full = large["full"]
    lines += [
        "",
        "| figure | found | limit | |",
        "| --- | ---: | ---: | --- |",
        _row(f"seconds for {large['records']:,} records", full["seconds"], LIMITS["seconds"]),
        _row("peak memory, GB", full["gigabytes"], LIMITS["gigabytes"]),
        _row("exponent of growth, of processor time", record["exponent"], LIMITS["exponent"]),
        _row("1 % more, share of the full processor time", round(shares["cpu"], 3), LIMITS["more"]),
        _row("1 % more, share of the full seconds", round(shares["seconds"], 3), LIMITS["more"]),
    ]
    return "\n".join(lines) + "\n"


def _row(what: str, found: float, limit: float) -> str:
    return f"| {what} | {found} | {limit} | {'met' if found <= limit else '**missed**'} |"


if __name__ == "__main__":
    main()
