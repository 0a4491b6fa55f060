"""Logging: one line an event, on stderr, with every known secret taken out.

Owns: the format, the levels, and redaction (agent tokens by their form, provider keys by value).
Refuses to know: who logs what.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable

from aex_addon.tokens import TOKEN

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# A credential as headers carry it, whoever it belongs to.
_CREDENTIAL = re.compile(r"\b(bearer|basic)(\s+)[\w.~+/=-]{8,}", re.ASCII | re.IGNORECASE)
_SHORTEST_SECRET = 6


class Redaction(logging.Formatter):
    """Formats a record, then takes out secrets and control characters, tracebacks included."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        text = _CREDENTIAL.sub(r"\1\2[credential]", TOKEN.sub("[token]", text))
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in logging
        """One line, so that nothing logged can pass for a line of its own."""
        return super().formatMessage(record).replace("\n", "\\n")


def configure(level: str, secrets: Iterable[str]) -> None:
    """Sets the root logger up; mitmproxy's own chatter is kept to warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redaction(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("mitmproxy", "hpack", "h2", "asyncio", "peewee"):
        logging.getLogger(name).setLevel(logging.WARNING)
