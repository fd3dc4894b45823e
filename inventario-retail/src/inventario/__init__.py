"""An inventory service for shops that never stops selling."""

__version__ = "0.1.0"
