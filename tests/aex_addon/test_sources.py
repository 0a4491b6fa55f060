"""Each place of a secret is read as its owner keeps it, and nothing of it is in any complaint."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import keyring
import pytest

from aex_addon import clock, sources
from aex_addon.sources import (
    Command,
    CredentialError,
    Fetched,
    Keyring,
    PrivateFile,
    Source,
    Variable,
)
from providers.sigv4 import AwsKeys
from tests.aex_addon.held_keyring import PASSWORD, HeldKeyring
from tests.aex_addon.rig import token_of

CANARY = "sk-canary-0123456789"
AWS = {"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": CANARY}


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def says(text: object) -> Command:
    return Command(script(f"print({text!r})"), 60)


def complaint(source: Source) -> CredentialError:
    """Why nothing is to be had; nothing that was read is in it."""
    with pytest.raises(CredentialError) as raised:
        source.fetch()
    assert "canary" not in str(raised.value)
    return raised.value


def test_a_variable() -> None:
    """White space around its value does not matter; an empty one is none."""
    assert Variable({"K": f" {CANARY}\n"}, "K").fetch() == Fetched(CANARY)
    assert Variable({"K": " "}, "K").fetch() is None
    assert Variable({}, "K").fetch() is None


@pytest.mark.parametrize("value", ["canary key", "canary\r\nx-evil: 1", "canary-é", token_of("a")])
def test_what_can_be_no_key(value: str) -> None:
    """What would break a header, or is an agent's token, is refused for good."""
    assert complaint(Variable({"K": value}, "K")).lasting


def test_a_file(tmp_path: Path) -> None:
    """Its content is the key."""
    path = tmp_path / "key"
    path.write_text(f"{CANARY}\n")
    path.chmod(0o600)
    assert PrivateFile(path).fetch() == Fetched(CANARY)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read(tmp_path: Path, mode: int) -> None:
    """It is refused with the command that mends it."""
    path = tmp_path / "key"
    path.write_text(CANARY)
    path.chmod(mode)
    error = complaint(PrivateFile(path))
    assert f"chmod 600 {path}" in str(error)
    assert error.lasting


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """One that is missing, empty, a directory or no text is refused."""
    (tmp_path / "empty").touch(0o600)
    (tmp_path / "folder").mkdir(0o700)
    (tmp_path / "bytes").write_bytes(b"canary\xff")
    (tmp_path / "bytes").chmod(0o600)
    for name in ("missing", "empty", "folder", "bytes"):
        assert complaint(PrivateFile(tmp_path / name)).lasting


@pytest.fixture
def held_keyring() -> None:
    keyring.set_keyring(HeldKeyring())


@pytest.mark.usefixtures("held_keyring")
def test_a_keyring() -> None:
    """The entry's password is the key; without it the command that makes it is told."""
    assert Keyring("aex", "openai").fetch() == Fetched(PASSWORD)
    assert "keyring set aex other" in str(complaint(Keyring("aex", "other")))


def test_a_machine_without_a_keyring() -> None:
    """It is told that none can be read."""
    from keyring.backends.fail import Keyring as Fail

    keyring.set_keyring(Fail())  # type: ignore[no-untyped-call]
    assert complaint(Keyring("aex", "openai")).lasting


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra that brings it is named."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    error = complaint(Keyring("aex", "openai"))
    assert "pip install 'aex[keyring]'" in str(error)
    assert error.lasting


def test_a_command() -> None:
    """What it prints is the key, good until the time is over."""
    assert says(CANARY).fetch() == Fetched(CANARY, renew_s=60)


def test_aws_keys_from_a_command() -> None:
    """JSON in the form of AWS's tools is a pair of keys, with a token and an end if it has them."""
    assert says(json.dumps(AWS)).fetch() == Fetched(AwsKeys("AKID", CANARY), renew_s=60)
    end = (clock.utc_now() + timedelta(seconds=1000)).isoformat()
    found = says(json.dumps({**AWS, "SessionToken": "tok", "Expiration": end})).fetch()
    assert found is not None
    assert found.secret == AwsKeys("AKID", CANARY, "tok")
    assert found.lasts_s is not None
    assert 900 < found.lasts_s <= 1000
    assert found.renew_s == 60


@pytest.mark.parametrize(
    "said",
    [
        "{canary",
        json.dumps({"canary": 1}),
        json.dumps({**AWS, "SecretAccessKey": "canary canary"}),
        json.dumps({**AWS, "SecretAccessKey": None}),
        json.dumps({**AWS, "SessionToken": ["canary"]}),
        json.dumps({**AWS, "Expiration": "canary"}),
        json.dumps({**AWS, "Expiration": 7}),
        json.dumps({**AWS, "Expiration": "2020-01-01T00:00:00"}),
        json.dumps({**AWS, "Expiration": "2020-01-01T00:00:00Z"}),
        "canary\ncanary",
        "",
    ],
)
def test_a_command_that_says_something_else(said: str) -> None:
    """What is neither a key nor keys is refused, and not repeated."""
    complaint(says(said))


@pytest.mark.parametrize(
    ("text", "told", "lasting"),
    [
        ("import sys; print('canary', file=sys.stderr); sys.exit(3)", "exit code 3", False),
        ("import sys; sys.stdout.buffer.write(b'canary\\xff')", "expected one line", True),
        ("import os; os.abort()", "exit code -6", False),
    ],
)
def test_a_command_that_fails(
    text: str, told: str, lasting: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its exit code is told, and nothing that it said anywhere."""
    error = complaint(Command(script(text), 60))
    assert told in str(error)
    assert error.lasting is lasting
    assert "canary" not in "".join(capfd.readouterr())


def test_a_command_that_is_not_there() -> None:
    """It is refused for good."""
    error = complaint(Command(["/no/such/helper"], 60))
    assert error.lasting
    assert "No such file" in str(error)


def test_a_command_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its deadline it ends, together with what it had started."""
    monkeypatch.setattr(sources, "COMMAND_PATIENCE_S", 0.5)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    sleeper = f"import time; open({str(fifo)!r}, 'wb', 0).write(b'x'); time.sleep(600)"
    text = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleeper!r}])"
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        # A slow machine may reach the deadline before the helper has started anything.
        while not wrote(reader):
            assert "took over" in str(complaint(Command(script(text), 60)))
        os.set_blocking(reader, True)
        assert os.read(reader, 1) == b"", "what the helper started still runs"
    finally:
        os.close(reader)


def wrote(reader: int) -> bool:
    """Whether anyone has written to it."""
    try:
        return os.read(reader, 1) == b"x"
    except BlockingIOError:
        return False


def test_no_secret_is_in_a_representation() -> None:
    """What was fetched can be printed."""
    assert "canary" not in repr(Fetched(CANARY)) + repr(Fetched(AwsKeys("AKID", CANARY)))
