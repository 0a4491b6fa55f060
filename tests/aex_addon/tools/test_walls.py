"""What a sandbox is made of, word by word; that it holds is tested by running tools in it."""

from __future__ import annotations

from pathlib import Path

from aex_addon.tools import walls
from aex_addon.tools.machine import Machine, Python
from aex_addon.tools.walls import Descriptors, Written
from tests.aex_addon.tools.hostile import manifest

PYTHON = Python(Path("/opt/py/bin/python3"), (Path("/opt/py/lib"),))
FOLDERS = (Path("/usr"),)
ROOT = Machine("/usr/bin/bwrap", True, PYTHON, FOLDERS, (("usr/bin", Path("/bin")),))
USER = Machine("/usr/bin/bwrap", False, PYTHON, FOLDERS, (("usr/bin", Path("/bin")),))
GRANTED = ((Path("/srv/in"), False), (Path("/srv/out"), True))
FILES = (Written("/tool/a", True, b""), Written("/tool/sub/b", False, b""))


def words(machine: Machine) -> list[str]:
    covered = ((Path("/usr/aex"), True), (Path("/usr/l.db"), False))
    return walls.argv(machine, GRANTED, covered, FILES, Descriptors(3, 4, 5, (6, 7)))


def has(found: list[str], *wanted: str) -> int:
    """Where these words stand in a row; they must."""
    rows = zip(*(found[n:] for n in range(len(wanted))), strict=False)
    return list(rows).index(wanted)


def test_all_namespaces_are_new() -> None:
    """For whoever AEX runs as; none is shared with the machine."""
    for machine in (ROOT, USER):
        found = words(machine)
        for kind in ("ipc", "pid", "net", "uts", "cgroup"):
            has(found, f"--unshare-{kind}")
        for word in ("--die-with-parent", "--new-session"):
            has(found, word)
        has(found, "--cap-drop", "ALL")
        assert not any("share-net" in word for word in found if word != "--unshare-net")


def test_rights_of_either_user() -> None:
    """Nobody's all the way where AEX is no root; where it is, what it takes to become nobody."""
    user, root = words(USER), words(ROOT)
    has(user, "--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534")
    has(user, "--as-pid-1")
    assert "--cap-add" not in user
    assert [root[n + 1] for n, word in enumerate(root) if word == "--cap-add"] == [
        "CAP_SETUID",
        "CAP_SETGID",
        "CAP_SETPCAP",
    ]


def test_nothing_is_shown_to_write_but_what_is_granted() -> None:
    """All binds are read-only, one granted folder is not, and the root is closed at the end."""
    found = words(USER)
    written = [found[n + 1] for n, word in enumerate(found) if word in ("--bind", "--dev-bind")]
    assert written == ["/srv/out"]
    has(found, "--ro-bind", "/srv/in", "/srv/in")
    has(found, "--ro-bind", "/opt/py/lib", "/opt/py/lib")
    assert found[-4:] == ["--remount-ro", "/", "--chdir", "/tool"]


def test_own_folders_are_small() -> None:
    """/tmp and /dev/shm have a size; the rest of /dev is read-only first."""
    found = words(USER)
    size = str(walls.TMP_BYTES_MAX)
    closed = has(found, "--dev", "/dev", "--remount-ro", "/dev")
    for path in ("/tmp", "/dev/shm"):
        assert has(found, "--perms", "1777", "--size", size, "--tmpfs", path) > closed


def test_the_package_comes_from_memory() -> None:
    """Each file is written from its descriptor, and no path of the machine is named for it."""
    found = words(USER)
    has(found, "--perms", "0555", "--file", "6", "/tool/a")
    has(found, "--perms", "0444", "--file", "7", "/tool/sub/b")
    has(found, "--perms", "0755", "--dir", "/tool/sub")


def test_what_is_private_is_hidden_after_what_it_lies_in_is_shown() -> None:
    """A folder by an empty one that nobody may write to, a file by nothing."""
    found = words(USER)
    shown = has(found, "--ro-bind", "/usr", "/usr")
    hidden = has(found, "--tmpfs", "/usr/aex", "--remount-ro", "/usr/aex")
    assert hidden > shown
    assert has(found, "--ro-bind", "/dev/null", "/usr/l.db") > shown


def test_commands() -> None:
    """Options are read from a descriptor; `python` is the interpreter with its library alone."""
    start = walls.started(USER, "/py", 9, walls.inside(USER, 3))
    first = ["/opt/py/bin/python3", "-I", "-S", "/aex/inside.py", "3"]
    assert start == ["/usr/bin/bwrap", "--args", "9", "--", *first]
    outside = walls.started(ROOT, "/py", 9, walls.inside(ROOT, 3, 8080))
    assert outside[0] == "/py"
    assert outside[3].endswith("enter.py")
    assert outside[4:] == [*start, "8080"]


def test_what_the_tool_is(tmp_path: Path) -> None:
    """Its command and its environment, and limits that are the manifest's."""
    (tmp_path / "main.py").touch()
    ours = manifest(tmp_path, processes_max=7, ttl_seconds=9, env={"PATH": "/tool", "A": "b"})
    program = "/opt/py/bin/python3"
    assert walls.command(USER, ours) == [program, "-E", "-s", "-S", "-B", "main.py"]
    own = ours.model_copy(update={"entrypoint": ("./bin/x", "y")})
    assert walls.command(USER, own) == ["/tool/bin/x", "y"]
    found = walls.environment(ours)
    assert (found["PATH"], found["A"], found["HOME"]) == ("/tool", "b", "/tmp")
    limits = walls.limits(ours)
    assert (limits["RLIMIT_NPROC"], limits["RLIMIT_CPU"]) == (7, 10)
    assert limits["RLIMIT_DATA"] == 512 * walls.MIB


def test_files_of_every_sandbox() -> None:
    """The first program, and accounts that are nobody of the machine."""
    found = {each.path: each.content for each in walls.own_files()}
    assert b"def main" in found["/aex/inside.py"]
    assert found["/etc/passwd"].startswith(b"nobody:x:65534:65534:")
