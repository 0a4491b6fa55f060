"""What goes wrong with providers: each fault a script over a raw connection.

Owns: the faults. Refuses to know: any one format, AEX.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.aex_addon.sending import Act, Fault, Sender, packed
from tests.providers.usage_bent import KINDS, LIES, bent, events


def cut(how: str, where: str) -> Act:
    """The connection breaks or ends, somewhere."""

    async def act(sender: Sender) -> None:
        if where != "before headers":
            await sender.head()
        if where == "mid-chunk":
            found = events(sender.answer)
            size = len(found[0].raw) // 2 if len(found) == 1 else 0
            for event in found[: len(found) // 2]:
                await sender.chunk(event.raw)
            rest = found[len(found) // 2].raw
            await sender.chunk(rest[: size or len(rest) // 2])
        await (sender.reset() if how == "RST" else sender.fin())

    return act


async def fin_without_framing(sender: Sender) -> None:
    """The end of the connection is the end of the body: nothing tells that it is early."""
    await sender.head(transfer_encoding="")
    sender.sent = sender.answer[: len(sender.answer) // 2]
    await sender.raw(sender.sent)
    await sender.fin()


async def byte_by_byte(sender: Sender) -> None:
    await sender.head()
    for at in range(len(sender.answer)):
        await sender.chunk(sender.answer[at : at + 1])
    await sender.end()


async def stall(sender: Sender) -> None:
    """Half of the answer, and then nothing."""
    await sender.head()
    await sender.chunk(sender.answer[: len(sender.answer) // 2])
    await sender.stall()


def rewritten(change: Callable[[bytes], bytes]) -> Act:
    """The answer with other bytes, in one chunk."""

    async def act(sender: Sender) -> None:
        await sender.head()
        await sender.chunk(change(sender.answer))
        await sender.end()

    return act


def length(more: int) -> Act:
    """A length that is wrong by so much; the connection ends after the body."""

    async def act(sender: Sender) -> None:
        said = max(len(sender.answer) + more, 1)
        await sender.head(transfer_encoding="", content_length=str(said))
        sender.sent = sender.answer[:said]
        await sender.raw(sender.answer)
        await sender.fin()

    return act


def bomb(encoding: str) -> Act:
    """Few bytes that are many once unpacked."""

    async def act(sender: Sender) -> None:
        await sender.head(content_encoding=encoding)
        await sender.chunk(packed(encoding))
        await sender.end()

    return act


async def interim(sender: Sender) -> None:
    """Many answers that are none yet."""
    await sender.raw(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 200)
    await sender.raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 10")
    await sender.raw(b"2 Processing\r\n\r\n")
    await sender.whole()


async def trailers(sender: Sender) -> None:
    await sender.head()
    await sender.chunk(sender.answer)
    await sender.raw(b"0\r\nserver-timing: x\r\n\r\n")


async def endless_head(sender: Sender) -> None:
    await sender.raw(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        await sender.raw(b"x-%d: %s\r\n" % (number, b"x" * 8000))
    await sender.reader.read()


def refusing(status: int) -> Act:
    """An error that is not billed."""

    async def act(sender: Sender) -> None:
        sender.sent = b'{"error": {"message": "Busy.", "type": "overloaded_error"}}'
        size = str(len(sender.sent))
        await sender.head(
            status,
            transfer_encoding="",
            content_length=size,
            retry_after="7",
            content_type="application/json",
        )
        await sender.raw(sender.sent)

    return act


def odd(status: int, content_type: str | None, body: bytes) -> Act:
    """A success that is none, or of another kind than was asked for; None: as it was recorded."""

    async def act(sender: Sender) -> None:
        kind = sender.content_type if content_type is None else content_type
        if status == 204:
            await sender.head(status, transfer_encoding="", content_type=kind)
            return
        sender.sent, size = body, str(len(body))
        await sender.head(status, transfer_encoding="", content_length=size, content_type=kind)
        await sender.raw(body)

    return act


def lying(how: str) -> Act:
    """Usage that cannot be true, where the answer tells any."""
    return rewritten(lambda answer: b"".join(bent(answer, how) or [answer]))


ERROR = b'{"error": {"message": "The server had an error.", "type": "server_error", "code": null}}'
LINE = b": " + b"x" * 2**21 + b"\n\n"


def long_line(answer: bytes) -> bytes:
    """2 MiB more: a comment line, or white space in a document."""
    return LINE + answer if b"data:" in answer else b" " * 2**21 + answer


def junk(answer: bytes) -> bytes:
    """Events that are no JSON, or hold nothing, before the others."""
    odd_events = b"data: {not json\n\ndata: null\n\ndata:\n\nevent: x\n\ndata: \xff\xfe\n\n"
    return odd_events + answer if b"data:" in answer else answer


FAULTS: dict[str, Fault] = {
    **{
        f"{how} {where}": Fault(cut(how, where), status=502 if where == "before headers" else 200)
        for how in ("RST", "FIN")
        for where in ("before headers", "after headers", "mid-chunk")
    },
    "FIN without framing": Fault(fin_without_framing, whole=True),
    "byte by byte": Fault(byte_by_byte, whole=True),
    "stall": Fault(stall),
    "stall before headers": Fault(Sender.stall, status=0),
    "no space": Fault(rewritten(lambda body: body.replace(b"data: ", b"data:")), whole=True),
    "CR": Fault(rewritten(lambda body: body.replace(b"\r", b"").replace(b"\n", b"\r")), whole=True),
    "long line": Fault(rewritten(long_line), whole=True),
    "junk": Fault(rewritten(junk), whole=True),
    "length too small": Fault(length(-9), whole=True),
    "length too large": Fault(length(+9)),
    **{f"{name} bomb": Fault(bomb(name), whole=True) for name in ("gzip", "br", "zstd", "deflate")},
    **{f"usage {how}": Fault(lying(how), whole=True) for how in (*KINDS[1:4], *LIES)},
    "1xx flood": Fault(interim, whole=True),
    "trailers": Fault(trailers, whole=True),
    "endless head": Fault(endless_head, status=502),
    **{str(n): Fault(refusing(n), whole=True, status=n) for n in (429, 500, 529)},
    "200 with an error": Fault(odd(200, "application/json", ERROR), whole=True),
    "200 with an error event": Fault(
        odd(200, "text/event-stream", b"data: " + ERROR + b"\n\n"), whole=True
    ),
    "empty 200": Fault(odd(200, None, b""), whole=True),
    "204": Fault(odd(204, None, b""), whole=True, status=204),
    "206": Fault(odd(206, None, b"{"), whole=True, status=206),
    "a page": Fault(odd(200, "text/html", b"<h1>Welcome</h1>"), whole=True),
}
