"""A keyring with one entry, `aex/openai`; also for processes, by PYTHON_KEYRING_BACKEND.

Refuses to know: AEX.
"""

from __future__ import annotations

from keyring.backend import KeyringBackend

PASSWORD = "sk-canary-of-the-keyring"


class HeldKeyring(KeyringBackend):
    """The backend."""

    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        return PASSWORD if (service, username) == ("aex", "openai") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError
