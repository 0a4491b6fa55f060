"""The key that signs checkpoints, and the public line that checks them.

Owns: both files in the home, and that the private one is closed to everybody else.
Refuses to know: what is signed.

The public file may hold several lines: keys of before, and those of other gateways that sign the
same ledger. Whoever wants to check this home from outside keeps a copy of it elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from aex_addon.home import Home, HomeError, check_private
from certs.files import PRIVATE, PUBLIC, locked, private_directory, write_whole
from ledger.note import Signer, decode_key, encode_key, generate_key

PRIVATE_FILE = "checkpoint.pem"
PUBLIC_FILE = "checkpoint.pub"


def signer(home: Home, origin: str) -> Signer:
    """Who signs for the log `origin`; the key is made on first use.

    Raises HomeError or KeyExposed if others may read it, NoteError if it is damaged.
    """
    private_directory(home.keys)
    path = home.keys / PRIVATE_FILE
    with locked(home.keys):
        if not path.exists():
            write_whole(path, encode_key(generate_key()), PRIVATE)
        made = _read(path, origin)
        lines = verifier_keys(home)
        if made.vkey not in lines:
            text = "".join(f"{line}\n" for line in (*lines, made.vkey))
            write_whole(home.keys / PUBLIC_FILE, text.encode(), PUBLIC)
    return made


def existing_signer(home: Home, origin: str) -> Signer | None:
    """The same, without making anything: None where there is no key that may be read."""
    path = home.keys / PRIVATE_FILE
    try:
        return _read(path, origin) if path.exists() else None
    except PermissionError:
        return None


def _read(path: Path, origin: str) -> Signer:
    check_private(path)
    return Signer(origin, decode_key(path.read_bytes()))


def verifier_keys(home: Home) -> list[str]:
    """The home's own verifier keys; none where nothing was signed yet."""
    path = home.keys / PUBLIC_FILE
    return read_verifier_keys(path) if path.exists() else []


def read_verifier_keys(path: Path) -> list[str]:
    """The verifier keys in a file, one a line; empty lines and `#` lines are comments."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeError as error:
        raise HomeError(f"{path} holds no verifier keys") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
