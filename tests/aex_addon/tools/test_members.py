"""Equal files have one hash, and nothing else has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.tools import members
from aex_addon.tools.members import Member, PackageError, hashed, ignored, named, whole

HERE = Path("package")


def test_the_hash_is_fixed() -> None:
    """Manifests that were written must hold for as long as there are tools."""
    package = whole([Member("b/c.py", False, b"x"), Member("a", True, b"")], HERE)
    assert hashed(package) == "6cad7e51747c5039a19a8cc8435bbbedab1d03849a9239604e6b22f0aa9ef5a5"


def test_everything_counts() -> None:
    """Name, right to execute and content each make another hash; order of arrival does not."""
    one, two = Member("a", False, b"1"), Member("b", False, b"2")
    packages = [
        (one, two),
        (Member("a", True, b"1"), two),
        (Member("a", False, b"12"), Member("b", False, b"")),
        (Member("a", False, b"2"), Member("b", False, b"1")),
        (one,),
        (Member("a-", False, b"1"), two),
    ]
    assert len({hashed(whole(each, HERE)) for each in packages}) == len(packages)
    assert whole((two, one), HERE) == whole((one, two), HERE)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "../a",
        "a/../b",
        "a//b",
        "./a",
        "a/.",
        "a\\b",
        "a\nb",
        "a\0",
        "/".join("a" * 17),
        "a" * 513,
    ],
)
def test_names_that_are_refused(name: str) -> None:
    """A name leads to one place below the package, on every system."""
    with pytest.raises(PackageError):
        named(name, HERE)


def test_names_that_are_taken() -> None:
    """Letters of any script, and dots that lead nowhere."""
    for name in ("a", "a/b.c", "été/..x", "a b"):
        assert named(name, HERE) == name
    assert ignored("a/__pycache__/b.pyc")
    assert not ignored("a/pycache__/b")


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of files, of bytes, and none at all; nothing is a file and a folder."""
    monkeypatch.setattr(members, "FILES_MAX", 2)
    monkeypatch.setattr(members, "BYTES_MAX", 10)
    files = [Member(name, False, b"12345") for name in "abc"]
    assert len(whole(files[:2], HERE)) == 2
    with pytest.raises(PackageError, match="more than 2 files"):
        whole(files, HERE)
    with pytest.raises(PackageError, match="leave out"):
        whole([Member("a", False, b"x" * 11)], HERE)
    with pytest.raises(PackageError, match="holds no files"):
        whole([], HERE)
    with pytest.raises(PackageError, match="a twice"):
        whole([files[0], files[0]], HERE)
    with pytest.raises(PackageError, match="a as a file and as a folder"):
        whole([Member("a", False, b""), Member("a/b", False, b"")], HERE)
