"""What a load balancer, a supervisor or a person asks."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from inventario.operations.schemas import Health, Liveness, Readiness
from inventario.web.services import services

__all__ = ["router"]

router = APIRouter(tags=["operations"])


@router.get("/livez", summary="Is the process alive")
async def livez() -> Liveness:
    """Answer without looking at anything else: a restart of this process heals none of the servers it depends on."""
    return Liveness()


@router.get("/readyz", summary="May requests be sent here", responses={503: {"model": Readiness, "description": "About to end"}})
async def readyz(request: Request, response: Response) -> Readiness:
    """Answer 503 once the process has begun to stop. The database does not matter: what works without it goes on."""
    if services(request).operations.draining.is_set():
        response.status_code = 503
        return Readiness(status="draining")
    return Readiness(status="ready")


@router.get("/health", summary="How the parts are")
async def health(request: Request) -> Health:
    """Ask each server we depend on. Always 200: the answer is the news."""
    return await services(request).operations.health()
