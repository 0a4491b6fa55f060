"""Laws of the question that a call of a tool puts to the ledger."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mitmproxy import http

from aex_addon import tool_asked
from aex_addon.identity import Credential
from aex_addon.settings import Settings
from aex_addon.tokens import token_hash
from aex_addon.tool_asked import ToolAsked, command, look_up, read
from aex_addon.tools import registry
from ledger.commands import Admit, Tool
from ledger.state import ToolPlugin
from tests.tool_packages import SUM, pack

LIMIT = 1000


def incoming(body: bytes, **headers: str) -> http.Request:
    made = http.Request.make("POST", "http://127.0.0.1/v1/tools/execute")
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    made.raw_content = body
    return made


def asks(**fields: Any) -> bytes:
    return json.dumps({"tool": "sum", **fields}).encode()


class Parts:
    """Books that know one tool, or none, and count how often they are asked."""

    def __init__(self, tool: ToolPlugin | None = None) -> None:
        self.books, self.gateway, self.asked = self, "gw-1", 0
        self._tool = tool

    async def call(self, ask: Any) -> Any:
        self.asked += 1
        return ask(SimpleNamespace(tool=lambda name: self._tool))


def admit(asked: ToolAsked, parts: Parts) -> Admit:
    configuration = SimpleNamespace(settings=Settings())
    return command(asked, parts.gateway, configuration, Credential("aex_x", "bot"))  # type: ignore[arg-type]


def installed(folder: Path) -> ToolPlugin:
    packed = pack(folder, "sum", SUM)
    one = registry.install(folder / "store", packed.manifest, packed.package, "test")
    said = (one.tool, one.version, one.sha256, one.digest, one.manifest, one.cost_nanousd)
    return ToolPlugin(*said, "enabled", 1, 1)


async def test_a_call_asks_for_the_tool_that_was_read(tmp_path: Path) -> None:
    """By the digest of its manifest, at its price, and in words that caps are held against."""
    row = installed(tmp_path)
    parts = Parts(row)
    asked = await look_up(read(incoming(asks(input=[1])), LIMIT), parts)  # type: ignore[arg-type]
    found = admit(asked, parts)
    assert (found.provider, found.model, found.endpoint) == ("tools", "sum", "/v1/tools/execute")
    assert found.tool == Tool("sum", row.digest)
    assert (found.quote.fixed_nanousd, found.quote.output_tokens_cap) == (2_000_000, 0)
    assert (found.token_hash, found.claimed_agent) == (token_hash("aex_x"), "bot")
    assert found.asked.server_tools == {"sum"}
    assert found.asked.models == ()
    assert (found.metered, found.refusal, found.key_hash) == (True, None, "")


async def test_the_key_and_the_prefix_make_no_other_request(tmp_path: Path) -> None:
    """The same body is the same request; other input is another one under the same key."""
    parts = Parts(installed(tmp_path))
    one = admit(read(incoming(asks(execution_id="s")), LIMIT), parts)
    again = admit(read(incoming(asks(execution_id="s"), user_agent="other"), LIMIT), parts)
    other = admit(read(incoming(asks(execution_id="s", input=2)), LIMIT), parts)
    assert one.fingerprint == again.fingerprint != other.fingerprint
    assert one.key_hash == again.key_hash == other.key_hash != ""
    assert len({one.execution_id, again.execution_id, other.execution_id}) == 3


async def test_what_cannot_be_read_is_recorded_as_a_refusal() -> None:
    """Nothing is looked up for it, and no key is taken from it."""
    parts = Parts()
    packed = gzip.compress(b" " * 2 * LIMIT)
    for request, status in (
        (incoming(b"{"), 400),
        (incoming(asks(execution_id="")), 400),
        (incoming(asks(), idempotency_key="x" * 256), 400),
        (incoming(packed, content_encoding="gzip"), 413),
        (incoming(b"x", content_encoding="gzip"), 400),
    ):
        asked = await look_up(read(request, LIMIT), parts)  # type: ignore[arg-type]
        found = admit(asked, parts)
        assert found.refusal is not None
        assert (found.refusal.status, found.key_hash, found.model) == (status, "", "")
        assert found.tool is None
    assert parts.asked == 0


async def test_an_unknown_tool_is_the_ledgers_to_refuse() -> None:
    """Its name stands in the record only where it could be one."""
    parts = Parts()
    for name, model in (("sum", "sum"), ("../etc", ""), ("é" * 64, ""), ("A", "")):
        body = json.dumps({"tool": name}).encode()
        asked = await look_up(read(incoming(body), LIMIT), parts)  # type: ignore[arg-type]
        found = admit(asked, parts)
        assert (found.tool, found.model) == (Tool(name, ""), model)
        assert found.refusal is None
        assert asked.manifest is None


async def test_a_manifest_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Whatever the row says of it."""
    parts = Parts(installed(tmp_path)._replace(digest="0" * 64))
    asked = await look_up(read(incoming(asks()), LIMIT), parts)  # type: ignore[arg-type]
    assert asked.refusal is tool_asked._UNREADABLE
    assert asked.manifest is None
