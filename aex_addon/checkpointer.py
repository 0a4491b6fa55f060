"""Checkpoints in a running gateway: taken every so many events or seconds, and at its stop.

Owns: the thread that takes them, over a connection of its own, and what becomes of each: a row
in the ledger, a copy outside the database, a copy for the witness.
Refuses to know: how a checkpoint is computed. No call waits for one, and none fails with one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from aex_addon import clock, witness
from aex_addon.home import Home
from aex_addon.keys import signer, verifier_keys
from aex_addon.outside import Outside
from aex_addon.settings import Settings
from ledger.checkpoint import Checkpoint, verify
from ledger.checkpoints import Taker, origin, refuse_rollback
from ledger.engine import Engine, connect
from ledger.errors import IntegrityBroken, LedgerError

logger = logging.getLogger("aex.checkpoints")

_LOOK_S = 1.0
_STOP_S = 15.0
_REMEDY = (
    "`aex audit` shows what is wrong; if the ledger was exchanged on purpose, "
    "move the folder {folder} away"
)


class Notary:
    """Takes checkpoints of the home's ledger. One thread at a time."""

    def __init__(self, home: Home, settings: Settings) -> None:
        """Raises LedgerError, HomeError or CertsError."""
        self._settings = settings
        self._outside = Outside(home)
        self._engine = connect(settings.ledger, home.path)
        try:
            self._signer = signer(home, origin(self._engine))
            self._vkeys = verifier_keys(home)
        except BaseException:
            self._engine.close()
            raise
        self.taker = Taker(self._engine, self._signer, self._outside.tree())
        self._witnessed = ""
        self._owed = False

    def waiting(self) -> int:
        """How much there is to do: new events, and one more for a note that nobody witnessed."""
        return self.taker.waiting() + self._owed

    def take(self) -> tuple[str, bool]:
        """The newest checkpoint's note, and whether it is new.

        Raises LedgerError where none could be taken; a silent witness is only logged.
        """
        known = _known(self._outside, self._vkeys, self._signer.name)
        taken = self.taker.take(clock.now_ns(), known)
        newest = taken or self.taker.newest()
        assert newest is not None, "a log has its first event, and so a checkpoint"
        verify(newest.note, self._vkeys, self._signer.name)
        self._outside.keep(newest.note, self.taker.tree)
        self._call_witness(newest.note)
        return newest.note, taken is not None

    def _call_witness(self, note: str) -> None:
        settings = self._settings
        if note == self._witnessed or not (settings.witness_command or settings.witness_url):
            return
        try:
            if settings.witness_command:
                witness.call_command(settings.witness_command, note)
            if settings.witness_url:
                witness.post(settings.witness_url, note)
        except witness.WitnessError as error:
            self._owed = True
            logger.error("no witness holds the newest checkpoint: %s", error)
        else:
            self._owed, self._witnessed = False, note

    def close(self) -> None:
        """Closes its connection."""
        self._engine.close()


class Checkpointer:
    """The thread of a running gateway. It begins with the listener and ends with `stop`."""

    def __init__(
        self, home: Home, settings: Settings, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._home = home
        self._settings = settings
        self._steady = steady
        self._last = steady()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = ""

    def running(self) -> None:
        """mitmproxy serves."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="aex-checkpoints", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Takes the last one, if the thread ever ran. Waits for it, but not for ever."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                logger.error("the last checkpoint was not taken in time")

    def due(self, waiting: int) -> bool:
        """Whether so many new events, or the time since the last look, ask for one."""
        if waiting >= self._settings.checkpoint_every_events:
            return True
        overdue = self._steady() - self._last >= self._settings.checkpoint_every_seconds
        return overdue and waiting > 0

    def _run(self) -> None:
        notary: Notary | None = None
        last = False
        while not last:
            last = self._stopping.wait(_LOOK_S)
            try:
                notary = notary or Notary(self._home, self._settings)
                if last or self.due(notary.waiting()):
                    self._last = self._steady()
                    notary.take()
                self._trouble = ""
            except Exception as error:  # noqa: BLE001 - whatever it is, calls go on
                self._tell(error)
        if notary is not None:
            notary.close()

    def _tell(self, error: Exception) -> None:
        """The same trouble is told once."""
        told = f"{type(error).__name__}: {error}"
        if told != self._trouble:
            self._trouble = told
            logger.error("no checkpoint could be taken: %s", told)


def refuse_other_ledger(home: Home, engine: Engine) -> None:
    """Raises IntegrityBroken where the newest checkpoint of this home is not of this ledger.

    This is what a start can afford; `aex audit` looks at every checkpoint.
    """
    outside = Outside(home)
    try:
        known = _known(outside, verifier_keys(home), origin(engine))
        if known is not None:
            refuse_rollback(engine, known, outside.tree())
    except LedgerError as error:
        remedy = _REMEDY.format(folder=outside.folder)
        raise IntegrityBroken(f"checkpoints: {str(error).rstrip('.')}; {remedy}") from error


def _known(outside: Outside, vkeys: list[str], name: str) -> Checkpoint | None:
    """The newest checkpoint outside the database. Raises LedgerError if it does not verify."""
    note = outside.latest()
    return verify(note, vkeys, name) if note else None
