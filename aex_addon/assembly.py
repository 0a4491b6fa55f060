"""Assembly: what must stand before the first call, joined from home and settings.

Owns: the order of starting (lock, certificates, ledger, check, recovery) and of stopping.
Refuses to know: listeners and signals (gateway.py), the order of addons (addons.py).
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import IO

from aex_addon import clock
from aex_addon.books import Books
from aex_addon.checkpointer import Checkpointer, refuse_other_ledger
from aex_addon.configuration import Configuration, InForce, configure
from aex_addon.destinations import Destinations
from aex_addon.home import Home, HomeError, check_private
from aex_addon.idempotency import load_vault
from aex_addon.identity import Identity
from aex_addon.known_secrets import Secrets
from aex_addon.parts import Parts
from aex_addon.payers import Payers
from aex_addon.policy.policy import policy_or_refusal
from aex_addon.reload import Reloader
from aex_addon.routes import Routes
from aex_addon.settings import Settings
from aex_addon.tools.capability import load_key
from aex_addon.tracing import tracer
from aex_addon.version import version
from aex_addon.web_tokens import web_tokens
from certs import ca
from certs.bundle import write_bundle
from certs.env import user_bundles
from ledger.admin_commands import NoteGateway
from ledger.commands import Recover
from ledger.engine_sqlite import SqliteEngine
from ledger.opening import open_store, quick_check
from ledger.read import Reader
from ledger.store import Store
from web.observed import Observed

logger = logging.getLogger("aex")

_LOCK_TRIES = 10
_LOCK_PAUSE_S = 0.03

# How long starting and stopping wait for another process that writes to the ledger.
_PATIENCE_MS = 5000


@dataclass(slots=True)
class Assembly:
    """A gateway's parts, holding the home's lock until `close`.

    settings: those of the start; what holds now is in `parts`.
    """

    home: Home
    settings: Settings
    store: Store
    parts: Parts
    checkpointer: Checkpointer
    reloader: Reloader
    payers: Payers
    lock: IO[str]
    environ: Mapping[str, str] = field(repr=False)

    @property
    def routes(self) -> Routes:
        """The provider table in force."""
        return self.parts.configuration.routes

    def close(self) -> None:
        """Notes the stop, closes the ledger, lets the home go."""
        try:
            _wait_for_writers(self.store, _PATIENCE_MS)
            self.payers.end(self.store.one)
            self.store.one(NoteGateway(self.parts.gateway, "stopped"))
            self.store.leave(self.parts.gateway)
        finally:
            # After the last event, so that the newest checkpoint covers all of the run.
            self.checkpointer.stop()
            self.parts.books.close()
            self.parts.tracer.close()
            self.lock.close()


def prepare(home: Home, settings: Settings, environ: Mapping[str, str]) -> Configuration:
    """The home with its certificates: everything that needs no ledger. Safe to repeat."""
    home.ensure()
    web_tokens(home)
    load_key(home.keys)
    made = configure(settings, environ, Secrets(), clock.utc_now())
    authority = ca.ensure(home.ca_dir, made.routes.hosts, clock.utc_now())
    if authority.reasons:
        logger.warning(
            "the certificate authority is a new one, which agents must trust anew (`aex certs "
            "install`): %s",
            " ".join(authority.reasons),
        )
    write_bundle(home.bundle, authority.root_pem, user_bundles(environ))
    return made


def assemble(
    home: Home,
    settings: Settings,
    environ: Mapping[str, str],
    loop: asyncio.AbstractEventLoop,
) -> Assembly:
    """All parts, ready to serve. Raises HomeError, ConfigError, CertsError or LedgerError."""
    made = prepare(home, settings, environ)
    made = replace(made, policy=policy_or_refusal(settings.policy, settings.rules, home.path))
    made.routes.begin()
    traces = tracer(settings)
    lock = _lock(home)
    try:
        store = _open_store(home, settings)
        gateway = f"gw_{secrets.token_hex(6)}"
        if not store.engine.blocking:
            # This home's lock says that no other gateway of the ledger lives; elsewhere the
            # leases tell (leases.py).
            _recover(store, settings.recovery)
        store.one(NoteGateway(gateway, "started", {"version": version()}))
        payers = Payers(settings.capture, gateway)
        with Reader(settings.ledger, home.path) as reader:
            payers.begin(store.one, reader.tokens(), alone=not store.engine.blocking)
        _wait_for_writers(store, 0)
    except BaseException:
        lock.close()
        raise
    for route in made.routes.keyless:
        name = route.credentials.name
        logger.warning("no key in %s: calls to %s go without one", name, route.host)
    observed = Observed()
    parts = Parts(
        in_force=InForce(made),
        books=Books(store, loop, observed),
        destinations=Destinations(),
        identity=Identity(payers),
        vault=load_vault(home.keys / "answers.key"),
        gateway=gateway,
        observed=observed,
        tracer=traces,
    )
    return Assembly(
        home=home,
        settings=settings,
        store=store,
        parts=parts,
        checkpointer=Checkpointer(home, settings),
        reloader=Reloader(home, environ, parts),
        payers=payers,
        lock=lock,
        environ=environ,
    )


def _lock(home: Home) -> IO[str]:
    lock = home.lock_file.open("a")
    if not _locked(lock):
        lock.close()
        raise HomeError(
            f"another gateway serves {home.path}; `aex daemon status` shows it, "
            "`aex daemon stop` ends it (or set AEX_HOME to another directory)"
        )
    return lock


def _locked(lock: IO[str]) -> bool:
    # `aex status` takes the lock for an instant, to see whether a gateway holds it.
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)
        else:
            return True
    return False


def _open_store(home: Home, settings: Settings) -> Store:
    store = open_store(
        settings.ledger,
        home.path,
        ledger_id=secrets.token_hex(16),
        version=version(),
        busy_timeout_ms=_PATIENCE_MS,
    )
    try:
        path = home.path / settings.ledger.removeprefix("sqlite:///")
        if settings.ledger.startswith("sqlite:") and path.exists():
            check_private(path)
        with Reader(settings.ledger, home.path) as reader:
            quick_check(reader)
        refuse_other_ledger(home, store.engine)
    except BaseException:
        store.close()
        raise
    return store


def _wait_for_writers(store: Store, patience_ms: int) -> None:
    """On the event loop a busy ledger is never waited for: books.py tries again instead."""
    if isinstance(store.engine, SqliteEngine):
        store.engine.db.timeout = patience_ms / 1000


def _recover(store: Store, policy: str) -> None:
    """Settles what an earlier gateway of this home left open; the lock says that it is gone."""
    for execution_id, gateway in store.open_executions():
        outcome = store.one(Recover(execution_id, policy))
        logger.warning("recovered %s of %s: %s", execution_id, gateway, outcome)
