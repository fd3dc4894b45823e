"""Write docs/reference.md from the docstrings of all public names: `make docs`. A test fails when it drifts.

The source is parsed, not imported, so that the page is the same on each Python and does not ask which extras are installed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any, NamedTuple

HOME = Path(__file__).parents[1]
PAGE = HOME / "docs" / "reference.md"
SOURCE = HOME / "src" / "brownout"
GROUPS = {
    "Breaker": ("_breaker", "_keyed", "_permit"),
    "When it opens": ("_trips", "_tally"),
    "Events and states": ("_events",),
    "Around a call": ("_compose", "_deadline", "_retry", "_backoff", "_bulkhead", "_fallback", "_hedge"),
    "Health, levels, features": ("_health", "_levels", "_features", "_needs"),
    "Probes": ("_probe", "_watching"),
    "Forecast": ("_forecast",),
    "Errors": ("_errors",),
}
EXTRAS = ("testing", "prometheus", "opentelemetry", "openfeature")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = Function | ast.ClassDef | ast.Assign | ast.AnnAssign


class Entry(NamedTuple):
    """A public name, and where it is defined."""

    name: str
    module: str
    node: Node | None


def entries() -> dict[str, list[Entry]]:
    """Return the public names by section."""
    package = _parsed("__init__")
    homes = {
        alias.name: node.module.removeprefix("brownout.")
        for node in ast.walk(package)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("brownout._")
        for alias in node.names
    }
    found: dict[str, list[Entry]] = {title: [] for title in GROUPS}
    for name in _public(package):
        home = homes.get(name, "__init__")
        title = next((title for title, modules in GROUPS.items() if home in modules), "Other")
        found.setdefault(title, []).append(_entry(name, home))
    found.update({f"brownout.{extra}": [_entry(name, extra) for name in _public(_parsed(extra))] for extra in EXTRAS})
    return {title: sorted(names, key=lambda entry: entry.name.lower()) for title, names in found.items()}


def reference() -> str:
    """Return the page."""
    sections = entries()
    links = {entry.name for names in sections.values() for entry in names if entry.module not in EXTRAS}
    parts = ["# Reference\n\nWritten from the docstrings by `brownout/scripts/reference.py`. All times are in seconds.\n"]
    parts += [
        f"- **{title}**: {', '.join(f'[{entry.name}](#{_anchor(entry.name, entry.module)})' for entry in names)}"
        for title, names in sections.items()
    ]
    for title, names in sections.items():
        about = _words(ast.get_docstring(_parsed(title.removeprefix("brownout."))), links) if title.startswith("brownout.") else ""
        parts.append(f"\n## {title}\n\n{about}".rstrip() + "\n")
        parts += [_section(entry, links) for entry in names]
    return "\n".join(parts)


def _parsed(module: str) -> ast.Module:
    return ast.parse((SOURCE / f"{module}.py").read_text(encoding="utf-8"))


def _public(module: ast.Module) -> list[str]:
    [names] = [node.value for node in module.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
    listed: list[str] = ast.literal_eval(names)
    return listed


def _entry(name: str, module: str) -> Entry:
    # The last one: those before it are its overloads.
    nodes = [node for node in _parsed(module).body if _named(node) == name]
    return Entry(name, module, nodes[-1] if nodes else None)  # type: ignore[arg-type]  # what has a name is one of these


def _named(node: ast.stmt) -> str:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.name
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    return ""


def _anchor(name: str, module: str = "") -> str:
    """Return an anchor of our own: those that GitHub makes of headings do not tell `Backoff` from `backoff`."""
    return f"{module}-{name}" if module in EXTRAS else f"name-{name}"


def _section(entry: Entry, links: set[str]) -> str:
    head = f'<a id="{_anchor(entry.name, entry.module)}"></a>\n\n### {entry.name}\n\n'
    node, constants = entry.node, _constants(entry.module)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return head + _fence(_signed(node, entry.name, constants)) + _words(ast.get_docstring(node), links) + "\n"
    if isinstance(node, ast.ClassDef):
        return head + _class(node, constants, links)
    return head + (_fence(ast.unparse(node)) if node else "")


def _constants(module: str) -> dict[str, ast.expr]:
    """Return the module's constants, whose values say more than their names in a signature."""
    return {_named(node): node.value for node in _parsed(module).body if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value}


def _class(node: ast.ClassDef, constants: dict[str, ast.expr], links: set[str]) -> str:
    about = ast.get_docstring(node) or ""
    members = list(_members(node, constants, links))
    text = _fence(_constructor(node, about, constants)) + _words(about, links) + "\n"
    return text + ("\n" + "\n".join(members) + "\n" if members else "")


def _constructor(node: ast.ClassDef, about: str, constants: dict[str, ast.expr]) -> str:
    bases = [ast.unparse(base) for base in node.bases]
    if "NamedTuple" in bases:
        return _call(node.name, [ast.unparse(item) for item in node.body if isinstance(item, ast.AnnAssign)])
    if any(base.endswith("Enum") for base in bases):
        return "\n".join(
            [f"class {node.name}({bases[0]})", *(f"    {ast.unparse(one)}" for one in node.body if isinstance(one, ast.Assign))]
        )
    makes = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    if not makes or "Made by `" in about or "Error" in "".join([node.name, *bases]):
        return f"class {node.name}" + (f"({', '.join(bases)})" if bases else "")
    return _signed(makes[0], node.name, constants, method=True)


def _members(node: ast.ClassDef, constants: dict[str, ast.expr], links: set[str]) -> Iterator[str]:
    before: ast.stmt | None = None
    for item in node.body:
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and not item.name.startswith("_") and ast.get_docstring(item):
            is_property = any(ast.unparse(one) in {"property", "cached_property"} for one in item.decorator_list)
            shape = item.name if is_property else _signed(item, item.name, constants, method=True, wide=True)
            yield _member(shape, ast.get_docstring(item), links)
        elif isinstance(item, ast.Expr) and before is not None and not (name := _named(before)).startswith("_") and name:
            yield _member(name, cleandoc(ast.literal_eval(item.value)), links)
        before = item


def _member(shape: str, about: str | None, links: set[str]) -> str:
    return f"- **`{shape}`**: " + _words(about, links).replace("\n", "\n  ").replace("\n  \n", "\n\n")


def _signed(node: Function, name: str, constants: dict[str, ast.expr], *, method: bool = False, wide: bool = False) -> str:
    parts = list(_parameters(node.args, constants))[1 if method else 0 :]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns and node.name != "__init__" else ""
    start = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return start + (f"{name}({', '.join(parts)})" if wide else _call(name, parts)) + returns


def _call(name: str, parts: list[str]) -> str:
    line = f"{name}({', '.join(parts)})"
    return line if len(line) <= 100 else f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _parameters(given: ast.arguments, constants: dict[str, ast.expr]) -> Iterator[str]:
    plain = [*given.posonlyargs, *given.args]
    defaults: list[Any] = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    for number, (one, default) in enumerate(zip(plain, defaults, strict=True), 1):
        yield _parameter(one, default, constants)
        if number == len(given.posonlyargs):
            yield "/"
    if given.vararg:
        yield f"*{ast.unparse(given.vararg)}"
    elif given.kwonlyargs:
        yield "*"
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _parameter(one, default, constants)
    if given.kwarg:
        yield f"**{ast.unparse(given.kwarg)}"


def _parameter(one: ast.arg, default: ast.expr | None, constants: dict[str, ast.expr]) -> str:
    if default is None:
        return ast.unparse(one)
    if isinstance(default, ast.Name):
        default = constants.get(default.id, default)
    return f"{ast.unparse(one)}{' = ' if one.annotation else '='}{ast.unparse(default)}"


def _fence(text: str) -> str:
    return f"```text\n{text}\n```\n\n"


def _words(about: str | None, links: set[str]) -> str:
    """Return a docstring as Markdown."""
    lines, in_list, in_code = [], False, False
    for line in (about or "").splitlines():
        if match := re.fullmatch(r"(Args|Raises|Returns|Yields):", line):
            in_list = True
            lines += [f"**{match[1]}**", ""]
        elif in_list and (item := re.match(r"    (\*{0,2}\w+): (.*)", line)):
            lines.append(f"- `{item[1]}`: {_linked(item[2], links)}")
        elif in_list and line.startswith("        "):
            lines.append(f"  {_linked(line.strip(), links)}")
        elif line.endswith("::"):
            in_code = True
            lines += [line[:-1], "", "```text"]
        elif in_code:
            lines.append(line.removeprefix("    "))
        else:
            in_list = in_list and not line
            lines.append(_linked(line, links))
    return "\n".join([*lines, "```"] if in_code else lines).replace("```text\n\n", "```text\n")


def _linked(text: str, links: set[str]) -> str:
    def link(match: re.Match[str]) -> str:
        name = match[1]
        return f"[`{name}`](#{_anchor(name)})" if name in links else f"`{name}`"

    pieces = re.split(r"(``.*?``)", text)
    return "".join(piece[1:-1] if piece.startswith("``") else re.sub(r"`([^`]+)`", link, piece) for piece in pieces)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
