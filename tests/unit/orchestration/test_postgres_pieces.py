"""What is sent to PostgreSQL at once: nothing of a stream is lost, and no piece is longer than a buffer."""

import pyarrow as pa
import pytest

from orchestration.postgres.connection import PIECE_BYTES, pieces


def stream(*batches):
    schema = pa.schema([("number", pa.int64()), ("text", pa.string())])
    made = [
        pa.record_batch([pa.array(range(rows)), pa.array([letters] * rows, pa.string())], schema=schema)
        for rows, letters in batches
    ]
    return pa.RecordBatchReader.from_batches(schema, made), pa.Table.from_batches(made, schema=schema)


@pytest.mark.parametrize(
    "batches",
    [
        (),
        ((0, ""),),
        ((1, "x"), (0, ""), (3, None)),
        ((20_000, "a word"), (7, "x" * 3_000)),
        ((3, "x" * PIECE_BYTES),),  # a row that is longer than a piece goes by itself
    ],
)
def test_pieces_are_the_stream(batches):
    reader, whole = stream(*batches)
    found = list(pieces(reader))
    assert pa.Table.from_batches(found, schema=whole.schema).equals(whole)
    assert all(piece.num_rows == 1 or piece.nbytes <= 1.1 * PIECE_BYTES for piece in found)
    assert all(piece.num_rows for piece in found)


def test_pieces_are_few():
    reader, whole = stream((100_000, "a word"))
    assert len(list(pieces(reader))) < 2 + whole.nbytes / (0.5 * PIECE_BYTES)
