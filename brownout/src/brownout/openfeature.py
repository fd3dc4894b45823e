"""Features as flags of OpenFeature. Needs ``openfeature-sdk``: ``pip install brownout[openfeature]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


class BrownoutProvider(AbstractProvider):
    """Answers for the features of a `Brownout`: a boolean flag is whether one is available, a string flag its mode.

    The mode is also the variant. Clients are told when score or level change.
    """

    def __init__(self, brownout: Brownout) -> None:
        super().__init__()
        self._brownout = brownout
        self._end = brownout.subscribe(self._changed)

    def get_metadata(self) -> Metadata:
        """Return the provider's name."""
        return Metadata("brownout")

    def shutdown(self) -> None:
        """Listen no longer."""
        self._end()

    def _changed(self, change: Change) -> None:
        self.emit_provider_configuration_changed(
            ProviderEventDetails(flags_changed=list(self._brownout.features), message=f"the level is {change.after.name}")
        )

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """Return whether the feature is available."""
        mode = self._mode(flag_key)
        return FlagResolutionDetails(self._brownout.available(flag_key), variant=mode, reason=Reason.TARGETING_MATCH)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Return the feature's mode."""
        mode = self._mode(flag_key)
        return FlagResolutionDetails(mode, variant=mode, reason=Reason.TARGETING_MATCH)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Refuse: a feature has no number."""
        raise _no(flag_key)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Refuse: a feature has no number."""
        raise _no(flag_key)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Refuse: a feature has no structure."""
        raise _no(flag_key)

    def _mode(self, name: str) -> str:
        if name not in self._brownout.features:
            raise FlagNotFoundError(f"there is no feature {name!r}; there are {', '.join(self._brownout.features)}")
        return self._brownout.mode(name)


def _no(name: str) -> TypeMismatchError:
    return TypeMismatchError(f"feature {name!r} is a boolean (available) or a string (its mode)")
