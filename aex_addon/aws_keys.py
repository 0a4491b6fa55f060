"""AEX's own keys at AWS, found where AWS's tools look for them; and the region that a host is in.

Owns: the names of the variables, the file of profiles, which of them goes first.
Refuses to know: signing (providers/sigv4.py), other ways to keep a secret (sources.py).
https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html

A key of Bedrock's own goes before a pair of access keys, as in AWS's SDKs. A profile is read only
where it is named: the one called `default` is not taken for the gateway's unasked.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping, Sequence
from pathlib import Path

from aex_addon.sources import CredentialError, Fetched, Variable, one_line, read_private
from providers import bedrock_regions
from providers.sigv4 import AwsKeys

_ID, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_FILE = "AWS_SHARED_CREDENTIALS_FILE"


class AwsEnvironment:
    """The source. `key_env` names the variable of an API key; `profile` is the operator's own."""

    renewable = True

    def __init__(self, environ: Mapping[str, str], key_env: str, profile: str | None) -> None:
        self.name = f"the profile {profile}" if profile else f"{key_env}, or {_ID} and {_SECRET}"
        self._environ = environ
        self._key = Variable(environ, key_env)
        self._profile = profile

    def fetch(self) -> Fetched | None:
        """An API key or access keys. Raises CredentialError."""
        if self._profile:
            return self._of_profile(self._profile)
        if key := self._key.fetch():
            return key
        named = [self._environ.get(name, "").strip() for name in (_ID, _SECRET, _TOKEN)]
        if named[0] or named[1]:
            return Fetched(_keys(named, "the variables of AWS"))
        profile = self._environ.get("AWS_PROFILE")
        return self._of_profile(profile) if profile else None

    def _of_profile(self, profile: str) -> Fetched:
        path = Path(self._environ.get(_FILE) or "~/.aws/credentials").expanduser()
        where = f"the profile {profile} in {path}"
        file = configparser.RawConfigParser(default_section="", strict=False)
        try:
            file.read_string(read_private(path))
        except configparser.Error:
            raise CredentialError(f"{path} cannot be read as profiles", lasting=True) from None
        if not file.has_section(profile):
            raise CredentialError(f"{path} has no profile {profile}", lasting=True)
        found = [
            file.get(profile, name.lower(), fallback="").strip() for name in (_ID, _SECRET, _TOKEN)
        ]
        if not (found[0] and found[1]):
            remedy = (
                "for keys that a command gives let api_key_command run "
                f'["aws", "configure", "export-credentials", "--profile", "{profile}"]'
            )
            raise CredentialError(f"{where} holds no access key; {remedy}", lasting=True)
        return Fetched(_keys(found, where))


def region_of(host: str, environ: Mapping[str, str]) -> str | None:
    """The region that a host of Bedrock names, else the environment's own."""
    named = bedrock_regions.region_of(host)
    return named or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


def _keys(named: Sequence[str], where: str) -> AwsKeys:
    key_id, secret, token = named
    return AwsKeys(
        one_line(key_id, where),
        one_line(secret, where),
        one_line(token, where) if token else None,
    )
