"""A toy vendor for tests: objects of all kinds, asked from a local server, loaded into either kind of place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import duckdb

from sources.files import ledger
from sources.files.cursors import ensure_cursors
from sources.files.sink import TableSink
from sources.files.sink_parquet import ParquetSink
from sources.files.store import RawStore
from sources.rest.auth import Bearer
from sources.rest.client import RestClient
from sources.rest.fetch import ApiReport, load_api
from sources.rest.times import iso
from sources.vendor import ApiSettings, Cursor, Vendor, VendorObject, VendorSource, source_class

SECRET = "shpat_0123456789abcdef"
FIRST = datetime(2024, 5, 1, 8, tzinfo=UTC)


class ToySettings(ApiSettings):
    secrets: ClassVar[tuple[str, ...]] = ("token",)
    token: str = SECRET

    def client(self) -> RestClient:
        return RestClient.of(self, "https://toy.example", auth=Bearer(self.token))


def _pages(path: str) -> Any:
    def pages(client: RestClient, settings: ToySettings, since: datetime | None) -> Iterator[Sequence[Any]]:
        from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

        params = {} if since is None else {"since": iso(since)}
        paginator = JSONResponseCursorPaginator(cursor_path="next", cursor_param="page")
        yield from client.paginate(path, params=params, data_selector="records", paginator=paginator)

    return pages


def _object(name: str, cursor: Cursor | None) -> VendorObject:
    return VendorObject(
        name=name,
        says="A record.",
        docs="https://toy.example/docs",
        fields=("id", "updated_at", "total", "lines"),
        entities=("orders",),
        pages=_pages(f"/{name}"),
        cursor=cursor,
    )


TOY = Vendor(
    name="toy",
    label="Toy",
    channel="shop",
    docs="https://toy.example/docs",
    objects=(
        _object("orders", Cursor("updated_at")),
        _object("messages", Cursor("updated_at", ascending=False)),
        _object("products", None),
    ),
    api=ToySettings,
)
TOY_SOURCE = source_class(TOY)


def source(url: str, objects: Sequence[str] = ("orders",), **api: Any) -> VendorSource:
    """A source of the toy vendor."""
    settings = {"base_url": url, "timeout_seconds": 2, "max_attempts": 3, "look_back_minutes": 10} | api
    return TOY_SOURCE.model_validate(
        {"type": "toy", "owner": "shop@example.com", "api": settings, "objects": list(objects)}
    )


def records(first: int, last: int, **more: Any) -> list[dict[str, Any]]:
    """Records number first to last - 1, one a minute."""
    return [
        {
            "id": number,
            "updated_at": iso(FIRST + timedelta(minutes=number)),
            "total": f"{number}.50",
            "lines": [{"sku": f"s{number % 7}", "quantity": 1}],
            **more,
        }
        for number in range(first, last)
    ]


@dataclass
class Place:
    """Where rows go in a test, opened anew for every load, as a run does."""

    kind: str
    folder: Path

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    def load(self, settings: VendorSource, load_id: str, **more: Any) -> ApiReport:
        if self.kind == "duckdb":
            with duckdb.connect(str(self.folder / "warehouse.duckdb")) as con:
                con.execute("SET TimeZone = 'UTC'")
                return self._load(con, TableSink(con, "shop", load_id), settings, load_id, more)
        store = RawStore(self.folder / "place", self.folder / "work")
        with store.open() as con:
            return self._load(con, ParquetSink(con, store, "shop", load_id), settings, load_id, more)

    def _load(self, con: Any, sink: Any, settings: VendorSource, load_id: str, more: dict[str, Any]) -> ApiReport:
        sink.begin()
        ledger.ensure_ledger(con)
        return load_api(con, "shop", settings, landing=self.landing, load_id=load_id, sink=sink, **more)

    def query(self, query: str, dataset: str = "orders") -> list[tuple[Any, ...]]:
        """Run a query on `raw` (the rows that count, empty before the first) and the ledger."""
        if self.kind == "duckdb":
            with duckdb.connect(str(self.folder / "warehouse.duckdb")) as con:
                ledger.ensure_ledger(con)
                ensure_cursors(con)
                there = con.execute(
                    "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'raw_shop' AND table_name = ?", [dataset]
                ).fetchall()
                origin = f"SELECT * FROM raw_shop.{dataset}" if there else None
                return self._query(con, origin, query)
        store = RawStore(self.folder / "place", self.folder / "work")
        with store.open(read_only=True) as con:
            ledger.ensure_ledger(con)
            ensure_cursors(con)
            files = con.execute("SELECT file FROM ledger.raw_files WHERE dataset = ?", [dataset]).fetchall()
            paths = [str(Path(store.raw_folder("shop", dataset)) / file) for (file,) in files]
            origin = (
                f"SELECT f.* FROM read_parquet({paths}, union_by_name = true) AS f "
                "SEMI JOIN ledger.batches AS b ON b.batch_id = f._batch_id AND b.load_id = f._load_id"
            )
            return self._query(con, origin if paths else None, query)

    def _query(self, con: Any, origin: str | None, query: str) -> list[tuple[Any, ...]]:
        nothing = "SELECT NULL::VARCHAR AS id, NULL::VARCHAR AS total, NULL::VARCHAR AS _batch_id WHERE FALSE"
        con.execute(f"CREATE TEMP VIEW raw AS {origin or nothing}")
        rows = con.execute(query).fetchall()
        # Whatever was loaded is in the ledger, batch by batch.
        assert (
            con.execute(
                "SELECT * FROM (SELECT _batch_id AS id, count(*) AS n FROM raw GROUP BY 1) AS r "
                "JOIN ledger.batches AS b ON b.batch_id = r.id WHERE n <> rows_received"
            ).fetchall()
            == []
        )
        return rows

    def ids(self, dataset: str = "orders") -> list[int]:
        """The ids of all rows, sorted."""
        return [int(one) for (one,) in self.query("SELECT id FROM raw ORDER BY id::BIGINT", dataset)]

    def cursor(self, dataset: str = "orders") -> str | None:
        """The cursor that is kept."""
        rows = self.query(f"SELECT cursor FROM ledger.cursors WHERE dataset = '{dataset}'", dataset)
        return rows[0][0] if rows else None

    def left(self) -> list[str]:
        """Files left in the landing folder."""
        return sorted(path.name for path in self.landing.rglob("*") if path.is_file())
