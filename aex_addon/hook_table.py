"""Which addon hears which hook, worked out once instead of at every event.

Owns: the dispatch of hooks in AEX's own master. mitmproxy asks every addon for every hook by
name, twice a step (each is followed by an `update` that only its user interfaces hear), which is
a third of the CPU of a small call. The list of addons never changes while a gateway runs.
Refuses to know: the addons. In the user's own mitmdump mitmproxy's manager does the same work.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import fields
from typing import Any, cast

from mitmproxy import exceptions, hooks
from mitmproxy.addonmanager import AddonManager, traverse
from mitmproxy.flow import Flow
from mitmproxy.master import Master
from mitmproxy.options import Options

logger = logging.getLogger("aex.hooks")

_UPDATE = hooks.UpdateHook.name


class HookTable(AddonManager):
    """mitmproxy's manager with its look-ups kept, in the same order and with the same rules."""

    def __init__(self, master: Master) -> None:
        super().__init__(master)  # type: ignore[no-untyped-call]
        self._heard: dict[str, tuple[Callable[..., Any], ...]] = {}
        self._fields: dict[type, tuple[str, ...]] = {}

    def add(self, *addons: Any) -> None:
        """Adds addons at the end."""
        super().add(*addons)  # type: ignore[no-untyped-call]
        self._heard.clear()

    def remove(self, addon: Any) -> None:
        """Takes an addon out."""
        super().remove(addon)  # type: ignore[no-untyped-call]
        self._heard.clear()

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        """A hook, and the `update` after it where anyone hears that."""
        await self.trigger_event(event)
        if self._who_hears(_UPDATE):
            message = event.args()[0]
            if isinstance(message, Flow):
                await self.trigger_event(hooks.UpdateHook([message]))

    async def trigger_event(self, event: hooks.Hook) -> None:
        """Calls everyone who hears it, in order; an exception of one does not stop the others."""
        heard = self._who_hears(event.name)
        if not heard:
            return
        arguments = [getattr(event, name) for name in self._names(type(event))]
        for hook in heard:
            try:
                result = hook(*arguments)
                if result is not None and inspect.isawaitable(result):
                    await result
            except exceptions.AddonHalt:
                return
            except exceptions.OptionsError:
                raise
            except Exception:
                logger.exception("an addon failed in %s", event.name)

    def _names(self, kind: type[hooks.Hook]) -> tuple[str, ...]:
        found = self._fields.get(kind)
        if found is None:
            found = self._fields[kind] = tuple(each.name for each in fields(cast("Any", kind)))
        return found

    def _who_hears(self, name: str) -> tuple[Callable[..., Any], ...]:
        heard = self._heard.get(name)
        if heard is None:
            found = (getattr(addon, name, None) for addon in traverse(self.chain))
            heard = self._heard[name] = tuple(hook for hook in found if callable(hook))
        return heard


class GatewayMaster(Master):
    """mitmproxy's master with the table."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.addons = HookTable(self)
