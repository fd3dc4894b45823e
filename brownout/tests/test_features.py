"""Features: what they need, what becomes of them, and how that is said."""

from __future__ import annotations

import inspect

import pytest

from brownout import Breaker, Brownout, ConfigurationError, Feature, FeatureUnavailable, Level, consecutive, without


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shop:
    def __init__(self) -> None:
        self.clock = Clock()
        self.postgres = Breaker("postgres", trip=consecutive(3), clock=self.clock)
        self.openai = Breaker("openai", trip=consecutive(5), retry_after=4, clock=self.clock)
        self.redis = Breaker("redis", clock=self.clock)
        self.brownout = Brownout(
            {self.postgres: 50, self.openai: 30, self.redis: 20},
            clock=self.clock,
            features=[
                Feature("ai", through=Level.DEGRADED, needs=self.openai & self.postgres, otherwise="statistical"),
                Feature("search", through=Level.MINIMAL, needs=self.redis | without("cache")),
                Feature("sales", needs=self.postgres, otherwise="queued", shed="full"),
                Feature("either", needs=self.postgres | self.redis),
                Feature("status"),
            ],
        )


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_all_is_in_full_while_all_is_well(shop: Shop) -> None:
    assert {name: shop.brownout.mode(name) for name in shop.brownout.features} == dict.fromkeys(shop.brownout.features, "full")
    assert shop.brownout.explain("ai") == "full"
    assert shop.brownout.explain() == "OPTIMAL, score 100.00\nworks: ai, search, sales, either, status"


def test_a_fallback_is_explained_as_a_person_would(shop: Shop) -> None:
    shop.openai.trip()
    assert shop.brownout.explain("ai") == "fallback: statistical; openai is open, next trial in 4 s"
    assert not shop.brownout.available("ai")


def test_a_forecast_is_told_where_there_is_one(shop: Shop) -> None:
    shop.openai.remember([30.0] * 20)
    shop.openai.trip()
    assert shop.brownout.explain("ai").startswith("fallback: statistical; openai is open, next trial in 4 s, back in about 30 s (")


def test_a_held_breaker_is_told_with_the_reason_that_was_given(shop: Shop) -> None:
    with shop.openai.isolated("maintenance"):
        assert shop.brownout.explain("ai") == "fallback: statistical; openai is isolated (maintenance)"
    assert shop.brownout.explain("ai") == "full"


def test_a_feature_goes_on_without_what_it_can_do_without(shop: Shop) -> None:
    shop.redis.trip()
    assert shop.brownout.available("search")
    assert shop.brownout.mode("search") == "cache"
    assert shop.brownout.explain("search").startswith("cache; redis is open, next trial in 20 s")
    assert shop.brownout.mode("either") == "full"


def test_both_alternatives_down_is_down(shop: Shop) -> None:
    shop.redis.trip()
    shop.postgres.trip()
    assert shop.brownout.explain("either") == "off; postgres is open, next trial in 20 s and redis is open, next trial in 20 s"


def test_a_feature_that_the_level_sheds_says_so(shop: Shop) -> None:
    shop.postgres.failed()
    shop.postgres.failed()
    assert shop.brownout.level is Level.LIMITED
    assert shop.brownout.explain("ai") == "fallback: statistical; it needs the level DEGRADED, which is LIMITED now"
    assert shop.brownout.mode("sales") == "full"


def test_services_come_before_the_level(shop: Shop) -> None:
    shop.postgres.trip()
    assert shop.brownout.mode("sales") == "queued"
    assert "sales: fallback: queued; postgres is open" in shop.brownout.explain()


def test_a_trial_that_is_due_and_one_under_way_are_told(shop: Shop) -> None:
    shop.openai.trip()
    shop.clock.now += 4
    assert shop.brownout.explain("ai") == "fallback: statistical; openai is open, next trial now"
    shop.openai.acquire()
    assert shop.brownout.explain("ai") == "fallback: statistical; openai is half open, next trial now"


def test_a_decorated_function_keeps_its_signature_and_gives_way(shop: Shop) -> None:
    @shop.brownout.feature("ai", otherwise=lambda sku, limit=3: ["statistical", sku, limit])
    def recommend(sku: str, limit: int = 3) -> list[object]:
        return ["ai", sku, limit]

    assert list(inspect.signature(recommend).parameters) == ["sku", "limit"]
    assert recommend("A1") == ["ai", "A1", 3]
    shop.openai.trip()
    assert recommend("A1", limit=5) == ["statistical", "A1", 5]


async def test_a_coroutine_function_gives_way_to_functions_of_both_kinds(shop: Shop) -> None:
    async def slowly() -> str:
        return "async fallback"

    async def ai() -> str:
        return "ai"

    first = shop.brownout.feature("ai", otherwise=slowly)(ai)
    second = shop.brownout.feature("ai", otherwise=lambda: "sync fallback")(ai)
    assert (await first(), await second()) == ("ai", "ai")
    shop.openai.trip()
    assert (await first(), await second()) == ("async fallback", "sync fallback")


def test_without_an_alternative_the_error_says_what_and_until_when(shop: Shop) -> None:
    @shop.brownout.feature("ai")
    def recommend() -> None:
        pass

    shop.openai.trip()
    with pytest.raises(FeatureUnavailable) as caught:
        recommend()
    error = caught.value
    assert (error.feature, error.level, error.retry_after) == ("ai", Level.DEGRADED, 4)
    assert str(error) == "ai is not available: fallback: statistical; openai is open, next trial in 4 s"
    assert error.reason == "fallback: statistical; openai is open, next trial in 4 s"


def test_a_shed_feature_knows_no_time(shop: Shop) -> None:
    shop.postgres.failed()
    shop.postgres.failed()
    with pytest.raises(FeatureUnavailable) as caught:
        shop.brownout.feature("ai")(len)("x")
    assert caught.value.retry_after is None


def test_what_cannot_be_a_feature_is_refused(shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="there is no 'a1'"):
        shop.brownout.feature("a1")
    with pytest.raises(TypeError, match="give a function"):
        shop.brownout.feature("ai")(int)
    with pytest.raises(ConfigurationError, match="name"):
        Feature("")
    with pytest.raises(ConfigurationError, match="through"):
        Feature("x", through=3)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ConfigurationError, match="needs"):
        Feature("x", needs="postgres")  # type: ignore[arg-type]  # wrong on purpose


def test_needs_are_written_as_they_were_given(shop: Shop) -> None:
    a, b, c = shop.postgres, shop.openai, shop.redis
    assert repr((a | b) & c) == "(postgres | openai) & redis"
    assert repr(a | b & without("x")) == 'postgres | openai & without("x")'
    assert repr(shop.brownout.features["status"]) == "<Feature status: through EMERGENCY, needs nothing, otherwise off>"
    assert [breaker.name for breaker in ((a | without("x")) & b & c).breakers()] == ["postgres", "openai", "redis"]


def test_the_matrix_reads_in_a_terminal_and_in_markdown(shop: Shop) -> None:
    lines = str(shop.brownout.matrix()).splitlines()
    assert lines[0].split() == ["feature", "needs", "OPTIMAL", "DEGRADED", "LIMITED", "MINIMAL", "EMERGENCY", "service", "down"]
    assert lines[1] == "ai       openai & postgres         full     full      statistical  statistical  statistical  statistical"
    markdown = shop.brownout.matrix().markdown()
    assert '| search | redis \\| without("cache") | full | full | full | full | off | cache |\n' in markdown
