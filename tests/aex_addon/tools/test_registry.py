"""Laws of the registry: what runs is what was installed, to the letter of its manifest."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aex_addon.tools import registry
from aex_addon.tools.manifest import ManifestError, read_manifest
from aex_addon.tools.members import PackageError
from aex_addon.tools.package import checked
from ledger.outcomes import Done
from ledger.state import ToolPlugin
from tests.ledger.making import open_at
from tests.tool_packages import SUM, pack


def row(tmp_path: Path, **fields: Any) -> ToolPlugin:
    """A tool as the ledger has it."""
    packed = pack(tmp_path, "sum", SUM, **fields)
    command = registry.install(tmp_path / "store", packed.manifest, packed.package, "cli:ann")
    with closing(open_at(tmp_path)) as store:
        assert store.one(command) == Done("sum")
        found = store.tool("sum")
    assert found is not None
    return found


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    """All of it, what it left out too; its package is in its place."""
    found = row(tmp_path, allowed_fs=["/srv/data"], env={"A": "é"}, ttl_seconds=7)
    manifest = registry.manifest_of(found)
    (path,) = tmp_path.glob("*.json")
    assert manifest == read_manifest(path)
    assert checked(tmp_path / "store", manifest).is_dir()
    kept = json.loads(found.manifest)
    assert kept["network"] == "none"
    assert kept.keys() == type(manifest).model_fields.keys()
    assert registry.text_of(manifest) == found.manifest
    assert registry.digest_of(found.manifest) == found.digest


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"digest": "0" * 64}, "another digest"),
        ({"cost_nanousd": 0}, "not what its manifest says"),
        ({"name": "other"}, "not what its manifest says"),
        ({"version": "2"}, "not what its manifest says"),
        ({"sha256": "0" * 64}, "not what its manifest says"),
    ],
)
def test_a_row_that_was_edited_is_none(tmp_path: Path, changes: Any, says: str) -> None:
    """Each column must be what the manifest says, and the manifest what was installed."""
    with pytest.raises(ManifestError, match=says):
        registry.manifest_of(row(tmp_path)._replace(**changes))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": "sum"}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    """Even under its right digest, as one of a later program may be."""
    found = row(tmp_path)._replace(manifest=text, digest=registry.digest_of(text))
    with pytest.raises(ManifestError):
        registry.manifest_of(found)


def test_another_package_is_not_installed(tmp_path: Path) -> None:
    """The ledger is told nothing, and nothing is in its place."""
    packed = pack(tmp_path, "sum", SUM)
    (packed.package / "main.py").write_text("print('another')")
    with pytest.raises(PackageError, match="sha256"):
        registry.install(tmp_path / "store", packed.manifest, packed.package, "cli:ann")
    assert list(tmp_path.glob("store/*/*")) == []


def test_what_is_removed_leaves_no_file(tmp_path: Path) -> None:
    """Of none of its versions; a second removal finds nothing, and says nothing."""
    found = row(tmp_path)
    assert (tmp_path / "store" / "sum").is_dir()
    for _ in range(2):
        registry.forget(tmp_path / "store", found)
        assert list((tmp_path / "store").iterdir()) == []
