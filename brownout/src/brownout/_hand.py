"""What a person does to a breaker."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from brownout._bus import Bus
from brownout._errors import ConfigurationError
from brownout._events import Mode, Rejected
from brownout._phases import Closed, Disabled, HalfOpen, Isolated, Open, Phase
from brownout._settings import Settings, checked

if TYPE_CHECKING:
    from brownout._breaker import Breaker
    from brownout._machine import Machine

__all__ = ["Restoring", "configure", "force", "mode", "reset", "shade", "subscribe", "trip"]


class Restoring:
    """What was set by hand. As a context manager, it is undone at the end of the block; without one it stays."""

    __slots__ = ("_breaker", "_undo")

    def __init__(self, breaker: Breaker, undo: Callable[[], None]) -> None:
        self._breaker = breaker
        self._undo = undo

    def __enter__(self) -> Breaker:
        return self._breaker

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._undo()


def mode(machine: Machine) -> Mode:
    """Return who decides."""
    if isinstance(machine.phase, Isolated):
        return Mode.ISOLATED
    if isinstance(machine.phase, Disabled):
        return Mode.DISABLED
    return Mode.SHADOW if machine.shadow else Mode.NORMAL


def force(machine: Machine, kind: type[Isolated | Disabled], reason: str) -> Restoring:
    """Go to a state that only a person ends."""
    with machine.lock:
        before = machine.phase
        forced = kind(machine, machine.clock(), reason)
        machine.enter(forced, reason)
    machine.deliver()

    def undo() -> None:
        with machine.lock:
            back = before
            while isinstance(back, (Isolated, Disabled)) and back.back is not None:
                back = back.back  # that block has ended before this one
            if machine.phase is forced:
                _go_back(machine, back, f"no longer {kind.__name__.lower()}")
            else:
                forced.back = back  # somebody has decided otherwise meanwhile, and may end later
        machine.deliver()

    return Restoring(machine.owner, undo)


def _go_back(machine: Machine, phase: Phase, reason: str) -> None:
    """Return to *phase*, under the settings of now. The caller holds the lock."""
    now = machine.clock()
    machine.enter(Closed(machine, now) if isinstance(phase, Closed) else phase, reason, now)
    if isinstance(phase, HalfOpen) and phase.successes >= machine.settings.trials:
        machine.close(now)


def shade(machine: Machine) -> Restoring:
    """Let through what would be refused."""
    token = object()
    with machine.lock:
        machine.shadow = (*machine.shadow, token)
        machine.phase.refusals_matter()

    def undo() -> None:
        with machine.lock:
            machine.shadow = tuple(other for other in machine.shadow if other is not token)

    return Restoring(machine.owner, undo)


def trip(machine: Machine, reason: str) -> None:
    """Open it, unless it is held open anyway."""
    with machine.lock:
        if not isinstance(machine.phase, (Open, Isolated)):
            machine.open(reason, None, machine.clock(), 0.0)
    machine.deliver()


def reset(machine: Machine) -> None:
    """Close it and begin anew. The outage that was going on is not remembered, for nobody knows when it ended."""
    with machine.lock:
        machine.shadow = ()
        machine.opened_at, machine.attempt = None, 0
        machine.enter(Closed(machine, machine.clock()), "reset by hand")
    machine.deliver()


def configure(machine: Machine, changes: dict[str, Any]) -> None:
    """Change settings.

    Raises:
        ConfigurationError: A value makes no sense, or there is no such setting.
    """
    if unknown := sorted(changes.keys() - set(Settings._fields)):
        raise ConfigurationError(f"configure: a breaker has no {', '.join(unknown)}; it has {', '.join(Settings._fields)}")
    with machine.lock:
        old = machine.settings
        new = checked(**{**old._asdict(), **changes})
        if (new.on_result is None) != (old.on_result is None):
            raise ConfigurationError(
                "configure: on_result can be changed but not added or taken away, for wrappers are made with or without it"
            )
        machine.settings = new
        phase = machine.phase
        if isinstance(phase, Closed):
            phase.configured()
        elif isinstance(phase, HalfOpen) and phase.successes >= new.trials:
            machine.close(machine.clock())
    machine.deliver()


def subscribe(machine: Machine, callback: Callable[[Any], object], kinds: tuple[type, ...]) -> Callable[[], None]:
    """Call *callback* with events from now on, until the function that is returned is called."""
    listener = (callback, kinds)
    with machine.lock:
        bus = machine.bus or Bus()
        bus.listeners = (*bus.listeners, listener)
        machine.bus = bus
        if bus.wants(Rejected):
            machine.phase.refusals_matter()

    def unsubscribe() -> None:
        with machine.lock:
            bus.listeners = tuple(other for other in bus.listeners if other is not listener)

    return unsubscribe
