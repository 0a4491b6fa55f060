"""Running a tool that was admitted: its leave is taken in, its package looked at, then it begins.

Owns: this order, and knowing whether anything of the tool ran: what did not begin is not booked.
Refuses to know: agents, budgets, HTTP; the sandbox itself (run.py).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path

from aex_addon.tools import package, run
from aex_addon.tools.capability import Capabilities, Forbidden, Leave
from aex_addon.tools.door import Door
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.members import PackageError
from aex_addon.tools.prepare import SandboxUnavailable
from aex_addon.tools.run import Ran

logger = logging.getLogger("aex.tools")


class NotStarted(Exception):
    """Nothing of the tool ran. `code` is that of the denial; the message has the remedy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Order:
    """One run. capability: made by its admission for just this; given: the standard input.

    door: the way out of a tool that is granted the network. private: what is not to be seen by it,
    beside what is never.
    """

    leave: Leave
    capability: str = field(repr=False)
    manifest: Manifest
    given: bytes = field(repr=False)
    door: Door | None = None
    private: tuple[Path, ...] = ()


@dataclass(slots=True)
class Progress:
    """started: the tool may have begun, so that its run costs what it costs.

    stopped: it is to begin no more, for its run may be booked already.
    """

    started: bool = False
    stopped: bool = False

    def begin(self) -> None:
        """From here on it may have. Raises NotStarted."""
        if self.stopped:
            raise NotStarted("tool_stopped", "The tool was stopped before it began.")
        self.started = True


class Runner:
    """One of a gateway. `store` is AEX_HOME/tools; `private` is what no tool may ever see."""

    def __init__(self, capabilities: Capabilities, store: Path, private: tuple[Path, ...]) -> None:
        self._capabilities = capabilities
        self._store = store
        self._private = private

    async def run(self, order: Order, progress: Progress) -> Ran:
        """How the run ended. Raises NotStarted; cancelling it ends the tool."""
        manifest = order.manifest
        try:
            leave = order.leave
            if (leave.tool, leave.sha256) != (manifest.name, manifest.sha256):
                raise Forbidden("it is of another tool")
            self._capabilities.take(order.capability, leave)
            where = await asyncio.to_thread(package.checked, self._store, manifest)
            return await run.run(
                manifest,
                where,
                order.given,
                private=(*self._private, *order.private),
                door=order.door,
                on_begin=progress.begin,
            )
        except Forbidden as error:
            message = f"There is no leave to run {manifest.name}: {error}."
            raise NotStarted("tool_forbidden", message) from None
        except PackageError as error:
            logger.error("tool %s was not run: %s", manifest.name, error)
            raise NotStarted("tool_altered", _sentence(manifest, _ALTERED)) from None
        except SandboxUnavailable as error:
            logger.error("tool %s was not run: %s", manifest.name, error)
            raise NotStarted("sandbox_unavailable", _sentence(manifest, str(error))) from None


_ALTERED = (
    "its package is not the one that was installed. The operator looks at the gateway's log and "
    "installs it again (`aex plugin install`)"
)


def _sentence(manifest: Manifest, why: str) -> str:
    return f"Tool {manifest.name!r} was not run: {why.rstrip('.')}."
