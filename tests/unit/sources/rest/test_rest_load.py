"""Objects of an API in the raw layer: every record once, with a cursor that never lies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sources.rest import sweep
from sources.rest.times import iso
from tests.rest_server import Answer, RestServer
from tests.unit.sources.rest.toy import FIRST, Place, records, source


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of three pages."""
    monkeypatch.setattr(sweep, "SEGMENT_PAGES", 3)


def _at(minute: int) -> str:
    return iso(FIRST + timedelta(minutes=minute))


def _changed_since(asked, everything):
    return [one for one in everything if one["updated_at"] >= asked.one("since")]


def test_all_pages_arrive_as_received(server: RestServer, place: Place) -> None:
    server.pages("/orders", lambda _: records(0, 95))
    report = place.load(source(server.url), "load-1")
    assert report.problems == []
    assert report.notices == []
    assert place.ids() == list(range(95))
    assert place.query("SELECT total, lines FROM raw WHERE id = '7'") == [("7.50", '[{"sku":"s0","quantity":1}]')]
    # Ten pages, three a segment.
    assert [outcome.received for _, outcome in report.outcomes] == [30, 30, 30, 5]
    (done,) = report.objects
    assert (done.pages, done.records, done.is_complete, done.cursor) == (10, 95, True, _at(94))
    assert place.cursor() == _at(94)
    assert place.left() == []


def test_numbers_keep_every_digit(server: RestServer, place: Place) -> None:
    body = b'{"records": [{"id": 1, "total": 1.10, "lines": [{"price": 10.00, "n": 1e3}]}], "next": null}'
    server.script("/orders", Answer(body=body))
    place.load(source(server.url), "load-1")
    assert place.query("SELECT total, lines FROM raw") == [("1.10", '[{"price":10.00,"n":1e3}]')]


def test_the_next_load_asks_from_the_cursor_less_the_look_back(server: RestServer, place: Place) -> None:
    server.pages("/orders", lambda asked: _changed_since(asked, records(0, 40)))
    place.load(source(server.url), "load-1")
    server.pages("/orders", lambda asked: _changed_since(asked, records(0, 45)))
    report = place.load(source(server.url), "load-2")
    assert server.asked[-1].one("since") == _at(29)
    (done,) = report.objects
    # 29 to 39 came again, unchanged: they are known, and only the new ones are rows.
    assert (done.records, done.known) == (16, 11)
    assert place.ids() == list(range(45))
    assert place.cursor() == _at(44)


def test_a_load_without_anything_new_adds_nothing(server: RestServer, place: Place) -> None:
    server.pages("/orders", lambda asked: _changed_since(asked, records(0, 40)))
    for load in range(3):
        report = place.load(source(server.url), f"load-{load}")
    assert report.outcomes == []
    assert place.ids() == list(range(40))
    assert place.query("SELECT count(*) FROM ledger.batches") == [(2,)]


def test_a_record_that_changed_is_a_new_row_beside_the_old_one(server: RestServer, place: Place) -> None:
    server.pages("/orders", lambda asked: _changed_since(asked, records(0, 20)))
    place.load(source(server.url), "load-1")
    changed = [*records(0, 5), *records(6, 20), records(5, 6)[0] | {"updated_at": _at(30), "total": "0.00"}]
    server.pages("/orders", lambda asked: _changed_since(asked, changed))
    place.load(source(server.url), "load-2")
    assert place.query("SELECT total FROM raw WHERE id = '5' ORDER BY total") == [("0.00",), ("5.50",)]
    assert len(place.ids()) == 21


def test_late_records_within_the_look_back_are_found(server: RestServer, place: Place) -> None:
    server.pages("/orders", lambda asked: _changed_since(asked, [*records(0, 18), *records(19, 25)]))
    place.load(source(server.url), "load-1")
    server.pages("/orders", lambda asked: _changed_since(asked, records(0, 25)))
    assert place.load(source(server.url), "load-2").problems == []
    assert place.ids() == list(range(25))


def test_duplicates_and_disorder_within_the_look_back_are_no_matter(server: RestServer, place: Place) -> None:
    shuffled = [*records(0, 10), *records(12, 20), *records(10, 12), *records(9, 11), *records(20, 30)]
    server.pages("/orders", lambda _: shuffled)
    report = place.load(source(server.url), "load-1")
    assert report.notices == []
    # As received: what comes twice is twice in the raw layer.
    assert place.ids() == sorted(one["id"] for one in shuffled)
    assert place.cursor() == _at(29)


def test_pages_that_go_backwards_are_told_and_keep_the_cursor_back(server: RestServer, place: Place) -> None:
    def answer(asked):
        page = asked.number("page")
        if page == 6:
            return Answer(500)
        of_page = records(100, 110) if page < 4 else records(0, 10)
        return Answer(json={"records": [one | {"page": page} for one in of_page], "next": page + 1})

    server.route("/orders", answer)
    report = place.load(source(server.url), "load-1")
    assert "answers 500 after 3 tries" in report.problems[0].problem
    assert len(report.notices) == 1
    assert "goes backwards" in report.notices[0][1]
    # The whole segment is there, the part after it is not, and neither is a cursor.
    assert len(place.ids()) == 30
    assert place.cursor() is None


def test_a_cursor_that_goes_back_does_not_take_ours_along(server: RestServer, place: Place) -> None:
    server.pages("/orders", lambda _: records(5000, 5010))
    place.load(source(server.url), "load-1")
    server.pages("/orders", lambda _: records(0, 10))
    report = place.load(source(server.url), "load-2")
    assert report.problems == []
    assert "before the time that was asked for" in report.notices[0][1]
    assert len(place.ids()) == 20
    assert place.cursor() == _at(5009)


def test_times_ahead_and_missing_times_do_not_move_the_cursor(server: RestServer, place: Place) -> None:
    ahead = iso(datetime.now(UTC) + timedelta(days=2))
    odd = [
        {"id": 100, "updated_at": ahead},
        {"id": 101},
        {"id": 102, "updated_at": "soon"},
        {"id": 103, "updated_at": 7},
    ]
    server.pages("/orders", lambda _: [*records(0, 5), *odd])
    report = place.load(source(server.url), "load-1")
    assert len(place.ids()) == 9
    assert place.cursor() == _at(4)
    assert [text.split(" ")[0] for _, text in report.notices] == ["3", "1"]


def test_a_sweep_without_order_moves_the_cursor_only_when_it_is_complete(server: RestServer, place: Place) -> None:
    newest_first = records(0, 95)[::-1]
    pages = {"broken": True}

    def answer(asked):
        page = asked.number("page")
        if page == 8 and pages["broken"]:
            return Answer(503)
        more = page * 10 < len(newest_first)
        return Answer(json={"records": newest_first[page * 10 - 10 : page * 10], "next": page + 1 if more else None})

    server.route("/messages", answer)
    settings = source(server.url, ["messages"])
    report = place.load(settings, "load-1")
    assert len(report.problems) == 1
    assert not report.objects[0].is_complete
    assert place.cursor("messages") is None
    assert place.ids("messages") == []
    pages["broken"] = False
    assert place.load(settings, "load-2").problems == []
    assert place.ids("messages") == list(range(95))
    assert place.cursor("messages") == _at(94)
    assert place.left() == []


def test_an_object_without_cursor_is_fetched_whole_and_the_same_pages_add_nothing(
    server: RestServer, place: Place
) -> None:
    catalogue = records(0, 95)
    server.pages("/products", lambda _: catalogue)
    settings = source(server.url, ["products"])
    place.load(settings, "load-1")
    report = place.load(settings, "load-2")
    assert {outcome.status for _, outcome in report.outcomes} == {"known_content"}
    assert len(place.ids("products")) == 95
    catalogue[94] = catalogue[94] | {"total": "1.00"}
    report = place.load(settings, "load-3")
    assert [outcome.status for _, outcome in report.outcomes] == [*["known_content"] * 3, "loaded"]
    assert len(place.ids("products")) == 100
    assert place.query("SELECT count(*) FROM ledger.files", "products") == [(5,)]


def test_an_object_that_fails_keeps_neither_others_nor_its_own_progress_back(server: RestServer, place: Place) -> None:
    everything = records(0, 95)

    def answer(asked):
        page = asked.number("page")
        wanted = _changed_since(asked, everything)
        if page == 5 and not asked.one("since"):
            return Answer(500)
        more = page * 10 < len(wanted)
        return Answer(json={"records": wanted[page * 10 - 10 : page * 10], "next": page + 1 if more else None})

    server.route("/orders", answer)
    server.pages("/products", lambda _: records(0, 5))
    report = place.load(source(server.url, ["orders", "products"]), "load-1")
    assert [(one.object, one.is_complete) for one in report.objects] == [("orders", False), ("products", True)]
    assert place.ids() == list(range(40))
    assert place.ids("products") == list(range(5))
    assert place.cursor() == _at(39)
    report = place.load(source(server.url), "load-2")
    assert report.problems == []
    assert report.objects[0].since == FIRST + timedelta(minutes=29)
    assert place.ids() == list(range(95))


def test_a_page_that_repeats_is_told_and_one_that_never_ends_is_given_up(server: RestServer, place: Place) -> None:
    def answer(asked):
        page = asked.number("page")
        shown = {1: 0, 2: 10, 3: 10, 4: 20}.get(page, 30)
        return Answer(json={"records": records(shown, shown + 10), "next": page + 1})

    server.route("/orders", answer)
    report = place.load(source(server.url), "load-1")
    assert "the same page came 3 times in a row" in str(report.problems[0])
    assert "3 pages were the same as the page before" in report.notices[0][1]
    assert len(server.asked) == 7
    # All of them as received; what comes twice is a duplicate.
    assert place.ids() == sorted([*range(40), *range(10, 20), *range(30, 40)])


def test_empty_pages_without_end_are_given_up(
    server: RestServer, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "EMPTY_PAGES", 5)
    server.route("/orders", lambda asked: Answer(json={"records": [], "next": asked.number("page") + 1}))
    report = place.load(source(server.url), "load-1")
    assert "always more" in report.problems[0].problem
    assert len(server.asked) == 5


def test_an_earlier_start_fetches_everything_anew(server: RestServer, place: Place) -> None:
    asked_for = []

    def changed(asked):
        asked_for.append(asked.one("since"))
        return _changed_since(asked, records(0, 40))

    server.pages("/orders", changed)
    place.load(source(server.url, start="2024-05-01"), "load-1")
    place.load(source(server.url, start="2024-05-01"), "load-2")
    place.load(source(server.url, start="2024-01-01"), "load-3")
    place.load(source(server.url, start="2024-01-01"), "load-4")
    assert [bool(one) for one in dict.fromkeys(asked_for)] == [False, True]
    assert asked_for.count("") == 8
    assert place.cursor() == _at(39)


def test_a_load_that_is_stopped_keeps_what_came(server: RestServer, place: Place) -> None:
    server.pages("/orders", lambda _: records(0, 95))
    report = place.load(source(server.url), "load-1", stop=lambda: len(server.asked) >= 5)
    assert report.problems == []
    assert not report.objects[0].is_complete
    seen = place.ids()
    assert seen == list(range(len(seen)))
    assert 0 < len(seen) < 95
    server.pages("/orders", lambda asked: _changed_since(asked, records(0, 95)))
    place.load(source(server.url), "load-2")
    assert place.ids() == list(range(95))


def test_progress_is_told(server: RestServer, place: Place) -> None:
    server.pages("/orders", lambda _: records(0, 95))
    told: list[tuple[str, int, int]] = []
    place.load(source(server.url), "load-1", progress=lambda *step: told.append(step))
    assert told[-1] == ("orders", 10, 95)


def test_segments_of_a_killed_load_are_swept(server: RestServer, place: Place) -> None:
    folder = place.landing / "shop" / "orders"
    folder.mkdir(parents=True)
    (folder / "segment-1-00001.jsonl").write_text('{"id": 999}\n')
    (folder / "segment-1-00002.jsonl.part").write_text('{"id": 9')
    server.pages("/orders", lambda _: records(0, 5))
    place.load(source(server.url), "load-1")
    assert place.ids() == list(range(5))
    assert place.left() == []


def test_what_a_vendors_own_code_trips_over_is_told_without_its_text(server: RestServer, place: Place) -> None:
    from dataclasses import replace

    from tests.unit.sources.rest.toy import TOY

    def pages(client, settings, since):
        yield records(0, 5)
        raise KeyError("jane.doe@example.com")

    settings = source(server.url)
    kind = type(settings)
    broken = replace(TOY, objects=(replace(TOY.objects[0], pages=pages),))
    try:
        kind.vendor = broken
        report = place.load(settings, "load-1")
    finally:
        kind.vendor = TOY
    assert "KeyError" in report.problems[0].problem
    assert "jane.doe" not in str(report.problems[0])
    assert place.ids() == list(range(5))
