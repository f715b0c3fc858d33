"""One page of each object, for whoever sets a source up."""

from __future__ import annotations

import pytest

from sources.rest.probe import probe
from sources.rest.times import iso
from tests.rest_server import Answer, RestServer
from tests.unit.sources.rest.toy import FIRST, SECRET, records, source


def test_a_probe_says_what_it_saw(server: RestServer) -> None:
    page = Answer(json={"records": records(0, 3, colour="red"), "next": "2"}, headers={"X-RateLimit-Remaining": "9"})
    server.script("/orders", page)
    (seen,) = probe("shop", source(server.url))
    assert seen.problem is None
    assert (seen.object, seen.records, seen.days) == ("orders", 3, 7)
    assert seen.fields == ("id", "updated_at", "total", "lines", "colour")
    assert seen.new_fields == ("colour",)
    assert seen.cursor == iso(FIRST.replace(minute=2))
    assert seen.limits == {"X-RateLimit-Remaining": "9"}
    # One page, however many there are.
    assert len(server.asked) == 1


def test_a_quiet_week_is_followed_by_a_look_at_the_year(server: RestServer) -> None:
    server.script("/orders", Answer(json={"records": [], "next": None}), Answer(json={"records": [{"id": 1}]}))
    (seen,) = probe("shop", source(server.url))
    assert (seen.records, seen.days, seen.cursor) == (1, 365, None)


def test_a_wrong_credential_is_told_once(server: RestServer) -> None:
    server.script("/orders", Answer(401, json={"error": SECRET}))
    server.script("/products", Answer(401))
    (seen,) = probe("shop", source(server.url, ["orders", "products"]))
    assert seen.problem is not None
    assert "the credential was refused (401)" in str(seen.problem)
    assert SECRET not in repr(seen)


def test_a_missing_right_is_told_of_its_object(server: RestServer) -> None:
    server.script("/orders", Answer(403))
    server.script("/products", Answer(json={"records": [{"id": 1}], "next": None}))
    first, second = probe("shop", source(server.url, ["orders", "products"]))
    assert "403" in str(first.problem)
    assert (second.records, second.days) == (1, None)


def test_one_object_is_probed_and_an_unknown_one_refused(server: RestServer) -> None:
    server.script("/products", Answer(json={"records": [], "next": None}))
    settings = source(server.url, ["orders", "products"])
    assert [seen.object for seen in probe("shop", settings, "products")] == ["products"]
    with pytest.raises(KeyError):
        list(probe("shop", settings, "refunds"))
