"""A request for a host that is not governed: how it goes on.

Owns: that it is sent to the address that was judged, and names the host that it was judged for.
What a host's name is that the table of governed hosts is asked about.
Refuses to know: whether it may (egress.py).
"""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.net.http import url

from aex_addon import denials
from aex_addon import egress_words as words
from aex_addon.host_names import normal


def lead(request: http.Request, host: str, address: str) -> None:
    """From here on it goes to that address, as it comes. host: the name that was judged.

    A Host that says another name is replaced, for behind one address there may be hosts that may be
    reached and others: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
    """
    said = request.host_header
    if said is None or _named(said) != host:
        bracketed = f"[{host}]" if ":" in host else host
        request.headers["host"] = url.hostport(request.scheme, bracketed, request.port)
    # By the setter the Host would become the address, too.
    request.data.host = host if request.scheme == "https" else address
    request.stream = True


def named(host: str) -> str:
    """The host's one name, so that no spelling of a governed one is taken for another."""
    try:
        return normal(host)
    except ValueError:
        return host.lower()


def _named(authority: str) -> str:
    try:
        return normal(url.parse_authority(authority, check=True)[0])
    except ValueError:
        return ""


def fault(flow: http.HTTPFlow) -> http.Response:
    """The answer where the decision itself failed."""
    return words.answer(denials.unavailable("a fault inside AEX, see its log"), flow.request.method)
