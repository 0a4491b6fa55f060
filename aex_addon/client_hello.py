"""A client's hello in TLS, if it ends.

Owns: that no more than one is waited for. mitmproxy collects what comes until the hello is there,
which may say itself that it is 16 MiB long.
Refuses to know: what it says (leaves.py, first_words.py).
"""

from __future__ import annotations

from mitmproxy.proxy import layer
from mitmproxy.proxy.layers.tls import ClientTLSLayer

from aex_addon.first_words import LONGEST

# mitmproxy knows by the first words that this is the client's fault, and logs the rest.
_TOO_LONG = f"Cannot parse ClientHello: it is longer than {LONGEST} bytes"


class GovernedClientTls(ClientTLSLayer):
    """mitmproxy's layer with that limit."""

    def receive_handshake_data(
        self, data: bytes
    ) -> layer.CommandGenerator[tuple[bool, str | None]]:
        """Whether the handshake is done, and what is wrong with it."""
        found: tuple[bool, str | None] = yield from super().receive_handshake_data(data)
        if not self.client_hello_parsed and len(self.recv_buffer) > LONGEST:
            self.recv_buffer.clear()
            return False, _TOO_LONG
        return found
