"""Public sets of person records with a known truth, each as one frame of profiles, for `benchmarks.identity_accuracy`.

Reading maps columns and no more: values stay as they are, but for blanks around them, and dates become dates. The truth
stands in a frame of its own, which only the scoring sees.

- `fake_1000`: Splink's made-up records (https://moj-analytical-services.github.io/splink/demos/demos_index.html).
- `febrl1` to `febrl3`: made by the generator of FEBRL, Freely Extensible Biomedical Record Linkage (P. Christen, T.
  Churches: Australian National University, 2002). The social security number, which would give the truth away, is left
  out, and so is the record's id, which tells it: records are numbered in the order of the file.
- `rldata500`: from the R package RecordLinkage (M. Sariyar, A. Borg: The RecordLinkage Package, The R Journal 2(2),
  2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.identity_people import COLUMNS

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "identity"
SCHEMA = {name: pl.Date() if name == "birth_date" else pl.String() for name in COLUMNS}
TRUTH_COLUMNS = ("source", "source_record_id", "person_id")

Frames = tuple[pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class PublicSet:
    """One set.

    Attributes:
        name: of the set, which is also the source of its records.
        files: below the folder of the sets, all of which must be there.
        read: takes the files and returns profiles (COLUMNS) and truth (TRUTH_COLUMNS), one row per record each.
    """

    name: str
    files: tuple[str, ...]
    read: Callable[[str, list[Path]], Frames]

    def frames(self, folder: Path = FOLDER) -> Frames:
        """Read the set.

        Raises:
            FileNotFoundError: a file is missing; the message says which one.
        """
        paths = [folder / file for file in self.files]
        missing = [str(path) for path in paths if not path.is_file()]
        if missing:
            raise FileNotFoundError(f"{self.name} is not there: {', '.join(missing)}")
        return self.read(self.name, paths)


def _fake_1000(name: str, paths: list[Path]) -> Frames:
    rows = _texts(paths[0])
    profiles = rows.select(
        source_record_id="unique_id",
        first_name="first_name",
        last_name="surname",
        birth_date=pl.col("dob").str.to_date("%Y-%m-%d", strict=False),
        city="city",
        email="email",
    )
    return _frames(name, profiles, rows["cluster"])


def _febrl(name: str, paths: list[Path]) -> Frames:
    rows = _texts(paths[0])
    profiles = rows.with_row_index("row", 1).select(
        source_record_id=pl.col("row").cast(pl.String),
        first_name="given_name",
        last_name="surname",
        birth_date=pl.col("date_of_birth").str.to_date("%Y%m%d", strict=False),
        street=_together("street_number", "address_1"),
        postal_code="postcode",
        city="suburb",
        country_code=pl.lit("AU"),
    )
    return _frames(name, profiles, rows["rec_id"].str.extract(r"^rec-(\d+)-"))


def _rldata(name: str, paths: list[Path]) -> Frames:
    rows, truth = _texts(paths[0]), _texts(paths[1])
    profiles = rows.with_row_index("row", 1).select(
        source_record_id=pl.col("row").cast(pl.String),
        first_name=_together("fname_c1", "fname_c2"),
        last_name=_together("lname_c1", "lname_c2"),
        birth_date=pl.concat_str("by", "bm", "bd", separator="-").str.to_date("%Y-%m-%d", strict=False),
    )
    return _frames(name, profiles, truth.to_series())


SETS = (
    PublicSet("fake_1000", ("splink/fake_1000.csv",), _fake_1000),
    PublicSet("febrl1", ("febrl/dataset1.csv",), _febrl),
    PublicSet("febrl2", ("febrl/dataset2.csv",), _febrl),
    PublicSet("febrl3", ("febrl/dataset3.csv",), _febrl),
    PublicSet("rldata500", ("rldata/RLdata500.csv", "rldata/identity.RLdata500.csv"), _rldata),
)


def _texts(path: Path) -> pl.DataFrame:
    """All columns as text without blanks around names and values; what is empty or NA is missing."""
    rows = pl.read_csv(path, infer_schema=False)
    rows = rows.rename({column: column.strip() for column in rows.columns})
    stripped = pl.all().str.strip_chars()
    return rows.select(pl.when(~stripped.is_in(["", "NA"])).then(stripped))


def _together(*columns: str) -> pl.Expr:
    """What is there of some columns, in one text; null where nothing is."""
    text = pl.concat_str(*columns, separator=" ", ignore_nulls=True)
    return pl.when(text != "").then(text)


def _frames(name: str, profiles: pl.DataFrame, person: pl.Series) -> Frames:
    if person.len() != profiles.height or person.null_count():
        raise ValueError(f"{name}: {profiles.height} records, but {person.len() - person.null_count()} with a truth")
    profiles = profiles.with_columns(source=pl.lit(name))
    absent = [pl.lit(None).alias(column) for column in COLUMNS if column not in profiles.columns]
    told = profiles.with_columns(absent).select(pl.col(column).cast(kind) for column, kind in SCHEMA.items())
    return told, told.select("source", "source_record_id", person_id=person)
