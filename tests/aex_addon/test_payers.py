"""Each mode and source stands for one agent, by a token that nobody can name."""

from __future__ import annotations

import pytest
from mitmproxy.connection import Client
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow

from aex_addon.identity import Credential, Identity
from aex_addon.payers import Payers, is_captured
from aex_addon.settings_tables import CaptureSettings
from aex_addon.settings_values import ConfigError
from aex_addon.tokens import token_hash
from ledger.admin_commands import CAPTURE, IssueToken, RevokeToken
from ledger.outcomes import Done, Outcome, Rejected
from ledger.state import Token
from tests.aex_addon.rig import token_of

TRANSPARENT, WIREGUARD, LOCAL = "transparent@[::1]:8080", "wireguard@0.0.0.0:1", "local:claude"
CONFIGURED = {
    TRANSPARENT: CaptureSettings(agents={"10.0.0.5": "one", "10.0.0.0/24": "two"}),
    WIREGUARD: CaptureSettings(agent="peer"),
    LOCAL: CaptureSettings(agent="two"),
}


class Books:
    """A ledger that knows these agents, and what it was told."""

    def __init__(self, *agents: str) -> None:
        self.agents = agents
        self.told: list[IssueToken | RevokeToken] = []

    def __call__(self, command: IssueToken | RevokeToken) -> Outcome:
        if isinstance(command, IssueToken) and command.name not in self.agents:
            return Rejected("there is no such agent")
        self.told.append(command)
        return Done("")


def client(mode: str, source: str = "192.0.2.1") -> Client:
    made = tflow.tclient_conn()
    made.proxy_mode, made.peername = ProxyMode.parse(mode), (source, 4711)
    return made


@pytest.fixture
def books() -> Books:
    return Books("one", "two", "peer")


@pytest.fixture
def payers(books: Books) -> Payers:
    made = Payers(CONFIGURED, "gw_1")
    made.begin(books, [], alone=True)
    return made


@pytest.mark.parametrize(
    ("mode", "source", "name"),
    [
        ("transparent@::1:8080", "10.0.0.5", "one"),
        ("transparent@::1:8080", "10.0.0.6", "two"),
        ("transparent@::1:8080", "10.0.1.5", None),
        ("transparent@127.0.0.1:8080", "10.0.0.5", None),
        (WIREGUARD, "10.0.0.1", "peer"),
        (WIREGUARD, "fd00::1", "peer"),
        ("wireguard:/other@0.0.0.0:2", "10.0.0.1", None),
        (LOCAL, "127.0.0.1", "two"),
        ("local:other", "127.0.0.1", None),
        ("tun", "10.0.0.5", None),
        ("regular@127.0.0.1:9000", "10.0.0.5", None),
    ],
)
def test_who_pays(payers: Payers, books: Books, mode: str, source: str, name: str | None) -> None:
    """The agent of this very mode and source, with a token that the ledger knows by its hash."""
    found = payers.of(client(mode, source))
    assert (found[0] if found else None) == name
    if found:
        issued = {each.token_hash: each for each in books.told if isinstance(each, IssueToken)}
        own = issued[token_hash(found[1])]
        assert (own.name, own.label, own.scope, own.actor) == (name, CAPTURE, "execution", "gw_1")
    assert is_captured(client(mode)) == (not mode.startswith("regular"))


def test_one_token_for_each_agent(payers: Payers, books: Books) -> None:
    """However often an agent is named; they end with the gateway, and then nobody pays."""
    assert sorted(each.name for each in books.told if isinstance(each, IssueToken)) == [
        *("one", "peer", "two")
    ]
    hashes = {each.token_hash for each in books.told}
    books.told.clear()
    payers.end(books)
    assert {each.token_hash for each in books.told} == hashes
    assert payers.of(client(LOCAL)) is None
    assert "aex_" not in repr(vars(payers))


def test_agents_that_do_not_exist(books: Books) -> None:
    """All of them are told at once, with what makes them."""
    books.agents = ("one",)
    with pytest.raises(ConfigError) as raised:
        Payers(CONFIGURED, "gw_1").begin(books, [], alone=True)
    assert [problem.split(":")[-1] for problem in raised.value.problems] == [
        " aex agent create peer BUDGET_USD RPM",
        " aex agent create two BUDGET_USD RPM",
    ]
    issued, *revoked = books.told
    assert issued.token_hash in {each.token_hash for each in revoked}


@pytest.mark.parametrize("alone", [True, False])
def test_what_a_crash_left(books: Books, alone: bool) -> None:
    """Tokens of a gateway that is gone are revoked where it is known to be gone; no others are."""
    left = Token("h1", "t1", "one", "execution", CAPTURE, 1, 0, 0, "one")
    known = [left, replace_token(left, "h2", revoked_at=5), replace_token(left, "h3", label="run")]
    Payers({}, "gw_2").begin(books, known, alone=alone)
    assert [each.token_hash for each in books.told] == (["h1"] if alone else [])


def replace_token(token: Token, digest: str, **changes: int | str) -> Token:
    return Token(**{**token._asdict(), "token_hash": digest, **changes})


def test_identity_goes_by_the_source(payers: Payers) -> None:
    """What it shows to a proxy says nothing of who pays; a token in a key's place still does."""
    identity = Identity(payers)
    flow = tflow.tflow(client_conn=client(LOCAL))
    flow.request.headers["proxy-authorization"] = "Basic b3RoZXI6eA=="
    own = payers.of(flow.client_conn)
    assert own is not None
    assert identity.of(flow) == Credential(own[1], "two")
    flow.client_conn.proxy_mode = ProxyMode.parse("tun")
    assert identity.of(flow) is None
    flow.request.headers["authorization"] = f"Bearer {token_of('a')}"
    assert identity.of(flow) == Credential(token_of("a"))
    assert identity.of(flow, key_slot=False) is None
