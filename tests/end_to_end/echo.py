"""A provider that repeats what it was sent: in headers, in errors of each encoding, in a stream.

Owns: the answers and the requests that came. Refuses to know: AEX.

    x-echo: error | gzip | redirect | stream     (a header of the client's; else an `error`)
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote


class Echo:
    """What was received: request lines, headers and bodies."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.url = ""


def _answer(handler: BaseHTTPRequestHandler, seen: str) -> tuple[int, dict[str, str], bytes]:
    how = handler.headers.get("x-echo", "error")
    error = json.dumps({"error": {"message": f"Cannot take {seen}", "type": "x", "code": "y"}})
    told = {"www-authenticate": " ".join(seen.split()), "content-type": "application/json"}
    if how == "gzip":
        return 403, {**told, "content-encoding": "gzip"}, gzip.compress(error.encode())
    if how == "redirect":
        return 307, {"location": f"/?seen={quote(seen, safe='')}"}, b""
    if how == "stream":
        stream = f"data: {error}\n\ndata: [DONE]\n\n"
        return 200, {"content-type": "text/event-stream"}, stream.encode()
    return 401, told, error.encode()


@contextmanager
def echo() -> Iterator[Echo]:
    """It listens for the length of a block."""
    book = Echo()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            book.seen.append(seen := f"{self.requestline}\n{self.headers}{body}")
            status, headers, data = _answer(self, seen)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    book.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield book
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
