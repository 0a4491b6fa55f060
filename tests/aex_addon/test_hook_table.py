"""aex_addon/hook_table.py: the same dispatch as mitmproxy's own, with the look-ups kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy import exceptions, hooks
from mitmproxy.addonmanager import AddonManager
from mitmproxy.http import HTTPFlow
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy.layers.http import HttpRequestHook
from mitmproxy.test import tflow

from aex_addon.hook_table import GatewayMaster, HookTable


class Hearer:
    """Notes what it hears; may raise, and may have addons below it."""

    def __init__(self, name: str, heard: list[str], error: Exception | None = None) -> None:
        self.name = name
        self.heard = heard
        self.error = error
        self.addons: list[Any] = []

    def request(self, flow: HTTPFlow) -> None:
        del flow
        self.heard.append(self.name)
        if self.error is not None:
            raise self.error


class Waiting(Hearer):
    """The same with an asynchronous hook."""

    async def request(self, flow: HTTPFlow) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().request(flow)


class Updated(Hearer):
    """Hears the `update` that follows a hook."""

    def update(self, flows: list[HTTPFlow]) -> None:
        self.heard.append(f"{self.name} updated {len(flows)}")


def run(table: Callable[[Master], AddonManager], *addons: Any) -> None:
    """Sends one request event through a manager."""

    async def main() -> None:
        master = Master(Options())
        manager = table(master)
        manager.add(*addons)
        try:
            await manager.handle_lifecycle(HttpRequestHook(tflow.tflow()))
        finally:
            await master.done()

    asyncio.run(main())


def both(make: Callable[[list[str]], list[Any]]) -> tuple[list[str], list[str]]:
    """What is heard under AEX's table, and under mitmproxy's manager."""
    ours: list[str] = []
    theirs: list[str] = []
    run(HookTable, *make(ours))
    run(AddonManager, *make(theirs))
    return ours, theirs


def nested(heard: list[str]) -> list[Any]:
    outer = Hearer("outer", heard)
    outer.addons = [Hearer("inner", heard)]
    return [Hearer("first", heard), outer, Waiting("last", heard)]


@pytest.mark.parametrize(
    "make",
    [
        nested,
        lambda heard: [Hearer("bad", heard, ValueError("x")), Hearer("next", heard)],
        lambda heard: [Waiting("bad", heard, ValueError("x")), Hearer("next", heard)],
        lambda heard: [Hearer("halt", heard, exceptions.AddonHalt()), Hearer("next", heard)],
        lambda heard: [Hearer("one", heard), Updated("two", heard)],
        lambda _heard: [],
    ],
    ids=["order", "raises", "raises-later", "halts", "update", "nobody"],
)
def test_it_calls_whom_mitmproxy_calls(make: Callable[[list[str]], list[Any]]) -> None:
    """Order, nesting, halts, failures and updates are as under mitmproxy's own manager."""
    ours, theirs = both(make)
    assert ours == theirs


def test_a_bad_option_is_told() -> None:
    """An OptionsError reaches whoever set the option."""
    with pytest.raises(exceptions.OptionsError):
        run(HookTable, Hearer("bad", [], exceptions.OptionsError("no")))


def test_an_addon_that_comes_or_goes_is_noticed() -> None:
    """The kept look-ups follow the list of addons."""
    heard: list[str] = []

    async def main() -> None:
        master = Master(Options())
        manager = HookTable(master)
        first, second = Hearer("Hearer", heard), Waiting("Waiting", heard)
        event = HttpRequestHook(tflow.tflow())
        manager.add(first)
        await manager.trigger_event(event)
        manager.add(second)
        await manager.trigger_event(event)
        manager.remove(first)
        await manager.trigger_event(event)
        await master.done()

    asyncio.run(main())
    assert heard == ["Hearer", "Hearer", "Waiting", "Waiting"]


def test_the_gateways_master_uses_it() -> None:
    """AEX's master dispatches by the table, under the commands and options of mitmproxy's."""

    async def main() -> None:
        master = GatewayMaster(Options())
        assert isinstance(master.addons, HookTable)
        await master.addons.trigger_event(hooks.RunningHook())
        await master.done()

    asyncio.run(main())
