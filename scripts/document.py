"""Write the parts of the documentation that come from code: `make docs`. A test fails when they drift."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from inventario.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

_HEAD = """# Settings

Everything is set by environment variables; no file is read. A variable marked *secret* may also be given as a file that holds it alone:
`DATABASE_URL_FILE=/run/secrets/database_url`. `inventario up` sets what belongs to the servers it starts; `inventario serve` takes all of it
from the environment. A setting that is wrong keeps the service from starting, and the error names the variable and an example.

| variable | default | what it is |
|---|---|---|
"""


_TAIL = """
## The programs of `inventario up`

| variable | default | what it is |
|---|---|---|
| `INVENTARIO_PG_BIN` | not set | Directory with `initdb` and `postgres` of PostgreSQL 15 or later, e.g. `/usr/lib/postgresql/15/bin`. Not set: the installed package's, else the newest of the machine. Tests take it too. |
"""


def settings_page() -> str:
    """Return docs/settings.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        secret = " *Secret.*" if SecretStr.__name__ in str(field.annotation) else ""
        default = field.default
        if default is None or default is PydanticUndefined:
            shown = "not set"
        elif isinstance(default, tuple):
            shown = f"`{','.join(default)}`"
        else:
            shown = f"`{default}`"
        rows.append(f"| `{name.upper()}` | {shown} | {field.description}{secret} |\n")
    return _HEAD + "".join(rows) + _TAIL


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
