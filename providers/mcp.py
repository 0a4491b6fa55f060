"""The Model Context Protocol over HTTP: each tool's call is a call, all else is free.

Owns: which requests are MCP's, and their facts. Refuses to know: prices, caps, budgets.
Mirrors https://modelcontextprotocol.io/specification/2025-11-25/basic/transports (POST, GET and
DELETE of one path) and, for servers that still speak it, the transport of 2024-11-05 (a stream
that is got from one path, whose answers come of what is posted to another); stateless requests as
of 2026-07-28 are the same POST.

Which paths of a host are MCP's is the operator's word: its row nests them below `PATH`.
A tool is named by its server too (`github/create_issue`), in every cap and rule: a name alone would
allow the tool of that name of whatever server, and is no promise of what that one does.
"""

from __future__ import annotations

from providers import jsonbody, mcp_errors, mcp_messages
from providers.mcp_messages import CALL, LIST, LISTEN, Message
from providers.mcp_meter import UNIT, McpFacts, McpMeter
from providers.openai_other import PassingMeter
from providers.uses import TEXT, Uses
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/mcp"
_PATHS = frozenset((PATH, f"{PATH}/"))
_METHODS = frozenset(("POST", "GET", "DELETE"))
_SHOWN_MAX = 200


class Mcp:
    """The wire format; stateless, one instance."""

    name = "mcp"

    def claims(self, call: Call) -> bool:
        """The three methods of the transport, on a path of MCP's."""
        return call.method in _METHODS and call.route in _PATHS

    def read(self, call: Call) -> Facts:
        """Facts of the messages. Raises Refused (400, or 403 for a method that is not known)."""
        if call.method == "POST":
            return _posted(call.provider, mcp_messages.read(call.body, call.headers))
        if call.body:
            raise jsonbody.bad_request(f"A {call.method} of MCP has no body.")
        if call.method == "DELETE":
            return McpFacts("end of session", "free", has_output=False, uses=TEXT)
        return McpFacts("listen", "free", stream=True, has_output=False, uses=TEXT, listens=True)

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter of what was called, which also hides what the facts say is hidden."""
        return McpMeter(facts, status, content_type) if isinstance(facts, McpFacts) else _PASSING

    def refuse(self, denial: Denial) -> Reply:
        """The denial where nothing waits for an answer."""
        return mcp_errors.refuse(denial)

    def refuse_request(self, denial: Denial, body: bytes) -> Reply:
        """The denial as the answer to each request in this body."""
        return mcp_errors.refuse_request(denial, body)

    def error_event(self, denial: Denial) -> bytes:
        """The denial on a stream of the server's own."""
        return mcp_errors.events(denial)

    def error_events(self, denial: Denial, body: bytes) -> bytes:
        """The denial on the stream that answers this body."""
        return mcp_errors.events(denial, body)


MCP = Mcp()
_PASSING = PassingMeter()


def _posted(provider: str, found: tuple[Message, ...]) -> McpFacts:
    calls = tuple((each.id, each.tool) for each in found if each.id is not None and each.tool)
    tools = sorted({tool for _, tool in calls})
    return McpFacts(
        endpoint=CALL if calls else _endpoint(found[0]),
        kind="metered" if calls else "free",
        model=", ".join(tools)[:_SHOWN_MAX] or None,
        stream=any(each.id is not None and each.method for each in found),
        has_output=False,
        usage_wanted=True,
        uses=Uses(server_tools=frozenset(f"{provider}/{tool}" for tool in tools)),
        charges={UNIT: len(calls)} if calls else {},
        calls=calls,
        listens=any(each.method == LISTEN for each in found),
        lists=tuple(each.id for each in found if each.id is not None and each.method == LIST),
    )


def _endpoint(message: Message) -> str:
    """What a message is called in the books: the client's own words are not."""
    if not message.method:
        return "answer"
    return message.method if message.id is not None else "notification"
