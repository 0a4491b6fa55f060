"""What the user's own mitmproxy shows, logs and saves of flows: without credentials.

Owns: the redaction of what mitmdump prints and of every log line, and of the requests of flows
that are over. `aex up` needs none of it: its master shows no flows, and its log is logs.py's.
Refuses to know: what a credential looks like (redaction.py).

A call under way keeps its provider key, for it has yet to be sent, and an answer its cookies, for
the client is to get them: whoever watches flows live (mitmweb) can see both.
"""

from __future__ import annotations

import io
import logging
from typing import TextIO

from mitmproxy import http
from mitmproxy.master import Master

from aex_addon.doors import PATH
from aex_addon.identity import without_key
from aex_addon.known_secrets import Secrets
from aex_addon.redaction import SECRET_HEADERS, WITHHELD, Redactor


class Shown(io.TextIOBase):
    """A stream that takes credentials out of what is written to it. Each write is whole lines."""

    def __init__(self, out: TextIO, redact: Redactor) -> None:
        self._out = out
        self._redact = redact

    def write(self, text: str) -> int:
        """The number of characters written."""
        return self._out.write(self._redact(text))

    def flush(self) -> None:
        """Passes it on."""
        self._out.flush()


class Formatted(logging.Formatter):
    """Another formatter's text without credentials."""

    def __init__(self, own: logging.Formatter, redact: Redactor) -> None:
        super().__init__()
        self._own = own
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(self._own.format(record))


def cover(master: Master, redact: Redactor) -> None:
    """From now on the master's log and its dump of flows go through `redact`."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(Formatted(handler.formatter or logging.Formatter(), redact))
    dumper = master.addons.get("dumper")
    if dumper is not None:
        dumper.outfp = Shown(dumper.outfp, redact)


class Scrub:
    """The addon; it stands last, and before all that shows or saves flows.

    What is over has been sent: its request needs no credential any more.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def response(self, flow: http.HTTPFlow) -> None:
        """The answer has come."""
        self._scrub(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """There will be no answer."""
        self._scrub(flow)

    def http_connect_error(self, flow: http.HTTPFlow) -> None:
        """There is no tunnel."""
        self._scrub(flow)

    def _scrub(self, flow: http.HTTPFlow) -> None:
        request = flow.request
        for name in SECRET_HEADERS:
            if name in request.headers:
                request.headers[name] = WITHHELD
        fields = request.headers.fields
        request.headers.fields = tuple((name, self._secrets.blot_bytes(v)) for name, v in fields)
        request.path = self._secrets.blot(without_key(request.path))
        if PATH in flow.metadata:
            flow.metadata[PATH] = without_key(str(flow.metadata[PATH]))
