"""Sources: the places in which an operator may keep a provider's secret, and reading it there.

Owns: one class a place, what a secret must look like, and how long an answer is good for.
Refuses to know: providers, requests, and when a secret is read again (keeper.py decides that).

Everything here may block. No message holds what was read: neither output nor its parts are ever
shown, and what a helper says on its standard error is thrown away unread.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from aex_addon import clock
from aex_addon.home import HomeError, check_private
from aex_addon.tokens import looks_like_token
from providers.sigv4 import AwsKeys

COMMAND_PATIENCE_S = 10

_EARLY_S = 300.0
_ONE_LINE = re.compile(r"[!-~]{1,16384}")

Secret = str | AwsKeys


class CredentialError(Exception):
    """There is no secret to be had. `lasting` says that only the operator can change that."""

    def __init__(self, message: str, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


@dataclass(frozen=True, slots=True)
class Fetched:
    """A secret. Seconds from now: when to ask for the next, and until when this one is good.

    None: not before the provider refuses it, and until then.
    """

    secret: Secret = field(repr=False)
    renew_s: float | None = None
    lasts_s: float | None = None


class Source(Protocol):
    """A place. `renewable` says that reading it again may give another secret."""

    name: str
    renewable: bool

    def fetch(self) -> Fetched | None:
        """What is there now, None where nothing is. Raises CredentialError."""
        ...


class Variable:
    """A variable of the gateway's environment."""

    renewable = False

    def __init__(self, environ: Mapping[str, str], name: str) -> None:
        self.name = name
        self._environ = environ

    def fetch(self) -> Fetched | None:
        """Its value, white space around it taken off."""
        text = self._environ.get(self.name, "").strip()
        return Fetched(one_line(text, self.name)) if text else None


class PrivateFile:
    """A file that nobody else may read."""

    renewable = True

    def __init__(self, path: Path) -> None:
        self.name = f"api_key_file {path}"
        self._path = path

    def fetch(self) -> Fetched | None:
        """Its content."""
        return understood(read_private(self._path), self.name)


class Keyring:
    """The keyring of the system, through the library of that name."""

    renewable = True

    def __init__(self, service: str, user: str) -> None:
        self.name = f"api_key_keyring {service}/{user}"
        self._service, self._user = service, user

    def fetch(self) -> Fetched | None:
        """The password of that entry."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            remedy = "it needs the extra aex[keyring]: pip install 'aex[keyring]'"
            raise CredentialError(f"{self.name}: {remedy}", lasting=True) from None
        try:
            text = keyring.get_password(self._service, self._user)
        except (KeyringError, RuntimeError) as error:
            problem = f"{self.name}: the keyring cannot be read ({type(error).__name__})"
            raise CredentialError(problem, lasting=True) from None
        if text is None:
            remedy = f"keyring set {self._service} {self._user}"
            raise CredentialError(f"{self.name}: there is no such entry; {remedy}", lasting=True)
        return understood(text, self.name)


class Command:
    """A helper that prints the secret, such as a password manager's."""

    renewable = True

    def __init__(self, arguments: Sequence[str], ttl_s: float) -> None:
        self.name = f"api_key_command {arguments[0]}"
        self._arguments = list(arguments)
        self._ttl_s = ttl_s

    def fetch(self) -> Fetched | None:
        """Runs it, with a deadline for all that it starts."""
        return understood(self._output(), self.name, self._ttl_s)

    def _output(self) -> str:
        try:
            # A process group of its own, so that what it started ends with it.
            process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            problem = f"{self.name}: it cannot be run ({error.strerror})"
            raise CredentialError(problem, lasting=True) from None
        with process:
            try:
                output, _ = process.communicate(timeout=COMMAND_PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                problem = f"{self.name}: it took over {COMMAND_PATIENCE_S} s"
                raise CredentialError(problem) from None
        if process.returncode:
            raise CredentialError(f"{self.name}: it failed with exit code {process.returncode}")
        return output.decode("utf-8", "replace")


def read_private(path: Path) -> str:
    """The text of a file that nobody else may read. Raises CredentialError."""
    try:
        check_private(path)
        return path.read_text(encoding="utf-8")
    except HomeError as error:
        raise CredentialError(str(error), lasting=True) from None
    except (OSError, UnicodeError) as error:
        problem = f"{path} cannot be read ({type(error).__name__})"
        raise CredentialError(problem, lasting=True) from None


def understood(text: str, where: str, ttl_s: float | None = None) -> Fetched:
    """A key on one line, or AWS keys as JSON in the form of `credential_process`.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    Raises CredentialError.
    """
    text = text.strip()
    if not text.startswith("{"):
        return Fetched(one_line(text, where), ttl_s)
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
        found = json.loads(text)
        token = found.get("SessionToken")
        keys = AwsKeys(
            one_line(found["AccessKeyId"], where),
            one_line(found["SecretAccessKey"], where),
            one_line(token, where) if token else None,
        )
        return Fetched(keys, *_life(found.get("Expiration"), ttl_s, where))
    raise CredentialError(f"{where}: its JSON holds no access key of AWS", lasting=True)


def one_line(text: Any, where: str) -> str:
    """The text, if it can be a key in a header. Raises CredentialError."""
    if not isinstance(text, str) or not _ONE_LINE.fullmatch(text):
        raise CredentialError(f"{where}: expected one line without spaces", lasting=True)
    if looks_like_token(text):
        problem = "holds an agent's AEX token; the gateway needs the provider's key there"
        raise CredentialError(f"{where} {problem}", lasting=True)
    return text


def early(lasts_s: float) -> float:
    """When to ask for the next of what lasts so long: five minutes before, a fifth at the most."""
    return lasts_s - min(_EARLY_S, lasts_s / 5)


def _life(
    expiration: str | None, ttl_s: float | None, where: str
) -> tuple[float | None, float | None]:
    if not expiration:
        return ttl_s, None
    lasts_s = (datetime.fromisoformat(expiration) - clock.utc_now()).total_seconds()
    if lasts_s <= 0:
        raise CredentialError(f"{where}: what it gave has expired")
    return min(early(lasts_s), lasts_s if ttl_s is None else ttl_s), lasts_s
