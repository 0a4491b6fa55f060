"""One request on its way: how it was asked, and the ways that are open to it.

Owns: what the tries of one request share, and the request as it came, for each try begins with
that: nothing that was put in for one provider is shown to another.
Refuses to know: what is decided about a try (pipeline.py, fallback.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from mitmproxy import http

from aex_addon.aliases import Choice, Way
from aex_addon.configuration import Configuration
from aex_addon.doors import CANONICAL, FORMATS, HOST, PATH, PROVIDER
from aex_addon.http_again import Standby, stand_by
from aex_addon.identity import Credential, without_key
from aex_addon.inflight import Due
from providers.wire import Call


@dataclass(slots=True, eq=False)
class Trip:
    """One request.

    configuration: the one that it began with, and ends with.
    asked:   the call as the client asked it; choice: the way of this try; rest: the others, best
             first. first: the execution of the first try, once it is known.
    due:     the bill that the answer may bring for an earlier call.
    came:    the request as it came, where more than one try may be made of it.
    """

    configuration: Configuration
    door: str
    credential: Credential
    asked: Call
    choice: Choice
    rest: tuple[Way, ...] = ()
    came: http.Request | None = None
    first: str = ""
    due: Due | None = None

    def let_others_stand_by(self, flow: http.HTTPFlow) -> None:
        """Keeps what another try needs, where there is another way."""
        alias = self.configuration.aliases.of(self.choice.alias)
        if alias is None or not self.rest:
            return
        self.came = flow.request.copy()
        heeded = frozenset(alias.settings.fall_back_on)
        seconds = alias.settings.answer_within_seconds
        stand_by(flow, Standby(heeded.__contains__, seconds))

    def stay(self) -> None:
        """The answer has begun, so there is no other try: lets go of what one would need."""
        self.rest, self.came = (), None

    def point(self, flow: http.HTTPFlow) -> None:
        """Marks the flow with where this try goes; only an alias leads elsewhere than the door."""
        if not self.choice.alias:
            return
        call, route = self.choice.call, self.choice.route
        door = self.configuration.routes.by_id(self.asked.provider)
        assert door is not None, "who has no address cannot be asked at AEX's own"
        slot = door.provider.key_header.name
        _, mark, query = str(flow.metadata[PATH]).partition("?")
        flow.metadata[PROVIDER], flow.metadata[HOST] = route.id, ""
        flow.metadata[PATH] = without_key(f"{call.path}{mark}{query}", slot)
        flow.metadata[FORMATS] = list(route.provider.formats)
        flow.metadata[CANONICAL] = call.route
        if self.came is not None:
            # mitmproxy's layers hold on to the request itself.
            flow.request.data = self.came.copy().data
        # The agent's token may stand where the provider of the door alone has its key.
        flow.request.headers.pop(slot, None)
