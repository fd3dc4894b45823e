"""What the product's ``POST /movements`` is held against: the same framework, validation model and SQL statement, and nothing else.

One statement a request, on a pool of the same size. No authentication, limits, metrics, coalescing, retries or problem documents.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import orjson
import uvicorn
from fastapi import FastAPI, Header
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from inventario.platform.clock import new_id
from inventario.stock import rules, statement
from inventario.stock.schemas import Movement, MovementCreate

_POOL: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
    os.environ["DATABASE_URL"], min_size=2, max_size=12, open=False, kwargs={"row_factory": dict_row, "autocommit": True}
)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with _POOL:
        yield


app = FastAPI(lifespan=_lifespan)


@app.post("/api/v1/movements", status_code=201)
async def record(movement: MovementCreate, idempotency_key: Annotated[str, Header()]) -> Movement:
    """Write one movement with one statement."""
    body = movement.model_dump(mode="json")
    row = {**body, "ord": 0, "id": str(new_id()), "key": idempotency_key, "hash": rules.fingerprint(orjson.dumps(body)), "actor": "bench"}
    async with _POOL.connection() as connection:
        cursor = await connection.execute(statement.APPLY_ROWS_WAITING, {"rows": orjson.dumps([row]).decode()})
        [result] = await cursor.fetchall()
    return Movement.model_validate({**result, "store": movement.store, "sku": movement.sku})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["API_PORT"]), access_log=False, log_level="warning")
