"""`inventario up`: the whole shop, from the first start to Ctrl-C."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from inventario.stack import ports
from inventario.stack.errors import StackError, explain
from inventario.stack.layout import Layout
from inventario.stack.opening import Opening
from inventario.stack.signals import Signals
from inventario.stack.supervisor import Supervisor, replace_leftovers
from inventario.stack.terminal import Terminal
from inventario.stack.topology import STOP_ORDER, plan

__all__ = ["Options", "run"]

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the shop.

    ``data`` is a full path. ``sample`` fills a new data directory. ``follow_parent`` stops, in order, when the process that started us is gone.
    """

    data: Path
    host: str
    port: int
    sample: bool = True
    follow_parent: bool = False


def run(options: Options, variables: Mapping[str, str]) -> None:
    """Run the shop until a signal asks it to stop.

    Args:
        options: How to run it.
        variables: The environment; what it says about servers is not started here.

    Raises:
        StackError: It cannot start, or cannot go on. Everything that was started has been stopped by then.
    """
    if sys.platform != "linux":
        raise StackError("`inventario up` needs Linux. Elsewhere start the servers yourself, set DATABASE_URL, and use `inventario serve`.")
    if options.follow_parent:
        _follow(os.getppid())
    layout, terminal = Layout(options.data), Terminal()
    layout.create()
    try:
        with ExitStack() as held:
            held.enter_context(layout.locked())
            listener = held.enter_context(ports.listen(options.host, options.port))
            signals = held.enter_context(Signals())
            _run(options, layout, terminal, signals, listener.fileno(), listener.getsockname()[1], variables)
    except OSError as error:
        raise explain(error, layout.root) from error
    finally:
        terminal.flush()


def _run(
    options: Options, layout: Layout, terminal: Terminal, signals: Signals, listener: int, port: int, variables: Mapping[str, str]
) -> None:
    terminal.line(f"Starting the shop in {layout.root}")
    for name in replace_leftovers(layout.state):
        terminal.line(f"  {name} of an earlier start was still running and has been ended")
    topology = plan(layout, variables, port, terminal.line)
    supervisor = Supervisor(layout.state, signals, terminal.problem, {"host": options.host, "port": port})
    opening = Opening(topology, supervisor, terminal, host=options.host, port=port, sample=options.sample)
    try:
        opening.begin(listener)
        while not signals.stops:
            opening.turn()
        terminal.line("Stopping: the dashboard finishes what it has begun, then the servers follow. Ctrl-C again to hurry.")
    finally:
        opening.abandon()
        supervisor.stop(STOP_ORDER)
    terminal.line("Stopped.")


def _follow(parent: int) -> None:
    """Have the kernel ask us to stop when our parent ends, however it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        raise StackError("The process that started this one has ended.")
