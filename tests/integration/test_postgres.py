"""Marts in PostgreSQL: what arrives, who may read it, what is written again. A real server, small made-up marts."""

import itertools

import pytest
from postgres_marts import KEY, Place

from orchestration.postgres.pseudonyms import pseudonym

_numbers = itertools.count(1)


@pytest.fixture
def place(postgres, tmp_path):
    return Place(postgres, f"place_{next(_numbers)}", tmp_path)


def test_marts_arrive_with_descriptions_and_the_run(place):
    report = place.publish("run-1")
    assert (report.run_id, report.tables, report.written, report.waiting) == ("run-1", 4, 6, 0)
    assert place.ask("SELECT count(*), sum(net_amount) FROM marts.fct_orders") == [(200, 200)]
    assert place.ask("SELECT run_id, published_at::text, as_of::text, version FROM marts.publication") == [
        ("run-1", "2026-11-01 10:20:30+00", "2026-10-31 22:00:00+00", "1")
    ]
    described = place.ask(
        "SELECT obj_description('marts.dim_customers'::regclass), col_description('marts.dim_customers'::regclass, 1)"
    )
    assert described == [("Who buys. It's one row a customer.", "The customer's id.")]
