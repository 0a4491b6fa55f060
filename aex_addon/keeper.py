"""The keeper of one secret: holds the newest, and gets the next without holding any call up.

Owns: when a source is asked again (it said so, or the provider refused what it gave), that it is
asked off the event loop and by one at a time, and that what it gives is known to the redaction.
Refuses to know: what kind of source it is, what the secret is used for.

An old secret that was due to be replaced is used on until it has expired: whether it is still
good is for the provider to say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from mitmproxy.utils import asyncio_utils

from aex_addon import clock
from aex_addon.known_secrets import Secrets
from aex_addon.sources import CredentialError, Fetched, Secret, Source
from providers.sigv4 import AwsKeys

logger = logging.getLogger("aex.credentials")

# A source is asked no more often, whatever fails and however often: an agent's own mistakes may
# be answered 401 too.
PAUSE_S = 10.0


class Keeper:
    """One of a provider. `trouble` says why there is no secret, or why it is an old one."""

    def __init__(
        self,
        owner: str,
        source: Source,
        secrets: Secrets,
        now: Callable[[], float] = clock.steady_s,
    ) -> None:
        self.source = source
        self.trouble = ""
        self._owner = owner
        self._secrets = secrets
        self._now = now
        self._secret: Secret | None = None
        self._renew_at: float | None = None
        self._expires_at: float | None = None
        self._asked_at = 0.0
        self._refused = False
        self._asking: asyncio.Task[None] | None = None

    @property
    def secret(self) -> Secret | None:
        """What is good now; None where there is nothing, or nothing any more."""
        if self._expires_at is not None and self._now() >= self._expires_at:
            return None
        return self._secret

    def begin(self) -> None:
        """The first look, before anything is served; it may block. Raises CredentialError."""
        self._asked_at = self._now()
        try:
            self._take(self.source.fetch())
        except CredentialError as error:
            self.trouble = str(error)
            raise

    def refused(self) -> None:
        """The provider did not take the secret: the next call waits for another."""
        self._refused = self.source.renewable

    async def ready(self) -> None:
        """Returns once there is a secret to try, or none to be had for now."""
        if not self._due():
            return
        if self._asking is None:
            self._asked_at = self._now()
            name = f"secret of {self._owner}"
            self._asking = asyncio_utils.create_task(self._ask(), name=name, keep_ref=True)
        if self._refused or self.secret is None:
            await asyncio.shield(self._asking)

    def _due(self) -> bool:
        now = self._now()
        wanted = (
            self._refused
            or (self._secret is None and self.trouble != "")
            or (self._renew_at is not None and now >= self._renew_at)
        )
        return wanted and (self._asking is not None or now >= self._asked_at + PAUSE_S)

    async def _ask(self) -> None:
        try:
            self._take(await asyncio.to_thread(self.source.fetch))
        except CredentialError as error:
            self._lack(error)
        except Exception as error:  # noqa: BLE001 - its text may hold what was read
            self._lack(CredentialError(f"{self.source.name}: {type(error).__name__}"))
        finally:
            self._refused = False
            self._asking = None

    def _take(self, fetched: Fetched | None) -> None:
        self.trouble = ""
        if fetched is None:
            self._secret = self._renew_at = self._expires_at = None
            return
        self._secrets.add(self._owner, *_values(fetched.secret))
        self._secret, now = fetched.secret, self._now()
        self._renew_at = None if fetched.renew_s is None else now + fetched.renew_s
        self._expires_at = None if fetched.lasts_s is None else now + fetched.lasts_s

    def _lack(self, error: CredentialError) -> None:
        self.trouble = str(error)
        logger.error("no new key for %s: %s", self._owner, error)


def _values(secret: Secret) -> list[str]:
    """What of it must not be shown."""
    if isinstance(secret, AwsKeys):
        return [secret.secret_access_key, *filter(None, [secret.session_token])]
    return [secret]
