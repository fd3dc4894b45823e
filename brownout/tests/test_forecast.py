"""What the forecast promises for every history, and how it reads. How well it covers is measured in bench/forecast.py."""

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from brownout._errors import ConfigurationError
from brownout._forecast import Forecast, forecast

LENGTHS = st.floats(1e-3, 1e6)
HISTORIES = st.lists(LENGTHS, min_size=1, max_size=80)
MOMENTS = st.floats(0, 1e6)
NEXT = st.floats(0, 1e4)
ANYTHING = st.floats(allow_nan=True, allow_infinity=True)
SEEN = (30.0, 45.0, 60.0, 90.0, 240.0)


@given(
    outages=st.lists(ANYTHING, max_size=80),
    elapsed=ANYTHING,
    next_trial=ANYTHING,
    coverage=st.floats(0, 1, exclude_min=True, exclude_max=True),
)
def test_orders_its_numbers_and_can_be_read_whatever_it_is_given(
    outages: list[float], elapsed: float, next_trial: float, coverage: float
) -> None:
    seen = forecast(outages, elapsed=elapsed, next_trial=next_trial, coverage=coverage)
    assert 0 <= seen.low <= seen.median <= seen.high
    assert 0 <= seen.longer <= seen.basis <= 64
    assert str(seen)


@given(outages=HISTORIES, elapsed=MOMENTS, next_trial=NEXT)
def test_is_never_before_the_next_trial(outages: list[float], elapsed: float, next_trial: float) -> None:
    assert forecast(outages, elapsed=elapsed, next_trial=next_trial).low >= next_trial


@given(outages=HISTORIES, elapsed=MOMENTS, next_trial=NEXT, scale=st.sampled_from([2.0**power for power in (-20, -3, 1, 10, 40)]))
def test_does_not_depend_on_the_unit_of_time(outages: list[float], elapsed: float, next_trial: float, scale: float) -> None:
    one = forecast(outages, elapsed=elapsed, next_trial=next_trial)
    other = forecast([length * scale for length in outages], elapsed=elapsed * scale, next_trial=next_trial * scale)
    assert [seconds * scale for seconds in one[:3]] == pytest.approx(other[:3], rel=1e-6)
    assert one[3:] == other[3:]


@given(outages=HISTORIES, elapsed=MOMENTS, narrow=st.floats(0.05, 0.99), wide=st.floats(0.05, 0.99))
def test_a_higher_coverage_encloses_a_lower_one(outages: list[float], elapsed: float, narrow: float, wide: float) -> None:
    assume(narrow < wide)
    inner = forecast(outages, elapsed=elapsed, next_trial=0, coverage=narrow)
    outer = forecast(outages, elapsed=elapsed, next_trial=0, coverage=wide)
    assert outer.low <= inner.low * (1 + 1e-9)
    assert outer.high >= inner.high * (1 - 1e-9)
    assert outer.median == inner.median


@given(outages=HISTORIES, elapsed=MOMENTS, sooner=NEXT, later=NEXT)
def test_a_later_trial_makes_nothing_earlier(outages: list[float], elapsed: float, sooner: float, later: float) -> None:
    assume(sooner <= later)
    before = forecast(outages, elapsed=elapsed, next_trial=sooner)
    after = forecast(outages, elapsed=elapsed, next_trial=later)
    assert all(one <= other for one, other in zip(before[:3], after[:3], strict=True))


@given(outages=HISTORIES, early=MOMENTS, late=MOMENTS)
def test_the_expected_time_of_day_never_moves_back_while_the_outage_lasts(outages: list[float], early: float, late: float) -> None:
    assume(early <= late)
    before = early + forecast(outages, elapsed=early, next_trial=0).median
    after = late + forecast(outages, elapsed=late, next_trial=0).median
    assert after >= before * (1 - 1e-9)


@given(outages=HISTORIES)
def test_the_median_lies_among_the_known_outages(outages: list[float]) -> None:
    counted = outages[-64:]
    assert min(counted) * (1 - 1e-9) <= forecast(outages, elapsed=0, next_trial=0).median <= max(counted) * (1 + 1e-9)


@given(outages=st.lists(LENGTHS, min_size=64, max_size=64), older=HISTORIES, elapsed=MOMENTS)
def test_only_the_last_64_outages_count(outages: list[float], older: list[float], elapsed: float) -> None:
    assert forecast(older + outages, elapsed=elapsed, next_trial=1) == forecast(outages, elapsed=elapsed, next_trial=1)


@given(outages=HISTORIES, where=st.integers(0), nothing=st.sampled_from([0.0, -5.0, math.nan, math.inf]), elapsed=MOMENTS)
def test_lengths_that_are_none_are_left_out(outages: list[float], where: int, nothing: float, elapsed: float) -> None:
    outages = outages[:63]
    place = where % (len(outages) + 1)
    with_nothing = [*outages[:place], nothing, *outages[place:]]
    assert forecast(with_nothing, elapsed=elapsed, next_trial=0) == forecast(outages, elapsed=elapsed, next_trial=0)


def test_equal_weights_give_the_ranks_of_hill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brownout._forecast.HALF_LIFE", math.inf)
    seen = forecast([float(length) for length in range(1, 20)], elapsed=0, next_trial=0)
    assert seen == pytest.approx((10, 2, 18, 19, 19))


def test_one_known_outage_gives_a_constant_hazard() -> None:
    # If both lengths are exponential with one mean, P(new < x * first) = x / (1 + x).
    assert forecast([60.0], elapsed=0, next_trial=0) == pytest.approx((60, 60 / 9, 60 * 9, 1, 1))


def test_only_what_remained_of_longer_outages_counts() -> None:
    seen = forecast([10.0, 20.0, 160.0], elapsed=100, next_trial=0)
    assert seen == pytest.approx((60, 60 / 9, 60 * 9, 3, 1))


def test_an_outage_that_outlasts_all_may_last_as_long_again() -> None:
    assert forecast(SEEN, elapsed=900, next_trial=0) == pytest.approx((900, 100, 8100, 5, 0))


def test_an_outage_as_long_as_a_known_one_has_outlasted_it() -> None:
    assert forecast([20.0, 60.0], elapsed=20, next_trial=0).longer == 1


def test_without_a_record_only_the_next_trial_is_known() -> None:
    assert forecast([], elapsed=100, next_trial=4) == Forecast(4, 4, math.inf, 0, 0)


def test_recent_outages_count_more() -> None:
    falling = forecast([600.0] * 20 + [60.0] * 12, elapsed=0, next_trial=0)
    rising = forecast([60.0] * 20 + [600.0] * 12, elapsed=0, next_trial=0)
    assert (falling.median, rising.median) == pytest.approx((60, 600))


def test_equal_outages_leave_nothing_to_doubt() -> None:
    seen = forecast([20.0] * 20, elapsed=5, next_trial=3)
    assert seen == pytest.approx((15, 15, 15, 20, 20))
    assert str(seen) == "back in about 15 s (15 s, from 20 outages)"


@pytest.mark.parametrize("elapsed", [0.0, 90.0])
def test_about_four_in_five_recoveries_fall_within(elapsed: float) -> None:
    uniform = random.Random(5)
    hits = 0
    for _ in range(2000):
        outages = [uniform.expovariate(1 / 120) for _ in range(10)]
        seen = forecast(outages, elapsed=elapsed, next_trial=0)
        hits += seen.low <= uniform.expovariate(1 / 120) <= seen.high
    assert 1500 <= hits <= 1700


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 80, math.nan])
def test_refuses_a_coverage_that_is_no_probability(coverage: float) -> None:
    with pytest.raises(ConfigurationError, match=r"coverage is a probability .* e\.g\. 0\.8"):
        forecast(SEEN, elapsed=0, next_trial=0, coverage=coverage)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Forecast(41.0, 12.0, 180.0, 17, 17), "back in about 41 s (12 s to 3 min, from 17 outages)"),
        (Forecast(41.0, 12.0, 180.0, 17, 5), "back in about 41 s (12 s to 3 min, from the 5 of 17 outages that were longer)"),
        (Forecast(0.3, 0.0, 2.6, 1, 1), "back in about 0.3 s (0 s to 3 s, from 1 outage)"),
        (Forecast(0.0, 0.0, 2.6, 4, 4), "back now (0 s to 3 s, from 4 outages)"),
        (Forecast(7200.0, 300.0, 260_000.0, 3, 3), "back in about 2 h (5 min to 3 days, from 3 outages)"),
        (Forecast(900.0, 100.0, 8100.0, 5, 0), "longer than all 5 outages on record; perhaps back in about 15 min (100 s to 2 h)"),
        (Forecast(30.0, 3.0, 270.0, 1, 0), "longer than the only outage on record; perhaps back in about 30 s (3 s to 4 min)"),
        (Forecast(1e300, 1e9, 1e300, 2, 2), "back in more than 1000 days (more than 1000 days, from 2 outages)"),
        (Forecast(4.0, 4.0, math.inf, 0, 0), "no outage on record; the next trial is in 4 s"),
        (Forecast(0.0, 0.0, math.inf, 0, 0), "no outage on record; the next trial is now"),
        (Forecast(math.inf, math.inf, math.inf, 0, 0), "no trial is planned"),
        (Forecast(math.inf, math.inf, math.inf, 9, 2), "no trial is planned"),
    ],
)
def test_reads_as_a_person_would_say_it(seen: Forecast, words: str) -> None:
    assert str(seen) == words
