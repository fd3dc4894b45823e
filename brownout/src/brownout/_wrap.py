"""Guarding a function by a wrapper that is made for its signature.

A wrapper with ``*args, **kwargs`` costs more than the breaker: about 130 ns a call, where the whole guard takes 50. So the wrapper
is written as source text with the function's own parameters, and compiled, as the standard library does for its data classes.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import keyword
import linecache
from collections.abc import Callable, Generator
from textwrap import indent
from typing import TYPE_CHECKING, Any, Final, TypeVar

from brownout._errors import OpenError

if TYPE_CHECKING:
    from brownout._machine import Machine
    from brownout._permit import Permit

__all__ = ["guarded"]

Function = TypeVar("Function", bound=Callable[..., Any])

# In the templates, § marks the wrapper's own names, which must not meet those of the parameters, and … stands for the arguments.
_CALL: Final = """\
§lane = §machine.lane
if §lane.successes >= §lane.stop:
    §phase = §machine.phase
    §now = §machine.clock()
    if §now < §phase.refuses_until:
        §machine.rejected += 1
        raise §OpenError(§machine.owner, §phase.refuses_until - §now) from §phase.error
    §permit = §phase.admit()
    if §permit.__class__ is §OpenError:
        try:
            raise §permit
        finally:
            del §permit
    try:
        if §machine.fault is not None:
            §machine.fault.strike()
        §result = §call(…)
    except §BaseException as §error:
        §permit.raised(§error)
        raise
    §settle(§permit, §result, §call)
    return §result
try:
    §result = §call(…)
except §BaseException as §error:
    §lane.raised(§error)
    raise
§count
return §result
"""
_COUNT: Final = "§lane.successes += 1\nif §lane.stop < 0:\n    §lane.late()"
_JUDGE: Final = "§lane.judged(§result)"
_STREAM: Final = "return (yield from §stream(§machine.admitted(), §call(…)))\n"
# An async generator can neither delegate nor return one without ceasing to be one, so all of it stands in the wrapper.
_ASYNC_STREAM: Final = """\
§permit = §machine.admitted()
§items = §call(…)
§thrown = None
try:
    §item = await §items.__anext__()
    §permit.answered()
    while True:
        try:
            §sent = yield §item
        except §GeneratorExit:
            await §items.aclose()
            raise
        except §BaseException as §error:
            §thrown = §error
            §item = await §items.athrow(§error)
        else:
            §item = await §items.asend(§sent)
except §StopAsyncIteration:
    §permit.succeeded()
except §BaseException as §error:
    §end(§permit, §error, §thrown)
    raise
finally:
    §thrown = None
"""
_numbers = itertools.count(1)


def guarded(function: Function, machine: Machine) -> Function:
    """Return *function* guarded by *machine*, with the same signature, name, documentation and kind.

    Raises:
        TypeError: It cannot be guarded; the text says what can.
    """
    _check(function)
    parameters, arguments, defaults, keyword_defaults = _signature(function)
    name = getattr(function, "__name__", "")
    name = name if name.isidentifier() and not keyword.iskeyword(name) else "guarded"
    prefix = "_b_"
    while prefix in parameters or name.startswith(prefix):
        prefix += "_"
    define, body = _template(function)
    body = body.replace("§count", _COUNT if machine.settings.on_result is None else _JUDGE).replace("…", arguments)
    source = (
        f"def §make(§call, §machine, {', '.join(_NAMES)}):\n    {define} {name}({parameters}):\n{indent(body, ' ' * 8)}    return {name}\n"
    )
    wrapper: Any = _compiled(source.replace("§", prefix), f"{prefix}make")(function, machine, *_NAMES.values())
    functools.update_wrapper(wrapper, function)
    wrapper.__defaults__, wrapper.__kwdefaults__ = defaults, keyword_defaults
    guarded_function: Function = wrapper
    return guarded_function


@functools.lru_cache(maxsize=512)
def _compiled(source: str, name: str) -> Callable[..., Any]:
    """Return the function *name* of *source*. Its text is kept for tracebacks and debuggers."""
    file = f"<brownout wrapper {next(_numbers)}>"
    namespace: dict[str, Any] = {}
    exec(compile(source, file, "exec"), namespace)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    made: Callable[..., Any] = namespace[name]
    return made


def _check(function: Any) -> None:
    if isinstance(function, type):
        raise TypeError(
            f"a breaker guards calls that do work, and {function.__name__} is a class: guard the methods that call the dependency"
        )
    if isinstance(function, (staticmethod, classmethod, property)):
        raise TypeError(f"put the breaker below @{type(function).__name__}, next to the function")
    if not callable(function):
        raise TypeError(
            f"a breaker guards functions, coroutine functions and generators, got {function!r}; for a block of code: with breaker: ..."
        )


def _template(function: Any) -> tuple[str, str]:
    """Return how the wrapper is defined, and its body."""
    called = function if inspect.isroutine(function) or isinstance(function, functools.partial) else type(function).__call__
    if inspect.isasyncgenfunction(called):
        return "async def", _ASYNC_STREAM
    if inspect.isgeneratorfunction(called):
        return "def", _STREAM
    if inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(function):
        # What it returns may well be something to await, such as a task: the work that is guarded has been awaited.
        body = _CALL.replace("§settle(§permit, §result, §call)", "§permit.succeeded(§result)")
        return "async def", body.replace("§call(…)", "await §call(…)").replace(
            "§machine.fault.strike()", "await §machine.fault.strike_async()"
        )
    return "def", _CALL


def _signature(function: Any) -> tuple[str, str, tuple[Any, ...] | None, dict[str, Any] | None]:
    """Return the parameters as source text, the arguments that pass them on, and the defaults of both kinds.

    Defaults are ``None`` in the text; the real ones are set on the wrapper, which is what a function's defaults are.
    """
    try:
        parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    except ValueError:  # some functions written in C do not tell
        return "*args, **kwargs", "*args, **kwargs", None, None
    names: list[str] = []
    arguments: list[str] = []
    kinds = inspect.Parameter
    for index, parameter in enumerate(parameters):
        before = parameters[index - 1].kind if index else None
        if before is kinds.POSITIONAL_ONLY and parameter.kind is not before:
            names.append("/")
        if parameter.kind is kinds.KEYWORD_ONLY and before not in (kinds.KEYWORD_ONLY, kinds.VAR_POSITIONAL):
            names.append("*")
        stars = "*" if parameter.kind is kinds.VAR_POSITIONAL else "**" if parameter.kind is kinds.VAR_KEYWORD else ""
        names.append(f"{stars}{parameter.name}" + ("" if parameter.default is kinds.empty else "=None"))
        arguments.append(f"{parameter.name}={parameter.name}" if parameter.kind is kinds.KEYWORD_ONLY else f"{stars}{parameter.name}")
    if parameters and parameters[-1].kind is kinds.POSITIONAL_ONLY:
        names.append("/")
    given = [parameter for parameter in parameters if parameter.default is not kinds.empty]
    defaults = tuple(parameter.default for parameter in given if parameter.kind is not kinds.KEYWORD_ONLY)
    keyword_defaults = {parameter.name: parameter.default for parameter in given if parameter.kind is kinds.KEYWORD_ONLY}
    return ", ".join(names), ", ".join(arguments), defaults or None, keyword_defaults or None


def _settle(permit: Permit, result: Any, call: Any) -> None:
    """Settle a timed call. A coroutine that nobody has awaited has not even begun, so its breaker would never count a failure."""
    if hasattr(type(result), "__await__"):
        permit.ignored()
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError(f"{call!r} returned something to await, so its failures cannot be counted: guard a function defined by async def")
    permit.succeeded(result)


def _stream(permit: Permit, items: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Delegate to *items* to the end, as ``yield from`` does. What the reader throws in, and gets back, is no failure of the source."""
    thrown: BaseException | None = None
    try:
        item = next(items)
        permit.answered()
        while True:
            try:
                sent = yield item
            except GeneratorExit:
                items.close()
                raise
            except BaseException as error:
                thrown = error
                item = items.throw(error)
            else:
                item = items.send(sent)
    except StopIteration as stop:
        permit.succeeded()
        return stop.value
    except BaseException as error:
        _end(permit, error, thrown)
        raise
    finally:
        thrown = None


def _end(permit: Permit, error: BaseException, thrown: BaseException | None) -> None:
    if error is thrown:
        permit.ignored()
    else:
        permit.raised(error)


_NAMES: Final[dict[str, Any]] = {
    "§settle": _settle,
    "§stream": _stream,
    "§end": _end,
    "§OpenError": OpenError,
    "§BaseException": BaseException,
    "§GeneratorExit": GeneratorExit,
    "§StopAsyncIteration": StopAsyncIteration,
}
