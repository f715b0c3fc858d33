"""What of the contract has changed since its release: what is told, and what breaks a promise."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from test_contract import node
from typer.testing import CliRunner

from orchestration.contract import ContractTable, contract_tables, version_rows
from orchestration.contract_diff import breaking, changes_since, next_number, renames
from orchestration.contract_release import (
    ReleaseError,
    last_release,
    present_release,
    read_release,
    release_files,
    write_release,
)

TODAY = date(2026, 7, 1)
COLUMNS = {"order_id": "string", "placed_at": "timestamp", "net_amount": "decimal(18,4)", "channel": "string"}


def version(number: int, columns: dict[str, str], latest: int = 1, **changes):
    """A version of fct_orders; the latest has the plain name in the warehouse."""
    alias = "fct_orders" if number == latest else f"fct_orders_v{number}"
    return node("fct_orders", columns, alias=alias, version=number, latest_version=latest, **changes)


def key(number: int, *columns: str):
    """The test of a version's grain."""
    name, arguments = ("unique_combination", {"columns": list(columns)})
    if len(columns) == 1:
        name, arguments = "is_key", {"column_name": columns[0]}
    return {
        "resource_type": "test",
        "attached_node": f"model.regulars.fct_orders.v{number}",
        "column_name": columns[0] if len(columns) == 1 else None,
        "test_metadata": {"name": name, "kwargs": arguments},
        "config": {},
    }


def contract(*versions, grain: tuple[str, ...] = ("order_id",)) -> dict[str, ContractTable]:
    nodes = {f"model.regulars.fct_orders.v{one['version']}": one for one in versions}
    tests = {f"test.{one['version']}": key(one["version"], *grain) for one in versions}
    return contract_tables({"nodes": {**nodes, **tests}})


RELEASED = replace(present_release(contract(version(1, COLUMNS))), number="1", released_on=TODAY)


def changes(*versions, released=RELEASED, today: date = TODAY, **more):
    return changes_since(released, present_release(contract(*versions, **more)), today)


def told(found) -> list[tuple[str, str, str | None, str]]:
    return [(one.effect, one.kind, one.column, one.table) for one in found]


def changed(**columns: str | None) -> dict[str, str]:
    """The columns with others in their place; None takes one away."""
    return {name: kind for name, kind in {**COLUMNS, **columns}.items() if kind is not None}


def test_nothing_has_changed():
    assert changes(version(1, COLUMNS)) == []


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (changed(channel=None), ("breaking", "removed", "channel", "fct_orders")),
        (changed(net_amount="double"), ("breaking", "retyped", "net_amount", "fct_orders")),
        (changed(net_amount="decimal(20,4)"), ("breaking", "retyped", "net_amount", "fct_orders")),
        ({**COLUMNS, "note": "string"}, ("minor", "added", "note", "fct_orders")),
        (
            {"ordered_at" if name == "placed_at" else name: kind for name, kind in COLUMNS.items()},
            ("breaking", "renamed", "placed_at", "fct_orders"),
        ),
    ],
)
def test_a_change_of_a_column(columns, says):
    found = changes(version(1, columns))
    assert told(found) == [says]
    assert ("new version" in found[0].todo) == (says[0] == "breaking")


def test_another_word_for_the_same_type_is_no_change():
    assert changes(version(1, changed(order_id="TEXT", net_amount="DECIMAL(18, 4)", channel="varchar"))) == []


def test_another_order_of_the_columns_is_no_change():
    assert changes(version(1, dict(reversed(COLUMNS.items())))) == []


def test_other_words_are_told_and_break_nothing():
    described = version(1, COLUMNS)
    described["columns"]["channel"]["description"] = "Where it was placed"
    assert told(changes(described)) == [("words", "description", "channel", "fct_orders")]
    released = replace(present_release(contract(described)), number="1")
    described["columns"]["channel"]["description"] = "Where it\n  was placed"
    assert changes(described, released=released) == []


def test_a_renamed_column_is_guessed_by_place_and_type():
    old = RELEASED.models["fct_orders"].versions["1"].columns
    new = present_release(
        contract(version(1, {"order_no": "string", "placed_at": "timestamp", "net": "double", "channel": "string"}))
    )
    assert renames(old, new.models["fct_orders"].versions["1"].columns) == {"order_id": "order_no"}


def test_another_grain_breaks_the_promise():
    found = changes(version(1, COLUMNS), grain=("order_id", "channel"))
    assert told(found) == [("breaking", "grain", None, "fct_orders")]
    assert (found[0].before, found[0].after) == ("order_id", "order_id and channel")


def test_a_table_that_is_gone():
    [found] = changes_since(RELEASED, present_release({}), TODAY)
    assert (found.effect, found.kind, found.table) == ("breaking", "removed", "fct_orders")
    assert "deprecation_date" in found.todo


def test_a_new_table():
    more = contract_tables({"nodes": {"model.regulars.dim_shops.v1": node("dim_shops", {"shop_id": "string"})}})
    found = changes_since(RELEASED, present_release({**contract(version(1, COLUMNS)), **more}), TODAY)
    assert told(found) == [("minor", "added", None, "dim_shops")]


LAST_DAY = {"deprecation_date": "2026-12-31T00:00:00+01:00"}


def test_the_whole_life_of_a_second_version():
    """Shown beside the first, then in its place with a last day for the first, then alone."""
    second = changed(channel=None)
    shown = changes(version(1, COLUMNS), version(2, second))
    assert told(shown) == [("minor", "version", None, "fct_orders_v2")]
    assert next_number(RELEASED, shown) == "1.1"
    one_one = replace(present_release(contract(version(1, COLUMNS), version(2, second))), number="1.1")

    first = version(1, COLUMNS, latest=2, **LAST_DAY)
    moved = changes(first, version(2, second, latest=2), released=one_one)
    assert told(moved) == [("minor", "ends", None, "fct_orders_v1"), ("major", "latest", None, "fct_orders")]
    assert "channel removed" in moved[1].after
    assert "fct_orders_v1 until 2026-12-31" in moved[1].todo
    assert next_number(one_one, moved) == "2"
    two = replace(present_release(contract(first, version(2, second, latest=2))), number="2")

    alone = version(2, second, latest=2)
    [early] = changes(alone, released=two, today=date(2026, 12, 31))
    assert (early.effect, early.kind, early.table) == ("breaking", "removed", "fct_orders_v1")
    [late] = changes(first, version(2, second, latest=2), released=two, today=date(2027, 1, 1))
    assert (late.effect, late.kind, late.table) == ("minor", "may be dropped", "fct_orders_v1")
    assert told(changes(alone, released=two, today=date(2027, 1, 1))) == [("major", "ended", None, "fct_orders_v1")]


def test_a_change_of_an_old_version_that_is_still_served():
    both = contract(version(1, COLUMNS, latest=2), version(2, changed(channel=None), latest=2))
    released = replace(present_release(both), number="2")
    found = changes(
        version(1, changed(net_amount=None), latest=2), version(2, {**COLUMNS}, latest=2), released=released
    )
    assert ("breaking", "removed", "net_amount", "fct_orders_v1") in told(found)


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (None, TODAY + timedelta(1), "minor"),
        (None, TODAY - timedelta(1), "breaking"),
        (TODAY + timedelta(9), TODAY + timedelta(8), "breaking"),
        (TODAY + timedelta(9), TODAY + timedelta(10), "minor"),
        (TODAY + timedelta(9), None, "minor"),
    ],
)
def test_a_last_day_is_a_promise(before, after, effect):
    def ends(day):
        return version(1, COLUMNS, deprecation_date=None if day is None else f"{day}T00:00:00")

    released = replace(present_release(contract(ends(before))), number="1")
    found = [one for one in changes(ends(after), released=released) if one.kind == "ends"]
    assert [one.effect for one in found] == [effect]


def test_versions_and_their_names():
    tables = contract(version(1, COLUMNS, latest=2, **LAST_DAY), version(2, changed(channel=None), latest=2))
    assert {name: (one.version, one.warehouse_name, one.same_as) for name, one in tables.items()} == {
        "fct_orders": ("2", "fct_orders", None),
        "fct_orders_v1": ("1", "fct_orders_v1", None),
        "fct_orders_v2": ("2", "fct_orders", "fct_orders"),
    }
    assert tables["fct_orders_v1"].description.startswith("Version 1, served until 2026-12-31. Use fct_orders_v2")
    assert version_rows(tables, tables, date(2026, 12, 31)) == [
        ("fct_orders", "fct_orders", "2", "2", "current", None),
        ("fct_orders_v1", "fct_orders", "1", "2", "ending", date(2026, 12, 31)),
        ("fct_orders_v2", "fct_orders", "2", "2", "current", None),
    ]
    assert version_rows(tables, tables, date(2027, 1, 1))[1][4] == "ended"


def test_a_version_that_is_shown_before_it_is_the_latest():
    tables = contract(version(1, COLUMNS), version(2, changed(channel=None)))
    assert {name: one.version for name, one in tables.items()} == {
        "fct_orders": "1",
        "fct_orders_v1": "1",
        "fct_orders_v2": "2",
    }
    assert [row[4] for row in version_rows(tables, tables, TODAY)] == ["current", "current", "preview"]


def test_a_name_with_a_version_stays_when_the_others_are_gone():
    tables = contract(version(2, COLUMNS, latest=2))
    assert sorted(tables) == ["fct_orders", "fct_orders_v2"]


def test_aliases_of_the_warehouse_do_not_matter():
    """The second version built under dbt's own name for it is published under the plain one all the same."""
    tables = contract(
        node("fct_orders", COLUMNS, alias="fct_orders", version=1, latest_version=2),
        node("fct_orders", COLUMNS, alias="fct_orders_v2", version=2, latest_version=2),
    )
    assert {name: (one.version, one.warehouse_name) for name, one in tables.items()} == {
        "fct_orders": ("2", "fct_orders_v2"),
        "fct_orders_v1": ("1", "fct_orders"),
        "fct_orders_v2": ("2", "fct_orders_v2"),
    }


def test_a_release_is_read_as_it_was_written(tmp_path):
    released = replace(
        present_release(contract(version(1, COLUMNS, latest=2, **LAST_DAY), version(2, COLUMNS, latest=2))),
        number="1",
        released_on=TODAY,
        note="The first: with a colon",
        changes=["fct_orders: added"],
    )
    path = write_release(released, tmp_path)
    assert read_release(path) == released == last_release(tmp_path)
    with pytest.raises(ReleaseError, match="is never changed"):
        write_release(released, tmp_path)
    for number in ("1.9", "1.10", "2"):
        write_release(replace(released, number=number), tmp_path)
    assert [file.stem for file in release_files(tmp_path)] == ["1", "1.9", "1.10", "2"]


@pytest.mark.parametrize("text", ["", "a: [", "release: 1", "- 1", "release: '1'\nmodels: {a: 1}", "\x00"])
def test_a_file_that_is_no_release(tmp_path, text):
    path = tmp_path / "1.yml"
    path.write_text(text)
    with pytest.raises(ReleaseError, match="is no released contract"):
        read_release(path)
    with pytest.raises(ReleaseError, match=r"cannot be read.*1\.yml"):
        read_release(tmp_path / "7.yml")


@pytest.fixture
def regulars(tmp_path, monkeypatch):
    """The command line on a contract of one table, with a folder of releases of its own."""
    from orchestration import contract_release
    from orchestration.cli import app

    for function in (contract_release.last_release, contract_release.last_number, contract_release.write_release):
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "contract",))

    def call(command: str, columns: dict[str, str], *options: str):
        manifest = tmp_path / "manifest.json"
        manifest.write_text(json.dumps({"nodes": {"model.regulars.fct_orders.v1": version(1, columns)}}))
        return CliRunner().invoke(app, ["contract", command, "--manifest", str(manifest), *options])

    return call


def test_the_commands(regulars, tmp_path):
    assert "No contract has been released yet" in regulars("diff", COLUMNS).output
    assert regulars("release", COLUMNS, "--note", "The first").exit_code == 0
    unchanged = regulars("diff", COLUMNS)
    assert (unchanged.exit_code, "is as in release 1 of" in unchanged.output) == (0, True)
    assert "Nothing has changed" in regulars("release", COLUMNS).output

    more = regulars("diff", {**COLUMNS, "note": "string"})
    assert (more.exit_code, "as 1.1" in more.output) == (0, True)

    broken = regulars("diff", changed(channel=None))
    assert broken.exit_code == 1
    assert "1 of them breaking" in broken.output
    answer = json.loads(regulars("diff", changed(channel=None), "--json").output)
    assert (answer["against"], answer["next"], answer["breaking"]) == ("1", "2", 1)
    assert [(one["kind"], one["column"]) for one in answer["changes"]] == [("removed", "channel")]

    refused = regulars("release", changed(channel=None))
    assert (refused.exit_code, "nothing was released" in " ".join(refused.output.split())) == (1, True)
    assert regulars("release", changed(channel=None), "--accept-breaking").exit_code == 1  # the note says why
    assert regulars("release", changed(channel=None), "--accept-breaking", "--note", "It named people").exit_code == 0
    assert [file.stem for file in release_files(tmp_path / "contract")] == ["1", "2"]
    first = str(tmp_path / "contract" / "1.yml")
    assert regulars("diff", changed(channel=None), "--against", first).exit_code == 1
    assert "cannot be read" in regulars("diff", COLUMNS, "--against", str(tmp_path / "none.yml")).output


def test_breaking_is_what_the_tests_stop():
    found = changes(version(1, {**changed(channel=None), "note": "string"}))
    assert told(breaking(found)) == [("breaking", "renamed", "channel", "fct_orders")]
