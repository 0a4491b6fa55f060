"""Laws of the tools' registry: what is installed is run by nobody until it was enabled as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.admin_commands import Command, LendToken, RevokeToken, SetTool
from ledger.audit import audit
from ledger.commands import Admit, Tool
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Admitted, Denied, Done, Rejected
from ledger.read import Reader
from ledger.store import Store
from ledger.tools import MANIFEST_MAX
from tests.ledger.making import (
    SECOND,
    START,
    URL,
    Hand,
    Pure,
    admit,
    create,
    install,
    issue,
    open_at,
    run,
    started,
    token_hash,
    word,
)

ENABLE = SetTool("lookup", "enabled", "cli:ann")


def call(key: str, version: str = "1", **changes: Any) -> Admit:
    """A call that has `lookup` run, whose manifest the gateway has read."""
    return admit(key, fixed=40, tool=Tool("lookup", install(version=version).digest), **changes)


def enabled(**changes: Any) -> Pure:
    """A ledger with an enabled tool."""
    kernel = started(**changes)
    kernel(install())
    kernel(ENABLE)
    return kernel


def test_a_tool_is_installed_disabled() -> None:
    """Installing is no leave to run: a call is refused, and is told what the operator may do."""
    kernel = started()
    assert kernel(install()) == Done("lookup")
    assert kernel.state.tools["lookup"].state == "disabled"
    denial = kernel(call("e1"))
    assert isinstance(denial, Denied)
    assert (denial.status, denial.code) == (403, "tool_disabled")
    assert "`aex plugin enable lookup`" in denial.message
    assert kernel.balance() == (1_000, 0, 0)
    assert kernel(ENABLE) == Done("lookup")
    assert isinstance(kernel(call("e2")), Admitted)


def test_each_act_is_an_event_with_its_actor() -> None:
    """The log says who installed what (hashes, version, cost), enabled it and took it away."""
    kernel = started()
    seen = len(kernel.log)
    acts = (
        install(reason="asked for"),
        SetTool("lookup", "enabled", "admin", "looked at it"),
        SetTool("lookup", "disabled", "cli:bob"),
        SetTool("lookup", "removed", "cli:bob"),
    )
    for act in acts:
        assert kernel(act) == Done("lookup")
    told = kernel.log[seen:]
    assert [event.type for event in told] == [
        *("tool.installed", "tool.enabled", "tool.disabled", "tool.removed")
    ]
    assert [event.data()["actor"] for event in told] == ["cli:ann", "admin", "cli:bob", "cli:bob"]
    said = told[0].data()
    asked = install()
    assert (said["sha256"], said["digest"]) == (asked.sha256, asked.digest)
    assert (said["version"], said["cost_nanousd"], said["reason"]) == ("1", 40, "asked for")
    assert said["manifest"] == asked.manifest
    assert {(event.agent, event.execution_id) for event in told} == {(None, None)}


@pytest.mark.parametrize(
    "other",
    [
        {"version": "2"},
        {"sha256": "a" * 64},
        {"digest": "b" * 64},
    ],
)
def test_an_upgrade_is_disabled(other: dict[str, str]) -> None:
    """Another version, package or manifest takes the place of the enabled one, and is not run."""
    kernel = enabled()
    assert kernel(install(**other)) == Done("lookup")
    assert kernel.state.tools["lookup"].state == "disabled"
    asked = Tool("lookup", kernel.state.tools["lookup"].digest)
    assert word(kernel(admit("e1", fixed=40, tool=asked))) == "403 tool_disabled"


def test_installing_the_same_again_changes_nothing() -> None:
    """Another gateway of the same ledger installs it in its own home, and it stays enabled."""
    kernel = enabled()
    seen = len(kernel.log)
    assert kernel(install(actor="cli:bob")) == Done("lookup")
    assert kernel(ENABLE) == Done("lookup")
    assert len(kernel.log) == seen
    assert kernel.state.tools["lookup"].state == "enabled"


def test_a_call_is_of_the_tool_that_was_read() -> None:
    """A call whose manifest or price is not the installed one any more is refused."""
    kernel = enabled()
    kernel(install(version="2"))
    kernel(ENABLE)
    assert word(kernel(call("e1", version="1"))) == "409 tool_changed"
    assert isinstance(kernel(call("e2", version="2")), Admitted)
    dearer = admit("e3", fixed=39, tool=Tool("lookup", install(version="2").digest))
    assert word(kernel(dearer)) == "409 tool_changed"


def test_what_was_removed_is_not_there() -> None:
    """No call has it run, nobody enables it; installed anew it is disabled."""
    kernel = enabled()
    kernel(SetTool("lookup", "removed", "cli:ann"))
    assert word(kernel(call("e1"))) == "404 no_such_tool"
    assert isinstance(kernel(ENABLE), Rejected)
    assert kernel(install()) == Done("lookup")
    assert kernel.state.tools["lookup"].state == "disabled"


def test_nobody_enables_what_he_has_not_seen() -> None:
    """An act on a tool that was exchanged meanwhile is refused, with what stands there now."""
    kernel = started()
    kernel(install())
    kernel(install(version="2"))
    refusal = kernel(SetTool("lookup", "enabled", "admin", digest=install().digest))
    assert isinstance(refusal, Rejected)
    assert "version 2" in refusal.message
    newest = install(version="2").digest
    assert kernel(SetTool("lookup", "enabled", "admin", digest=newest)) == Done("lookup")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (install("a/b"), "a tool's name"),
        (install("-a"), "a tool's name"),
        (install("x" * 65), "a tool's name"),
        (install(version=""), "a tool's version"),
        (install(version="1\n"), "a tool's version"),
        (install(version="v" * 65), "a tool's version"),
        (install(sha256="A" * 64), "SHA-256"),
        (install(digest="0" * 63), "SHA-256"),
        (install(manifest=""), "manifest is text"),
        (install(manifest="\0"), "manifest is text"),
        (install(manifest="x" * (MANIFEST_MAX + 1)), "manifest is text"),
        (install(cost_nanousd=-1), "an amount"),
        (install(cost_nanousd=MAX_NANOUSD + 1), "an amount"),
        (SetTool("nothing", "enabled", "cli:ann"), "there is no tool 'nothing'"),
        (SetTool("lookup", "on", "cli:ann"), "a tool is one of"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(command: Command, says: str) -> None:
    """With a sentence that says what is wrong, and nothing is written."""
    kernel = started()
    seen = len(kernel.log)
    refusal = kernel(command)
    assert isinstance(refusal, Rejected)
    assert says in refusal.message
    assert len(kernel.log) == seen


def lend(by: str, **changes: Any) -> LendToken:
    """A token for a tool, until a second after the next command."""
    command = LendToken(by, token_hash("tool"), "tool-1", START + 60 * SECOND, "gateway")
    return replace(command, **changes)


def test_a_tool_calls_on_the_account_of_its_agent() -> None:
    """Its token pays what the asking one pays from, and ends at its time or with the other."""
    kernel = started()
    kernel(run("alice", "r1", 50, by=token_hash("alice")))
    asking = token_hash("alice/r1")
    assert kernel(lend(asking)) == Done("alice", START + 60 * SECOND)
    lent = kernel.state.tokens[token_hash("tool")]
    assert (lent.account, lent.label, lent.scope) == ("alice/r1", "tool", "execution")
    assert word(kernel(admit("e1", fixed=51, token_hash=lent.token_hash))) == "402 budget_exceeded"
    assert isinstance(kernel(admit("e2", fixed=50, token_hash=lent.token_hash)), Admitted)
    kernel.now = START + 60 * SECOND
    assert word(kernel(admit("e3", fixed=0, token_hash=lent.token_hash))) == "401 token_expired"


def test_it_outlives_no_token_that_asks_for_it() -> None:
    """A token that ends sooner ends what it lends, too."""
    kernel = started(token_expires_at=START + 9 * SECOND)
    assert kernel(lend(token_hash("alice"))) == Done("alice", START + 9 * SECOND)
    kernel.now = START + 9 * SECOND
    late = lend(token_hash("alice"), token_hash="f" * 64)
    assert isinstance(kernel(late), Rejected)


def test_who_may_not_call_lends_nothing() -> None:
    """Neither a token that is unknown, revoked or only reads, nor the same token twice."""
    kernel = started()
    kernel(issue(number=2, scope="read-only"))
    kernel(issue(number=3))
    kernel(RevokeToken(token_hash("alice", 3), "lost", "cli:ann"))
    assert kernel(lend(token_hash("alice"))) == Done("alice", START + 60 * SECOND)
    seen = len(kernel.log)
    asked = [token_hash("nobody"), token_hash("alice", 2), token_hash("alice", 3)]
    for by in (*asked, token_hash("alice")):
        assert isinstance(kernel(lend(by)), Rejected)
    assert len(kernel.log) == seen


def test_a_call_without_a_tool_needs_none() -> None:
    """Calls of models are what they were."""
    assert isinstance(started()(admit("e1")), Admitted)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Store]:
    """A store with an enabled tool and one call of it."""
    with closing(open_at(tmp_path, clock=Hand().clock())) as store:
        store.execute([create(), install(), ENABLE, call("e1")])
        yield store


def test_a_store_keeps_it_over_a_restart(held: Store, tmp_path: Path) -> None:
    """Another program finds the tool as it stands, and the log says the same."""
    held.close()
    with closing(open_at(tmp_path, clock=Hand().clock())) as store:
        found = store.tool("lookup")
        assert found is not None
        assert (found.version, found.state, found.cost_nanousd) == ("1", "enabled", 40)
        assert found.manifest == install().manifest
        store.one(SetTool("lookup", "removed", "cli:ann"))
        assert store.tool("lookup") is None
    with Reader(URL, tmp_path) as reader:
        assert reader.tools()["lookup"].state == "removed"
        assert [finding for finding in audit(reader) if not finding.holds] == []


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE tool_plugins SET state = 'disabled'",
        f"UPDATE tool_plugins SET sha256 = '{'0' * 64}'",
        "UPDATE tool_plugins SET manifest = manifest || ' '",
        "UPDATE tool_plugins SET cost_nanousd = 0",
        "DELETE FROM tool_plugins",
        "INSERT INTO tool_plugins VALUES ('x', '1', '', '', '', 0, 'enabled', 0, 0)",
    ],
)
def test_an_edited_registry_is_found(held: Store, tmp_path: Path, edit: str) -> None:
    """The table is compared with the log, row by row."""
    held.engine.begin()
    held.engine.rows(edit)
    held.engine.commit()
    with Reader(URL, tmp_path) as reader:
        assert [finding.law for finding in audit(reader) if not finding.holds] == ["tool_plugins"]
