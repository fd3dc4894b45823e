"""Becomes a server: changes user where asked, ties its life to the parent's, and executes the server in its place.

Runs as a script of its own (``python -I -S launcher.py PARENT SIGNAL USER -- COMMAND...``), in a process with one thread, for two reasons: a user
namespace can be entered only by such a process, and the kernel forgets the death signal whenever the credentials change, so it has to be set
after them and before ``exec``. Only the standard library is imported, all of it before the user changes: afterwards it may not be readable.

``USER`` is ``same``, ``namespace`` (the same user outside, nobody inside a user namespace of its own) or ``uid:gid``.
"""

import ctypes
import os
import sys
from pathlib import Path

NOBODY = 65534
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000


def main(arguments: list[str]) -> None:
    """Carry out what the arguments say; returns never, or with an exit status that tells what failed."""
    parent, death_signal, user = int(arguments[0]), int(arguments[1]), arguments[2]
    command = arguments[arguments.index("--") + 1 :]
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        become(libc, user)
        check(libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0))
        # The parent may have died before the line above: then nobody would ever send the signal.
        if os.getppid() != parent:
            sys.exit(f"launcher: parent {parent} is gone")
        os.execv(command[0], command)  # noqa: S606 - that is what a launcher does
    except OSError as error:
        sys.exit(f"launcher: cannot start {command[0]} as {user}: {error.strerror}")


def become(libc: ctypes.CDLL, user: str) -> None:
    """Change the user, or enter a user namespace in which the present user is called nobody."""
    if user == "namespace":
        uid, gid = os.geteuid(), os.getegid()
        check(libc.unshare(_CLONE_NEWUSER))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")
    elif user != "same":
        uid, gid = map(int, user.split(":"))
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)


def check(result: int) -> None:
    """Raise the error that a call of the C library reported."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])
