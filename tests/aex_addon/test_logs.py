"""Whatever is logged, no known secret and no forged line is in it."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from aex_addon import logs
from aex_addon.known_secrets import Secrets
from tests.aex_addon.rig import token_of

KEY = "canary-provider-key-0123456789"
TOKEN = token_of("a")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the configured root logger writes; pytest's own handlers are put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    secrets = Secrets()
    logs.configure("debug", secrets)
    secrets.add("a provider", KEY, "")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def raise_with(secret: str) -> None:
    raise ValueError(f"cannot use {secret}")


@pytest.mark.parametrize("secret", [KEY, TOKEN], ids=["key", "token"])
def test_secrets_are_taken_out(written: io.StringIO, secret: str) -> None:
    """A key or token is redacted in messages, arguments, structures and tracebacks."""
    log = logging.getLogger("aex.test")
    log.info("in the message " + secret)  # noqa: G003 - the point of this test
    log.info("as an argument %s", secret)
    log.info("inside %r", {"headers": [("authorization", f"Bearer {secret}")]})
    try:
        raise_with(secret)
    except ValueError:
        log.exception("failed for %s", secret)
    text = written.getvalue()
    assert "Traceback" in text
    assert text.count("cannot use [") == 1
    assert secret not in text


@pytest.mark.parametrize(
    ("header", "canary"),
    [
        ("Authorization: Bearer sk-proj-of-somebody-else", "sk-proj"),
        ("{'proxy-authorization': 'Basic Ym90OmFleF9jYW5hcnk='}", "Ym90"),
    ],
)
def test_credentials_of_others_are_taken_out(
    written: io.StringIO, header: str, canary: str
) -> None:
    """What looks like a credential in a header is redacted whoever it belongs to."""
    logging.getLogger("aex").warning("%s", header)
    assert "[credential]" in written.getvalue()
    assert canary not in written.getvalue()


def test_one_event_is_one_line(written: io.StringIO) -> None:
    """Line ends and control characters in a message are escaped, so no line can be forged."""
    evil = "x\n2026-01-01 00:00:00 INFO aex: all is well\r\x1b[2J\x00\x9b\u2028end"
    logging.getLogger("aex").warning("%s", evil)
    assert written.getvalue().count("\n") == 1
    assert "\\n2026" in written.getvalue()
    assert "\\x0d\\x1b[2J\\x00\\x9b\\x2028end" in written.getvalue()


def test_short_strings_are_no_secrets(written: io.StringIO) -> None:
    """An empty or tiny `secret` does not blot the log out."""
    logging.getLogger("aex").info("plain words stay")
    assert written.getvalue().endswith("INFO aex: plain words stay\n")


def test_mitmproxy_is_kept_to_warnings(written: io.StringIO) -> None:
    """Third parties' chatter, which may hold whatever clients sent, is left out."""
    logging.getLogger("mitmproxy.proxy").info("chatter")
    logging.getLogger("mitmproxy.proxy").warning("trouble")
    assert "chatter" not in written.getvalue()
    assert "trouble" in written.getvalue()
