"""What a closed breaker remembers of its calls: failures in a row, the last n outcomes, and counts over a window of time."""

from __future__ import annotations

from array import array
from math import ceil, inf
from typing import TYPE_CHECKING, Final, NamedTuple

from brownout._errors import ConfigurationError

if TYPE_CHECKING:
    from brownout._trips import Trip

__all__ = ["Tally", "Totals", "Window", "buckets"]


NEVER: Final = -inf


class Totals(NamedTuple):
    """Calls that ended within a window: all, the failed ones, those whose duration is known, and the slow ones among those."""

    calls: int
    failures: int
    timed: int
    slow: int

    @property
    def error_rate(self) -> float:
        """Share of calls that failed, 0 to 1."""
        return self.failures / self.calls if self.calls else 0.0

    @property
    def slow_rate(self) -> float:
        """Share of timed calls that were slow, 0 to 1."""
        return self.slow / self.timed if self.timed else 0.0


class Window:
    """Counts per bucket of time, in a ring: four columns (see `Totals`) of *size* buckets, each *width* seconds wide."""

    __slots__ = ("_cells", "_number", "width")

    def __init__(self, width: float, size: int) -> None:
        self.width = width
        self._number = 0
        self._cells = array("I", (0,)) * (4 * size)

    @property
    def size(self) -> int:
        """The number of buckets."""
        return len(self._cells) // 4

    def behind(self, now: float) -> bool:
        """Return whether a bucket has begun, by the time *now*, in which nothing was counted yet."""
        return int(now // self.width) > self._number

    def add(self, now: float, column: int, count: int) -> None:
        """Count *count* calls into *column* (calls 0, failures 1, timed 2, slow 3) at the time *now*."""
        number, size = int(now // self.width), self.size
        self._turn(number)
        # A thread that was held up may come with a time from before the ring turned; the newest bucket takes it.
        self._cells[column * size + max(number, self._number) % size] += count

    def spread(self, start: float, end: float, column: int, count: int) -> None:
        """Count *count* calls that ended some time after *start* and not after *end*, evenly over the buckets between.

        What is older than the window falls out of it at once, as it would have by now.
        """
        first, last = int(start // self.width), int(end // self.width)
        buckets, size = last - first + 1, self.size
        each, rest = divmod(count, buckets)
        self._turn(last)
        for number in range(max(first, last - size + 1), last + 1):
            # The remainder goes to the newest buckets: a call is rather too long in the window than too short.
            self._cells[column * size + number % size] += each + (1 if last - number < rest else 0)

    def totals(self, now: float, within: float) -> Totals:
        """Return the sums of the buckets that began less than *within* seconds before the end of the bucket of *now*."""
        number = int(now // self.width)
        self._turn(number)
        size, cells = self.size, self._cells
        count = ceil(within / self.width - 1e-9)
        if count >= size:
            return Totals(*(sum(cells[start : start + size]) for start in range(0, 4 * size, size)))
        slots = [(number - back) % size for back in range(count)]
        return Totals(*(sum(cells[column * size + slot] for slot in slots) for column in range(4)))

    def _turn(self, number: int) -> None:
        ahead, size = number - self._number, self.size
        if ahead <= 0:
            return
        for step in range(1, min(ahead, size) + 1):
            for column in range(4):
                self._cells[column * size + (self._number + step) % size] = 0
        self._number = number


class Tally(Window):
    """The evidence that trips judge. The caller holds the breaker's lock.

    Successes are counted elsewhere, without a lock, as a running total; `settle` brings what happened since it was last called
    into the window. ``streak`` is exact because it compares that total at two failures instead of being cleared by each success.
    """

    __slots__ = ("_counted", "_ended", "_expire", "_last", "_recent", "_settled", "_slow", "_streak", "_timed", "failed_at")

    def __init__(self, now: float, trip: Trip) -> None:
        super().__init__(*buckets(trip.windows))
        self.failed_at = NEVER
        self._expire = trip.expire
        self._streak = 0
        self._ended = 0  # the total of successes when the last failure came
        self._settled = now
        self._counted = 0
        self._timed = 0
        self._slow = 0
        # The last outcomes as bits behind a leading 1, newest lowest, 1 for a failure: 100 of them take 40 bytes.
        self._last = trip.last
        self._recent = 1

    def settle(self, now: float, successes: int, timed: int, slow: int) -> None:
        """Bring the window up to *now*. The totals are those since the tally began, of successes, timed calls and slow calls."""
        start = min(self._settled, now)
        for column, new in ((0, successes - self._counted), (2, timed - self._timed), (3, slow - self._slow)):
            if new:
                self.spread(start, now, column, new)
        self._counted, self._timed, self._slow, self._settled = successes, timed, slow, now

    def failure(self, now: float) -> int:
        """Count a failure, right after `settle`; return how many there are in a row now."""
        between = self._counted - self._ended
        self._streak = 1 if between or now - self.failed_at > self._expire else self._streak + 1
        if self._last:
            self._push(between)
        self.add(now, 0, 1)
        self.add(now, 1, 1)
        self._ended = self._counted
        self.failed_at = now
        return self._streak

    def failures_in_a_row(self) -> int:
        """Return the failures in a row as of the last `settle`: none after a success, or when they are too old to mean anything."""
        if self._counted != self._ended or self._settled - self.failed_at > self._expire:
            return 0
        return self._streak

    def within(self, seconds: float) -> Totals:
        """Return the counts of the last *seconds* as of the last `settle`."""
        return self.totals(self._settled, seconds)

    def everything(self) -> Totals:
        """Return the counts of the whole window as of the last `settle`."""
        return self.within(self.width * self.size)

    def last(self, count: int) -> tuple[int, int]:
        """Return, of the last *count* outcomes up to the last failure, how many there are and how many of them failed."""
        known = min(self._recent.bit_length() - 1, count)
        return known, (self._recent & ((1 << known) - 1)).bit_count()

    def adopt(self, trip: Trip) -> bool:
        """Go on for *trip*, if that asks for windows of the same length; return whether it does."""
        if buckets(trip.windows) != (self.width, self.size) or trip.last != self._last:
            return False
        self._expire = trip.expire
        return True

    def carry_on(self, other: Tally) -> None:
        """Take over the failures in a row from *other*, whose windows had another shape."""
        self._streak, self.failed_at = other._streak, other.failed_at
        self._counted, self._ended, self._timed, self._slow = other._counted, other._ended, other._timed, other._slow

    def _push(self, successes: int) -> None:
        """Append *successes* zeros and a one, and keep the last ``_last`` of them."""
        bits = (self._recent << min(successes, self._last) + 1) | 1
        surplus = bits.bit_length() - 1 - self._last
        self._recent = (bits & ((1 << self._last) - 1)) | (1 << self._last) if surplus > 0 else bits


def buckets(windows: tuple[float, ...]) -> tuple[float, int]:
    """Return the width in seconds, and the number, of the buckets that serve all *windows*: ten in the shortest.

    Without any window 30 s are kept, for those who want to know the error rate.

    Raises:
        ConfigurationError: The longest window is over 10 times the shortest, which would take hundreds of buckets.
    """
    if not windows:
        return 3.0, 10
    shortest, longest = min(windows), max(windows)
    if longest > 10 * shortest:
        raise ConfigurationError(
            f"trip: windows of {shortest:g} s and {longest:g} s are too far apart for one breaker; keep the longest within 10 times the shortest"
        )
    return shortest / 10, ceil(longest / shortest * 10 - 1e-9)
