"""`aex verify-proof`: works anywhere with a public key, and fails in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex


@pytest.fixture
def proof(aex: Aex, calls: list[str], home: Home, tmp_path: Path) -> Path:
    """A proof and its key in a folder, and the home gone."""
    file = tmp_path / "call.tlog-proof"
    aex("prove", "ex_1", "-o", file)
    shutil.copy(home.keys / "checkpoint.pub", tmp_path / "pub")
    shutil.rmtree(home.path)
    return file


def test_far_from_any_ledger(aex: Aex, proof: Path, home: Home, tmp_path: Path) -> None:
    """The key alone is enough, given as a file or as a word, and the event is shown."""
    shape = aex.json("verify-proof", proof, "--vkey-file", tmp_path / "pub")
    assert (shape["ok"], shape["execution_id"]) == (True, "ex_1")
    assert shape["payload"]["actual_nanousd"] == 1_200
    key = (tmp_path / "pub").read_text().strip()
    shown = aex("verify-proof", proof, "--vkey", key).stdout
    assert shown.startswith("proven: ")
    assert "$0.0000012" in shown
    assert not home.path.exists()


def test_the_home_s_own_key(aex: Aex, calls: list[str], tmp_path: Path) -> None:
    """Without a key the home's is taken."""
    file = tmp_path / "p"
    aex("prove", "ex_1", "-o", file)
    assert aex.json("verify-proof", file)["seq"] > 0


def test_failures_name_the_step(aex: Aex, proof: Path, tmp_path: Path) -> None:
    """No key, an altered file and no proof at all end in one line and exit code 1."""
    assert "Checking the signature failed" in aex("verify-proof", proof, code=1).stderr
    key = ("--vkey-file", tmp_path / "pub")
    text = proof.read_text()
    for altered, told in (
        (text.replace("index ", "index 1"), "Checking the place failed"),
        (text.replace("aex/", "aex/x", 1), "no key of the log"),
        ("x", "the first line is not"),
    ):
        proof.write_text(altered)
        result = aex("verify-proof", proof, *key, code=1)
        assert told in result.stderr
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""
    proof.write_bytes(b"\xff")
    assert "not UTF-8" in aex("verify-proof", proof, *key, code=1).stderr
