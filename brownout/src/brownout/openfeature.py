"""Features as flags of OpenFeature. Needs ``openfeature-sdk``: ``pip install brownout[openfeature]``.

Clients ask as they always do::

    api.set_provider_and_wait(BrownoutProvider(service))
    api.get_client().get_boolean_value("search", False)      # is it there as meant?
    api.get_client().get_string_value("search", "off")       # what people get of it: "full", "statistical", ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeVar

from brownout._errors import ConfigurationError
from brownout._features import Status
from brownout._levels import Brownout, Change

try:
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.event import ProviderEventDetails
    from openfeature.exception import FlagNotFoundError, TypeMismatchError
    from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
    from openfeature.provider import AbstractProvider, Metadata
except ImportError as error:
    raise ImportError("brownout.openfeature needs openfeature-sdk; install it: pip install 'brownout[openfeature]'") from error

__all__ = ["BrownoutProvider"]

Value = TypeVar("Value")


class BrownoutProvider(AbstractProvider):
    """Answers for the features of *brownout*: each is a flag.

    As a boolean a flag tells whether the feature is available, as a string its mode, as an object both with the reason in words;
    the variant is always the mode. The reason is STATIC while the feature is as meant, and TARGETING_MATCH, which OpenFeature has for
    what is decided as it is asked, while services or the level decide otherwise; words for people are in the metadata, as ``why``.
    While it is in use, it tells of every change of a feature or the level by PROVIDER_CONFIGURATION_CHANGED.

    An unknown flag, or one asked for as a number, gives the caller's default, with an error code.

    Raises:
        ConfigurationError: *brownout* is none.
    """

    def __init__(self, brownout: Brownout) -> None:
        super().__init__()
        if not isinstance(brownout, Brownout):
            raise ConfigurationError(f"brownout: give a Brownout, got {brownout!r}; e.g. BrownoutProvider(Brownout({{postgres: 50}}))")
        self._brownout = brownout
        self._told: Mapping[str, Status] = {}
        self._unsubscribe: Callable[[], None] | None = None

    def get_metadata(self) -> Metadata:
        """Return the name of this provider."""
        return Metadata(name="brownout")

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Begin to tell of changes."""
        self.shutdown()
        self._told = self._brownout.snapshot.features
        self._unsubscribe = self._brownout.subscribe(self._changed)

    def shutdown(self) -> None:
        """Tell of no more changes."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _changed(self, change: Change) -> None:
        now = self._brownout.snapshot
        changed = [name for name, status in now.features.items() if self._told.get(name) != status]
        self._told = now.features
        if changed or change.before is not change.after:
            words = f"{now.level.name}, score {now.score:.2f}"
            self.emit_provider_configuration_changed(
                ProviderEventDetails(changed, words, metadata={"level": now.level.name, "score": now.score})
            )

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """Return whether the feature is there as meant."""
        status = self._status(flag_key)
        return self._resolved(status.available, status)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Return what people get of the feature."""
        status = self._status(flag_key)
        return self._resolved(status.mode, status)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Return ``available``, ``mode`` and ``reason`` of the feature."""
        status = self._status(flag_key)
        value: Mapping[str, FlagValueType] = status._asdict()
        return self._resolved(value, status)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Refuse: a feature is no number."""
        self._no_number(flag_key)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Refuse: a feature is no number."""
        self._no_number(flag_key)

    def _no_number(self, name: str) -> NoReturn:
        self._status(name)
        raise TypeMismatchError(f"the feature {name} is a boolean (available), a string (mode) or an object, no number")

    def _status(self, name: str) -> Status:
        features = self._brownout.snapshot.features
        if name not in features:
            raise FlagNotFoundError(f"there is no feature {name!r}; there are {', '.join(features) or 'none'}")
        return features[name]

    def _resolved(self, value: Value, status: Status) -> FlagResolutionDetails[Value]:
        reason = Reason.STATIC if status.available and not status.reason else Reason.TARGETING_MATCH
        why = {"why": status.reason} if status.reason else {}
        return FlagResolutionDetails(value, variant=status.mode, reason=reason, flag_metadata=why)
