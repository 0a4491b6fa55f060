"""What AEX's own pages can do: commands of the ledger, and `aex` commands in their own process.

Owns: the way from the threads of the pages to the gateway's event loop, and what is handed over.
Refuses to know: what the pages are (web/).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aex_addon import clock, tokens
from aex_addon.assembly import Assembly
from aex_addon.bill_lines import bill_lines
from aex_addon.home import VARIABLE, HomeError
from aex_addon.settings_load import load
from aex_addon.settings_values import ConfigError
from aex_addon.web_tokens import web_tokens
from ledger.activity import ActivityReader
from ledger.admin_commands import Command
from ledger.errors import CommitUnknown
from ledger.outcomes import Outcome
from web.auth import Auth
from web.handed import CannotRun, Handed, Minted

_EXECUTE_S = 15.0
_RUN_S = 300.0
_ROOT = Path(__file__).resolve().parent.parent


def hand_over(assembly: Assembly, about: Callable[[], Mapping[str, Any]]) -> Handed:
    """All that the pages get. To be called on the gateway's event loop."""
    home, settings = assembly.home, assembly.settings
    roles = web_tokens(home)
    assembly.routes.secrets.add("web", *roles.values())
    loop, books = asyncio.get_running_loop(), assembly.parts.books

    def execute(command: Command) -> Outcome:
        waiting = asyncio.run_coroutine_threadsafe(books.admit(command), loop)
        try:
            return waiting.result(_EXECUTE_S)
        except TimeoutError:
            waiting.cancel()
            raise CommitUnknown("no answer came in time; look whether it took effect") from None

    def reload(actor: str, reason: str) -> dict[str, Any]:
        reloading = assembly.reloader.reload(actor, reason)
        report = asyncio.run_coroutine_threadsafe(reloading, loop).result()
        if not report.ok:
            raise CannotRun(f"The configuration stays as it is: {'; '.join(report.problems)}")
        told = asdict(report)
        del told["problems"]
        return told

    return Handed(
        open_reader=lambda: ActivityReader(settings.ledger, home.path),
        about=about,
        now=clock.now_ns,
        auth=Auth(roles, clock.now_ns),
        execute=execute,
        mint=_mint,
        run=Runner(assembly.environ, home.path),
        config=ConfigLook(assembly),
        reload=reload,
        lines=lambda execution: bill_lines(assembly.parts.configuration.prices, execution),
        metrics=settings.metrics,
        observed=assembly.parts.observed,
    )


def _mint() -> Minted:
    token = tokens.mint()
    return Minted(token.secret, token.token_hash, token.token_id)


class Runner:
    """Runs `aex` commands on the gateway's home, one at a time."""

    def __init__(self, environ: Mapping[str, str], home: Path) -> None:
        self._environ = {**os.environ, **environ, VARIABLE: str(home)}
        self._one = threading.Lock()

    def __call__(self, words: Sequence[str]) -> str:
        """Standard output. Raises CannotRun."""
        shown = " ".join(("aex", *words))
        if not self._one.acquire(blocking=False):
            raise CannotRun(f"Another look at the whole log is under way; `{shown}` does it apart.")
        try:
            done = subprocess.run(
                ["nice", "-n", "10", sys.executable, "-m", "aex_addon.cli.main", *words],
                cwd=_ROOT,
                env=self._environ,
                capture_output=True,
                text=True,
                timeout=_RUN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CannotRun(f"`{shown}` takes longer than {_RUN_S:.0f} s.") from None
        finally:
            self._one.release()
        if done.returncode not in (0, 1) or (done.returncode == 1 and not done.stdout):
            said = done.stderr.strip().removeprefix("aex: ")
            raise CannotRun(said or f"`{shown}` ended with {done.returncode}.")
        return done.stdout


class ConfigLook:
    """Whether aex.toml, as it stands now, could be started with; read again when it changes."""

    def __init__(self, assembly: Assembly) -> None:
        self._home, self._environ = assembly.home, assembly.environ
        self._seen: tuple[int, int] | None = None
        self._wrong = ""

    def __call__(self) -> str:
        """What is wrong with it, without its values; "" for nothing."""
        try:
            found = self._home.config.stat()
            seen = (found.st_mtime_ns, found.st_size)
        except OSError:
            seen = (0, 0)
        if seen != self._seen:
            self._wrong = self._look()
            self._seen = seen
        return self._wrong

    def _look(self) -> str:
        try:
            load(self._home, self._environ)
        except (ConfigError, HomeError):
            return "aex.toml cannot be loaded as it stands; `aex status` says why"
        return ""
