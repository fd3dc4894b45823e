"""What came of a run: useful work, leaked calls, times to detect and to recover."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from scenario.course import AFTER, Run

__all__ = ["Judged"]

_GOOD = 0.95
"""The share of useful work from which on a second counts as healthy."""


class Judged:
    """The figures of a run."""

    def __init__(self, run: Run) -> None:
        self.scenario = run.scenario
        requests = sorted(run.requests)
        self._at = [request.at for request in requests]
        self._useful = [0, *accumulate(request.useful for request in requests)]
        self._crowd = sorted(run.crowd_done)
        self.metrics = self._metrics(run, sum(request.refused for request in requests))

    def _metrics(self, run: Run, refused: int) -> dict[str, float | None]:
        begin, end = self.scenario.begin, self.scenario.end
        openings = [at for at in run.openings if at >= begin]
        dead = any(fault.dead for fault in self.scenario.faults)
        return {
            "useful_during": self.useful(begin, end),
            "useful_20s_after": self.useful(end, end + AFTER),
            "useful_from_fault_on": self.useful(begin, self.scenario.length),
            "leaked": run.dependency.leaked if dead else None,
            "refused": refused,
            "detected_after_s": openings[0] - begin if openings else None,
            "recovered_after_s": self._recovered(),
            "openings": len(run.openings),
        }

    def useful(self, begin: float, end: float) -> float:
        """Return the useful work of that time, as a share of what a healthy dependency would have let happen.

        What came before *begin* and waits since then is due too, once the dependency is back.
        """
        done, due = self._open_loop(begin, end)
        if self.scenario.waiting and begin >= self.scenario.end:
            done += bisect_left(self._crowd, end) - bisect_left(self._crowd, begin)
            due += self.scenario.waiting - bisect_left(self._crowd, begin)
        return done / due if due else 1.0

    def a_second(self) -> list[tuple[float, float]]:
        """Return the useful work in each second of the run, those who waited included."""
        points = []
        for second in range(int(self.scenario.length)):
            done, _ = self._open_loop(second, second + 1)
            done += bisect_left(self._crowd, second + 1) - bisect_left(self._crowd, second)
            points.append((float(second), float(done)))
        return points

    def _recovered(self) -> float | None:
        """Return seconds from the end of the fault until three seconds in a row are healthy; None: not within the run."""
        end = self.scenario.end
        for tenths in range(int((self.scenario.length - end - 3) * 10)):
            at = end + tenths / 10
            if all(self._healthy(at + second) for second in range(3)):
                return tenths / 10
        return None

    def _healthy(self, begin: float) -> bool:
        done, due = self._open_loop(begin, begin + 1)
        return done >= _GOOD * due

    def _open_loop(self, begin: float, end: float) -> tuple[int, int]:
        first, last = bisect_left(self._at, begin), bisect_left(self._at, end)
        return self._useful[last] - self._useful[first], last - first
