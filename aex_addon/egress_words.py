"""What a client is told whose connection to a host beside the providers is refused.

Owns: the words, and the plain answer that carries them: who reads it is curl, git or a browser.
Refuses to know: why it is refused (egress.py); the answers of providers (refusals.py).
"""

from __future__ import annotations

from mitmproxy import http

from aex_addon.identity import challenge
from providers.wire import Denial

OWN = "egress_own"
PASSED = "passed"

# What is refused for where it is, and not for who asks.
OF_A_PLACE = frozenset(("egress_denied", "egress_not_allowed", "egress_private"))

_LISTS = "The operator's lists decide: [egress] in aex.toml."


def unreadable(why: str) -> Denial:
    """A host that is none."""
    return Denial(400, "egress_unreadable", f"AEX cannot tell which host is meant: {why}.")


def own() -> Denial:
    """AEX itself."""
    return Denial(403, OWN, "AEX does not lead to itself, nor to its ledger.")


def listed(host: str, found: str) -> Denial:
    """found: `denied` or `unlisted`, by the lists that hold for everybody."""
    said = "is denied" if found == "denied" else "is not one of those allowed"
    code = "egress_denied" if found == "denied" else "egress_not_allowed"
    return Denial(403, code, f"The host {host[:100]!r} {said}.", _LISTS)


def private(host: str) -> Denial:
    """A host of this network or machine."""
    return Denial(
        403,
        "egress_private",
        f"The host {host[:100]!r} is at no public address.",
        "The operator may allow it: `private` of [egress] in aex.toml.",
    )


def anonymous() -> Denial:
    """Nobody is named, and somebody must be."""
    return Denial(
        401,
        "egress_anonymous",
        "AEX leads nobody on who names no agent.",
        "Use http://AGENT:TOKEN@HOST:PORT as HTTP_PROXY and HTTPS_PROXY.",
    )


def unresolved(host: str, late: bool) -> Denial:
    """A name without an address."""
    if late:
        said = f"The look-up of {host[:100]!r} takes too long."
        return Denial(504, "egress_unresolved", said, retryable=True)
    return Denial(502, "egress_unresolved", f"The host {host[:100]!r} has no address.")


def answer(denial: Denial, method: str) -> http.Response:
    """The refusal as plain text; one that is about credentials asks for them."""
    said = denial.sentences + "\n"
    asks = denial.status == 401
    response = challenge() if asks else http.Response.make(denial.status)
    response.headers["content-type"] = "text/plain; charset=utf-8"
    response.headers["x-aex-denial"] = denial.code
    response.headers["x-should-retry"] = "true" if denial.retryable else "false"
    response.headers["content-length"] = str(len(said.encode()))
    # What follows the headers of an answer to HEAD would be read as the next answer.
    response.raw_content = b"" if method == "HEAD" else said.encode()
    return response
