"""Keep serving while what you depend on fails."""

from brownout._backoff import Backoff, backoff

__all__ = ["Backoff", "backoff"]
