"""Laws of certs/store_java.py, on a real keystore where this machine has keytool."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from certs import store_java
from certs.machine import Machine
from certs.root import Root
from certs.trust import carry_out, plan
from tests.certs.tools import Fake, root

# Half the time of a start, of which there are many.
QUICK = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


def keytool(*words: str) -> str:
    done = subprocess.run(
        ["keytool", *words, "-storepass", "changeit"],
        env={**os.environ, **QUICK},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def imported(keystore: Path, alias: str, one: Root) -> None:
    keytool(
        "-importcert",
        "-noprompt",
        "-alias",
        alias,
        "-file",
        str(one.file),
        "-keystore",
        str(keystore),
    )


@pytest.fixture
def other(tmp_path: Path) -> Root:
    return root(tmp_path / "other")


@pytest.fixture
def machine(tmp_path: Path, other: Root) -> Machine:
    """A machine with one Java, that JAVA_HOME names, and in whose keystore a root stands."""
    tool = shutil.which("keytool")
    if not tool:
        pytest.skip("needs keytool, which comes with a Java: apt-get install default-jre-headless")
    home = tmp_path / "jvm"
    for folder in ("bin", "lib/security"):
        (home / folder).mkdir(parents=True)
    (home / "bin" / "keytool").symlink_to(tool)
    imported(home / "lib/security/cacerts", "public", other)
    environ = {"PATH": str(tmp_path / "nothing"), "JAVA_HOME": str(home), **QUICK}
    return Machine("linux", tmp_path, environ, superuser=True, root=tmp_path / "root")


def test_a_root_goes_in_and_out(machine: Machine, other: Root, tmp_path: Path) -> None:
    """Once in, once out, also under the alias that Debian gives it; a neighbour's root stays."""
    ours = root(tmp_path / "ca")
    (store,) = store_java.find(machine)
    assert carry_out(machine, store, "install", [ours]).outcome == "done"
    assert carry_out(machine, store, "install", [ours]).outcome == "already"
    imported(store.keystore, f"debian:{ours.label}.pem", ours)
    assert carry_out(machine, store, "uninstall", [ours]).outcome == "done"
    assert ours.label not in keytool("-list", "-keystore", str(store.keystore))
    assert store.check(machine, [ours, other]).trusted == {other.label}


def test_a_keystore_with_another_password_is_not_changed(machine: Machine, tmp_path: Path) -> None:
    """What keytool said stands in the result, with the command to be run with the right one."""
    (store,) = store_java.find(machine)
    keytool("-storepasswd", "-new", "another", "-keystore", str(store.keystore))
    before = store.keystore.read_bytes()
    result = carry_out(machine, store, "install", [root(tmp_path / "ca")])
    assert result.outcome == "failed"
    assert "password was incorrect" in result.message
    assert "-importcert" in result.commands[0]
    assert store.keystore.read_bytes() == before


def java(fake: Fake, home: Path) -> Path:
    (home / "lib/security").mkdir(parents=True)
    (home / "lib/security/cacerts").touch()
    return home / "lib/security/cacerts"


def test_every_java_is_found_once(tmp_path: Path) -> None:
    """JAVA_HOME, the one in the PATH and those of packages; links to one keystore are one."""
    fake = Fake.make(tmp_path)
    fake.tool("keytool")
    named, packaged = tmp_path / "sdk", fake.directory("/usr/lib/jvm/java-21")
    mac = fake.directory("/Library/Java/JavaVirtualMachines/x.jdk/Contents/Home")
    expected = [java(fake, home) for home in (named, packaged, mac)]
    fake.directory("/usr/lib/jvm/default-java").rmdir()
    (packaged.parent / "default-java").symlink_to(packaged)
    in_path = packaged / "bin" / "java"
    in_path.parent.mkdir()
    in_path.touch()
    in_path.chmod(0o755)
    (fake.folder / "bin" / "java").symlink_to(in_path)
    machine = replace(fake.machine, environ={**fake.machine.environ, "JAVA_HOME": str(named)})
    assert [store.keystore for store in store_java.find(machine)] == expected


def test_a_keystore_of_roots_needs_sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user is told the command for a file that they cannot write; looking needs no rights."""
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    fake = Fake.make(tmp_path)
    fake.tool("keytool")
    store = store_java.JavaStore(tmp_path / "cacerts", "keytool")
    ours = root(tmp_path / "ca")
    made = plan(fake.user(), store, "install", [ours])
    assert made.outcome == "needs-root"
    assert made.commands[0].startswith("sudo keytool -J-Duser.language=en -importcert ")
    assert fake.calls()[0].startswith("keytool -J-Duser.language=en -list -rfc")


def test_without_java_there_is_no_store(tmp_path: Path) -> None:
    """Neither keystores without keytool nor keytool without keystores are one."""
    fake = Fake.make(tmp_path)
    java(fake, fake.directory("/usr/lib/jvm/java-21"))
    assert store_java.find(fake.machine) == ()
    other = tmp_path / "other"
    other.mkdir()
    bare = Fake.make(other)
    bare.tool("keytool")
    assert store_java.find(bare.machine) == ()
