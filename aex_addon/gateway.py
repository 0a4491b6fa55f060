"""The gateway process: AEX's own small mitmproxy master, from listening to draining.

Owns: the listener, signals, the pid file, and the order of a stop: no new calls, those under way
finish (for a bounded time), all is settled, then the listener goes. SIGHUP: read aex.toml anew.
Refuses to know: what the addons do. Stock mitmdump loads some thirty addons; a gateway needs
three of them, which halves the CPU of a call.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import logging
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

from mitmproxy import ctx
from mitmproxy.addons.dns_resolver import DnsResolver
from mitmproxy.addons.next_layer import NextLayer
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.exceptions import OptionsError
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy.mode_servers import ServerInstance, WireGuardServerInstance
from mitmproxy.utils import asyncio_utils

from aex_addon import clock, descriptors, logs, reload_asks, vpn
from aex_addon.addons import body_size_limit, default_addons, options
from aex_addon.assembly import Assembly, assemble
from aex_addon.capture_modes import as_mitmproxy, kind_of
from aex_addon.home import Home, HomeError
from aex_addon.hook_table import GatewayMaster
from aex_addon.lean import Lean
from aex_addon.mcp_calls import waited_for
from aex_addon.pipeline import Pipeline
from aex_addon.settings import Settings
from aex_addon.version import version

logger = logging.getLogger("aex")

OnReady = Callable[[str, int], None]

_LOOK_S = 0.05
_SETTLE_S = 10.0


def run(
    home: Home, settings: Settings, on_ready: OnReady, environ: Mapping[str, str] = os.environ
) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code.

    on_ready(host, port) is called once the listener stands. Raises what `assemble` raises, and
    HomeError where the address cannot be had.
    """
    descriptors.take()
    return asyncio.run(_serve(home, settings, on_ready, environ))


async def _serve(
    home: Home, settings: Settings, on_ready: OnReady, environ: Mapping[str, str]
) -> int:
    loop = asyncio.get_running_loop()
    assembly = assemble(home, settings, environ, loop)
    try:
        logs.configure(settings.log_level, assembly.routes.secrets)
        master, pipeline = _master(assembly)
        listening = _Listening(assembly, on_ready)
        reload_asks.clear(home)
        master.addons.add(listening)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _on_signal, master, pipeline, assembly)
        hung_up = functools.partial(_on_hangup, os.isatty(0), master, pipeline, assembly)
        loop.add_signal_handler(signal.SIGHUP, hung_up)
        # What stands now (the price catalogue alone is a hundred thousand objects) stays: it need
        # not be looked through again by every full collection.
        gc.collect()
        gc.freeze()
        try:
            await master.run()
        finally:
            listening.forget()
    finally:
        assembly.close()
    if listening.failure:
        raise HomeError(listening.failure)
    return 0


def _master(assembly: Assembly) -> tuple[Master, Pipeline]:
    settings = assembly.settings
    master = GatewayMaster(Options())
    master.addons.add(Proxyserver(), NextLayer(), TlsConfig(), Lean())
    listed = default_addons(assembly)
    master.addons.add(*listed)
    assembly.reloader.apply = functools.partial(_apply, master)
    vpns = [mode for mode in settings.capture if kind_of(mode) == "wireguard"]
    for mode in vpns:
        vpn.prepare(mode, assembly.home.ca_dir, assembly.routes.secrets)
    if vpns:
        # A peer asks for names inside its tunnel.
        master.addons.add(DnsResolver())
    captured = [as_mitmproxy(mode) for mode in settings.capture]
    regular = f"regular@{settings.listen_host}:{settings.listen_port}"
    try:
        master.options.update(mode=[regular, *captured], **options(assembly))
    except OptionsError as error:
        raise HomeError(f"mitmproxy cannot capture so on this machine: {error}") from error
    return master, next(addon for addon in listed if isinstance(addon, Pipeline))


class _Listening:
    """Looks after the listener: tells when it stands, ends the master if it does not."""

    def __init__(self, assembly: Assembly, on_ready: OnReady) -> None:
        self._assembly = assembly
        self._on_ready = on_ready
        self.failure = ""

    def running(self) -> None:
        """mitmproxy has tried to listen."""
        servers = list(ctx.master.addons.get("proxyserver").servers)
        failed = [each for each in servers if not each.is_running]
        if failed:
            self.failure = _not_listening(self._assembly.settings.listen, failed)
            ctx.master.shutdown()
            return
        (regular,) = (each for each in servers if each.mode.type_name == "regular")
        host, port = regular.listen_addrs[0][:2]
        for each in servers:
            if isinstance(each, WireGuardServerInstance):
                self._hand_out(each)
        self._write_pid_file(f"{host}:{port}")
        self._on_ready(host, port)

    def _hand_out(self, each: WireGuardServerInstance) -> None:
        try:
            path = vpn.hand_out(
                each.mode.full_spec, self._assembly.home.ca_dir, each.client_conf() or ""
            )
            logger.info("the peer of %s is configured by %s", each.mode.full_spec, path)
        except OSError as error:
            logger.error("the peer's configuration cannot be written: %s", error)

    def _write_pid_file(self, listen: str) -> None:
        content = {
            "pid": os.getpid(),
            "started": clock.utc_now().isoformat(),
            "listen": listen,
            "version": version(),
        }
        path = self._assembly.home.pid_file
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(content) + "\n")
        draft.replace(path)

    def forget(self) -> None:
        """Removes the pid file, if it was written; the home's lock is still held."""
        if not self.failure:
            self._assembly.home.pid_file.unlink(missing_ok=True)


def _not_listening(listen: str, failed: list[ServerInstance[Any]]) -> str:
    own = [_plainly(each.last_exception) for each in failed if each.mode.type_name == "regular"]
    if own:
        return (
            f"cannot listen on {listen}: {'; '.join(own)}. "
            'Choose another address with listen = "HOST:PORT" in aex.toml or AEX_LISTEN.'
        )
    reasons = [f"{each.mode.full_spec}: {each.last_exception}" for each in failed]
    return f"cannot capture by {'; '.join(reasons)}. Correct [capture] in aex.toml."


def _plainly(error: Exception | None) -> str:
    """The system's own word for it; mitmproxy and asyncio wrap a sentence each around it."""
    cause = (error and error.__cause__) or error
    number = cause.errno if isinstance(cause, OSError) else None
    return os.strerror(number) if number else str(cause)


def _on_signal(master: Master, pipeline: Pipeline, assembly: Assembly) -> None:
    if pipeline.draining:
        logger.warning("stopping at once; open executions are recovered at the next start")
        master.shutdown()
        return
    pipeline.draining = True
    stopping = _drain(master, pipeline, assembly)
    asyncio_utils.create_task(stopping, name="stopping", keep_ref=True)


def _on_hangup(had_terminal: bool, master: Master, pipeline: Pipeline, assembly: Assembly) -> None:
    """A wish for the configuration to be read anew; or the terminal that AEX ran in is gone."""
    if had_terminal and not os.isatty(0):
        _on_signal(master, pipeline, assembly)
    else:
        reloading = _reload(assembly)
        asyncio_utils.create_task(reloading, name="reloading", keep_ref=True)


async def _reload(assembly: Assembly) -> None:
    asks = reload_asks.take(assembly.home)
    actors = dict.fromkeys(asked.actor for asked in asks)
    report = await assembly.reloader.reload(", ".join(actors) or reload_asks.BY_SIGNAL)
    for asked in asks:
        reload_asks.tell(assembly.home, asked, report)


def _apply(master: Master, settings: Settings) -> None:
    """What mitmproxy and the log hold of the settings."""
    master.options.update(body_size_limit=body_size_limit(settings))
    logging.getLogger().setLevel(settings.log_level.upper())


async def _drain(master: Master, pipeline: Pipeline, assembly: Assembly) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + assembly.parts.settings.drain_seconds
    calls = pipeline.inflight
    if waited_for(calls):
        logger.info("stopping: %d calls under way", waited_for(calls))
    try:
        while waited_for(calls) and loop.time() < deadline:  # noqa: ASYNC110 - only at a stop
            await asyncio.sleep(_LOOK_S)
        pipeline.settle_all()
        if not await assembly.parts.books.drained(_SETTLE_S):
            logger.error("some settlements are not stored; the next start recovers them")
    finally:
        master.shutdown()
