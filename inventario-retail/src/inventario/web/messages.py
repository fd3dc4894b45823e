"""Collects every sentence that people read, so that none is left untranslated.

``python -m inventario.web.messages`` brings the catalogues up to date: new sentences come in without a translation, unused ones go.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

__all__ = ["all_messages", "script_messages", "update_catalog"]

_PACKAGE = Path(__file__).parent.parent
_IN_SCRIPT = re.compile(r"""\bt\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
_ERRORS = {
    "AlreadyImported",
    "AlreadyReceived",
    "Busy",
    "Conflict",
    "DependencyUnavailable",
    "FieldProblem",
    "Forbidden",
    "ForeignHost",
    "IdempotencyKeyMissing",
    "IdempotencyKeyReused",
    "InsufficientStock",
    "InternalError",
    "Invalid",
    "NotFound",
    "PreconditionRequired",
    "StaleVersion",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "ValueError",
    "PydanticCustomError",
}
_MARKED = {"N_", "text"}
# Imports make sentences in many places, in SQL too; there every sentence is taken.
_TALKATIVE = "imports"
_SILENT = {"schemas.py", "forms.py", "routes.py", "pages.py", "printing.py"}
_IN_SQL = re.compile(r"(?:format\('|')((?:[^'\n]|'')+)'[^\n]*?\s*AS (?:detail|remedy)")

_HEADER = """# What people read.
msgid ""
msgstr ""
"Language: {locale}\\n"
"Plural-Forms: {plural}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""

Message = str | tuple[str, str]


@cache
def script_messages() -> tuple[str, ...]:
    """Return what the pages' own scripts say through ``t("...")``."""
    found = set()
    for path in sorted((_PACKAGE / "static" / "js").glob("*.js")):
        for double, single in _IN_SCRIPT.findall(path.read_text(encoding="utf-8")):
            found.add((double or single).replace('\\"', '"').replace("\\'", "'"))
    return tuple(sorted(found))


def template_messages() -> set[Message]:
    """Return what templates say; a pair is a singular and a plural."""
    found: set[Message] = set()
    for path in sorted(_PACKAGE.glob("*/templates/**/*.html")):
        with path.open("rb") as file:
            options = {"encoding": "utf-8", "trimmed": "true", "silent": "false"}
            for _, _, message, _ in babel_extract(file, ["_", "gettext", "ngettext"], [], options):
                found.add((str(message[0]), str(message[1])) if isinstance(message, tuple) else str(message))
    return found


def python_messages() -> set[str]:
    """Return the sentences of errors and of ``N_("...")`` in the code. What an f-string fills in becomes a numbered blank."""
    found: set[str] = set()
    for path in sorted(_PACKAGE.rglob("*.py")):
        if "migrations" in path.parts or "stack" in path.parts or path.name in {"commands.py", "cli.py", "settings.py"}:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if _TALKATIVE in path.parts and path.name not in _SILENT:
            found.update(_every_sentence(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                found.update(_of_call(node))
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_title(node):
                found.update(_texts(node.value))
            elif isinstance(node, ast.FunctionDef) and node.name.endswith("_problem"):
                # Rules return what is wrong instead of raising it.
                found.update(
                    part for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value for part in _problem(inner.value)
                )
    return {message for message in found if re.search("[A-Za-z]", re.sub(r"\{\w+\}", "", message))}


def all_messages() -> set[Message]:
    """Return everything that a catalogue has to hold."""
    return template_messages() | python_messages() | set(script_messages())


def update_catalog(path: Path) -> None:
    """Add what is new to the catalogue at *path* and drop what nobody says any more."""
    with path.open("rb") as file:
        old = read_po(file)
    fresh = Catalog(locale=old.locale, fuzzy=False)
    for message in sorted(all_messages(), key=str):
        known = old.get(message if isinstance(message, str) else message[0])
        fresh.add(message, string=known.string if known is not None else "")
    with path.open("wb") as file:
        # Without the dates and placeholders that tools put there, two people's additions merge.
        file.write(_HEADER.format(locale=fresh.locale, plural=fresh.plural_forms).encode())
        write_po(file, fresh, width=0, omit_header=True, sort_output=True)


def _of_call(node: ast.Call) -> Iterator[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name in _ERRORS:
        for argument in [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg in {"detail", "remedy", "title", None})]:
            for text in _texts(argument):
                # Validators say "what is wrong; what to do", and the two are shown apart. A single word is the name of a field.
                parts = text.split("; ", 1) if name in {"ValueError", "PydanticCustomError"} else [text]
                yield from (part for part in parts if " " in part)
    elif name in _MARKED and node.args:
        yield from _texts(node.args[0])


def _is_title(node: ast.Assign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == "title" for target in targets)


def _every_sentence(tree: ast.Module) -> Iterator[str]:
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    silent |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node) if part is not node}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in silent:
            for text in _texts(node):
                if "\n" in text:
                    yield from (_from_sql(part) for part in _IN_SQL.findall(text) if part.endswith("."))
                elif text.endswith(".") and text.count(" ") >= 2:
                    yield text
                elif "; " in text:
                    yield from text.split("; ", 1)


def _from_sql(text: str) -> str:
    blanks = iter(range(100))
    return re.sub("%%s", lambda _: f"{{v{next(blanks)}}}", text.replace("''", "'"))


def _problem(node: ast.expr) -> Iterator[str]:
    for element in node.elts if isinstance(node, ast.Tuple) else [node]:
        for text in _texts(element):
            yield from (part for part in text.split("; ", 1) if " " in part)


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{" + f"v{index}" + "}" for index, part in enumerate(node.values)
        )
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value)


def _main() -> None:
    for path in sorted((_PACKAGE / "locale").glob("*/LC_MESSAGES/*.po")):
        update_catalog(path)


if __name__ == "__main__":
    _main()
