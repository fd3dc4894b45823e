"""JSON API of transfers."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from inventario.stock.routes import Cursor, Key, Limit
from inventario.transfers.schemas import Receipt, Transfer, TransferCreate, TransferPage
from inventario.web.services import principal, services

__all__ = ["router"]

router = APIRouter(tags=["transfers"])


@router.post("/transfers", status_code=201)
async def dispatch_transfer(request: Request, response: Response, key: Key, body: TransferCreate) -> Transfer:
    """Send goods from one store to another. They leave the first at once, and are in transit until they are received."""
    transfer, replayed = await services(request).transfers.dispatch(body, key=key, actor=principal(request).name)
    response.headers["Location"] = f"/api/v1/transfers/{transfer.id}"
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return transfer


@router.get("/transfers")
async def list_transfers(
    request: Request,
    state: Annotated[Literal["in_transit", "received"] | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> TransferPage:
    """List transfers, newest first."""
    return await services(request).transfers.page(state=state, limit=limit, cursor=cursor)


@router.get("/transfers/{transfer_id}")
async def get_transfer(request: Request, transfer_id: UUID) -> Transfer:
    """Return one transfer."""
    return await services(request).transfers.get(transfer_id)


@router.post("/transfers/{transfer_id}:receive")
async def receive_transfer(request: Request, response: Response, transfer_id: UUID, body: Receipt | None = None) -> Transfer:
    """Receive a transfer, whole or in part. Doing it again with the same quantities answers the same."""
    transfer, replayed = await services(request).transfers.receive(transfer_id, body or Receipt(), actor=principal(request).name)
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return transfer
