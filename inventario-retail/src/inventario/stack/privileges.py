"""As whom PostgreSQL runs: it refuses to be root, or nameless."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path

from inventario.stack.errors import StackError
from inventario.stack.launcher import NOBODY
from inventario.stack.process import spawn

__all__ = ["hand_over", "postgres_user"]

_AS_NOBODY = f"{NOBODY}:{NOBODY}"


def postgres_user(postgres: Path, data: Path, log: Path) -> str:
    """Return how to start PostgreSQL whose data lies in *data*: ``same``, ``namespace`` or ``uid:gid``.

    A user namespace comes first: the files stay ours, and nothing has to be readable for others.

    Raises:
        StackError: We are root, and neither way works here.
    """
    if os.geteuid() != 0:
        return "same" if _has_a_name(os.geteuid()) else _nameless(postgres, log)
    if data.exists() and data.stat().st_uid != 0:
        # Made by another user, or by root on a machine without namespaces. It goes on as it began: PostgreSQL insists on owning its files.
        return f"{data.stat().st_uid}:{data.stat().st_gid}"
    if _works("namespace", postgres, log):
        return "namespace"
    if _works(_AS_NOBODY, postgres, log):
        # The directory above holds more than the database. Others may pass through it, and still neither list it nor read a file of ours.
        data.parent.chmod(0o711)
        if _reachable(data):
            _hand_over_all(data)
            return _AS_NOBODY
    raise StackError(
        f"PostgreSQL refuses to run as root, user namespaces are not allowed here, and the user nobody cannot reach {_barred(postgres, data)}. "
        "Run this as an ordinary user, or set DATABASE_URL to a server of your own."
    )


def _has_a_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _nameless(postgres: Path, log: Path) -> str:
    """Return how a user that the machine has no name for starts it, as in a container that runs with a number: initdb wants a name."""
    if _works("namespace", postgres, log):
        return "namespace"
    raise StackError(
        f"PostgreSQL wants its user to have a name, user {os.geteuid()} has none, and user namespaces are not allowed here. "
        "Add the user to /etc/passwd, or set DATABASE_URL to a server of your own."
    )


def hand_over(path: Path, user: str) -> None:
    """Give *path* to the user that PostgreSQL runs as, where that is not us."""
    if ":" in user:
        uid, gid = map(int, user.split(":"))
        os.chown(path, uid, gid)


def _hand_over_all(data: Path) -> None:
    """Give files to nobody that root made where it still could enter a namespace."""
    for path in (data, *data.rglob("*")) if data.exists() else ():
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _works(user: str, postgres: Path, log: Path) -> bool:
    trial = spawn([postgres, "--version"], log=log, user=user, output=subprocess.DEVNULL)
    return trial.wait() == 0


def _barred(postgres: Path, data: Path) -> Path:
    return next((path for path in (postgres.parent, data) if not _reachable(path)), data)


def _reachable(path: Path) -> bool:
    """Tell whether the user nobody may walk to *path*; what does not exist yet we shall make."""
    return all(_lets_pass(parent.stat()) for parent in path.absolute().parents if parent.exists())


def _lets_pass(status: os.stat_result) -> bool:
    mine = stat.S_IXUSR if status.st_uid == NOBODY else stat.S_IXOTH
    return bool(status.st_mode & mine)
