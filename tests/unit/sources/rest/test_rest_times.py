"""Times and numbers as APIs write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sources.rest.exact import line, parse
from sources.rest.times import field_of, iso, moment, retry_after

AT = datetime(2024, 5, 1, 8, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-01T08:15:30Z",
        "2024-05-01T10:15:30+02:00",
        "2024-05-01 08:15:30",
        "2024-05-01T08:15:30.000000000Z",
        "20240501T081530Z",
        "Wed, 01 May 2024 08:15:30 +0000",
        "Wed, 01 May 2024 08:15:30 GMT",
        1714551330,
        1714551330.0,
        "1714551330",
        1714551330000,
        "1714551330000",
        1714551330000000,
    ],
)
def test_every_way_to_write_a_time(written: object) -> None:
    assert moment(written) == AT


@pytest.mark.parametrize(
    "written", [None, "", "soon", True, 0, 7, 20240501, "1.5", float("nan"), 10**30, {}, "9999-99-99"]
)
def test_what_is_no_time(written: object) -> None:
    assert moment(written) is None


def test_times_become_text_that_sorts() -> None:
    assert iso(AT) == "2024-05-01T08:15:30.000000+00:00"
    assert iso(AT) < iso(AT.replace(microsecond=1))


def test_a_field_may_be_nested() -> None:
    record = {"call": {"updated": "x"}, "list": [1]}
    assert field_of(record, ("call", "updated")) == "x"
    assert field_of(record, ("call", "missing")) is None
    assert field_of(record, ("list", "updated")) is None


def test_retry_after() -> None:
    assert retry_after("7") == 7
    assert retry_after(" 1.5 ") == 1.5
    assert retry_after("Wed, 01 May 2024 08:15:30 GMT") == 0
    assert retry_after("later") is None
    assert retry_after(None) is None


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (b'{"a":"x","b":[1,2.5,null,true]}', b'{"a":"x","b":[1,2.5,null,true]}'),
        (b'{ "a" : 1.10 }', b'{"a":1.10}'),
        (b'{"a": [1E5, -0, 0.1000, 12345678901234567890123, 1.7976931348623157e309]}', None),
        (b'{"a":"caf\\u00e9 \\/ \\ud83d\\ude00"}', '{"a":"café / 😀"}'.encode()),
        (b'{"a":"cut \\ud83d"}', b'{"a":"cut \\ud83d"}'),
        (b'\xef\xbb\xbf{"a":1}', b'{"a":1}'),
        ('{"a":"é"}'.encode("utf-16"), '{"a":"é"}'.encode()),
    ],
)
def test_records_are_written_with_every_digit(body: bytes, written: bytes | None) -> None:
    expected = written if written is not None else body.replace(b" ", b"")
    assert line(parse(body)) == expected + b"\n"


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":1}}', b"<html>", b'{"a":NaN}', b"\xff\xfe\x00"])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
