"""When a function that belongs to a feature is called, and what is told when it is not."""

from __future__ import annotations

from typing import Any

import pytest
from virtual_time import Clock

from brownout import Breaker, Brownout, Feature, FeatureUnavailable, Level, OpenError, State, backoff, consecutive
from brownout._probe import probed


class Shop:
    def __init__(self) -> None:
        self.clock = Clock()
        self.database = self.breaker("database")
        self.openai = self.breaker("openai")
        self.other = self.breaker("other")
        features = [
            Feature("advice", through=Level.DEGRADED, needs=self.database & self.openai, otherwise="rules"),
            Feature("stock", through=Level.OPTIMAL, needs=self.database, otherwise="queued", shed="full"),
        ]
        services = {self.database: 50, self.openai: 50}
        self.brownout = Brownout(services, features=features, clock=self.clock)

    def breaker(self, name: str) -> Breaker:
        return Breaker(name, clock=self.clock, trip=consecutive(3), retry_after=backoff(4, up_to=60), ramp=0)

    def recover(self) -> None:
        self.openai.reset()
        self.clock.tick(5)
        assert self.brownout.level is Level.OPTIMAL


def advice() -> str:
    return "advice"


def rules() -> str:
    return "rules"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_call_makes_the_trial_that_is_due_or_the_feature_would_never_come_back(shop: Shop) -> None:
    advise = shop.brownout.feature("advice", otherwise=rules)(shop.openai(advice))
    shop.openai.trip()
    shop.database.trip()
    assert shop.brownout.level is Level.EMERGENCY
    shop.clock.tick(4)
    shop.database.reset()
    assert advise() == "advice"
    assert shop.openai.state is State.CLOSED


def test_no_call_makes_the_trial_that_a_probe_will_make(shop: Shop) -> None:
    advise = shop.brownout.feature("advice", otherwise=rules)(advice)
    shop.openai.trip()
    shop.clock.tick(4)
    probed.add(shop.openai)
    assert advise() == "rules"


def test_no_call_is_made_while_another_service_is_down_for_longer(shop: Shop) -> None:
    advise = shop.brownout.feature("advice", otherwise=rules)(advice)
    shop.openai.trip()
    shop.database.isolated("maintenance")
    shop.clock.tick(4)
    assert advise() == "rules"


def test_a_service_that_is_not_needed_stops_nobody(shop: Shop) -> None:
    sell = shop.brownout.feature("stock")(advice)
    shop.openai.trip()
    assert not shop.brownout.available("stock")
    assert sell() == "advice"


async def test_what_the_breaker_refuses_is_answered_otherwise(shop: Shop) -> None:
    """It was closed a moment ago, or lets only a few through."""

    def refused() -> Any:
        shop.openai.trip()
        shop.openai.acquire()

    async def refused_too() -> Any:
        refused()

    assert shop.brownout.feature("advice", otherwise=rules)(refused)() == "rules"
    shop.recover()
    assert await shop.brownout.feature("advice", otherwise=rules)(refused_too)() == "rules"
    shop.recover()
    with pytest.raises(FeatureUnavailable, match="openai is open") as caught:
        shop.brownout.feature("advice")(refused)()
    assert caught.value.retry_after == 4
    assert isinstance(caught.value.__cause__, OpenError)


def test_what_a_breaker_of_something_else_refuses_is_raised(shop: Shop) -> None:
    shop.other.trip()
    with pytest.raises(OpenError, match="other is open"):
        shop.brownout.feature("advice", otherwise=rules)(shop.other.acquire)()


def test_the_time_to_wait_comes_from_past_outages(shop: Shop) -> None:
    shop.openai.remember([40.0] * 9)
    shop.openai.trip()
    with pytest.raises(FeatureUnavailable) as caught:
        shop.brownout.feature("advice")(advice)()
    forecast = shop.openai.forecast()
    assert forecast is not None
    assert caught.value.retry_after == forecast.median > 4


def test_nobody_knows_when_what_is_isolated_comes_back(shop: Shop) -> None:
    shop.openai.isolated("maintenance")
    with pytest.raises(FeatureUnavailable) as caught:
        shop.brownout.feature("advice")(advice)()
    assert caught.value.retry_after is None


async def test_what_cannot_give_way_is_refused(shop: Shop) -> None:
    def stream() -> Any:
        yield 1

    async def slowly() -> str:
        return "rules"

    with pytest.raises(TypeError, match="is a generator"):
        shop.brownout.feature("advice")(stream)
    with pytest.raises(TypeError, match="make both the same"):
        shop.brownout.feature("advice", otherwise=slowly)(advice)
    assert await slowly() == "rules"
