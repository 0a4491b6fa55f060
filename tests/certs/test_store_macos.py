"""Laws of certs/store_macos.py, against a recorded `security`."""

from __future__ import annotations

from pathlib import Path

import pytest

from certs import store_macos
from certs.trust import carry_out
from tests.certs.tools import Fake, root

# Notes what was added in a file, and lists it as the real one does.
_SECURITY = """
state="{state}"
case "$1" in
  add-trusted-cert) touch "$state" ;;
  delete-certificate) rm -f "$state" ;;
  find-certificate)
    echo 'SHA-256 hash: 00'
    echo 'SHA-1 hash: 0123456789ABCDEF0123456789ABCDEF01234567'
    [ ! -e "$state" ] || echo 'SHA-1 hash: {sha1}' ;;
  dump-trust-settings)
    echo 'Number of trusted certs = 1'
    [ ! -e "$state" ] || echo 'Cert 0: {name}' ;;
  remove-trusted-cert) echo 'no settings' >&2; exit 1 ;;
esac
"""


@pytest.mark.parametrize("superuser", [True, False])
def test_each_user_changes_a_keychain_of_their_own(superuser: bool, tmp_path: Path) -> None:
    """Root changes the System keychain for all, others their login keychain; by fingerprint."""
    fake = Fake.make(tmp_path, "darwin", superuser=superuser)
    ours = root(tmp_path / "ca")
    state = tmp_path / "state"
    fake.tool("security", _SECURITY.format(state=state, sha1=ours.sha1, name=ours.common_name))
    (store,) = store_macos.find(fake.machine)
    if superuser:
        keychain = fake.machine.root / "Library/Keychains/System.keychain"
        domain = " -d"
    else:
        keychain = fake.machine.home / "Library/Keychains/login.keychain-db"
        domain = ""
    look = [
        f"security find-certificate -a -Z {keychain}",
        f"security dump-trust-settings{domain}",
    ]
    assert carry_out(fake.machine, store, "install", [ours]).outcome == "done"
    add = f"security add-trusted-cert{domain} -r trustRoot -k {keychain} {ours.file}"
    assert fake.calls() == [*look, add, *look]
    assert carry_out(fake.machine, store, "install", [ours]).outcome == "already"
    assert fake.calls() == look
    # That the settings are gone already is no reason to stop.
    assert carry_out(fake.machine, store, "uninstall", [ours]).outcome == "done"
    assert fake.calls() == [
        *look,
        f"security remove-trusted-cert{domain} {ours.file}",
        f"security delete-certificate -Z {ours.sha1} {keychain}",
        *look,
    ]


def test_a_certificate_without_settings_is_not_trusted(tmp_path: Path) -> None:
    """The keychain may hold it and the user may have taken its trust away."""
    fake = Fake.make(tmp_path, "darwin")
    ours = root(tmp_path / "ca")
    fake.tool("security", f'[ "$1" != find-certificate ] || echo "SHA-1 hash: {ours.sha1}"')
    (store,) = store_macos.find(fake.machine)
    held = store.check(fake.machine, [ours])
    assert (held.trusted, held.present) == (frozenset(), {ours.label})


def test_other_systems_have_no_keychain(tmp_path: Path) -> None:
    """It is looked for on macOS alone."""
    assert store_macos.find(Fake.make(tmp_path).machine) == ()
