"""Several policies around one call, in an order that works."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from brownout._errors import CompositionError
from brownout._policy import F, Policy

if TYPE_CHECKING:
    from brownout._breaker import Breaker

__all__ = ["Composition", "compose"]

Part: TypeAlias = "Policy | Breaker | Composition"


class _Wrong(NamedTuple):
    """An order that is known to be wrong: what is outside, what is inside, and why that does harm."""

    outer: str
    inner: str
    why: str


_WRONG = (
    _Wrong("retry", "fallback", "the fallback answers for the first failure, so that nothing is ever retried"),
    _Wrong("hedge", "fallback", "the fallback of the attempt that fails would win against the attempt that is about to succeed"),
    _Wrong("breaker", "fallback", "the breaker sees the fallback's answer and takes each failure for a success"),
    _Wrong("breaker", "retry", "the breaker counts all attempts as one call, and cannot stop them when it opens"),
    _Wrong("breaker", "hedge", "the breaker sees only the winner, and a single half-open trial makes several calls"),
    _Wrong("bulkhead", "retry", "the slot is held while the retry waits, so that calls in progress are refused for calls that are not"),
    _Wrong("bulkhead", "hedge", "one slot stands for several calls at once, so that the bulkhead bounds nothing"),
    _Wrong("hedge", "retry", "each overlapping attempt retries by itself, which multiplies the load when the dependency has least to give"),
    _Wrong("retry", "retry", "the attempts multiply: three of three are nine calls"),
    _Wrong("hedge", "hedge", "the attempts multiply: two of two are four calls at once"),
)

_NEEDS_DEADLINE_INSIDE = {
    "breaker": "a timeout reaches the breaker as a cancellation, which is neither success nor failure: a frozen server would never trip it",
    "fallback": "when the time is over the fallback is cancelled too, and cannot answer for the timeout",
}

_RANK = {"fallback": 0, "retry": 2, "hedge": 3, "breaker": 4, "bulkhead": 5, "deadline": 6}
_RANK_OF_TOTAL_DEADLINE = 1


class Composition:
    """A decorator made of policies. Made by `compose`; ``policies`` are its parts, outermost first."""

    __slots__ = ("__weakref__", "policies")

    def __init__(self, policies: tuple[Policy | Breaker, ...]) -> None:
        self.policies = policies

    def __call__(self, function: F, /) -> F:
        for policy in reversed(self.policies):
            function = policy(function)
        return function


def compose(*policies: Part) -> Composition:
    """Put *policies* around a call, the first one outermost: ``compose(fallback, retry, breaker)(f)`` is ``fallback(retry(breaker(f)))``.

    What works for most: ``compose(fallback(...), deadline(total), retry(...), breaker, bulkhead(...), deadline(attempt))``. Leave out what
    you do not need. A composition can be a part of another one. The result decorates whatever all its parts can go around.

    Orders that are known to be wrong are refused, since each of them looks right until the outage:

    - a fallback inside of retry, hedge or breaker hides the failure from them;
    - a retry or a hedge inside of a breaker, a bulkhead, a hedge or another retry multiplies calls behind its back;
    - a breaker, or a fallback, inside of a deadline needs another deadline inside: the outer one cancels, and neither sees a timeout;
    - one breaker or one bulkhead twice counts each call twice.

    Raises:
        CompositionError: The order is wrong, with the reason and the order that works; or a part is no policy.
    """
    parts = tuple(part for policy in policies for part in _parts(policy))
    kinds = [_kind(part) for part in parts]
    if not parts:
        raise CompositionError("compose: got no policy; e.g. compose(retry(), breaker, deadline(0.5))")
    why = _wrong_pair(kinds) or _no_deadline_inside(kinds) or _twice(parts, kinds)
    if why:
        raise CompositionError(f"compose: {why}; write compose({', '.join(_order(kinds))})")
    return Composition(parts)


def _parts(policy: Part) -> tuple[Policy | Breaker, ...]:
    return policy.policies if isinstance(policy, Composition) else (policy,)


def _kind(part: object) -> str:
    if isinstance(part, Policy):
        return part.kind
    # Where nobody has loaded the breaker's module, nothing is a breaker.
    module = sys.modules.get("brownout._breaker")
    if module is not None and isinstance(part, module.Breaker):
        return "breaker"
    raise CompositionError(
        f"compose: {part!r} is no policy; it takes a Breaker and what retry(...), deadline(...), bulkhead(...), fallback(...), hedge(...) "
        "and compose(...) return. Put other decorators above or below it"
    )


def _wrong_pair(kinds: list[str]) -> str:
    for position, outer in enumerate(kinds):
        for wrong in _WRONG:
            if wrong.outer == outer and wrong.inner in kinds[position + 1 :]:
                return f"{wrong.inner} inside {outer}: {wrong.why}"
    return ""


def _no_deadline_inside(kinds: list[str]) -> str:
    for position, kind in enumerate(kinds):
        if kind in _NEEDS_DEADLINE_INSIDE and "deadline" in kinds[:position] and "deadline" not in kinds[position:]:
            return f"{kind} inside deadline, and no deadline inside {kind}: {_NEEDS_DEADLINE_INSIDE[kind]}"
    return ""


def _twice(parts: tuple[Policy | Breaker, ...], kinds: list[str]) -> str:
    seen: set[int] = set()
    for part, kind in zip(parts, kinds, strict=True):
        if kind in {"breaker", "bulkhead"} and id(part) in seen:
            return f"the same {kind} twice: each call counts twice, and a last slot or trial waits for itself"
        seen.add(id(part))
    return ""


def _order(kinds: list[str]) -> list[str]:
    """Return the order of *kinds* that works, each named once; the first of several deadlines bounds all attempts together."""
    names = sorted(set(kinds), key=_RANK.__getitem__)
    if kinds.count("deadline") > 1:
        names.insert(sum(_RANK[name] < _RANK_OF_TOTAL_DEADLINE for name in names), "deadline")
    return names
