"""Which days are judged, what goes on from earlier runs, and that nothing in a profile makes it fall over."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from made import CLOSING, MONDAY, day, found, profile

from expectations.anomalies import FINDINGS, PROFILES, AnomalySettings, Span, judge, spans_to_judge

SETTINGS = AnomalySettings()
NOON = timedelta(hours=12)


def spans(profiles: pl.DataFrame, now: datetime, judged: dict | None = None, zone: str = "UTC") -> list[Span]:
    return spans_to_judge(profiles, judged or {}, now, zone, SETTINGS)


def at(number: int, hours: float = 3.0) -> datetime:
    """So many hours into a day."""
    return datetime.combine(day(number), datetime.min.time()) + timedelta(hours=hours)


def test_the_first_run_judges_the_last_seven_days():
    assert spans(profile([5] * 60), at(60)) == [Span("shop", "orders", day(53), day(59))]


def test_a_later_run_judges_what_no_run_has_judged():
    sixty = profile([5] * 60)
    assert spans(sixty, at(60), {("shop", "orders"): day(57)}) == [Span("shop", "orders", day(58), day(59))]
    assert spans(sixty, at(60), {("shop", "orders"): day(59)}) == []


def test_a_month_at_once_is_judged_whole_but_not_two_years():
    year = profile([5] * 400)
    assert spans(year, at(400), {("shop", "orders"): day(368)})[0].first == day(369)
    assert spans(year, at(400), {("shop", "orders"): day(1)})[0].first == day(338)


def test_today_is_not_complete():
    assert spans(profile([5] * 60), at(59, 20))[0].last == day(58)


def test_a_day_that_ends_early_waits_for_the_next():
    cut_off = profile([5] * 60).with_columns(
        newest_at=pl.when(pl.col("day") == day(59)).then(pl.lit(at(59, 12))).otherwise(pl.col("newest_at"))
    )
    assert spans(cut_off, at(60))[0].last == day(58)
    later = pl.concat([cut_off, profile([0] * 60 + [5])])
    assert spans(later, at(61))[0].last == day(60)


def test_days_without_records_between_are_judged():
    gap = profile([5] * 50 + [0] * 9 + [5])
    assert spans(gap, at(60), {("shop", "orders"): day(49)}) == [Span("shop", "orders", day(50), day(59))]


def test_the_clock_is_the_companys_also_when_it_is_put_forward():
    """The shop closes at 18:00 in Berlin: 17:00 UTC in winter, 16:00 in summer. No day looks as if it ended early."""
    summer = date(2026, 3, 29)
    winter = profile([5] * 90).with_columns(
        newest_at=pl.when(pl.col("day") < summer)
        .then(pl.col("newest_at").dt.offset_by("-1h"))
        .otherwise(pl.col("newest_at").dt.offset_by("-2h"))
    )
    first_summer_day = winter.filter(pl.col("day") <= summer)
    now = datetime.combine(summer, CLOSING) + NOON
    assert spans(first_summer_day, now, zone="Europe/Berlin")[0].last == summer
    # By the clock of UTC the day would end an hour early.
    assert spans(first_summer_day, now, zone="UTC")[0].last == summer - timedelta(days=1)


def test_a_finding_of_an_earlier_run_goes_on():
    half = profile([100] * 130 + [50] * 3 + [100] * 7)
    before = found(half, [130])
    assert before["is_new"].to_list() == [True]
    after = found(half, [131], kept=before.select("source", "entity", "kind", "field", "day", "since"))
    assert after.select("since", "is_new").rows() == [(day(130), False)]


def test_only_the_days_asked_for_are_judged():
    half = profile([100] * 130 + [50] * 3 + [100] * 7)
    assert found(half, [133]).is_empty()
    assert found(half, [131, 132])["day"].to_list() == [day(131), day(132)]


def test_sources_have_levels_of_their_own():
    both = pl.concat([profile([100] * 130 + [0, 100]), profile([100] * 132, source="desk", entity="tickets")])
    [row] = found(both, [130]).to_dicts()
    assert (row["source"], row["level"]) == ("shop", SETTINGS.level(1))
    one_source = pl.concat([profile([100] * 130 + [0, 100]), profile([100] * 132, entity="tickets")])
    assert found(one_source, [130])["level"].to_list() == [SETTINGS.level(2)]


def test_nothing_in_nothing_out():
    empty = pl.DataFrame(schema=PROFILES)
    whole = [Span("shop", "orders", day(0), day(9))]
    assert judge(empty, whole, SETTINGS, silent_at=[day(9)]).schema == FINDINGS
    assert judge(profile([5]), [Span("shop", "orders", day(0), day(0))], SETTINGS, silent_at=[day(0)]).is_empty()
    assert judge(profile([5] * 40), [], SETTINGS).is_empty()
    assert spans(empty, at(3)) == []


counts = st.lists(st.integers(0, 300) | st.integers(10**8, 10**9), min_size=1, max_size=70)


@settings(max_examples=60, deadline=None)
@given(counts, st.data())
def test_whatever_the_counts_it_answers_in_order(records, data):
    nulls = [data.draw(st.integers(0, count), label="nulls") for count in records]
    mixed = [{"+3": nulls[number], "-1": count - nulls[number]} for number, count in enumerate(records)]
    profiles = profile(records, {"a": nulls}, {("category", "b"): mixed, ("number", "c"): mixed})
    if profiles.is_empty():
        return
    rows = found(profiles, range(len(records)), silent_at=range(len(records)))
    assert rows.schema == FINDINGS
    numbers = rows.select("observed", "expected", "usual_from", "usual_to", "p_value", "level").to_numpy()
    assert np.isfinite(numbers).all()
    assert (rows["p_value"] < rows["level"]).all()
    assert (rows["since"] <= rows["day"]).all()


def test_false_alarms_are_as_rare_as_the_settings_say():
    """Forty sources of two years, each with a weekday rhythm, growth and days that vary more than chance.

    Nothing is wrong with any of them. 0.1 false alarms a month and source are allowed for: in 40 * 22.9 months 92.
    The tests are cautious (a discrete count seldom reaches its level), so fewer must come; twice as many would show.
    """
    rng = np.random.default_rng(20)
    length = 728
    alarms = 0
    for number in range(40):
        weekday = rng.gamma(8, 1 / 8, 7)
        growth = 1 + rng.uniform(-0.3, 1.0) * np.arange(length) / length
        mean = rng.choice([3, 30, 300]) * weekday[np.arange(length) % 7] * growth
        records = rng.poisson(mean * rng.gamma(25, 1 / 25, length))
        nulls = {
            f"c{column}": rng.binomial(records, rng.beta(share * 300, (1 - share) * 300, length))
            for column, share in enumerate((0.02, 0.3, 0.9))
        }
        mixes = [dict(zip("abcd", rng.multinomial(count, (0.6, 0.3, 0.08, 0.02)), strict=True)) for count in records]
        profiles = profile(records.tolist(), nulls, {("category", "kind"): mixes}, source=f"s{number}")
        alarms += int(found(profiles, range(length), silent_at=range(length))["is_new"].sum())
    assert alarms <= 0.1 * 40 * 22.9
    assert MONDAY.weekday() == 0
