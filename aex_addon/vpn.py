"""The keys of a VPN that captures: made private, kept out of the log, and handed to the peer.

Owns: the file of both keys, as mitmproxy reads it, and the peer's configuration beside it.
Refuses to know: how packets become connections; who pays for them (payers.py).

mitmproxy would write the file for whoever can read it, and print the peer's key to its log.
"""

from __future__ import annotations

import json
from pathlib import Path

import mitmproxy_rs

from aex_addon.home import HomeError
from aex_addon.known_secrets import Secrets
from certs.errors import KeyExposed
from certs.files import PRIVATE, read_private, write_whole

_KEYS = ("server_key", "client_key")


def keys_file(mode: str, ca_dir: Path) -> Path:
    """Where the keys of a mode `wireguard[:FILE]@…` are."""
    named = mode.partition("@")[0].partition(":")[2]
    return Path(named).expanduser() if named else ca_dir / "wireguard.conf"


def prepare(mode: str, ca_dir: Path, secrets: Secrets) -> None:
    """Makes the keys if there are none; they are secrets from here on. Raises HomeError."""
    path = keys_file(mode, ca_dir)
    try:
        if not path.exists():
            made = {name: mitmproxy_rs.wireguard.genkey() for name in _KEYS}
            write_whole(path, json.dumps(made, indent=4).encode() + b"\n", PRIVATE)
        kept = json.loads(read_private(path))
        secrets.add("capture", *(str(kept[name]) for name in _KEYS))
    except KeyExposed as error:
        raise HomeError(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HomeError(f"{path} cannot be used as the keys of {mode}: {error!r}") from error


def hand_out(mode: str, ca_dir: Path, configuration: str) -> Path:
    """Writes what the peer needs, for its owner alone to read; where. Raises OSError."""
    keys = keys_file(mode, ca_dir)
    path = keys.with_name(f"{keys.name}.peer")
    write_whole(path, configuration.encode() + b"\n", PRIVATE)
    return path
