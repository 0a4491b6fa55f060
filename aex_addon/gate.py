"""The last gate: whatever happened before, a call without the admission mark does not leave.

Owns: one question, asked at the end of the list of addons.
Refuses to know: how a flow gets its mark (pipeline.py).
"""

from __future__ import annotations

import logging

from mitmproxy import http

from aex_addon.denials import unavailable
from aex_addon.guard import ADMITTED, PASSED
from aex_addon.refusals import refuse

logger = logging.getLogger("aex.gate")


class Gate:
    """The addon; it stands last."""

    def request(self, flow: http.HTTPFlow) -> None:
        """Refuses a flow that would leave without having been admitted or passed."""
        if flow.response or flow.error:
            return
        if flow.metadata.get(ADMITTED) or flow.metadata.get(PASSED):
            return
        logger.error("a call reached the last gate unadmitted; it was refused")
        flow.response = refuse(flow, unavailable("it was not admitted"))
