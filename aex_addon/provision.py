"""Provision: from what the operator configured to each provider's credentials, and their start.

Owns: which source a provider's secret comes from, and which failures end a start.
Refuses to know: how sources are read (sources.py), what a request looks like (credentials.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from aex_addon import google_token
from aex_addon.aws_keys import AwsEnvironment, region_of
from aex_addon.credentials import AgentsKey, Credentials, OwnSecret
from aex_addon.google_token import ServiceAccount
from aex_addon.keeper import Keeper
from aex_addon.known_secrets import Secrets
from aex_addon.provider_rows import Row
from aex_addon.settings_tables import ProviderSettings
from aex_addon.settings_values import ConfigError
from aex_addon.sources import Command, CredentialError, Keyring, PrivateFile, Source, Variable
from providers.provider import Provider
from providers.sigv4 import AwsKeys

logger = logging.getLogger("aex.credentials")


def credentials(row: Row, environ: Mapping[str, str], secrets: Secrets) -> Credentials:
    """Those of one provider. Nothing is read yet but variables. Raises ConfigError."""
    provider, changed = row.provider, row.settings
    kind = changed.credentials or provider.credentials
    if kind in ("agent", "optional"):
        return AgentsKey(provider.id, provider.key_header, needed=kind == "agent")
    source = _source(kind, provider, changed, environ, secrets)
    plain = isinstance(source, Variable | AwsEnvironment)
    made = OwnSecret(
        provider.id,
        Keeper(provider.id, source, secrets),
        provider.key_header,
        # At a place of the operator's own a key may not be needed; where one is named, it is.
        required=not plain or not row.moved,
        region=partial(region_of, environ=environ) if kind == "aws" else None,
        bearer_below=provider.bearer_below,
    )
    if isinstance(source, Variable):
        _begin(made, "")
    return made


def begin(routed: Iterable[tuple[Credentials, str]]) -> None:
    """Reads every secret once, side by side; with each, the host that it is for.

    Raises ConfigError for what only the operator can mend. Else the calls of that provider are
    refused until a later look finds something.
    """
    waiting = [
        (each, host)
        for each, host in routed
        if isinstance(each, OwnSecret) and not isinstance(each.keeper.source, Variable)
    ]
    if waiting:
        with ThreadPoolExecutor(len(waiting)) as pool:
            list(pool.map(_begin, *zip(*waiting, strict=True)))


def _begin(made: OwnSecret, host: str) -> None:
    try:
        made.keeper.begin()
    except CredentialError as error:
        if error.lasting:
            raise ConfigError((f"providers.{made.provider}: {error}",)) from None
        logger.error("no key for %s yet: %s", made.provider, error)
    if isinstance(made.keeper.secret, AwsKeys):
        problem = made.no_signature(host)
        if problem:
            raise ConfigError((f"providers.{made.provider}: {problem}",))


def _source(
    kind: str,
    provider: Provider,
    changed: ProviderSettings,
    environ: Mapping[str, str],
    secrets: Secrets,
) -> Source:
    name = changed.api_key_env or provider.api_key_env
    if changed.api_key_file:
        path = Path(changed.api_key_file).expanduser()
        return ServiceAccount(path, secrets) if kind == "google" else PrivateFile(path)
    if changed.api_key_keyring:
        service, _, user = changed.api_key_keyring.partition("/")
        return Keyring(service, user)
    if changed.api_key_command:
        return Command(changed.api_key_command, changed.api_key_ttl_seconds)
    if kind == "aws":
        return AwsEnvironment(environ, name, changed.aws_profile)
    account = environ.get(google_token.VARIABLE) if kind == "google" else None
    if account and not environ.get(name):
        return ServiceAccount(Path(account).expanduser(), secrets)
    return Variable(environ, name)
