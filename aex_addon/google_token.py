"""Access tokens of a Google service account, got for its key and good for an hour.

Owns: the account's key file, the signed assertion, and asking the token endpoint that the file
names. That endpoint is a destination of the gateway itself; agents have no part in it.
Refuses to know: when a token is got again (keeper.py), which calls it is for.
https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from aex_addon import addresses, clock
from aex_addon.known_secrets import Secrets
from aex_addon.sources import CredentialError, Fetched, early, one_line, read_private

VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_LIFE_S = 3600
_PATIENCE_S = 10
_ANSWER_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Account:
    """What of a key file is used."""

    email: str
    key_id: str
    token_uri: str
    private_key: RSAPrivateKey = field(repr=False)


class ServiceAccount:
    """The source: a key file of JSON, its secrets made known before they are used."""

    renewable = True

    def __init__(self, path: Path, secrets: Secrets) -> None:
        self.name = f"the service account in {path}"
        self._path = path
        self._secrets = secrets

    def fetch(self) -> Fetched | None:
        """A new access token. Raises CredentialError."""
        account = self._account()
        asked = assertion(account, clock.now_ns() // 10**9)
        self._secrets.add(f"assertions for {self._path}", asked)
        answer = self._ask(account.token_uri, asked)
        lasts_s = answer.get("expires_in")
        if type(lasts_s) is not int or not 0 < lasts_s <= 86_400:
            raise CredentialError(f"{self.name}: the token endpoint's answer has no expiry")
        token = one_line(answer.get("access_token"), self.name)
        return Fetched(token, early(lasts_s), lasts_s)

    def _account(self) -> Account:
        """The file, read anew each time: whoever rotates the key need not restart anything."""
        try:
            found = json.loads(read_private(self._path))
            if found["type"] != "service_account":
                raise self._unusable("is not one of a service account")
            pem = str(found["private_key"])
            self._secrets.add(f"lines of {self._path}", pem, *pem.split("\n"))
            key = load_pem_private_key(pem.encode(), None)
            if not isinstance(key, RSAPrivateKey):
                raise self._unusable("holds no RSA key")
            uri = addresses.token_uri(found["token_uri"])
            return Account(str(found["client_email"]), str(found["private_key_id"]), uri, key)
        except (ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm) as error:
            raise self._unusable(f"cannot be used ({type(error).__name__})") from None

    def _unusable(self, why: str) -> CredentialError:
        remedy = (
            "for other credentials of Google let api_key_command run "
            '["gcloud", "auth", "print-access-token"]'
        )
        return CredentialError(f"{self.name}: the file {why}; {remedy}", lasting=True)

    def _ask(self, uri: str, asked: str) -> Mapping[str, Any]:
        form = urllib.parse.urlencode({"grant_type": GRANT_TYPE, "assertion": asked})
        # The address is https, or of this machine; and no redirect moves an assertion.
        request = urllib.request.Request(uri, form.encode(), method="POST")  # noqa: S310
        opener = urllib.request.build_opener(_NoRedirect())
        try:
            with opener.open(request, timeout=_PATIENCE_S) as answer:
                document = json.loads(answer.read(_ANSWER_MAX))
        except urllib.error.HTTPError as error:
            error.close()
            problem = f"{self.name}: the token endpoint answered {error.code}"
            raise CredentialError(problem) from None
        except (OSError, ValueError) as error:
            problem = f"{self.name}: the token endpoint cannot be used ({type(error).__name__})"
            raise CredentialError(problem) from None
        if not isinstance(document, dict):
            raise CredentialError(f"{self.name}: the token endpoint's answer is no JSON object")
        return document


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Never followed; it is then told as an error with its status."""


def assertion(account: Account, now_s: int) -> str:
    """The signed statement that a token is got for (RFC 7523), as a JWT with RS256."""
    claims = {
        "iss": account.email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": now_s,
        "exp": now_s + _LIFE_S,
    }
    head = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
    signature = account.private_key.sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{_base64(signature)}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
