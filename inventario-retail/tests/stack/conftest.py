"""Who runs a shop, and with how much of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import inventario.stack.launcher


@pytest.fixture
def lean() -> dict[str, str]:
    """An environment in which only PostgreSQL and the dashboard are started: for tests that are not about the others."""
    return dict(os.environ) | {"REDIS_HOST": "127.0.0.1", "S3_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.fixture
def ordinary() -> list[str]:
    """What to put before a command so that it runs as an ordinary user, without any capability, whoever runs the tests."""
    if os.geteuid() != 0:
        return []
    launcher = str(Path(inventario.stack.launcher.__file__))
    return [sys.executable, "-I", "-S", launcher, str(os.getpid()), "9", "namespace", "--"]


@pytest.fixture
def root() -> list[str]:
    """What to put before a command so that it runs as root, whoever runs the tests."""
    return [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user"]
