"""Laws of certs/history.py."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from certs import history, issue
from certs.errors import KeyExposed
from tests.certs.authority import HOSTS, NOW, PEM

REASONS = ("It does not permit a.example.", "It expires on 2026-01-01.")


@pytest.fixture(scope="module")
def issued() -> list[issue.Issued]:
    return [issue.issue(HOSTS, NOW) for _ in range(3)]


def test_what_is_kept_comes_back(issued: list[issue.Issued], tmp_path: Path) -> None:
    """Root, moment and reasons are those that were written, the newest first."""
    first, second, current = (each.root for each in issued)
    history.keep(tmp_path, first, NOW, REASONS)
    history.keep(tmp_path, second, NOW + timedelta(seconds=1), ())
    found = history.replaced(tmp_path, current)
    assert [(each.root.certificate, each.at, each.reasons) for each in found] == [
        (second, NOW + timedelta(seconds=1), ()),
        (first, NOW, REASONS),
    ]
    assert found[0].root.file.read_bytes().endswith(second.public_bytes(PEM))


def test_the_current_root_is_not_a_replaced_one(issued: list[issue.Issued], tmp_path: Path) -> None:
    """A crash before the new CA stood leaves the root that still counts among the others."""
    history.keep(tmp_path, issued[0].root, NOW, REASONS)
    assert history.replaced(tmp_path, issued[0].root) == ()


def test_only_the_owner_may_look(issued: list[issue.Issued], tmp_path: Path) -> None:
    """The folder is private, and one that others may write to is refused."""
    history.keep(tmp_path, issued[0].root, NOW, REASONS)
    folder = tmp_path / history.DIRECTORY
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o770)
    with pytest.raises(KeyExposed, match="chmod 700"):
        history.keep(tmp_path, issued[1].root, NOW, REASONS)


@pytest.mark.parametrize("content", [b"", b"\xff", b"# replaced 2026\n", b"no date"])
def test_what_is_damaged_is_passed_over(
    issued: list[issue.Issued], tmp_path: Path, content: bytes
) -> None:
    """A file that tells no root, or no moment, hides none of the others."""
    history.keep(tmp_path, issued[0].root, NOW, REASONS)
    folder = tmp_path / history.DIRECTORY
    (folder / "aex-root-1.pem").write_bytes(content)
    (folder / "aex-root-2.pem").write_bytes(content + issued[1].root.public_bytes(PEM))
    (folder / "aex-root-3.pem").write_bytes(
        f"# replaced {NOW.isoformat()}\n".encode() + issued[1].issuing.public_bytes(PEM)
    )
    (found,) = history.replaced(tmp_path, issued[2].root)
    assert found.root.certificate == issued[0].root


def test_nothing_was_replaced_yet(issued: list[issue.Issued], tmp_path: Path) -> None:
    """A CA directory without the folder has no past."""
    assert history.replaced(tmp_path, issued[0].root) == ()
