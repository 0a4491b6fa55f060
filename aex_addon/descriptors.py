"""How many files and connections the gateway's process may have open.

Owns: taking what the system allows. A call is two connections, one of a tool four, and a sandbox
has a descriptor for each file of its package while it is made: the usual 1024 are used up by a few
hundred calls, and then nobody is answered. Refuses to know: who has them.
"""

from __future__ import annotations

import contextlib
import resource

# Of these the first that the system allows; macOS has its own bound below what it says.
_WANTED = (65_536, 10_240)


def take() -> int:
    """Raises the soft limit as far as that is of use; says what it is now."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in _WANTED:
        now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        enough = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        if now == resource.RLIM_INFINITY or now >= enough:
            return now
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
