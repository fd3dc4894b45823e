"""``python -m inventario`` is the command ``inventario``."""

from inventario.cli import app

app()
