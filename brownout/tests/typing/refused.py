"""What type checkers must refuse. It is checked, never run.

Each ignored line is a mistake that a user can make. A checker that found nothing wrong there would call the comment unnecessary, which is an
error here, for both mypy and pyright.
"""

from __future__ import annotations

from brownout import Breaker, backoff, consecutive

database = Breaker("database")


@database
def price(article: int) -> float:
    return float(article)


@database
async def stock(article: int) -> int:
    return article


price("a")  # type: ignore[arg-type]  # the parameters are those of the function
price(1, 2)  # type: ignore[call-arg]  # and there are no more of them
result: str = price(1)  # type: ignore[assignment]  # the result is the function's
Breaker()  # type: ignore[call-arg]  # a breaker has a name
Breaker("database", trips=consecutive(5))  # type: ignore[call-arg]  # the parameter is called trip
Breaker("database", trip=5)  # type: ignore[arg-type]  # a number alone does not say of what
Breaker("database", on=ConnectionError())  # type: ignore[arg-type]  # an error's class is meant, not an error
Breaker("database", on=KeyboardInterrupt)  # type: ignore[arg-type]  # Ctrl-C is no failure of a dependency
database(5)  # type: ignore[type-var]  # only what can be called can be guarded
backoff(0.1, 5)  # type: ignore[call-arg]  # up_to is named, or one would guess what it is
database.name.state = 1  # type: ignore[attr-defined]  # a name is text
database.state = 1  # type: ignore[misc,assignment]  # the state is not set; trip() and reset() are for that


async def forgotten_await() -> int:
    return stock(1)  # type: ignore[return-value]  # guarding keeps it a coroutine function
