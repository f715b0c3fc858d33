"""Too few, too many, none at all: on weeks made by hand, with bounds worked out by hand."""

from __future__ import annotations

import math

import pytest
from made import day, found, profile

from expectations.anomalies import AnomalySettings

WEEK = (100, 100, 100, 100, 150, 200, 0)
LENGTH = 20 * 7
LEVEL = 0.1 / 30.4375 / 5  # a month's false alarms, by day and kind; one series is one test


def weeks(**changed: int) -> list[int]:
    """Twenty equal weeks, closed on Sundays; `d138=50` changes a day."""
    records = list(WEEK) * 20
    for name, count in changed.items():
        records[int(name[1:])] = count
    return records


def negative_binomial(records: int, mean: float, spread: float) -> float:
    """Its probability, from the definition."""
    size = 1 / spread
    return math.exp(
        math.lgamma(records + size) - math.lgamma(size) - math.lgamma(records + 1)
        + size * math.log(size / (size + mean)) + records * math.log(mean / (size + mean))
    )  # fmt: skip


def test_a_day_like_its_weekdays_is_not_found():
    assert found(profile(weeks()), range(30, LENGTH)).is_empty()


def test_half_a_day_is_found_with_its_numbers():
    # Tuesday of the last week. The same weekdays had 100 each, so 100 is expected. They never varied, so the spread is
    # the least there is: 0.01, a standard deviation of 10 %.
    [row] = found(profile(weeks(d134=50)), [134]).to_dicts()
    assert (row["kind"], row["field"], row["day"], row["observed"]) == ("volume", "", day(134), 50)
    assert row["expected"] == pytest.approx(100)
    chance = 2 * sum(negative_binomial(count, 100, 0.01) for count in range(51))
    assert row["p_value"] == pytest.approx(chance, rel=1e-6)
    assert row["p_value"] < row["level"] == pytest.approx(LEVEL)
    at_most = 0.0
    lower = 0
    while (at_most := at_most + negative_binomial(lower, 100, 0.01)) < LEVEL / 2:
        lower += 1
    assert row["usual_from"] == lower
    assert row["says"].startswith("orders of Tuesday 2026-05-19: only 50 records where 100 were expected")


def test_a_small_difference_is_no_news_however_unlikely():
    assert found(profile(weeks(d134=76)), [134]).is_empty()


def test_a_closed_day_is_compared_with_closed_days():
    sunday = 139 - 7
    assert day(sunday).weekday() == 6
    [row] = found(profile(weeks(d132=30)), [sunday]).to_dicts()
    assert row["expected"] == pytest.approx(0.5 / 9)  # half a record in eight Sundays, Jeffreys
    assert found(profile(weeks(d132=4)), [sunday]).is_empty()  # under the least number that is news


def test_a_busy_day_without_records_is_found():
    [row] = found(profile(weeks(d134=0)), [134]).to_dicts()
    assert (row["kind"], row["observed"], row["records"]) == ("volume", 0, 0)


def test_growth_is_followed():
    growing = [round(60 * 1.03 ** (number / 7) * (0 if number % 7 == 6 else 1)) for number in range(300)]
    assert found(profile(growing), range(60, 300)).is_empty()


def test_a_new_level_is_one_alarm_and_then_the_past():
    doubled = [count * (2 if number >= 100 else 1) for number, count in enumerate(weeks())]
    rows = found(profile(doubled), range(60, LENGTH))
    assert rows["is_new"].to_list() == [True] + [False] * (rows.height - 1)
    assert rows["since"].unique().to_list() == [day(100)]
    assert rows["day"].max() <= day(107)  # last week's level is believed by then


def test_a_burst_is_found_and_one_no_larger_after_it_is_not():
    rows = found(profile(weeks(d72=900, d128=900)), range(60, LENGTH))
    assert rows.filter("is_new")["day"].to_list() == [day(72)]


def test_a_fault_does_not_hide_the_next_one():
    rows = found(profile(weeks(d121=50, d134=50)), range(60, LENGTH))
    assert rows["day"].to_list() == [day(121), day(134)]


@pytest.mark.parametrize("records", [[1] * 140, [2, 0, 1, 0, 3, 0, 0] * 20, [0, 0, 0, 4, 0, 0, 0] * 20])
def test_tiny_sources_are_left_alone(records):
    quiet = [count if number < 126 else 0 for number, count in enumerate(records)]
    assert found(profile([*quiet, 1]), range(30, 127)).is_empty()


def test_nothing_is_judged_before_four_weeks():
    records = [100] * 28 + [10] + [100] * 7
    assert found(profile(records), range(36))["day"].to_list() == [day(28)]
    assert found(profile(records[1:]), range(35)).is_empty()


def test_one_wrong_date_long_ago_is_no_past():
    records = [1] + [0] * 200 + [100] * 40
    assert found(profile(records), range(30, 241)).is_empty()


def test_a_source_that_stops_is_missed():
    ended = weeks()[:134]  # its last day is a Monday; nothing ever stayed away for a whole day but on Sundays
    [row] = found(profile(ended), [], silent_at=[134]).to_dicts()
    assert (row["kind"], row["observed"], row["expected"]) == ("freshness", 1, 0)
    assert row["since"] == day(133)
    assert row["p_value"] == pytest.approx(negative_binomial(0, 100, 0.01))


def test_a_usual_pause_is_not_missed():
    assert found(profile(weeks()[:132]), [], silent_at=[132]).is_empty()  # the Sunday after Saturday
    # Monday passes too: one day more than usual is told from one and a half times the usual on.
    [row] = found(profile(weeks()[:132]), [], silent_at=[133]).to_dicts()
    assert (row["observed"], row["expected"]) == (2, 1)


def test_a_silence_that_goes_on_is_the_same_alarm():
    rows = found(profile(weeks()[:134]), [], silent_at=[134, 135, 136])
    assert rows["is_new"].to_list() == [True, False, False]


def test_a_kind_can_be_switched_off_for_a_source():
    off = AnomalySettings(off={"shop": frozenset({"volume"})})
    assert found(profile(weeks(d134=0)), [134], settings=off).is_empty()
    other = AnomalySettings(off={"desk": frozenset({"volume"})})
    assert found(profile(weeks(d134=0)), [134], settings=other).height == 1
