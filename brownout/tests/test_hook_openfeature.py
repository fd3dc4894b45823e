"""What clients of OpenFeature get, through its own API."""

from __future__ import annotations

import queue
import runpy
import subprocess
import sys
from collections.abc import Iterator

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.event import EventDetails, ProviderEvent, ProviderEventDetails
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from brownout import Breaker, Brownout, ConfigurationError, Feature, Level, consecutive, openfeature, testing
from brownout.openfeature import BrownoutProvider


class Shop:
    def __init__(self, clock: testing.Clock) -> None:
        self.clock = clock
        self.database = Breaker("database", trip=consecutive(10))
        self.s3 = Breaker("s3", ramp=0)
        self.openai = Breaker("openai", trip=consecutive(1), retry_after=34, ramp=0)
        self.service = Brownout(
            {self.openai: 30, self.database: 65, self.s3: 5},
            features=[Feature("advice", through=Level.DEGRADED, needs=self.openai, otherwise="statistical"), Feature("sale")],
        )
        self.provider = BrownoutProvider(self.service)
        api.set_provider_and_wait(self.provider, "shop")
        self.client: OpenFeatureClient = api.get_client("shop")
        self._told: queue.Queue[EventDetails] = queue.Queue()
        self.client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, self._told.put)

    def end(self) -> None:
        self.client.remove_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, self._told.put)
        api.clear_providers()

    def next_told(self) -> EventDetails:
        """Return what is told next; handlers run in a thread of their own."""
        return self._told.get(timeout=30)

    def nothing_told(self) -> bool:
        """Tell something, and return whether it is the first that is heard."""
        self.provider.emit_provider_configuration_changed(ProviderEventDetails(message="the end"))
        return self.next_told().message == "the end"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with testing.clock() as clock:
        made = Shop(clock)
        yield made
        made.end()


def test_a_feature_that_is_well_is_on_and_full(shop: Shop) -> None:
    found = shop.client.get_boolean_details("advice", False)
    assert (found.value, found.variant, found.reason, dict(found.flag_metadata)) == (True, "full", Reason.STATIC, {})
    assert shop.client.get_string_value("advice", "off") == "full"


def test_a_feature_whose_service_is_down_says_why(shop: Shop) -> None:
    shop.openai.failed(ConnectionError("gone"))
    found = shop.client.get_boolean_details("advice", True)
    assert (found.value, found.variant, found.reason) == (False, "statistical", Reason.TARGETING_MATCH)
    assert found.flag_metadata == {"why": "openai is open, next trial in 34 s"}
    assert shop.client.get_string_value("advice", "full") == "statistical"
    assert shop.client.get_object_value("advice", {}) == {
        "available": False,
        "mode": "statistical",
        "reason": "openai is open, next trial in 34 s",
    }
    assert shop.client.get_boolean_value("sale", False)


async def test_async_clients_get_the_same(shop: Shop) -> None:
    assert await shop.client.get_boolean_value_async("advice", False)
    assert await shop.client.get_string_value_async("advice", "off") == "full"


def test_an_unknown_flag_gives_the_callers_default(shop: Shop) -> None:
    found = shop.client.get_boolean_details("nothing", True)
    assert (found.value, found.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    assert found.error_message == "there is no feature 'nothing'; there are advice, sale"


def test_a_feature_is_no_number(shop: Shop) -> None:
    assert shop.client.get_integer_details("advice", 7).error_code is ErrorCode.TYPE_MISMATCH
    assert shop.client.get_float_details("advice", 7.5).error_code is ErrorCode.TYPE_MISMATCH
    assert shop.client.get_integer_details("nothing", 7).error_code is ErrorCode.FLAG_NOT_FOUND


def test_handlers_hear_which_flags_changed_and_the_level(shop: Shop) -> None:
    shop.openai.failed(ConnectionError("gone"))
    told = shop.next_told()
    assert told.flags_changed == ["advice"]
    assert told.message == "DEGRADED, score 70.00"
    assert told.metadata == {"level": "DEGRADED", "score": 70.0}


def test_a_level_is_told_though_no_flag_changes(shop: Shop) -> None:
    shop.s3.trip()
    told = shop.next_told()
    assert (told.flags_changed, told.message) == ([], "DEGRADED, score 95.00")
    shop.s3.reset()
    shop.clock.tick(5)
    assert shop.service.level is Level.OPTIMAL
    assert shop.next_told().message == "OPTIMAL, score 100.00"


def test_a_score_alone_is_not_told(shop: Shop) -> None:
    shop.database.failed(ConnectionError("once"))
    assert shop.service.score == 93.5
    assert shop.nothing_told()


def test_a_provider_that_is_shut_down_tells_nothing_more(shop: Shop) -> None:
    shop.provider.shutdown()
    shop.provider.shutdown()
    shop.openai.failed(ConnectionError("gone"))
    assert shop.nothing_told()
    assert not shop.client.get_boolean_value("advice", True)


def test_only_a_brownout_can_answer() -> None:
    with pytest.raises(ConfigurationError, match="give a Brownout, got None"):
        BrownoutProvider(None)  # type: ignore[arg-type]  # what is wrong here is the test


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openfeature.event", None)
    with pytest.raises(ImportError, match=r"pip install 'brownout\[openfeature\]'"):
        runpy.run_path(str(openfeature.__file__))


def test_brownout_itself_does_not_load_it() -> None:
    script = "import sys, brownout; brownout.Brownout; print('openfeature' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "False\n"
