"""The breaker against a model of it that is written plainly, with other data structures, and no regard for cost.

Set ``BROWNOUT_SOAK_STEPS`` to walk as many steps in all; without it there are 12,000 at most, in walks of 60.
"""

import os
from math import inf

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from virtual_time import Clock

from brownout import Breaker, OpenError, Permit, backoff, consecutive, rate

STEPS = int(os.environ.get("BROWNOUT_SOAK_STEPS", "12000"))
WALK = 60
LEASE, FIRST, LONGEST, EXPIRE = 30.0, 4.0, 32.0, 60.0
ERRORS: dict[str, type[Exception]] = {"failure": OSError, "ignored": KeyError, "answered": ValueError}
OUTCOMES = st.sampled_from(["success", *ERRORS])


class Call:
    """A permit, and what the model knows of it."""

    def __init__(self, stay: object, probe: bool, expires: float) -> None:
        self.stay = stay
        self.probe = probe
        self.expires = expires
        self.permit: Permit | None = None


class Stay:
    """A stay in one state: "closed", "open", "half" or "isolated"."""

    def __init__(self, state: str, retry_at: float = 0.0) -> None:
        self.state = state
        self.retry_at = retry_at
        self.outcomes: list[tuple[bool, float]] = []
        self.trials: list[Call] = []
        self.good = self.bad = 0


class Model:
    def __init__(self, trials: int, at_once: int, tolerate: int) -> None:
        self.trials, self.at_once, self.tolerate = trials, at_once, tolerate
        self.now = 1000.0
        self.stay = Stay("closed")
        self.succeeded = self.failed = self.rejected = self.stale = self.openings = 0
        self.opened_at: float | None = None
        self.probe_from = 0.0
        self.outages: list[float] = []

    def streak(self) -> int:
        count, after = 0, self.now
        for failed, at in reversed(self.stay.outcomes):
            if not failed or after - at > EXPIRE:
                break
            count, after = count + 1, at
        return count

    def open(self) -> None:
        if self.opened_at is None:
            self.opened_at, self.probe_from = self.now, self.now + FIRST
        self.stay = Stay("open", self.now + min(LONGEST, FIRST * 2**self.openings))
        self.openings += 1

    def close(self) -> None:
        if self.opened_at is not None:
            self.outages.append(self.now - self.opened_at)
        self.opened_at, self.openings, self.stay = None, 0, Stay("closed")

    def ask(self, probe: bool) -> Call | float:
        """Return the call, or the seconds to wait."""
        stay = self.stay
        if stay.state == "open" and not probe and self.now >= stay.retry_at:
            stay = self.stay = Stay("half")
        if stay.state == "half":
            return self.ask_for_trial(stay, probe)
        if stay.state == "closed" or probe:
            return Call(stay if stay.state != "isolated" else None, probe, inf)
        self.rejected += 1
        return FIRST if stay.state == "isolated" else stay.retry_at - self.now

    def ask_for_trial(self, stay: Stay, probe: bool) -> Call | float:
        stay.trials = [call for call in stay.trials if call.expires > self.now]
        if len(stay.trials) < self.at_once and stay.good + len(stay.trials) < self.trials:
            stay.trials.append(Call(stay, probe, self.now + LEASE))
            return stay.trials[-1]
        if probe:
            return Call(None, probe, inf)
        self.rejected += 1
        return min([1.0, *(call.expires - self.now for call in stay.trials)])

    def end(self, call: Call, outcome: str) -> None:
        stay = call.stay
        if not isinstance(stay, Stay):
            return
        held = call in stay.trials
        if held:
            stay.trials.remove(call)
        if outcome == "ignored":
            return
        failed = outcome == "failure"
        if stay.state == "open":
            self.probed(stay, failed)
        elif stay.state == "closed" and call.probe and not failed:
            return
        elif stay is not self.stay or (stay.state == "half" and not held):
            self.stale += 1
        else:
            self.count(stay, failed)

    def probed(self, stay: Stay, failed: bool) -> None:
        if stay is self.stay and not failed and self.now >= self.probe_from:
            self.stay = Stay("half")
            self.count(self.stay, failed=False)

    def count(self, stay: Stay, failed: bool) -> None:
        self.failed += failed
        self.succeeded += not failed
        if stay.state == "half":
            stay.bad += failed
            stay.good += not failed
            if failed and stay.bad > self.tolerate:
                self.open()
            elif stay.good >= self.trials:
                self.close()
            return
        stay.outcomes.append((failed, self.now))
        last = [bad for bad, _ in stay.outcomes[-6:]]
        if failed and (self.streak() >= 3 or (len(last) >= 5 and sum(last) / len(last) >= 0.6)):
            self.open()


class Walk(RuleBasedStateMachine):
    @initialize(trials=st.integers(1, 3), at_once=st.integers(1, 3), tolerate=st.integers(0, 2))
    def begin(self, trials: int, at_once: int, tolerate: int) -> None:
        at_once = min(at_once, trials)
        self.clock = Clock()
        self.model = Model(trials, at_once, tolerate)
        self.calls: list[Call] = []
        self.before: Stay | None = None
        self.breaker = Breaker(
            "service",
            on=OSError,
            ignore=KeyError,
            trip=consecutive(3, expire=EXPIRE) | rate(0.6, last=6, calls=5),
            retry_after=backoff(FIRST, up_to=LONGEST),
            trials=trials,
            at_once=at_once,
            tolerate=tolerate,
            lease=LEASE,
            ramp=0,
            clock=self.clock,
        )
        self.guarded = self.breaker(behave)

    @rule(probe=st.booleans())
    def ask(self, probe: bool) -> None:
        expected = self.model.ask(probe)
        try:
            permit = self.breaker.acquire(probe=probe)
        except OpenError as error:
            refused = error.retry_after
        else:
            self.got(expected, permit)
            return
        assert expected == refused

    def got(self, expected: Call | float, permit: Permit) -> None:
        assert isinstance(expected, Call)
        assert permit.trial == (expected.expires < inf)
        expected.permit = permit
        self.calls.append(expected)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), outcome=OUTCOMES)
    def end(self, data: st.DataObject, outcome: str) -> None:
        call = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        assert call.permit is not None
        self.model.end(call, outcome)
        try:
            with call.permit:
                behave(outcome)
        except (OSError, KeyError, ValueError):
            assert outcome != "success"

    @rule(outcome=OUTCOMES)
    def call(self, outcome: str) -> None:
        expected = self.model.ask(probe=False)
        if isinstance(expected, Call):
            self.model.end(expected, outcome)
        refused: float | None = None
        raised: type[Exception] | None = None
        try:
            self.guarded(outcome)
        except OpenError as error:
            refused = error.retry_after
        except (OSError, KeyError, ValueError) as error:
            raised = type(error)
        if refused is None:
            assert isinstance(expected, Call)
            assert raised is ERRORS.get(outcome)
        else:
            assert expected == refused

    @rule(seconds=st.sampled_from([1, 2, 3, 4, 8, 29, 30, 60, 61]))
    def tick(self, seconds: int) -> None:
        self.clock.tick(seconds)
        self.model.now += seconds

    @rule()
    def trip(self) -> None:
        self.breaker.trip()
        if self.model.stay.state in ("closed", "half"):
            self.model.open()

    @rule()
    def reset(self) -> None:
        self.breaker.reset()
        self.before = None
        self.model.opened_at, self.model.openings, self.model.stay = None, 0, Stay("closed")

    @precondition(lambda self: self.before is None)
    @rule()
    def isolate(self) -> None:
        self.restoring = self.breaker.isolated("maintenance")
        self.before, self.model.stay = self.model.stay, Stay("isolated")

    @precondition(lambda self: self.before is not None)
    @rule()
    def restore(self) -> None:
        self.restoring.__exit__(None, None, None)
        assert self.before is not None
        self.model.stay = Stay("closed") if self.before.state == "closed" else self.before
        self.before = None

    @invariant()
    def agree(self) -> None:
        model, stats, stay = self.model, self.breaker.stats(), self.model.stay
        assert self.breaker.state.name == {"half": "HALF_OPEN", "isolated": "OPEN"}.get(stay.state, stay.state.upper())
        assert (stats.succeeded, stats.failed, stats.rejected, stats.stale) == (model.succeeded, model.failed, model.rejected, model.stale)
        assert self.breaker.opened_at == model.opened_at
        assert self.breaker.outages == tuple(model.outages[-64:])
        if stay.state == "closed":
            assert stats.streak == model.streak()
        waits = {"isolated": inf, "open": max(0.0, stay.retry_at - model.now)}
        assert self.breaker.retry_in == waits.get(stay.state, 0.0)


def behave(outcome: str) -> None:
    if outcome in ERRORS:
        raise ERRORS[outcome]


TestBreakerIsItsModel = Walk.TestCase
TestBreakerIsItsModel.settings = settings(
    max_examples=max(1, STEPS // WALK), stateful_step_count=WALK, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_a_trial_that_ends_while_isolated_gives_its_place_back() -> None:
    breaker = Breaker("service", retry_after=FIRST, clock=(clock := Clock()))
    breaker.trip()
    clock.tick(FIRST)
    trial = breaker.acquire()
    with breaker.isolated("maintenance"):
        trial.succeeded()
    assert breaker.acquire().trial
