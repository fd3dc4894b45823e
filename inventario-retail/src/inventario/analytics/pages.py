"""The start page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from inventario.web.services import services
from inventario.web.templating import render

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request) -> Response:
    """Show the four things people do, the day so far, and what is missing."""
    shop = services(request)
    return render(request, "analytics/home.html", today=await shop.analytics.today(), attention=await shop.stock.needing_attention(limit=6))
