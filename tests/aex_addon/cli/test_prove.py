"""`aex prove`: the proof of a call's last event."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.home import Home
from aex_addon.keys import verifier_keys
from ledger.event_proof import verify
from tests.aex_addon.cli.conftest import Aex


@pytest.mark.parametrize(
    ("execution", "kind"), [("ex_1", "execution.committed"), ("ex_2", "execution.denied")]
)
def test_what_a_call_came_to(
    aex: Aex, home: Home, calls: list[str], execution: str, kind: str
) -> None:
    """The last event is proven, in a checkpoint that is taken for it."""
    proven = verify(aex("prove", execution).stdout, verifier_keys(home))
    assert (proven.event.execution_id, proven.event.type) == (execution, kind)


def test_a_checkpoint_that_covers_it_is_used(aex: Aex, calls: list[str], home: Home) -> None:
    """A second proof of an old event takes no second checkpoint."""
    first = verify(aex("prove", "ex_1").stdout, verifier_keys(home)).checkpoint
    aex("agent", "top-up", "shop", "1")
    assert verify(aex("prove", "ex_2").stdout, verifier_keys(home)).checkpoint == first


def test_into_a_file(aex: Aex, calls: list[str], tmp_path: Path) -> None:
    """With -o the file holds the proof, and standard output nothing."""
    file = tmp_path / "call.tlog-proof"
    result = aex("prove", "ex_1", "-o", file)
    assert result.stdout == ""
    assert "aex verify-proof" in result.stderr
    assert file.read_text() == aex("prove", "ex_1").stdout


def test_as_a_document(aex: Aex, calls: list[str], tmp_path: Path) -> None:
    """It says which event is proven and where the proof is, which it holds as well."""
    file, text = tmp_path / "call.tlog-proof", aex("prove", "ex_1").stdout
    last = aex.json("executions", "show", "ex_1")["events"][-1]["seq"]
    told = {"execution_id": "ex_1", "seq": last, "proof": text}
    assert aex.json("prove", "ex_1") == told | {"file": None}
    assert aex.json("prove", "ex_1", "-o", file) == told | {"file": str(file)}
    assert file.read_text() == text


def test_an_unknown_call(aex: Aex, calls: list[str]) -> None:
    """It is refused with the command that lists them."""
    assert "aex executions list" in aex("prove", "ex_9", code=1).stderr
