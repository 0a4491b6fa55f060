"""Logging: one line an event, on stderr, without credentials.

Owns: the format and the levels. Refuses to know: who logs what, what a credential looks like
(redaction.py).
"""

from __future__ import annotations

import logging
import re
import sys

from aex_addon.known_secrets import Secrets
from aex_addon.redaction import Redactor

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Redaction(logging.Formatter):
    """Formats a record, then takes out secrets and control characters, tracebacks included."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redact = Redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        text = self._redact(super().format(record))
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in logging
        """One line, so that nothing logged can pass for a line of its own."""
        return super().formatMessage(record).replace("\n", "\\n")


def configure(level: str, secrets: Secrets) -> None:
    """Sets the root logger up; mitmproxy's own chatter is kept to warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redaction(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("mitmproxy", "hpack", "h2", "asyncio", "peewee"):
        logging.getLogger(name).setLevel(logging.WARNING)
