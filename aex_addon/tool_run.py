"""A run of a tool while it is under way: a call like any, that AEX itself answers.

Owns: how it is booked (what has begun costs what the manifest says, whatever came of it; what has
not costs nothing), how it is ended before its end, and what the client is told of it.
Refuses to know: flows, admission, the ledger's store.
"""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import Any

from aex_addon import denials
from aex_addon.inflight import Ending, InFlight
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.run import Ran
from aex_addon.tools.runner import NotStarted, Progress
from ledger.commands import Commit, Release
from ledger.money import show_usd
from providers.wire import Denial, Reply

logger = logging.getLogger("aex.tools")

_NOT_BEGUN = "the tool did not begin"
_LOOK = "Do not retry; `aex executions show` tells how it was booked."


@dataclass(slots=True, eq=False)
class ToolRun(InFlight):
    """One admitted run. denial: why AEX ends it, None where it does not."""

    manifest: Manifest = field(kw_only=True)
    progress: Progress = field(default_factory=Progress)
    task: asyncio.Task[Ran] | None = None
    denial: Denial | None = None

    def stop(self, denial: Denial) -> bool:
        """Ends the tool; its hook settles the run, and tells the client this."""
        self.denial = self.denial or denial
        self.cut = self.cut or f"ended early: {denial.message}"
        self.progress.stopped = True
        if self.task is not None:
            self.task.cancel()
        return True

    def end(self, ending: Ending, bytes_left: bool = True) -> Commit | Release:
        """The booking. Nothing is known of a run but whether it began, so nothing is estimated."""
        execution_id = self.admitted.execution_id
        if not self.progress.started:
            why = self.cut or str(self._error() or "")
            return Release(execution_id, 0, f"{_NOT_BEGUN}: {why}" if why else _NOT_BEGUN)
        cost = self.admitted.reserved_nanousd
        return Commit(execution_id, cost, self.status, None, "manifest", "exact", self._reason())

    def _reason(self) -> str:
        if self.cut:
            return self.cut
        ran = self.ran()
        if ran is None:
            return "the tool had begun, and its end is not known"
        return "" if ran.status == "ok" else f"the tool ended as {ran.status}"

    def ran(self) -> Ran | None:
        """How the tool ended by itself; None where it did not."""
        task = self._ended()
        return task.result() if task is not None and task.exception() is None else None

    def _error(self) -> BaseException | None:
        task = self._ended()
        return task.exception() if task is not None else None

    def _ended(self) -> asyncio.Task[Ran] | None:
        task = self.task
        return task if task is not None and task.done() and not task.cancelled() else None

    def answer(self) -> Reply | Denial:
        """What the client gets, once the task has ended."""
        ran, execution_id = self.ran(), self.admitted.execution_id
        if ran is not None and self.denial is None:
            return self._told(ran)
        if self.denial is not None:
            told = replace(self.denial, execution_id=execution_id)
            if not self.progress.started:
                return told
            return replace(told, retryable=False, retry_after=None)
        error = self._error()
        if isinstance(error, NotStarted):
            return Denial(503, error.code, str(error), execution_id=execution_id)
        logger.error("a tool could not be followed to its end", exc_info=error)
        if not self.progress.started:
            return denials.unavailable("a fault inside AEX, see its log", execution_id)
        return lost(execution_id)

    def _told(self, ran: Ran) -> Reply:
        told: dict[str, Any] = {
            "execution_id": self.admitted.execution_id,
            "tool": self.manifest.name,
            "version": self.manifest.version,
            "status": ran.status,
            "exit_code": ran.exit_code,
            **_output(ran.output),
            "truncated": ran.truncated,
            "why": ran.why,
            "cost_usd": show_usd(self.admitted.reserved_nanousd).replace("$", "").replace(",", ""),
        }
        fields = (("content-type", "application/json"),)
        return Reply(200, fields, json.dumps(told, ensure_ascii=False).encode())


def lost(execution_id: str | None) -> Denial:
    """What a client is told of a tool that may have done its work, where nobody knows."""
    message = "AEX could not follow this tool to its end; it may have done its work."
    return Denial(502, "tool_failed", message, _LOOK, execution_id=execution_id)


def _output(data: bytes) -> dict[str, str]:
    """Text where it is text, else base64; `encoding` says which."""
    try:
        text = data.decode()
        return {"output": text, "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"output": b64encode(data).decode(), "encoding": "base64"}
