"""Writes the finished datasets and the truth about them. Equal frames become equal bytes."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import polars as pl

from tests.plain_bakehouse.dataset import Dataset
from tests.plain_bakehouse.dirt import Finished


def write_dataset(out: Path, finished: Finished) -> dict[str, int]:
    """Write the dataset's files below `out`; return the size in bytes of each, by path below `out`."""
    sizes: dict[str, int] = {}
    columns = finished.dataset.columns
    parts = finished.frame.partition_by("_file", as_dict=True, maintain_order=True)
    for (name,), part in parts.items():
        path = out / str(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = _bytes(finished.dataset, part.select(columns), packed=path.suffix == ".gz")
        path.write_bytes(content)
        sizes[str(name)] = len(content)
    return sizes


def _bytes(dataset: Dataset, frame: pl.DataFrame, *, packed: bool) -> bytes:
    buffer = io.BytesIO()
    if dataset.format == "parquet":
        frame.write_parquet(buffer, compression="zstd", statistics=True)
    elif dataset.format == "jsonl":
        frame.write_ndjson(buffer)
    else:
        frame.write_csv(buffer, separator=dataset.separator)
    content = buffer.getvalue()
    if dataset.encoding != "utf-8":
        content = content.decode("utf-8").encode(dataset.encoding)
    if packed:
        # No time and no name in the header: the same records give the same bytes, today and tomorrow.
        content = gzip.compress(content, compresslevel=6, mtime=0)
    return content


def write_truth(
    out: Path,
    finished: list[Finished],
    people: pl.DataFrame,
    visitors: pl.DataFrame,
    arguments: dict[str, Any],
) -> list[dict[str, Any]]:
    """Write people.csv, visitors.csv, errors.csv, duplicates.csv and summary.json to `out/truth`.

    Returns:
        The counts of the summary: one entry per source, dataset and entity with records, invalid, invalid_fields
        (only a value is wrong, the record counts as valid) and duplicates.
    """
    folder = out / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    errors = pl.concat([part.errors for part in finished])
    duplicates = pl.concat([part.duplicates for part in finished])
    references(finished, people).write_csv(folder / "people.csv")
    visitors.write_csv(folder / "visitors.csv")
    errors.write_csv(folder / "errors.csv")
    duplicates.write_csv(folder / "duplicates.csv")
    counts = [_counts(part, entity, errors, duplicates) for part in finished for entity in part.dataset.entities]
    total = {
        name: sum(int(count[name]) for count in counts)
        for name in ("records", "invalid", "invalid_fields", "duplicates")
    }
    summary = {"arguments": arguments, "total": total, "entities": counts}
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return counts


def references(finished: list[Finished], people: pl.DataFrame) -> pl.DataFrame:
    """Who is behind each reference of a record that is not invalid: person_id, source, source_record_id."""
    parts = []
    for part in finished:
        known = part.frame.filter(pl.col("_counts") & (pl.col("_person") >= 0) & pl.col("_ref").is_not_null())
        if "orders" in part.dataset.entities:  # a line without its order's number makes no order
            known = known.filter(pl.col(part.dataset.key["orders"]).is_not_null())
        person = people["person_id"].gather(known["_person"])
        parts.append(
            known.select(person_id=person, source=pl.lit(part.dataset.source), source_record_id=pl.col("_ref"))
        )
    return pl.concat(parts).unique().sort("person_id", "source", "source_record_id")


def _counts(part: Finished, entity: str, errors: pl.DataFrame, duplicates: pl.DataFrame) -> dict[str, Any]:
    dataset, frame = part.dataset, part.frame
    mine = (pl.col("source") == dataset.source) & (pl.col("dataset") == dataset.name) & (pl.col("entity") == entity)
    of_entity = errors.filter(mine)
    if entity == dataset.entities[0]:
        records = frame.height
    else:  # one record per key and file, as the company file maps it
        records = frame.filter(pl.col(dataset.key[entity]).is_not_null()).n_unique(["_file", dataset.key[entity]])
    return {
        "source": dataset.source,
        "dataset": dataset.name,
        "entity": entity,
        "records": records,
        "invalid": of_entity.filter(pl.col("severity") == "record").height,
        "invalid_fields": of_entity.filter(pl.col("severity") == "field").height,
        "duplicates": duplicates.filter(mine).height,
    }
