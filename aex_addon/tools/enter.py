"""Where AEX runs as root: a user namespace with two users in it, and then bwrap.

    python -I -S enter.py BWRAP OPTION …

Owns: the namespace. bwrap itself maps one user only, and root's processes are held to no limit of
their number, whatever they are called inside. So bwrap runs here as the namespace's root, which can
read what root can and change nothing outside, and inside.py goes on as nobody.
Refuses to know: the sandbox, and AEX: it imports nothing but the standard library.

Needs: https://man7.org/linux/man-pages/man7/user_namespaces.7.html
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

NOBODY = 65534


def main(words: list[str]) -> None:
    """Makes the namespace and becomes `words`; exits with a sentence where the kernel forbids."""
    try:
        _separate()
        # None may be made within: that is where the kernel is asked most of what it rarely is.
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        os.execv(words[0], words)  # noqa: S606 - no shell is wanted between
    except OSError as error:
        sys.exit(f"no user namespace: {error.strerror}")


def _separate() -> None:
    """Only somebody outside of a namespace can map two users in it, so a child does."""
    reader, writer = os.pipe()
    this = os.getpid()
    child = os.fork()
    if not child:
        os.close(writer)
        os.read(reader, 1)
        try:
            for kind in ("uid_map", "gid_map"):
                Path(f"/proc/{this}/{kind}").write_text(f"0 0 1\n{NOBODY} {NOBODY} 1\n")
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    os.close(reader)
    try:
        os.unshare(os.CLONE_NEWUSER)
    finally:
        # What the child waits for.
        os.close(writer)
        problem = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if problem:
        raise OSError(problem, os.strerror(problem))


if __name__ == "__main__":
    main(sys.argv[1:])
