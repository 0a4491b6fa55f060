"""Reading aex.toml anew while the gateway runs: all of it takes effect, or none.

Owns: the order (read, judge, put on record, exchange), what has changed, and what waits for a
restart because something that runs was made from it. No value is ever told, for values may hold
secrets.
Refuses to know: who may ask (reload_asks.py: whoever owns the home), what the settings mean.

Calls under way end under the configuration that they began with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mitmproxy.utils import asyncio_utils

from aex_addon import clock
from aex_addon.configuration import Configuration, configure
from aex_addon.home import Home, HomeError
from aex_addon.parts import Parts
from aex_addon.policy.files import FOLDER, PolicyError
from aex_addon.policy.policy import Policy, policy_of
from aex_addon.settings import Settings
from aex_addon.settings_load import load
from aex_addon.settings_values import ConfigError
from ledger.admin_commands import NoteGateway
from ledger.errors import LedgerError
from ledger.outcomes import Done

logger = logging.getLogger("aex")

# What the listener, the ledger and the threads beside it were made from.
AT_START = (
    *("listen", "ledger", "recovery", "checkpoint_every_events", "checkpoint_every_seconds"),
    *("witness_command", "witness_url", "metrics", "otel_url", "capture"),
)
_TABLES = ("providers", "models", "routes", "mcp", "denial_status")


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. All but the problems are keys of aex.toml.

    problems: every mistake; where there is one, nothing has changed.
    restart:  what has changed and takes effect only with the next start.
    """

    problems: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the new configuration is in force."""
        return not self.problems


def differences(old: Settings, new: Settings) -> Report:
    """Which keys stand in the one and not in the other, or are not the same in both."""
    before, after = _rows(old), _rows(new)
    changed = []
    for key in sorted(before.keys() & after.keys()):
        was, now = before[key], after[key]
        if was == now:
            continue
        both = isinstance(was, dict) and isinstance(now, dict)
        inner = sorted(was.keys() | now.keys()) if both else ()
        changed += [f"{key}.{name}" for name in inner if was.get(name) != now.get(name)] or [key]
    added = tuple(sorted(after.keys() - before.keys()))
    return Report((), added, tuple(changed), tuple(sorted(before.keys() - after.keys())))


def _with_plugins(report: Report, old: Policy, new: Policy) -> Report:
    """The report with the plugins' files among the keys."""
    before, after = (
        {f"{FOLDER}/{plugin.name}": plugin.sha256 for plugin in policy.plugins}
        for policy in (old, new)
    )
    both = before.keys() & after.keys()
    return replace(
        report,
        added=(*report.added, *sorted(after.keys() - before.keys())),
        changed=(*report.changed, *sorted(name for name in both if before[name] != after[name])),
        removed=(*report.removed, *sorted(before.keys() - after.keys())),
    )


def _rows(settings: Settings) -> dict[str, Any]:
    """Keys with their values; each row of a table is one."""
    data = settings.model_dump(exclude_defaults=True)
    rows = {key: value for key, value in data.items() if key not in _TABLES}
    for table in _TABLES:
        rows |= {f"{table}.{name}": row for name, row in data.get(table, {}).items()}
    return rows


class Reloader:
    """One of a gateway. `apply` is told of new settings, for what does not ask for them itself."""

    def __init__(self, home: Home, environ: Mapping[str, str], parts: Parts) -> None:
        self._home = home
        self._environ = environ
        self._parts = parts
        self._lock = asyncio.Lock()
        # The certificate authority of this run speaks for these and no others.
        self._hosts = frozenset(parts.configuration.routes.hosts)
        self.retiring: set[Policy] = set()
        self.apply: Callable[[Settings], object] = lambda _settings: None

    async def reload(self, actor: str, reason: str = "") -> Report:
        """Reads, judges and exchanges; one at a time. Never raises for what a file may hold.

        Actor and reason stand in the event of the ledger, without which nothing is exchanged.
        """
        async with self._lock:
            old = self._parts.configuration
            try:
                # Keys may come from helpers and files, which take their time.
                read = await asyncio.to_thread(self._read, old)
                await read.policy.begin()
            except (ConfigError, PolicyError) as error:
                return _refused(error.problems)
            except (HomeError, OSError) as error:
                return _refused((str(error),))
            new, report = self._judged(old, read)
            problem = await self._note(actor, reason, report)
            if problem:
                await read.policy.stop()
                return _refused((problem,))
            self._parts.in_force.exchange(new)
            asyncio_utils.create_task(self._retire(old.policy), name="old policy", keep_ref=True)
            self.apply(new.settings)
            logger.info("the configuration was reloaded by %s: %s", actor, summary(report))
            return report

    def _read(self, old: Configuration) -> Configuration:
        settings = load(self._home, self._environ)
        made = configure(settings, self._environ, old.routes.secrets, clock.utc_now())
        made.routes.begin()
        policy = policy_of(settings.policy, settings.rules, self._home.path)
        return replace(made, policy=policy)

    async def _retire(self, policy: Policy) -> None:
        self.retiring.add(policy)
        await policy.retire()
        self.retiring.discard(policy)

    def _judged(self, old: Configuration, read: Configuration) -> tuple[Configuration, Report]:
        """What can be in force without a restart, and what there is to tell."""
        wanted = read.settings
        late = [key for key in AT_START if getattr(wanted, key) != getattr(old.settings, key)]
        kept = {key: getattr(old.settings, key) for key in AT_START}
        settings = wanted.model_copy(update=kept)
        strange = frozenset(read.routes.hosts) - self._hosts
        read.routes.leave_out(strange)
        restart = (*late, *(f"the governed host {host}" for host in sorted(strange)))
        report = _with_plugins(differences(old.settings, settings), old.policy, read.policy)
        report = replace(report, restart=restart)
        return replace(read, settings=settings), report

    async def _note(self, actor: str, reason: str, report: Report) -> str:
        """Puts it on record; why that cannot be, or ""."""
        detail = {
            "actor": actor,
            "added": ", ".join(report.added),
            "changed": ", ".join(report.changed),
            "removed": ", ".join(report.removed),
            "restart": ", ".join(report.restart),
            **({"reason": reason} if reason else {}),
        }
        command = NoteGateway(self._parts.gateway, "configured", detail)
        try:
            outcome = await self._parts.books.admit(command)
        except LedgerError as error:
            return f"the ledger cannot record it: {error}"
        return "" if isinstance(outcome, Done) else f"the ledger refused to record it: {outcome}"


def summary(report: Report) -> str:
    """One line."""
    parts = [
        f"{what} {', '.join(keys)}"
        for what, keys in (
            ("added", report.added),
            ("changed", report.changed),
            ("removed", report.removed),
            ("waits for a restart:", report.restart),
        )
        if keys
    ]
    return "; ".join(parts) or "nothing has changed"


def _refused(problems: tuple[str, ...]) -> Report:
    for problem in problems:
        logger.error("the configuration stays as it is: %s", problem)
    return Report(problems)
