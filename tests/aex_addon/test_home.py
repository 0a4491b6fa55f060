"""The home: where it is, and that nobody else can look into it."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import pytest

from aex_addon.home import Home, HomeError, check_private, key_lines, private_umask


def mode(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_variable_names_the_home(tmp_path: Path) -> None:
    """AEX_HOME is the home, made absolute, and need not exist."""
    assert Home.locate({"AEX_HOME": str(tmp_path / "x")}).path == tmp_path / "x"
    assert Home.locate({"AEX_HOME": "near"}).path == Path.cwd() / "near"


@pytest.mark.parametrize("environ", [{}, {"AEX_HOME": ""}])
def test_without_the_variable_it_is_in_the_users_home(environ: dict[str, str]) -> None:
    """An empty AEX_HOME counts as none, and ~/.aex is the default."""
    assert Home.locate(environ).path == Path.home() / ".aex"


def test_a_new_home_is_closed_to_others(tmp_path: Path) -> None:
    """The directory is made with mode 0700 whatever the umask, and kept as it is afterwards."""
    home = Home(tmp_path / "deep" / "home")
    before = os.umask(0)
    try:
        assert home.ensure() is True
    finally:
        os.umask(before)
    assert mode(home.path) == 0o700
    assert home.ensure() is False


def test_an_open_home_is_refused_with_the_command(tmp_path: Path) -> None:
    """A home that others may enter is refused, not mended behind the operator's back."""
    home = Home(tmp_path / "a home")
    home.path.mkdir(mode=0o755)
    with pytest.raises(HomeError) as refused:
        home.ensure()
    assert f"chmod 700 '{home.path}'" in str(refused.value)
    assert mode(home.path) == 0o755


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A file in the home's place is named as such."""
    (tmp_path / "home").touch()
    with pytest.raises(HomeError, match="no directory"):
        Home(tmp_path / "home").ensure()


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o602, 0o601])
def test_every_right_of_others_counts(tmp_path: Path, bits: int) -> None:
    """A secret that group or others may read, write or run is refused with the chmod to run."""
    secret = tmp_path / "secret"
    secret.touch()
    secret.chmod(bits)
    with pytest.raises(HomeError, match=f"chmod 600 {secret}"):
        check_private(secret)
    secret.chmod(0o600)
    check_private(secret)


def test_the_umask_holds_only_inside(tmp_path: Path) -> None:
    """New files are private inside, and the umask from before comes back even after an error."""
    before = os.umask(0o022)
    try:
        with contextlib.suppress(KeyError), private_umask() as seen:
            assert seen == 0o022
            (tmp_path / "new").touch()
            raise KeyError
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == 0o600


def test_all_files_are_inside() -> None:
    """No file of the home lies outside it, and no two have one name."""
    home = Home(Path("/h"))
    names = ("config", "ca_dir", "bundle", "keys", "pid_file", "lock_file", "log_file")
    paths = [getattr(home, name) for name in names]
    assert {path.parent for path in paths} == {home.path}
    assert len(set(paths)) == len(paths)


def test_keys_are_found_on_their_lines() -> None:
    """Tables, quoted and dotted keys have their lines; what looks like a key in text does not."""
    text = '''a = 1
text = """
b = 2
[c]
"""
list = [
  "x = 1", # [d]
]
  [ p . "q.r" ]   # comment
s.'t u' = {v = 1}
'''
    assert list(key_lines(text)) == [
        (("a",), 1),
        (("text",), 2),
        (("list",), 6),
        (("p", "q.r"), 9),
        (("p", "q.r", "s", "t u"), 10),
    ]


def test_tables_of_a_list_are_numbered() -> None:
    """Each [[NAME]] has a place of its own, and what follows belongs to the last one."""
    text = """[[a]]
b = 1
[a.c]
d = 2
[[a]]
b = 3
[a.c]
[[e.f]]
[e.g]
"""
    assert list(key_lines(text)) == [
        (("a", "0"), 1),
        (("a", "0", "b"), 2),
        (("a", "0", "c"), 3),
        (("a", "0", "c", "d"), 4),
        (("a", "1"), 5),
        (("a", "1", "b"), 6),
        (("a", "1", "c"), 7),
        (("e", "f", "0"), 8),
        (("e", "g"), 9),
    ]
