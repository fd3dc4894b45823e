"""What the composition root hands to routes and pages."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from inventario.accounts.schemas import Principal
from inventario.accounts.service import Accounts
from inventario.analytics.service import Analytics
from inventario.catalogue.service import Catalogue
from inventario.imports.service import Imports
from inventario.operations.service import Operations
from inventario.platform.postgres import Database
from inventario.purchasing.service import Purchasing
from inventario.settings import Settings
from inventario.stock.jobs import LedgerProof
from inventario.stock.service import Stock
from inventario.transfers.service import Transfers

__all__ = ["Services", "principal", "services"]


@dataclass(frozen=True, slots=True)
class Services:
    """One of each, made in ``app.py``."""

    settings: Settings
    database: Database
    accounts: Accounts
    catalogue: Catalogue
    purchasing: Purchasing
    stock: Stock
    proof: LedgerProof
    operations: Operations
    transfers: Transfers
    analytics: Analytics
    imports: Imports


def services(request: Request) -> Services:
    """Return the services of the application that *request* came to."""
    found: Services = request.app.state.services
    return found


def principal(request: Request) -> Principal:
    """Return who is asking; the authentication middleware has put it there."""
    found: Principal = request.scope["principal"]
    return found
