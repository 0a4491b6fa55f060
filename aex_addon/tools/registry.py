"""The registry: a manifest as the ledger keeps it, and back.

Owns: the text under which a manifest is kept, its digest, and what is installed by a command.
Refuses to know: who may install (ledger/tools.py), what a manifest may say (manifest.py), how a
package is kept (package.py).

The ledger keeps the whole manifest, so that what a tool may touch is what the log says: no file
that is edited later gives it more.
"""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from aex_addon.tools import package
from aex_addon.tools.manifest import Manifest, ManifestError, parse_manifest, read_manifest
from ledger.admin_commands import InstallTool
from ledger.state import ToolPlugin


def text_of(manifest: Manifest) -> str:
    """The manifest as it is kept, with what it leaves out: later defaults are not its own."""
    return json.dumps(manifest.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def digest_of(text: str) -> str:
    """The digest of a manifest's text."""
    return sha256(text.encode()).hexdigest()


def install(store: Path, manifest_path: Path, package_path: Path, actor: str) -> InstallTool:
    """Puts a package in its place, and says what the ledger is to be told.

    `store` is AEX_HOME/tools. Raises ManifestError or PackageError; nothing is in its place then.
    """
    manifest = read_manifest(manifest_path)
    package.install(store, manifest, package_path)
    text = text_of(manifest)
    return InstallTool(
        tool=manifest.name,
        version=manifest.version,
        sha256=manifest.sha256,
        digest=digest_of(text),
        manifest=text,
        cost_nanousd=manifest.cost_nanousd,
        actor=actor,
    )


def forget(store: Path, tool: ToolPlugin) -> None:
    """Takes a removed tool's packages away; those of versions before it, too."""
    kept = store / tool.name
    for folder, _, _ in kept.walk():
        # They are closed to their owner's writing.
        folder.chmod(0o700)
    shutil.rmtree(kept, ignore_errors=True)


def manifest_of(tool: ToolPlugin) -> Manifest:
    """A tool's manifest. Raises ManifestError where it is not the one that was installed."""
    manifest = _parsed(tool.manifest, tool.digest)
    said = (manifest.name, manifest.version, manifest.sha256, manifest.cost_nanousd)
    if said != (tool.name, tool.version, tool.sha256, tool.cost_nanousd):
        raise ManifestError(f"the row of {tool.name} is not what its manifest says")
    return manifest


@lru_cache(maxsize=256)
def _parsed(text: str, digest: str) -> Manifest:
    if digest_of(text) != digest:
        raise ManifestError("the manifest has another digest than the one that was installed")
    try:
        return parse_manifest(json.loads(text))
    except ValueError as error:
        raise ManifestError(f"the manifest cannot be read: {error}") from None
