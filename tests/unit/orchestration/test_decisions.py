"""The steward's decisions: kept whole or not at all, read whatever stands there, and which of them hold."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.decision_conflicts import overruled
from orchestration.decisions import Decision, DecisionError, effective, keep, read_decisions, undone
from orchestration.home import Home, HomeError

ROOT = Path(__file__).resolve().parents[3]

A, B, C, D = ("shop", "account:1"), ("tills", "card:2"), ("list", "email:c@example.org"), ("site", "visitor:4")


def merge(left, right, **more) -> Decision:
    return Decision("merge", (left,), (right,), reason="one person", decided_by="mia", **more)


def split(some, others, **more) -> Decision:
    return Decision("split", tuple(some), tuple(others), reason="two people", decided_by="mia", **more)


def undo(decision_id, **more) -> Decision:
    return Decision("undo", reason="", decided_by="mia", undoes=decision_id, **more)


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").create()


def test_a_home_without_decisions(home):
    assert read_decisions(home).kept == ()
    assert read_decisions(home).digest is None
    assert effective([]).height == 0


def test_what_is_kept_is_read_again(home):
    before = datetime.now(UTC)
    [first] = keep(home, split([A, C], [B]))
    [second] = keep(home, merge(A, D))
    assert before <= first.decided_at < second.decided_at <= datetime.now(UTC) + timedelta(seconds=1)
    there = read_decisions(home)
    assert there.kept == (first, second)
    assert there.problems == ()
    assert there.named(second.decision_id) == second
    assert there.named("d_000000000000") is None
    line = json.loads(home.decisions_file.read_text("utf-8").splitlines()[0])
    assert line == {
        "decision_id": first.decision_id,
        "decided_at": first.decided_at.isoformat(timespec="microseconds"),
        "decided_by": "mia",
        "decision": "split",
        "records": [["shop", "account:1"], ["list", "email:c@example.org"]],
        "others": [["tills", "card:2"]],
        "undoes": None,
        "reason": "two people",
    }


def test_only_the_owner_may_read(home):
    keep(home, merge(A, B))
    home.identity.chmod(0o755)  # as a careless copy leaves them
    home.decisions_file.chmod(0o644)
    keep(home, merge(A, C))
    assert stat.S_IMODE(home.identity.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in home.identity.iterdir()} == {0o600}


def test_only_the_owner_may_read_from_the_first_moment(home):
    old = os.umask(0)
    try:
        keep(home, merge(A, B))
    finally:
        os.umask(old)
    assert stat.S_IMODE(home.identity.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.decisions_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("cut", [1, 2, 20, 150])
def test_a_last_line_cut_off_by_a_kill_is_told_and_breaks_nothing(home, cut):
    [first, _] = [*keep(home, merge(A, B)), *keep(home, merge(A, C))]
    whole = home.decisions_file.read_bytes()
    size = len(whole.splitlines(keepends=True)[0])
    digest_of_first = digest_of(home, whole[:size])
    home.decisions_file.write_bytes(whole[: len(whole) - cut])
    there = read_decisions(home)
    if cut == 1:  # only the end of the line is missing: the decision is whole
        assert [one.others for one in there.kept] == [(B,), (C,)]
        assert there.problems == ()
    else:
        assert there.kept == (first,)
        [problem] = there.problems
        assert problem.file == f"{home.decisions_file}:2"
        assert "cut off" in problem.what
        assert not problem.is_failure
        assert there.digest == digest_of_first  # what was not kept is nothing new
    [third] = keep(home, merge(A, D))
    again = read_decisions(home)
    assert again.problems == ()
    assert [one.others for one in again.kept] == [(B,), (C,), (D,)] if cut == 1 else [(B,), (D,)]
    assert again.kept[-1] == third


def digest_of(home: Home, content: bytes) -> str | None:
    home.decisions_file.write_bytes(content)
    return read_decisions(home).digest


def line(**changes) -> str:
    told = {
        "decision_id": "d_00000000000a",
        "decided_at": "2026-01-31T05:00:00+00:00",
        "decided_by": "mia",
        "decision": "merge",
        "records": [["shop", "account:secret"]],
        "others": [["tills", "card:secret"]],
        "undoes": None,
        "reason": "secret",
    }
    return json.dumps(told | changes)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("secret", "no JSON"),
        ('["secret"]', "no JSON object"),
        ("[" * 100_000, "no JSON"),
        ("\udcff".encode("utf-8", "surrogateescape"), "no JSON"),
        (line(decision_id="d_secret"), "`decision_id`"),
        (line(decision_id=7), "`decision_id` is no text"),
        (line(decision_id="d_000000000001"), "earlier line"),
        (line(decided_at="secret"), "`decided_at` is no time"),
        (line(decided_at=None), "`decided_at` is no time"),
        (line(decision="secret"), "`decision` is none of merge, split, undo"),
        (line(decided_by=" "), "`decided_by` is empty"),
        (line(reason=""), "`reason` is empty"),
        (line(reason="\ud800"), "a character that is none"),
        (line(records=[]), "at least one record on each side"),
        (line(records=[["secret"]]), "`records` is no list"),
        (line(others="secret"), "`others` is no list"),
        (line(others=[["tills", 5]]), "`others` is no list"),
        (line(others=[["shop", "account:secret"]]), "both sides"),
        (line(undoes="d_000000000001"), "only an undo"),
        (line(undoes=["secret"]), "`undoes` is no text"),
        (line(decision="undo", records=[], others=[], undoes="d_0000000000ff"), "no decision before it"),
        (line(decision="undo", records=[], others=[], undoes="d_00000000000a"), "no decision before it"),
        (line(decision="undo", undoes="d_000000000001"), "not records"),
    ],
)
def test_a_line_that_is_no_decision_is_told_without_its_values(home, wrong, says):
    home.identity.mkdir()
    good = line(decision_id="d_000000000001", reason="fine"), line(decision_id="d_000000000002", reason="fine")
    middle = wrong if isinstance(wrong, bytes) else wrong.encode()
    home.decisions_file.write_bytes(good[0].encode() + b"\n\n" + middle + b"\r\n" + good[1].encode() + b"\n")
    there = read_decisions(home)
    assert [one.decision_id for one in there.kept] == ["d_000000000001", "d_000000000002"]
    [problem] = there.problems
    assert problem.file == f"{home.decisions_file}:3"
    assert says in problem.what
    assert problem.todo
    assert problem.is_failure
    assert "secret" not in f"{problem.what} {problem.todo}"


def test_what_is_no_decision_is_not_kept(home):
    [first] = keep(home, merge(A, B))
    before = home.decisions_file.read_bytes()
    for wrong in (
        merge(A, A),
        split([A, B], [B]),
        split([], [B]),
        undo("d_000000000000"),
        undo(None),
        Decision("merge", (A,), (B,), decided_by="mia"),
        Decision("merge", (A,), (B,), reason="why"),
        merge(("shop", "account:\udcff"), B),
    ):
        with pytest.raises(DecisionError) as caught:
            keep(home, merge(A, C), wrong)
        assert "account:" not in str(caught.value)
    assert home.decisions_file.read_bytes() == before  # nor what came with it
    assert read_decisions(home).kept == (first,)


def test_a_full_disk_leaves_the_file_as_it_was(home, monkeypatch):
    keep(home, merge(A, B))
    before = home.decisions_file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HomeError, match="disk is full"):
        keep(home, merge(A, C))
    assert home.decisions_file.read_bytes() == before


def test_a_place_that_is_no_folder(home):
    home.identity.write_text("")
    with pytest.raises(HomeError, match="Nothing was kept"):
        keep(home, merge(A, B))
    with pytest.raises(HomeError, match="cannot be read"):
        read_decisions(home)


ADD = """
import sys
from orchestration.decisions import Decision, keep
from orchestration.home import Home
home, who = Home(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    keep(home, Decision("merge", ((who, str(number)),), (("tills", "card"),), reason="x" * 5000, decided_by=who))
"""


def test_two_processes_add_at_once_and_neither_loses_a_line(home):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", ADD, str(home.path), who],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for who in ("mia", "tom")
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    for writer in writers:
        writer.communicate()
    there = read_decisions(home)
    assert there.problems == ()
    for who in ("mia", "tom"):
        own = [one.records[0][1] for one in there.kept if one.decided_by == who]
        assert own == [str(number) for number in range(40)]
    moments = [one.decided_at for one in there.kept]
    assert moments == sorted(set(moments))


def test_a_writer_that_is_killed_loses_nothing_that_was_kept(home):
    told = "keep(home, Decision"
    program = ADD.replace(told, "kept = keep(home, Decision").replace("range(40)", "range(100000)")
    program += "    print(kept[0].decision_id, flush=True)\n"
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(home.path), "mia"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("go\n")
    writer.stdin.flush()
    acknowledged = [writer.stdout.readline().strip() for _ in range(25)]
    writer.kill()
    acknowledged += [line.strip() for line in writer.communicate()[0].splitlines()]
    ids = [one.decision_id for one in read_decisions(home).kept]
    assert acknowledged[-1].startswith("d_")
    # At most the decision that was kept and could not be told any more comes on top.
    assert ids[: len(acknowledged)] == acknowledged
    assert len(ids) <= len(acknowledged) + 1
    keep(home, merge(A, B))  # the lock went with the process
    assert read_decisions(home).kept[-1].others == (B,)


def test_a_decision_does_not_wait_for_a_run(home):
    with home.lock():
        begun = time.monotonic()
        keep(home, merge(A, B))
        assert time.monotonic() - begun < 2


def test_time_never_goes_back(home):
    home.identity.mkdir()
    home.decisions_file.write_text(line(decided_at="2099-01-01T00:00:00+00:00") + "\n")
    [made] = keep(home, merge(A, B))
    assert made.decided_at == datetime(2099, 1, 1, 0, 0, 0, 1, tzinfo=UTC)


def test_the_digest_says_whether_something_is_new(home):
    seen = [read_decisions(home).digest]
    [first] = keep(home, merge(A, B))
    seen.append(read_decisions(home).digest)
    assert read_decisions(home).digest == seen[-1]
    keep(home, undo(first.decision_id))
    seen.append(read_decisions(home).digest)
    assert len(set(seen)) == 3
    home.decisions_file.write_text("\n" + home.decisions_file.read_text() + "\n")  # blank lines say nothing
    assert read_decisions(home).digest == seen[-1]


def test_the_frame_of_decisions_that_count(home):
    [first, second, third] = keep(home, split([A, C], [B]), merge(C, D), merge(A, D))
    keep(home, undo(second.decision_id))
    frame = effective(read_decisions(home).kept)
    assert frame.columns == [
        "decision_id", "decision", "decided_at", "decided_by", "reason", "side", "source", "source_record_id"
    ]  # fmt: skip
    at = first.decided_at.replace(tzinfo=None), third.decided_at.replace(tzinfo=None)
    assert frame.rows() == [
        (first.decision_id, "split", at[0], "mia", "two people", "records", *A),
        (first.decision_id, "split", at[0], "mia", "two people", "records", *C),
        (first.decision_id, "split", at[0], "mia", "two people", "others", *B),
        (third.decision_id, "merge", at[1], "mia", "one person", "records", *A),
        (third.decision_id, "merge", at[1], "mia", "one person", "others", *D),
    ]
    assert effective([]).schema == frame.schema


def test_an_undo_that_is_undone_counts_no_more(home):
    [first] = keep(home, merge(A, B))
    [second] = keep(home, undo(first.decision_id))
    assert undone(read_decisions(home).kept) == {first.decision_id: second.decision_id}
    [third] = keep(home, undo(second.decision_id))
    assert undone(read_decisions(home).kept) == {second.decision_id: third.decision_id}
    assert effective(read_decisions(home).kept).height == 2


def numbered(*decisions: Decision) -> list[Decision]:
    from dataclasses import replace

    return [replace(one, decision_id=str(number)) for number, one in enumerate(decisions, start=1)]


@pytest.mark.parametrize(
    ("decisions", "beaten"),
    [
        ([merge(A, B), merge(B, C), merge(C, A)], set()),  # in a circle, but nothing contradicts
        ([merge(A, B), split([B], [A])], {"1"}),
        ([split([B], [A]), merge(A, B)], {"1"}),
        ([merge(A, B), split([A], [B]), merge(B, A)], {"2"}),  # the first merge holds again with the last
        ([merge(A, B), merge(B, C), split([A], [C])], {"1"}),  # of the two that lead from A to C, the older gives way
        ([merge(A, B), split([A], [C]), merge(B, C)], {"1"}),  # as the split does not hold with both, nor do they
        ([split([A], [C]), merge(A, B), merge(B, C)], {"1"}),
        ([split([A, D], [C]), merge(A, B), merge(B, D)], set()),  # on one side only
        ([split([A], [B]), split([A], [C]), merge(B, C)], set()),
        ([merge(A, B), split([A], [B]), undo("2")], set()),
        ([merge(A, B), split([A], [B]), undo("2"), undo("3")], {"1"}),
        ([merge(A, B), undo("1"), split([A], [B])], set()),
    ],
)
def test_a_later_decision_overrules_an_earlier_one(decisions, beaten):
    assert overruled(numbered(*decisions)) == beaten


def test_many_decisions_are_weighed_quickly(home):
    many = [merge(("shop", str(n)), ("shop", str(n + 1))) for n in range(3000)]
    many += [split([("tills", str(n))], [("tills", str(n + 1))]) for n in range(3000)]
    begun = time.monotonic()
    assert overruled(numbered(*many, split([("shop", "0")], [("shop", "3000")]))) == {"1"}
    assert time.monotonic() - begun < 5  # a second at most; 3,000 times 3,000 comparisons would take a minute


def test_a_run_with_nothing_but_a_new_decision_does_not_stand(home, write_company, monkeypatch):
    from orchestration import pipeline
    from orchestration.company import load_company
    from orchestration.run import Run
    from orchestration.warehouse import ledger_mark, open_warehouse, write_state
    from sources.files.ledger import ensure_ledger

    company = load_company(write_company())
    monkeypatch.setattr(pipeline, "pending_files", lambda *_: {})
    home.published_file.touch()

    def publish(run: Run) -> None:
        with open_warehouse(home.warehouse) as con:
            ensure_ledger(con)
            shown = {"run_id": run.run_id, "fingerprint": run.fingerprint, "loads": ledger_mark(con)}
            write_state(con, {"published": {**shown, "decisions": run.decisions.digest}})

    def stands() -> bool:
        return pipeline._stands(Run(company, home))

    run = Run(company, home)
    publish(run)
    assert stands()
    keep(home, merge(A, B))
    assert not stands()
    publish(run)  # it had read the decisions before this one came, so this one is for the next
    assert not stands()
    publish(Run(company, home))
    assert stands()
    home.decisions_file.write_bytes(home.decisions_file.read_bytes() + b"no decision\n")
    publish(Run(company, home))
    told = Run(company, home)
    assert pipeline._stands(told)
    assert [problem.file for problem in told.problems] == [f"{home.decisions_file}:2"]
