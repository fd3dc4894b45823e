"""JSON API of stock."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from inventario.errors import DomainError, FieldProblem, Invalid, ProblemDocument
from inventario.stock.ledger import Outcome
from inventario.stock.schemas import (
    BatchAnswer,
    BatchItem,
    BatchRequest,
    BatchResult,
    BatchReversal,
    HistoryPage,
    LevelPage,
    Movement,
    MovementCreate,
    MovementDetail,
    MovementPage,
    Proof,
)
from inventario.web.problems import field_problems, problem_document
from inventario.web.services import principal, services

__all__ = ["Cursor", "IdempotencyKeyMissing", "Key", "Limit", "router"]

router = APIRouter(tags=["stock"])

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=4000, description="`next` of the page before.")]


class IdempotencyKeyMissing(DomainError):
    """A movement came without a key: repeated after a lost answer, it would count twice."""

    status = 400
    slug = "idempotency-key-missing"
    title = "The request has no Idempotency-Key"
    advice = "Send a new UUID for each movement, and the same one when you repeat it."


# A dependency, so that a missing key is told before anything that may be wrong with the body.
async def _required_key(
    idempotency_key: Annotated[
        str | None,
        Header(max_length=255, description="Required. Any text of your own, new for each movement, the same when you repeat it."),
    ] = None,
) -> str:
    if not idempotency_key:
        raise IdempotencyKeyMissing(
            "The header Idempotency-Key is missing; nothing was recorded.",
            errors=[
                FieldProblem("Idempotency-Key", "the header is missing", "send a new UUID, and the same one when you repeat the request")
            ],
        )
    return idempotency_key


Key = Annotated[str, Depends(_required_key)]


@router.post("/movements", status_code=201, response_model=Movement)
async def record_movement(request: Request, key: Key, movement: MovementCreate) -> Response:
    """Record one movement, once. The same key with the same body answers the same again, with `Idempotency-Replayed: true`."""
    recorded = await services(request).stock.record(movement, key=key, actor=principal(request).name)
    headers = {"Location": f"/api/v1/movements/{recorded.movement.id}"}
    if recorded.replayed:
        headers["Idempotency-Replayed"] = "true"
    # Already validated: sending it through the response model again would cost more than the movement.
    return Response(_json(recorded.movement), 201, headers, media_type="application/json")


def _json(movement: Movement) -> str:
    # Exactly the fields of a new movement, so that a repeated request gets the same body to the letter.
    return movement.model_dump_json(include=set(Movement.model_fields))


@router.post("/movements:batch", response_model=BatchResult)
async def record_movements(request: Request, body: BatchRequest) -> Response:
    """Record up to 1,000 movements, each with a key of its own; each is applied or refused by itself."""
    items = [_item(raw) for raw in body.movements]
    good = [item for item in items if isinstance(item, BatchItem)]
    batch, outcomes = await services(request).stock.record_many(good, actor=principal(request).name)
    found = iter(outcomes)
    answers = [
        _answer(request, raw, next(found) if isinstance(item, BatchItem) else item) for raw, item in zip(body.movements, items, strict=True)
    ]
    # Already validated, as above.
    return Response(BatchResult(batch=batch, items=answers).model_dump_json(), media_type="application/json")


def _item(raw: object) -> BatchItem | Invalid:
    try:
        return BatchItem.model_validate(raw)
    except ValidationError as error:
        return Invalid("Some fields are to be corrected; this movement was not recorded.", errors=field_problems(error.errors()))


def _answer(request: Request, raw: object, outcome: Outcome) -> BatchAnswer:
    key = raw.get("key") if isinstance(raw, dict) else None
    key = key if isinstance(key, str) else None
    if isinstance(outcome, DomainError):
        problem = ProblemDocument.model_validate(problem_document(outcome, request.scope))
        return BatchAnswer(key=key, status=outcome.status, problem=problem)
    return BatchAnswer(key=key, status=201, replayed=outcome.replayed, movement=outcome.movement)


@router.get("/movements")
async def list_movements(
    request: Request,
    store: str | None = None,
    sku: str | None = None,
    since: Annotated[str | None, Query(max_length=64, description="A `watermark` of an earlier answer, or a time with its zone.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> MovementPage:
    """List movements, newest first; with `since`, oldest first and complete up to `watermark`."""
    return await services(request).stock.movements(store=store, sku=sku, since=since, limit=limit, cursor=cursor)


@router.get("/movements/{movement_id}")
async def get_movement(request: Request, movement_id: UUID) -> MovementDetail:
    """Return one movement, and what reversed it."""
    return await services(request).stock.movement(movement_id)


@router.post("/movements/{movement_id}:reverse", status_code=201, response_model=Movement)
async def reverse_movement(request: Request, movement_id: UUID) -> Response:
    """Take a movement back. Doing it again answers the first reversal."""
    recorded = await services(request).stock.reverse(movement_id, actor=principal(request).name)
    headers = {"Location": f"/api/v1/movements/{recorded.movement.id}"} | ({"Idempotency-Replayed": "true"} if recorded.replayed else {})
    return Response(_json(recorded.movement), 201, headers, media_type="application/json")


@router.post("/batches/{batch}:reverse")
async def reverse_batch(request: Request, batch: UUID) -> BatchReversal:
    """Take back what is left of a batch, all or nothing."""
    return await services(request).stock.reverse_batch(batch, actor=principal(request).name)


@router.get("/stock")
async def list_levels(
    request: Request, store: str | None = None, sku: str | None = None, limit: Limit = 50, cursor: Cursor = None
) -> LevelPage:
    """List what is on hand, by store and product."""
    return await services(request).stock.levels(store=store, sku=sku, limit=limit, cursor=cursor)


@router.get("/products/{sku}/history")
async def stock_history(request: Request, sku: str, days: Annotated[int, Query(ge=1, le=730)] = 90) -> HistoryPage:
    """Return the stock at the end of each day, for each store where the product ever moved."""
    return HistoryPage(items=await services(request).stock.history(sku, days=days))


@router.get("/ledger/proof")
async def prove_ledger(request: Request) -> Proof:
    """Check now that every level is the sum of its movements."""
    return await services(request).proof.run()
