"""Laws of certs/store_linux.py, by what it would run.

On a real Debian it is run by tests/aex_addon/cli/test_certs_trust.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from certs import store_linux
from certs.trust import carry_out, plan
from tests.certs.tools import Fake, root

# Family, the tool, how it is called to add and to forget.
CALLS = {
    "Fedora, RHEL": ("update-ca-trust extract", "update-ca-trust extract"),
    "Alpine": ("update-ca-certificates", "update-ca-certificates"),
    "openSUSE": ("update-ca-certificates", "update-ca-certificates"),
    "Arch": ("trust extract-compat", "trust extract-compat"),
    "Debian, Ubuntu": ("update-ca-certificates", "update-ca-certificates --fresh"),
}


def system(fake: Fake, name: str) -> store_linux.LinuxStore:
    """A machine of this family, whose tool makes the bundle of what lies in the anchors."""
    (family,) = (each for each in store_linux.FAMILIES if each.name == name)
    for folder in (family.anchors, str(Path(family.bundle).parent)):
        fake.directory(folder)
    mark = fake.machine.path(family.mark)
    if not mark.exists():
        mark.write_text("3.20\n")
    anchors, bundle = fake.machine.path(family.anchors), fake.machine.path(family.bundle)
    fake.tool(family.update[0], f"cat {anchors}/*.crt > {bundle} 2>/dev/null || :")
    (found,) = store_linux.find(fake.machine)
    assert found.family.name == name
    return found


@pytest.mark.parametrize("name", CALLS)
def test_each_family_is_spoken_to_in_its_own_words(name: str, tmp_path: Path) -> None:
    """A root goes in and out by the family's tool, once each, and another's anchor stays."""
    fake = Fake.make(tmp_path)
    store = system(fake, name)
    ours, other = root(tmp_path / "ca"), root(tmp_path / "other")
    foreign = store.anchors / "corp.crt"
    foreign.write_bytes(other.pem)
    assert carry_out(fake.machine, store, "install", [ours]).outcome == "done"
    assert [line.strip() for line in fake.calls()] == [CALLS[name][0]]
    assert store.check(fake.machine, [ours, other]).trusted == {ours.label, other.label}
    assert carry_out(fake.machine, store, "install", [ours]).outcome == "already"
    assert fake.calls() == []
    assert carry_out(fake.machine, store, "uninstall", [ours]).outcome == "done"
    assert [line.strip() for line in fake.calls()] == [CALLS[name][1]]
    assert list(store.anchors.iterdir()) == [foreign]
    assert store.check(fake.machine, [ours, other]).trusted == {other.label}
    assert carry_out(fake.machine, store, "uninstall", [ours]).outcome == "already"


def test_without_root_the_commands_are_told(tmp_path: Path) -> None:
    """Nothing is run, and each line begins with sudo."""
    fake = Fake.make(tmp_path)
    store = system(fake, "Debian, Ubuntu")
    ours = root(tmp_path / "ca")
    result = carry_out(fake.user(), store, "install", [ours])
    anchor = store.anchors / f"{ours.label}.crt"
    assert result.outcome == "needs-root"
    assert result.commands == (
        f"sudo install -m 0644 {ours.file} {anchor}",
        "sudo update-ca-certificates",
    )
    assert (fake.calls(), anchor.exists()) == ([], False)


def test_the_update_runs_once_for_many_roots(tmp_path: Path) -> None:
    """However many roots go, the bundle is made anew at the end alone."""
    fake = Fake.make(tmp_path)
    store = system(fake, "Fedora, RHEL")
    roots = [root(tmp_path / "ca") for _ in range(3)]
    for each in roots:
        carry_out(fake.machine, store, "install", [each])
    fake.calls()
    assert len(plan(fake.machine, store, "uninstall", roots).commands) == 4
    assert carry_out(fake.machine, store, "uninstall", roots).outcome == "done"
    assert fake.calls() == ["update-ca-trust extract"]


def test_an_anchor_that_was_never_taken_up_is_finished(tmp_path: Path) -> None:
    """An install that was cut off between its two steps is not taken for done."""
    fake = Fake.make(tmp_path)
    store = system(fake, "Arch")
    ours = root(tmp_path / "ca")
    (store.anchors / f"{ours.label}.crt").write_bytes(ours.pem)
    held = store.check(fake.machine, [ours])
    assert (held.trusted, held.present) == (frozenset(), {ours.label})
    assert carry_out(fake.machine, store, "install", [ours]).outcome == "done"


def test_a_root_under_another_name_is_left(tmp_path: Path) -> None:
    """What somebody else put in, only they take out; and it is said."""
    fake = Fake.make(tmp_path)
    store = system(fake, "Alpine")
    ours = root(tmp_path / "ca")
    (store.anchors / "by-hand.crt").write_bytes(ours.pem)
    fake.machine.run(store.install(fake.machine, ours)[1])  # type: ignore[arg-type]
    result = carry_out(fake.machine, store, "uninstall", [ours])
    assert (result.outcome, "another name" in result.message) == ("left", True)
    assert (store.anchors / "by-hand.crt").exists()


def test_a_tool_that_fails_leaves_its_command(tmp_path: Path) -> None:
    """The reason is what it said, and the lines to run are the very ones that were tried."""
    fake = Fake.make(tmp_path)
    store = system(fake, "Fedora, RHEL")
    fake.tool("update-ca-trust", "echo 'read-only file system' >&2; exit 1")
    result = carry_out(fake.machine, store, "install", [root(tmp_path / "ca")])
    assert (result.outcome, result.message) == ("failed", "update-ca-trust: read-only file system")
    assert result.commands[1] == "update-ca-trust extract"


def test_a_tool_that_does_nothing_is_not_believed(tmp_path: Path) -> None:
    """Success is what the store holds afterwards."""
    fake = Fake.make(tmp_path)
    store = system(fake, "Fedora, RHEL")
    fake.tool("update-ca-trust")
    result = carry_out(fake.machine, store, "install", [root(tmp_path / "ca")])
    assert (result.outcome, result.message) == ("failed", "nothing has changed")


def test_a_machine_without_a_known_mark_has_no_store(tmp_path: Path) -> None:
    """An unknown distribution, and another system, have none of these."""
    fake = Fake.make(tmp_path)
    assert store_linux.find(fake.machine) == ()
    fake.directory("/usr/local/share/ca-certificates")
    mac = Fake.make(tmp_path / "root", platform="darwin")
    mac.directory("/usr/local/share/ca-certificates")
    assert len(store_linux.find(fake.machine)) == 1
    assert store_linux.find(mac.machine) == ()
