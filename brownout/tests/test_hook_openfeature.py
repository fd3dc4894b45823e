"""Features asked through OpenFeature's own client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode

from brownout import Breaker, Brownout, Feature
from brownout.openfeature import BrownoutProvider


@pytest.fixture
def openai() -> Breaker:
    return Breaker("openai")


@pytest.fixture
def client(openai: Breaker) -> Iterator[OpenFeatureClient]:
    brownout = Brownout({openai: 1}, features=[Feature("ai", needs=openai, otherwise="statistical")])
    api.set_provider_and_wait(BrownoutProvider(brownout))
    yield api.get_client()
    api.shutdown()


def test_flags_are_what_the_features_are(client: OpenFeatureClient, openai: Breaker) -> None:
    assert client.get_boolean_value("ai", False) is True
    openai.trip()
    details = client.get_boolean_details("ai", True)
    assert (details.value, details.variant) == (False, "statistical")
    assert client.get_string_value("ai", "") == "statistical"


def test_what_is_no_feature_or_no_flag_of_this_kind_gives_the_default_and_says_why(client: OpenFeatureClient) -> None:
    missing = client.get_boolean_details("al", True)
    assert (missing.value, missing.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    assert "there are ai" in (missing.error_message or "")
    assert client.get_integer_details("ai", 7).error_code is ErrorCode.TYPE_MISMATCH
    assert client.get_float_details("ai", 0.5).error_code is ErrorCode.TYPE_MISMATCH
    assert client.get_object_details("ai", {"a": 1}).error_code is ErrorCode.TYPE_MISMATCH


def test_clients_are_told_of_changes(client: OpenFeatureClient, openai: Breaker) -> None:
    told: list[EventDetails] = []
    client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, told.append)
    openai.trip()
    assert told[-1].message == "the level is EMERGENCY"
    assert told[-1].flags_changed == ["ai"]
    assert told[-1].provider_name == "brownout"
