"""The ledger against a model that is too simple to be wrong: a list of movements and a dictionary of sums."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inventario.errors import Conflict, DomainError, Invalid
from inventario.platform.postgres import Database
from inventario.stock.jobs import LedgerProof
from inventario.stock.ledger import Recorded
from inventario.stock.schemas import BatchItem, MovementCreate
from inventario.stock.service import Stock

STORES = {"TILL": True, "STRICT": False}
SKUS = ("A", "B", "C")
QUANTITIES = st.decimals("0.001", "20", places=3)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["sale", "return", "receipt", "adjustment", "count", "waste", "opening"]))
    body: dict[str, Any] = {"store": draw(st.sampled_from(list(STORES))), "sku": draw(st.sampled_from(SKUS)), "kind": kind}
    if kind == "count":
        body["counted"] = draw(QUANTITIES | st.just(Decimal(0)))
        if draw(st.booleans()):
            body["expected"] = draw(QUANTITIES)
    else:
        sign = -1 if kind in {"sale", "waste"} else 1 if kind in {"return", "receipt", "opening"} else draw(st.sampled_from([-1, 1]))
        body["quantity"] = sign * draw(QUANTITIES)
    return body


class Model:
    """What the ledger should hold."""

    def __init__(self) -> None:
        self.on_hand: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.count: dict[tuple[str, str], int] = defaultdict(int)
        self.keys: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {}
        self.movements: dict[Any, tuple[str, str, Decimal]] = {}
        self.reversed: set[Any] = set()
        self.batches: dict[Any, list[Any]] = {}

    def apply(self, body: dict[str, Any]) -> tuple[Decimal, Decimal, int] | None:
        """Return (quantity, on hand after, sequence), or None where the store refuses."""
        level = body["store"], body["sku"]
        if body["kind"] == "count":
            quantity = body["counted"] - body.get("expected", self.on_hand[level])
        else:
            quantity = body["quantity"]
            refused = body["kind"] in {"sale", "waste", "adjustment"} and not STORES[body["store"]]
            if refused and quantity < 0 and self.on_hand[level] + quantity < 0:
                return None
        self.on_hand[level] += quantity
        self.count[level] += 1
        return quantity, self.on_hand[level], self.count[level]


class LedgerMachine(RuleBasedStateMachine):
    """Records, repeats, batches and reverses at random; after each step the levels agree, and at the end the ledger is proven."""

    database_url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.database = Database(self.database_url, pool_size=3)
        self.stock = Stock(self.database)
        self.model = Model()
        self.number = 0
        self.loop.run_until_complete(self.database.open())

    movements = Bundle("movements")

    @initialize()
    def empty_the_shop(self) -> None:
        # The ledger refuses to be emptied, so each run takes stores of its own.
        self.suffix = f"-{uuid4().hex[:20]}"
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            for code, oversell in STORES.items():
                connection.execute(
                    "INSERT INTO stores (code, name, time_zone, allow_oversell) VALUES (%s, 'x', 'UTC', %s)", (code + self.suffix, oversell)
                )
            connection.execute("INSERT INTO products (sku, name) SELECT unnest(%s::text[]), 'x' ON CONFLICT DO NOTHING", (list(SKUS),))

    def _run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def _wire(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "store": body["store"] + self.suffix}

    def _record(self, body: dict[str, Any], key: str) -> Recorded | DomainError:
        try:
            found: Recorded = self._run(self.stock.record(MovementCreate.model_validate(self._wire(body)), key=key, actor="test"))
        except DomainError as error:
            return error
        return found

    def _check(self, body: dict[str, Any], key: str, outcome: Recorded | DomainError) -> Any:
        """Hold *outcome* against the model, which takes the step too; return the movement's id, or None."""
        store_key = body["store"], key
        if store_key in self.model.keys:
            first_body, first_id = self.model.keys[store_key]
            if first_body == body:
                assert isinstance(outcome, Recorded)
                assert outcome.replayed
                assert outcome.movement.id == first_id
            else:
                assert isinstance(outcome, Invalid)
            return None
        expected = self.model.apply(body)
        if expected is None:
            assert isinstance(outcome, Conflict)
            return None
        assert isinstance(outcome, Recorded), outcome
        assert not outcome.replayed
        movement = outcome.movement
        assert (movement.quantity, movement.on_hand, movement.sequence) == expected
        self.model.keys[store_key] = body, movement.id
        self.model.movements[movement.id] = body["store"], body["sku"], movement.quantity
        return movement.id

    @rule(target=movements, body=bodies())
    def record(self, body: dict[str, Any]) -> Any:
        self.number += 1
        made = self._check(body, f"k{self.number}", self._record(body, f"k{self.number}"))
        return multiple() if made is None else made

    @rule(body=bodies(), back=st.integers(0, 5))
    def use_an_old_key_again(self, body: dict[str, Any], back: int) -> None:
        key = f"k{max(1, self.number - back)}"
        known = self.model.keys.get((body["store"], key))
        # Half of the time the very same request, else another one under its key.
        again = known[0] if known and back % 2 else body
        self._check(again, key, self._record(again, key))

    @rule(target=movements, batch=st.lists(st.tuples(bodies(), st.integers(0, 3)), min_size=1, max_size=8))
    def record_a_batch(self, batch: list[tuple[dict[str, Any], int]]) -> Any:
        items: list[BatchItem] = []
        keys: list[str] = []
        for body, repeat in batch:
            if repeat or not keys:
                self.number += 1
            keys.append(f"k{self.number}")
            items.append(BatchItem.model_validate({**self._wire(body), "key": keys[-1]}))
        batch_id, outcomes = self._run(self.stock.record_many(items, actor="test"))
        made: list[Any] = []
        # A key that comes twice is looked at after the rest of the batch, so the model takes the batch in the same order.
        for wave in self._waves(batch, keys):
            for index in wave:
                found = self._check(batch[index][0], keys[index], outcomes[index])
                made += [found] if found is not None else []
        if made:
            self.model.batches[batch_id] = made
        return multiple(*made)

    @staticmethod
    def _waves(batch: list[tuple[dict[str, Any], int]], keys: list[str]) -> list[list[int]]:
        waves: list[list[int]] = []
        for index, (body, _) in enumerate(batch):
            wave = sum(
                (other["store"], key) == (body["store"], keys[index]) for (other, _), key in zip(batch[:index], keys[:index], strict=True)
            )
            waves += [[]] if wave == len(waves) else []
            waves[wave].append(index)
        return waves

    @rule(movement=movements, twice=st.booleans())
    def reverse(self, movement: Any, twice: bool) -> None:
        store, sku, quantity = self.model.movements[movement]
        reversal = self._run(self.stock.reverse(movement, actor="test"))
        assert reversal.replayed == (movement in self.model.reversed)
        self._take_back(movement)
        assert reversal.movement.quantity == -quantity
        if not reversal.replayed:
            assert reversal.movement.on_hand == self.model.on_hand[store, sku]
        if twice:
            assert self._run(self.stock.reverse(movement, actor="test")).movement.id == reversal.movement.id

    @precondition(lambda self: self.model.batches)
    @rule(data=st.data())
    def reverse_a_batch(self, data: st.DataObject) -> None:
        batch = data.draw(st.sampled_from(sorted(self.model.batches)))
        members = self.model.batches[batch]
        fresh = [member for member in members if member not in self.model.reversed]
        answer = self._run(self.stock.reverse_batch(batch, actor="test"))
        assert (answer.reversed, answer.already_reversed) == (len(fresh), len(members) - len(fresh))
        for member in fresh:
            self._take_back(member)

    def _take_back(self, movement: Any) -> None:
        if movement not in self.model.reversed:
            store, sku, quantity = self.model.movements[movement]
            self.model.reversed.add(movement)
            self.model.on_hand[store, sku] -= quantity
            self.model.count[store, sku] += 1

    @invariant()
    def levels_agree(self) -> None:
        if not hasattr(self, "suffix"):
            return
        for code in STORES:
            levels = self._run(self.stock.levels(store=code + self.suffix)).items
            found = {level.sku: level.on_hand for level in levels if level.on_hand}
            assert found == {sku: on_hand for (store, sku), on_hand in self.model.on_hand.items() if store == code and on_hand}

    def teardown(self) -> None:
        proof = self._run(LedgerProof(self.database, interval=1, report=lambda _: None).run())
        self._run(self.database.close())
        self.loop.close()
        assert proof.mismatches == 0, proof.examples


def test_ledger_agrees_with_the_model(database_url: str) -> None:
    machine = type("Machine", (LedgerMachine,), {"database_url": database_url})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None),
    )
