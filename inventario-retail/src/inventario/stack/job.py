"""What the supervisor asks of `prepare`. Apart from it, so that the supervisor loads no database driver."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CREDENTIALS", "PENDING", "SHOWN", "Job"]

# The step of `setup.json` that hands out the first login and key, and its states on the way.
CREDENTIALS, PENDING, SHOWN = "credentials", "pending", "shown"


@dataclass(frozen=True, slots=True)
class Job:
    """What to prepare. Ports are None where the server is somebody else's."""

    root: str
    sample: bool
    postgres_port: int | None = None
    valkey_port: int | None = None
    s3_port: int | None = None
