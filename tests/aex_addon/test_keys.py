"""The checkpoint key: made once, closed to others, and known by its public line."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.home import Home, HomeError
from aex_addon.keys import existing_signer, read_verifier_keys, signer, verifier_keys
from ledger.note import NoteError, sign, verify


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home without keys."""
    made = Home(tmp_path / "home")
    made.ensure()
    return made


def test_the_key_is_made_once(home: Home) -> None:
    """Later signers have the same key, and the public line checks what they sign."""
    assert verifier_keys(home) == []
    assert existing_signer(home, "aex/l") is None
    first = signer(home, "aex/l")
    found = existing_signer(home, "aex/l")
    assert found is not None
    assert first.vkey == signer(home, "aex/l").vkey == found.vkey
    assert verifier_keys(home) == [first.vkey]
    assert verify(sign("x\n", found), verifier_keys(home)) == ("x\n", ["aex/l"])


def test_only_the_owner_reads_the_private_key(home: Home) -> None:
    """It is made 0600, and one that others can read is not used."""
    signer(home, "aex/l")
    private = home.keys / "checkpoint.pem"
    assert private.stat().st_mode & 0o777 == 0o600
    assert home.keys.stat().st_mode & 0o777 == 0o700
    private.chmod(0o644)
    for use in (signer, existing_signer):
        with pytest.raises(HomeError, match="chmod 600"):
            use(home, "aex/l")


def test_public_lines_are_only_added(home: Home) -> None:
    """Another log of this home, and lines that the operator added, stand beside each other."""
    first = signer(home, "aex/l")
    with (home.keys / "checkpoint.pub").open("a") as file:
        file.write("# the other gateway\naex/l+00000000+other\n\n")
    second = signer(home, "aex/m")
    assert verifier_keys(home) == [first.vkey, "aex/l+00000000+other", second.vkey]


def test_a_damaged_key_is_not_replaced(home: Home) -> None:
    """A key that cannot be read stays as it is: nobody's trust ends silently."""
    signer(home, "aex/l")
    private = home.keys / "checkpoint.pem"
    private.write_bytes(b"no key")
    with pytest.raises(NoteError, match="PEM"):
        signer(home, "aex/l")
    assert private.read_bytes() == b"no key"


def test_a_file_that_holds_no_keys(tmp_path: Path) -> None:
    """Bytes that are no text are refused with the file's name."""
    (tmp_path / "k").write_bytes(b"\xff\xfe")
    with pytest.raises(HomeError, match="holds no verifier keys"):
        read_verifier_keys(tmp_path / "k")
