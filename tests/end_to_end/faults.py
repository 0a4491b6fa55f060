"""What a faulty provider sends: pure changes to usage, events and encodings.

Owns: the meaning of a script's keys. Refuses to know: sockets, and who reads the result.

    hold      event indexes (or "headers") before which an answer waits for a release
    cut       {"how": "rst" | "fin", "at": "before_headers" | "after_headers" | "body" | index,
               "mid": true to send half of the event first}
    usage     missing | null | string | negative | absurd | overrun | duplicated | cumulative
    sse       cr | crlf | nospace | comments | bytes | multiline | long_line | delta_null | junk |
              bom | error_event | no_done
    encoding  gzip | br | zstd
    status, headers, body, body_hex, body_size     a canned answer to every call
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any, Protocol

LONG = 10 * 1024 * 1024
ENDS = {"cr": "\r\r", "crlf": "\r\n\r\n"}
LIES: dict[str, Callable[[int], Any]] = {
    "string": str,
    "negative": lambda count: -count - 1,
    "absurd": lambda count: 10**30 + count,
}


class Packer(Protocol):
    """A content encoding, flushed so that each event can be read as soon as it is sent."""

    def process(self, data: bytes) -> bytes: ...
    def flush(self) -> bytes: ...
    def finish(self) -> bytes: ...


class Identity:
    """No content encoding."""

    def process(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b""


class Gzip:
    """gzip, by sync flushes."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(wbits=31)

    def process(self, data: bytes) -> bytes:
        return self._packer.compress(data)

    def flush(self) -> bytes:
        return self._packer.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._packer.flush()


class Zstd:
    """zstd, by block flushes."""

    def __init__(self) -> None:
        import zstandard

        self._packer = zstandard.ZstdCompressor().compressobj()

    def process(self, data: bytes) -> bytes:
        return self._packer.compress(data)

    def flush(self) -> bytes:
        return self._packer.flush(1)

    def finish(self) -> bytes:
        return self._packer.flush()


def packer(encoding: str | None) -> Packer:
    if encoding == "br":
        import brotli

        compressor: Packer = brotli.Compressor()
        return compressor
    return Gzip() if encoding == "gzip" else Zstd() if encoding == "zstd" else Identity()


def bend_usage(how: str, usage: Any) -> Any:
    """The usage as a faulty provider would report it; `...` where it reports none."""
    if how in {"missing", "null"} or usage is None:
        return ... if how == "missing" else None
    lie = LIES.get(how)
    if lie is None:
        return usage
    return {key: lie(count) if isinstance(count, int) else count for key, count in usage.items()}


def bend_document(script: dict[str, Any], document: dict[str, Any], running: Any) -> int:
    """Changes one event's document in place; returns how many times it is sent."""
    how = script.get("usage", "")
    if not document["choices"]:
        usage = bend_usage(how, document.pop("usage"))
        if usage is not ...:
            document["usage"] = usage
        return 2 if how == "duplicated" else 1
    if running is not None:
        document["usage"] = running
    if script.get("sse") == "delta_null":
        document["choices"][0]["delta"] = None
    return 1


def bend_event(script: dict[str, Any], data: str, index: int, running: Any) -> list[str]:
    """The SSE text of the event `index`, as the script says: none, one, or more events.

    `running` is the usage so far, for a provider that reports it with each event.
    """
    how, copies = script.get("sse", ""), 1
    if data == "[DONE]":
        if how == "no_done":
            return []
    else:
        document = json.loads(data)
        copies = bend_document(script, document, running)
        data = json.dumps(document, ensure_ascii=False, indent=1 if how == "multiline" else None)
    prefix = "data:" if how == "nospace" else "data: "
    prefix += " " * LONG if how == "long_line" and index == 0 else ""
    text = "\n".join(prefix + line for line in data.split("\n")) + ENDS.get(how, "\n\n")
    if how == "bom" and index == 0:
        text = "\ufeff" + text
    if how == "comments":
        text = f": keep-alive\r\n\r\nevent: message\nid: 7\nretry: 10\n{text}"
    if how == "junk" and index == 2:
        text = "data: {not json\n\n" + text
    if how == "error_event" and index == 2:
        error = {"message": "The server had an error.", "type": "server_error", "code": None}
        text = "data: " + json.dumps({"error": error}) + "\n\n"
    return [text] * copies
