"""A token endpoint of Google's kind on loopback, and the key file of an account that it knows.

Owns: checking an assertion as Google does, and answering with a token, or as it is told.
Refuses to know: AEX.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

EMAIL = "aex@project.iam.gserviceaccount.com"


@cache
def account_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def pem() -> str:
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return account_key().private_bytes(*form).decode()


def key_file(folder: Path, token_uri: str, **changes: Any) -> Path:
    """The account's key file, as Google hands it out."""
    content = {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "key-1",
        "private_key": pem(),
        "client_email": EMAIL,
        "token_uri": token_uri,
        **changes,
    }
    path = folder / "account.json"
    path.write_text(
        json.dumps({name: value for name, value in content.items() if value is not ...})
    )
    path.chmod(0o600)
    return path


class TokenEndpoint:
    """`tokens` are given one after another; `answers` replace the whole answer, each once."""

    def __init__(self) -> None:
        self.claims: list[dict[str, Any]] = []
        self.assertions: list[str] = []
        self.answers: list[tuple[int, str]] = []
        self.expires_in = 3600
        self.uri = ""

    def answer(self, form: dict[str, list[str]]) -> tuple[int, str]:
        if self.answers:
            return self.answers.pop(0)
        (self_said,) = form["assertion"]
        signed, _, signature = self_said.rpartition(".")
        account_key().public_key().verify(
            _decoded(signature), signed.encode(), PKCS1v15(), SHA256()
        )
        head, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        assert head == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        self.assertions.append(self_said)
        self.claims.append(claims)
        token = f"ya29.canary-token-{len(self.claims)}"
        told = {"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer"}
        return 200, json.dumps(told)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def token_endpoint() -> Iterator[TokenEndpoint]:
    """It listens for the length of a block."""
    endpoint = TokenEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, text = endpoint.answer(parse_qs(body.decode()))
            self.send_response(status)
            if status in (302, 307):
                self.send_header("location", endpoint.uri)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint.uri = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
