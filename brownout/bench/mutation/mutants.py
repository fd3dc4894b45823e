"""The mutants of a Python file: each is the file with one small thing wrong.

The syntax tree says what can be changed, and the change is made in the text, so that everything else keeps its place and its line number. Code
that is kept as text, in templates with § and …, is changed as well.
What no test should care about is left alone: annotations, docstrings, the words of errors, lists such as ``__slots__``, bodies of protocols and
overloads.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Mutant", "mutants_of"]

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    # The neighbour that differs at the boundary, then the opposite.
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_HOLDS_EXPRESSIONS = (ast.expr, ast.comprehension, ast.arguments, ast.keyword, ast.withitem, ast.arg)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LISTS_OF_NAMES = {"__slots__", "__all__", "__match_args__"}


class Mutant(NamedTuple):
    """One changed file. ``lines`` are the first and last line of the statement, or of its head, that the change is in."""

    file: str
    scope: str
    lines: tuple[int, int]
    line: int
    operator: str
    before: str
    after: str
    diff: str
    source: str


class _Change(NamedTuple):
    start: tuple[int, int]
    end: tuple[int, int]
    text: str
    operator: str


def mutants_of(file: str, source: str) -> list[Mutant]:
    """Return the mutants of *source* in the order of its lines; *file* is what they call it. No two have the same text."""
    text = _Text(source)
    found: dict[str, Mutant] = {}
    for scope, statement in _statements(ast.parse(source), ""):
        for change in _changes(statement):
            changed = text.with_change(change)
            if changed not in found and _means_something_else(source, changed):
                found[changed] = _mutant(file, scope, statement, change, source, changed)
    return sorted(found.values(), key=lambda mutant: mutant.line)


def _mutant(file: str, scope: str, statement: ast.stmt, change: _Change, source: str, changed: str) -> Mutant:
    old, new = source.splitlines(), changed.splitlines()
    rows = list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]
    before = " ".join(row[1:].strip() for row in rows if row.startswith("-"))
    after = " ".join(row[1:].strip() for row in rows if row.startswith("+"))
    return Mutant(file, scope, _head(statement), change.start[0], change.operator, before, after, "\n".join(rows), changed)


def _means_something_else(source: str, changed: str) -> bool:
    try:
        return ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


class _Text:
    """A source text in which the places of the syntax tree can be replaced. Their columns count bytes."""

    def __init__(self, source: str) -> None:
        self._bytes = source.encode()
        self._starts = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def with_change(self, change: _Change) -> str:
        start, end = (self._starts[line - 1] + column for line, column in (change.start, change.end))
        return (self._bytes[:start] + change.text.encode() + self._bytes[end:]).decode()


def _head(statement: ast.stmt) -> tuple[int, int]:
    body: list[ast.stmt] = getattr(statement, "body", [])
    last = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno
    return statement.lineno, last or statement.lineno


# --- which statements -----------------------------------------------------------------------------------------------------------------


def _statements(parent: ast.AST, scope: str) -> Iterator[tuple[str, ast.stmt]]:
    for child in ast.iter_child_nodes(parent):
        if isinstance(child, ast.stmt):
            if _for_readers(child):
                continue
            yield scope, child
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{scope}.{child.name}".lstrip(".")
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _statements(child, inner)


def _for_readers(statement: ast.stmt) -> bool:
    """Whether nothing in *statement* does anything: docstrings, protocols, overloads, imports, lists of names, what must be overridden."""
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.Pass():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.ClassDef(bases=bases):
            return any(ast.unparse(base).startswith("Protocol") for base in bases)
        case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
            overloaded = any(ast.unparse(decorator).endswith("overload") for decorator in decorators)
            return overloaded or "NotImplementedError" in ast.unparse(statement.body[-1])
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name in _LISTS_OF_NAMES or (isinstance(value, ast.Call) and _only_named(value))
        case _:
            return False


# --- which changes --------------------------------------------------------------------------------------------------------------------


def _changes(statement: ast.stmt) -> Iterator[_Change]:
    match statement:
        case (
            ast.Assign(value=ast.Constant(value=str(text)) as template) | ast.AnnAssign(value=ast.Constant(value=str(text)) as template)
        ) if "§" in text:
            yield from _in_template(template, text)
            return
        case _:
            pass
    yield from _of_statement(statement)
    for expression in _expressions(statement):
        yield from _of_expression(expression)


def _in_template(template: ast.Constant, text: str) -> Iterator[_Change]:
    # The stand-ins are letters, and as long in bytes as what they stand for.
    code = text.replace("§", "ß").replace("…", "ア")
    for _, statement in _statements(ast.parse(code), ""):
        for change in _changes(statement):
            changed = _Text(code).with_change(change).replace("ß", "§").replace("ア", "…")
            whole = changed.endswith("\n") and "\\" not in changed
            shown = f'"""\\\n{changed}"""' if whole else repr(changed)
            yield _replace(template, shown, f"{change.operator}, in a template")


def _of_statement(statement: ast.stmt) -> Iterator[_Change]:
    match statement:
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield _replace(value, "None", "return value")
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Raise() | ast.Delete() | ast.Return(value=None):
            yield _replace(statement, "pass", "statement left out")
        case ast.AnnAssign(target=ast.Attribute()):
            yield _replace(statement, "pass", "statement left out")
        case ast.Break():
            yield _replace(statement, "continue", "loop")
        case ast.Continue():
            yield _replace(statement, "break", "loop")
        case ast.Try(handlers=handlers):
            for handler in handlers:
                yield _between(handler.body[0], handler.body[-1], "raise", "error not caught")
        case _:
            pass
    if isinstance(statement, ast.AugAssign) and type(statement.op) in _ARITHMETIC:
        yield _replace(statement, ast.unparse(_with(statement, op=_ARITHMETIC[type(statement.op)]())), "arithmetic")
    if isinstance(statement, ast.If | ast.While):
        yield from _negated(statement.test)


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions of a statement, inner ones too, but not those of the statements in its body."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "type_params", "bases"} or (name == "exc" and isinstance(node, ast.Raise)):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.expr):
                yield child
            if isinstance(child, _HOLDS_EXPRESSIONS) and not _closed(child):
                yield from _expressions(child)


def _closed(node: ast.AST) -> bool:
    """Whether to leave alone what is inside: places in an f-string are not to be trusted before Python 3.12, and an error's words are for people."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and (_only_named(node) or _makes_an_error(node)))


def _only_named(call: ast.Call) -> bool:
    return ast.unparse(call.func) in {"TypeVar", "ParamSpec", "TypeVarTuple", "NewType", "ContextVar"}


def _makes_an_error(call: ast.Call) -> bool:
    return ast.unparse(call.func).endswith("Error")


def _of_expression(node: ast.expr) -> Iterator[_Change]:
    match node:
        case ast.Compare():
            yield from _of_comparison(node)
        case ast.BoolOp():
            yield from _of_condition(node)
        case ast.BinOp() | ast.UnaryOp():
            yield from _of_operator(node)
        case ast.Call():
            yield from _of_call(node)
        case ast.Constant(value=value):
            for other in _other_constants(value):
                yield _replace(node, repr(other), "constant")
        case ast.JoinedStr():
            yield _replace(node, "''", "constant")
        case _:
            for test in _tests_in(node):
                yield from _negated(test)


def _tests_in(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.IfExp):
        return [node.test]
    return [test for loop in node.generators for test in loop.ifs] if isinstance(node, _COMPREHENSIONS) else []


def _of_operator(node: ast.BinOp | ast.UnaryOp) -> Iterator[_Change]:
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not | ast.USub):
            yield _replace(node, f"({ast.unparse(node.operand)})", "negation left out")
    elif type(node.op) in _ARITHMETIC:
        yield _replace(node, f"({ast.unparse(_with(node, op=_ARITHMETIC[type(node.op)]()))})", "arithmetic")


def _of_comparison(node: ast.Compare) -> Iterator[_Change]:
    for place, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            operators = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield _replace(node, ast.unparse(_with(node, ops=operators)), "comparison")


def _of_condition(node: ast.BoolOp) -> Iterator[_Change]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield _replace(node, f"({ast.unparse(_with(node, op=other))})", "and, or")
    for place in range(len(node.values)):
        rest = [*node.values[:place], *node.values[place + 1 :]]
        kept = rest[0] if len(rest) == 1 else _with(node, values=rest)
        yield _replace(node, f"({ast.unparse(kept)})", "condition left out")


def _of_call(node: ast.Call) -> Iterator[_Change]:
    if isinstance(node.func, ast.Name) and node.func.id in _TWINS:
        yield _replace(node.func, _TWINS[node.func.id], "min, max, any, all")
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            rest = [*node.keywords[:place], *node.keywords[place + 1 :]]
            yield _replace(node, ast.unparse(_with(node, keywords=rest)), "argument left out")
    if node.args and not isinstance(node.args[-1], ast.Starred | ast.GeneratorExp):
        yield _replace(node, ast.unparse(_with(node, args=node.args[:-1])), "argument left out")


def _negated(test: ast.expr) -> Iterator[_Change]:
    # A comparison, a negation and a condition of several parts are turned round by changes of their own.
    if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant):
        yield _replace(test, f"(not ({ast.unparse(test)}))", "condition negated")


def _other_constants(value: object) -> Iterator[object]:
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
            if value == 1:
                yield 0
        case float():
            yield value + 1
        case str():
            yield "" if value else "mutant"
        case _:
            pass


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """Return a copy of *node* with other *fields*."""
    return type(node)(**(dict(ast.iter_fields(node)) | fields))


def _replace(node: ast.expr | ast.stmt, text: str, operator: str) -> _Change:
    return _between(node, node, text, operator)


def _between(first: ast.expr | ast.stmt, last: ast.expr | ast.stmt, text: str, operator: str) -> _Change:
    assert last.end_lineno is not None
    assert last.end_col_offset is not None
    return _Change((first.lineno, first.col_offset), (last.end_lineno, last.end_col_offset), text, operator)
