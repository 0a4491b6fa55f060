"""Host names as a name constraint can hold them.

Owns: the one normal form of a list of governed hosts, and the refusal of what would widen it.
Refuses to know: which hosts are governed, and certificates.

Invariant: the result is never empty. A constraint without DNS names would permit every name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from certs.errors import HostRefused

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def permitted_names(hosts: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts lower-case, in ASCII (IDNA), each once, sorted.

    A leading `*.` is dropped, for a DNS constraint covers the name and all below it.
    Raises HostRefused for an empty list, and for a host that is an address, a single label,
    has a wildcard further in, or is no host name at all.
    """
    names = tuple(sorted({_normal(host) for host in hosts}))
    if not names:
        raise HostRefused("A CA limited to no host would be limited to nothing; name one host.")
    return names


def _normal(host: str) -> str:
    name = host.strip().removeprefix("*.").removesuffix(".").lower()
    if "*" in name:
        raise HostRefused(
            f"{host!r}: a name constraint has no inner wildcards; list each host by its full name."
        )
    if _is_address(name):
        raise HostRefused(f"{host!r}: the CA excludes all IP addresses; use a host name.")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise HostRefused(f"{host!r} is no host name ({error}); correct it.") from error
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise HostRefused(f"{host!r} is no host name; give it without scheme, port or path.")
    if len(labels) < 2:
        # `com` would permit every name below it, and no list here tells `com` from `llm-box`.
        raise HostRefused(f"{host!r} could be a top-level domain; give a name with a dot.")
    return name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
