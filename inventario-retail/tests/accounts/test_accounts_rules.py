"""Keys, passwords and the throttle, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventario.accounts import rules
from inventario.accounts.throttle import Throttle
from inventario.errors import TooManyRequests


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


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_five_wrong_logins_pass_and_then_the_wait_doubles() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    waits = []
    for _ in range(9):
        try:
            throttle.check("1.2.3.4")
        except TooManyRequests as error:
            waits.append(error.retry_after)
            clock.now += error.retry_after
        throttle.failed("1.2.3.4")
    assert waits == [2, 3, 5, 9]


def test_another_address_and_a_success_start_afresh() -> None:
    throttle = Throttle(clock=Clock())
    for _ in range(10):
        throttle.failed("1.2.3.4")
    throttle.check("5.6.7.8")
    throttle.passed("1.2.3.4")
    throttle.check("1.2.3.4")


def test_the_wait_never_grows_beyond_five_minutes() -> None:
    throttle = Throttle(clock=Clock())
    for _ in range(60):
        throttle.failed("1.2.3.4")
    with pytest.raises(TooManyRequests) as caught:
        throttle.check("1.2.3.4")
    assert caught.value.retry_after <= 301
