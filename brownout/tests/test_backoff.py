import random
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brownout import Backoff, backoff

README = Path(__file__).parents[1] / "README.md"


def test_doubles_up_to_the_cap() -> None:
    assert list(islice(backoff(0.1, up_to=1), 6)) == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


def test_stays_at_the_cap_where_the_power_overflows() -> None:
    assert backoff(0.1, up_to=5).delay(100_000) == 5


def test_first_wait_is_exact_whatever_the_jitter() -> None:
    assert backoff(20, up_to=300, jitter=1).delay(0) == 20


def test_same_seed_gives_the_same_waits() -> None:
    schedule = backoff(1, up_to=60, jitter=0.5)
    first, second = random.Random(7), random.Random(7)
    assert [schedule.delay(n, uniform=first.random) for n in range(9)] == [schedule.delay(n, uniform=second.random) for n in range(9)]


@given(
    first=st.floats(0.001, 10),
    extra=st.floats(0, 1000),
    factor=st.floats(1, 10),
    jitter=st.floats(0, 1),
    attempt=st.integers(0, 5000),
    uniform=st.floats(0, 1, exclude_max=True),
)
def test_never_above_the_cap_nor_below_the_jittered_wait(
    first: float, extra: float, factor: float, jitter: float, attempt: int, uniform: float
) -> None:
    schedule = Backoff(first, first + extra, factor, jitter)
    wait = schedule.delay(attempt, uniform=lambda: uniform)
    assert 0 <= wait <= first + extra
    assert wait >= first * (1 - jitter) * 0.999


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"first": 0, "up_to": 5}, "first <= up_to"),
        ({"first": 6, "up_to": 5}, "first <= up_to"),
        ({"first": 1, "up_to": 5, "factor": 0.5}, "factor must be 1 or more"),
        ({"first": 1, "up_to": 5, "jitter": 2}, "share from 0 to 1"),
    ],
)
def test_refuses_numbers_that_make_no_schedule(arguments: dict[str, float], hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        Backoff(**arguments)


def test_refuses_a_negative_attempt() -> None:
    with pytest.raises(ValueError, match="counts from 0"):
        backoff(1, up_to=2).delay(-1)


def test_the_readme_example_runs() -> None:
    text = README.read_text(encoding="utf-8")
    exec(text.split("```python")[1].split("```")[0], {})  # noqa: S102 - the example is ours
