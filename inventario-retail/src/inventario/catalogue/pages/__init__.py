"""Pages of the catalogue."""

from __future__ import annotations

from fastapi import APIRouter

from inventario.catalogue.pages import editing, products, stores

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
for part in (products, editing, stores):
    router.include_router(part.router)
