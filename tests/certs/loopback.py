"""TLS over loopback between a client that trusts one root and a server of either make.

Owns: the sockets and the thread; a server of Python's own parts and one of mitmproxy's.
Refuses to know: what any test expects.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography import x509
from mitmproxy.certs import CertStore
from mitmproxy.net import tls
from OpenSSL import SSL


def python_server(key_and_chain: Path) -> Callable[[socket.socket], None]:
    """Serve one connection from a PEM file with certificate, key and issuers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key_and_chain)
    return lambda accepted: context.wrap_socket(accepted, server_side=True).close()


def mitmproxy_server(
    confdir: Path, names: Sequence[x509.GeneralName]
) -> Callable[[socket.socket], None]:
    """Serve one connection as mitmproxy's `tls_start_client` does, with a leaf for `names`."""
    store = CertStore.from_store(confdir, "mitmproxy", 2048)
    entry = store.get_cert("leaf", names)
    context = tls.create_client_proxy_context(
        method=tls.Method.TLS_SERVER_METHOD,
        min_version=tls.DEFAULT_MIN_VERSION,
        max_version=tls.DEFAULT_MAX_VERSION,
        cipher_list=None,
        ecdh_curve=None,
        chain_file=entry.chain_file,
        alpn_select_callback=None,
        request_client_cert=False,
        extra_chain_certs=(),
        dhparams=store.dhparams,
    )

    def serve(accepted: socket.socket) -> None:
        accepted.settimeout(None)
        connection = SSL.Connection(context, accepted)
        connection.use_certificate(entry.cert.to_cryptography())
        connection.use_privatekey(entry.privatekey)
        connection.set_accept_state()
        connection.do_handshake()

    return serve


def connect(server: Callable[[socket.socket], None], root: Path, name: str) -> None:
    """Open TLS to `name`, trusting `root` alone. Raises ssl.SSLError if the client refuses."""

    def serve() -> None:
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(10)
            try:
                server(accepted)
            except (OSError, SSL.Error):
                return  # the client refused; its own error is what the test looks at

    trusting = ssl.create_default_context(cafile=str(root))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), timeout=10) as raw,
                trusting.wrap_socket(raw, server_hostname=name),
            ):
                pass
        finally:
            thread.join(10)
