"""What the supervisor has to know about a server."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Server"]


@dataclass(frozen=True, slots=True)
class Server:
    """A program that is to run for as long as the shop does.

    Attributes:
        name: As people know it.
        command: Its command line, which names the data directory.
        port: Where it listens, on the loopback interface.
        log: What it prints goes there.
        death_signal: Sent by the kernel when the supervisor dies.
        stop_signal: Asks it to end in order.
        patience: Seconds it may take for that before it is killed.
        user: As in `launcher`.
        environment: All its variables; None gives it the few that every server needs.
        pass_fds: Open files that it inherits.
        clear: Removes what an earlier process may have left; called before each start and after the end.
    """

    name: str
    command: list[str]
    port: int
    log: Path
    death_signal: signal.Signals = signal.SIGKILL
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 5.0
    user: str = "same"
    environment: Mapping[str, str] | None = None
    pass_fds: tuple[int, ...] = ()
    clear: Callable[[], None] | None = None
