"""Keys, passwords and the throttle, without a database."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventario.accounts import rules
from inventario.accounts.throttle import Throttle
from inventario.errors import DependencyUnavailable, TooManyRequests


def test_a_key_has_the_documented_shape() -> None:
    name, text = rules.new_key()
    prefix, environment, middle, secret, checksum = text.split("_")
    assert (prefix, environment, middle, len(secret), len(checksum)) == ("inv", "local", name, 43, 6)


def test_a_key_is_known_by_its_checksum() -> None:
    name, text = rules.new_key()
    assert rules.key_id(text) == name


@given(st.integers(0, 67), st.sampled_from("0aZ_"))
def test_a_typo_in_a_key_is_noticed_without_a_database(place: int, sign: str) -> None:
    text = rules.new_key()[1]
    place = min(place, len(text) - 1)
    wrong = text[:place] + sign + text[place + 1 :]
    assert wrong == text or rules.key_id(wrong) is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_a_key(text: str) -> None:
    assert rules.key_id(text) is None


def test_a_generated_password_can_be_read_aloud_and_used() -> None:
    password = rules.new_password()
    assert [len(group) for group in password.split("-")] == [4] * 5
    assert rules.password_problem(password, "owner") is None


@pytest.mark.parametrize("weak", ["short", "aaaaaaaaaaaa", "mi-almacen-x", "x" * 300])
def test_a_weak_password_is_refused_with_a_remedy(weak: str) -> None:
    problem = rules.password_problem(weak, "MI-ALMACEN-X")
    assert problem is not None
    assert all(problem)


def test_a_scope_that_does_not_exist_is_named() -> None:
    problem = rules.scope_problem(["read", "fly"])
    assert problem is not None
    assert "fly" in problem[0]


HERE = "1.2.3.4"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(throttle: Throttle, clock: Clock, times: int) -> list[int]:
    """Fail *times* times, waiting where one has to, and return the waits."""
    waits = []
    for _ in range(times):
        try:
            with throttle.attempt(HERE):
                pass
        except TooManyRequests as error:
            waits.append(error.retry_after)
            clock.now += error.retry_after
            with throttle.attempt(HERE):
                pass
    return waits


def test_five_wrong_logins_pass_and_then_the_wait_doubles_up_to_half_a_minute() -> None:
    clock = Clock()
    assert fail(Throttle(clock=clock), clock, 12) == [2, 3, 5, 9, 17, 31, 31]


def test_the_wait_is_the_same_after_a_night_of_guessing() -> None:
    clock = Clock()
    assert fail(Throttle(clock=clock), clock, 2000)[-1] == 31


def test_another_address_and_a_success_start_afresh() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    fail(throttle, clock, 10)
    clock.now += 30
    with throttle.attempt("5.6.7.8"):
        pass
    with throttle.attempt(HERE) as succeed:
        succeed()
    assert fail(throttle, clock, 5) == []


def test_attempts_count_from_their_beginning_so_that_many_at_once_are_no_way_around() -> None:
    throttle = Throttle(clock=Clock())
    with ExitStack() as under_way:
        for _ in range(5):
            under_way.enter_context(throttle.attempt(HERE))
        with pytest.raises(TooManyRequests):
            under_way.enter_context(throttle.attempt(HERE))


def test_past_the_free_ones_there_is_one_attempt_at_a_time() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    fail(throttle, clock, 5)
    clock.now += 3600
    with throttle.attempt(HERE), pytest.raises(TooManyRequests), throttle.attempt(HERE):
        pass


def test_an_attempt_that_compared_nothing_does_not_count() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    for _ in range(20):
        with pytest.raises(DependencyUnavailable), throttle.attempt(HERE):
            raise DependencyUnavailable("database", "The database does not answer.")
    assert fail(throttle, clock, 5) == []
