"""Null shares, new values and distributions on days made by hand."""

from __future__ import annotations

import polars as pl
import pytest
from made import day, found, profile

from expectations.anomalies import AnomalySettings
from expectations.anomalies.words import shown, size

LENGTH = 140
BUSY = [200] * LENGTH


def shares(usual: int, **changed: int) -> list[int]:
    """Nulls of 200 records a day; `d130=60` changes a day."""
    counts = [usual] * LENGTH
    for name, count in changed.items():
        counts[int(name[1:])] = count
    return counts


def test_a_column_that_was_never_empty_is_found_at_30_percent():
    [row] = found(profile(BUSY, {"email": shares(0, d130=60)}), [130]).to_dicts()
    assert (row["kind"], row["field"], row["observed"]) == ("null_share", "email", 0.3)
    # Half a null in the 56 days before, of 200 records each; the weekdays' own share is 0 of 1,600, drawn to it.
    assert row["expected"] == pytest.approx(200 * (0.5 / 11_201) / 1_800)
    assert row["usual_to"] < 0.3
    assert "email is empty in 30.0 %" in row["says"]


def test_less_than_five_points_is_no_news():
    assert found(profile(BUSY, {"email": shares(0, d130=9)}), [130]).is_empty()  # 4.5 %
    assert found(profile(BUSY, {"email": shares(0, d130=12)}), [130]).height == 1  # 6 %


def test_a_column_that_is_always_empty_is_never_found():
    assert found(profile(BUSY, {"fax": BUSY}), range(30, LENGTH)).is_empty()


def test_a_column_that_fills_up_is_told_once_and_not_again():
    filled = profile(BUSY, {"fax": shares(200, d72=100, d130=100)})
    assert found(filled, range(60, LENGTH))["day"].to_list() == [day(72)]
    emptied = profile(BUSY, {"fax": shares(0, d72=100, d130=100)})
    assert found(emptied, range(60, LENGTH))["day"].to_list() == [day(72), day(130)]


def test_a_share_that_has_its_weekdays_is_compared_with_them():
    """Every Saturday four in five orders come without an e-mail address, as they always did."""
    weekly = [160 if number % 7 == 5 else 20 for number in range(LENGTH)]
    busy = [2_000] * LENGTH
    counts = [10 * count for count in weekly]
    assert found(profile(busy, {"email": counts}), range(60, LENGTH)).is_empty()
    counts[132] = counts[131]
    assert (day(131).weekday(), day(132).weekday()) == (5, 6)
    assert found(profile(busy, {"email": counts}), [132]).height == 1


def test_a_share_that_wanders_is_given_room():
    """Ten points up and down from day to day: fifteen are within what happens, fifty are not."""
    wandering = [60 + (20 if number % 2 else -20) for number in range(LENGTH)]
    assert found(profile(BUSY, {"phone": [*wandering[:130], 90, *wandering[131:]]}), [130]).is_empty()
    assert found(profile(BUSY, {"phone": [*wandering[:130], 160, *wandering[131:]]}), [130]).height == 1


def test_more_columns_share_one_level():
    many = {f"c{number}": shares(10) for number in range(49)} | {"email": shares(0, d130=60)}
    [one] = found(profile(BUSY, {"email": shares(0, d130=60)}), [130]).to_dicts()
    [of_fifty] = found(profile(BUSY, many), [130]).to_dicts()
    assert of_fifty["level"] == pytest.approx(one["level"] / 50)
    assert one["level"] == pytest.approx(AnomalySettings().level(1))


def channels(*names: str, **changed: dict[str, int]) -> dict:
    """Two hundred records a day spread evenly over the names; `d130={…}` changes a day."""
    days = [dict.fromkeys(names, 200 // len(names)) for _ in range(LENGTH)]
    for name, counts in changed.items():
        days[int(name[1:])] = counts
    return {("category", "channel"): days}


def test_a_new_value_of_ten_percent_is_found():
    values = channels("web", "store", d130={"web": 90, "store": 90, "kiosk": 20})
    [row] = found(profile(BUSY, values=values), [130]).to_dicts()
    assert (row["kind"], row["field"], row["observed"]) == ("new_category", "channel", 0.1)
    assert "'kiosk'" in row["says"]


@pytest.mark.parametrize("counts", [{"web": 98, "store": 98, "kiosk": 3}, {"web": 90, "store": 90, "(other)": 20}])
def test_a_slip_and_the_rare_ones_together_are_no_new_value(counts):
    rows = found(profile(BUSY, values=channels("web", "store", d130=counts)), [130])
    assert "new_category" not in set(rows["kind"])


def test_a_value_that_came_weeks_ago_is_not_new():
    kiosk = {"web": 90, "store": 90, "kiosk": 20}
    rows = found(profile(BUSY, values=channels("web", "store", d72=kiosk, d130=kiosk)), range(60, LENGTH))
    assert rows.filter(kind="new_category")["day"].to_list() == [day(72)]


def test_a_value_that_stays_is_one_alarm():
    kiosk = {"web": 90, "store": 90, "kiosk": 20}
    values = channels("web", "store", **{f"d{number}": kiosk for number in range(120, LENGTH)})
    rows = found(profile(BUSY, values=values), range(60, LENGTH))
    assert rows.filter("is_new").select("kind", "day").rows() == [("new_category", day(120))]


def prices(*buckets: str, **changed: dict[str, int]) -> dict:
    days = [dict.fromkeys(buckets, 200 // len(buckets)) for _ in range(LENGTH)]
    for name, counts in changed.items():
        days[int(name[1:])] = counts
    return {("number", "unit_price"): days}


def test_prices_a_hundred_times_as_high_are_found():
    values = prices("+2", "+3", "+4", "+5", d130=dict.fromkeys(("+15", "+16", "+17", "+18"), 50))
    [row] = found(profile(BUSY, values=values), [130]).to_dicts()
    assert (row["kind"], row["field"]) == ("distribution", "unit_price")
    assert row["observed"] > 1 > row["usual_to"]


def test_a_shift_within_chance_is_not_found():
    values = prices("+2", "+3", "+4", "+5", d130={"+2": 60, "+3": 40, "+4": 55, "+5": 45})
    assert found(profile(BUSY, values=values), [130]).is_empty()


def test_an_odd_mix_is_told_once():
    """A campaign day brings one kind of event only; the next one is known by then."""
    campaign = {"web": 190, "store": 10}
    values = channels("web", "store", d72=campaign, d130=campaign)
    rows = found(profile(BUSY, values=values), range(60, LENGTH))
    assert rows.select("kind", "day").rows() == [("distribution", day(72))]


def test_a_constant_column_is_never_found():
    assert found(profile(BUSY, values=channels("web") | prices("0")), range(30, LENGTH)).is_empty()


def test_a_mix_of_few_records_says_nothing():
    few = profile([20] * LENGTH, values={("category", "channel"): [{"web": 20}] * 130 + [{"store": 20}] * 10})
    assert found(few, range(60, LENGTH)).filter(pl.col("kind") == "distribution").is_empty()


def test_values_that_could_be_somebodys_are_not_shown():
    assert shown("kiosk") == "'kiosk'"
    assert shown("anna@mail.example") == shown("+49 170 1234567") == "(not shown)"


def test_sizes_in_words():
    assert [size(bucket) for bucket in ("0", "+2", "+-2", "-4")] == ["0", "2 to 2.83", "0.5 to 0.707", "-5.66 to -4"]
