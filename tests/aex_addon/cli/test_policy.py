"""aex_addon/cli/policy.py: the policy in words, and the verdict on a request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex
from tests.aex_addon.governed import put
from tests.aex_addon.rig import CHAT

RULES = """
[policy]
deadline_ms = 20000
[[rules]]
name = "night"
mode = "shadow"
hours = { from = "22:00", to = "06:00" }
[[rules]]
name = "no o1"
models = ["o1*"]
"""
PLUGIN = """
if context['stream'] is not False:
    return {'decision': 'deny', 'reason': 'no streams'}
return {'decision': 'allow', 'patch': {'max_output_tokens': 9}, 'obligations': ['keep it']}
"""


@pytest.fixture
def policed(home: Home, shop: str) -> Home:
    """A home with an agent, two rules and a plugin."""
    home.config.write_text(RULES)
    home.config.chmod(0o600)
    put(home.path, {"a.py": PLUGIN})
    return home


def ask(aex: Aex, request: Any, *words: str, code: int = 0) -> Any:
    told = aex(
        "policy",
        "test",
        "-",
        "--agent",
        "shop",
        "--json",
        *words,
        code=code,
        text=json.dumps(request),
    )
    return json.loads(told.stdout)


def steps(told: Any) -> dict[str, str]:
    return {each["step"]: each["says"] for each in told["steps"]}


def test_every_step_is_told(aex: Aex, policed: Home) -> None:
    """Reading, each rule, each plugin, the caps and the outcome, with the hash of the decision."""
    request = {"path": "/v1/chat/completions", "body": CHAT}
    told = ask(aex, request, "--at", "2026-11-25T12:00Z")
    assert steps(told) == {
        "read": "passes",
        "rule night": "passes",
        "rule no o1": "passes",
        "plugin a.py": "lowers",
        "caps": "passes",
    }
    assert told["admitted"]
    assert told["outcome"].endswith("9 output tokens at most")
    assert len(told["decision_hash"]) == 64
    assert told["document"]["agent"] == "shop"
    again = ask(aex, request, "--at", "2027-01-01T13:00Z")
    assert again["decision_hash"] == told["decision_hash"]


def test_shadow_is_marked(aex: Aex, policed: Home) -> None:
    """At night the rule in shadow refuses, and the call passes all the same."""
    words = ("policy", "test", "-", "--agent", "shop", "--at", "2026-11-25T23:00Z")
    request = json.dumps({"path": "/v1/chat/completions", "body": CHAT})
    told = aex(*words, text=request).stdout
    assert "(in shadow)  rule night: it is not allowed" in told
    assert "admitted: $" in told
    assert "to be kept in mind: keep it" in told


@pytest.mark.parametrize(
    ("body", "path", "step"),
    [
        ({**CHAT, "stream": True}, "/v1/chat/completions", "plugin a.py"),
        ({"model": "o1", "input": "hi"}, "/v1/responses", "rule no o1"),
        ({"model": "o1", "input": "hi"}, "https://api.openai.com/v1/responses", "rule no o1"),
    ],
)
def test_who_refuses_is_told(aex: Aex, policed: Home, body: Any, path: str, step: str) -> None:
    """A denial has its step, its words, and an exit code of its own."""
    where = {"url": path} if path.startswith("https") else {"path": path}
    told = ask(aex, {**where, "body": body}, code=1)
    assert steps(told)[step] == "refuses"
    assert steps(told)["caps"] == "not asked"
    assert not told["admitted"]
    assert told["outcome"].startswith("denied: 403 policy_denied: The operator's policy refuses")


def test_caps_and_budget_count(aex: Aex, policed: Home) -> None:
    """What the policy lets pass the ledger may still refuse."""
    aex("agent", "limits", "shop", "--allow-model", "o1*")
    told = ask(aex, {"path": "/v1/chat/completions", "body": CHAT}, code=1)
    assert steps(told)["caps"] == "refuses"
    assert "model_not_allowed" in told["outcome"]


def test_another_providers_path(aex: Aex, policed: Home) -> None:
    """With a provider the path is that provider's own."""
    body = {**CHAT, "model": "llama-3.3-70b-versatile"}
    told = ask(aex, {"provider": "groq", "path": "/openai/v1/chat/completions", "body": body})
    assert "groq /v1/chat/completions" in told["steps"][0]["why"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ([], "it is no table"),
        ({}, 'it needs either "url" or "path"'),
        ({"url": "https://a.b/", "path": "/v1"}, 'it needs either "url" or "path"'),
        ({"path": "v1"}, '"path" begins with a slash'),
        ({"url": "ftp://x"}, '"url" is one of http or https'),
        ({"url": "https://example.com/v1"}, "to no provider that AEX governs"),
        ({"path": "/dashboard"}, "to no provider that AEX governs"),
        ({"path": "/v1/x", "provider": "nobody"}, "no provider 'nobody' has an address here"),
        ({"path": "/v1/x", "headers": []}, '"headers" is a table of texts'),
        ({"path": "/v1/x", "method": "x y"}, '"method" is a word'),
        ({"path": "/v1/x", "bdy": 1}, "unknown key 'bdy'"),
    ],
)
def test_a_wrong_request_is_told(aex: Aex, policed: Home, request_: Any, said: str) -> None:
    """What is no request is refused with a sentence."""
    words = ("policy", "test", "-", "--agent", "shop")
    told = aex(*words, code=1, text=json.dumps(request_))
    assert said in told.stderr


def test_an_unknown_agent_is_told(aex: Aex, policed: Home) -> None:
    """There is nobody whose call it could be."""
    request = json.dumps({"path": "/v1/chat/completions", "body": CHAT})
    told = aex("policy", "test", "-", "--agent", "nobody", code=1, text=request)
    assert "there is no agent 'nobody'" in told.stderr


def test_the_policy_is_listed(aex: Aex, policed: Home) -> None:
    """Rules and plugins in the order in which they are asked, with what they are."""
    told = aex.json("policy", "list")
    assert [(row["kind"], row["name"], row["mode"]) for row in told["policy"]] == [
        ("rule", "night", "shadow"),
        ("rule", "no o1", "enforce"),
        ("plugin", "a.py", "enforce"),
    ]
    assert told["ok"]
    shown = aex("policy", "list").stdout
    assert '{"models": ["o1*"]}' in shown
    assert told["hash"] in shown


def test_a_broken_plugin_is_listed_as_such(aex: Aex, policed: Home) -> None:
    """The exit code says that every call would be refused, and a test of a call says so, too."""
    put(policed.path, {"b.py": "evaluate ="})
    assert "policies/b.py cannot be loaded" in aex("policy", "list", code=1).stdout
    told = ask(aex, {"path": "/v1/chat/completions", "body": CHAT}, code=1)
    assert steps(told)["plugins"] == "refuses"
    (policed.path / "policies").chmod(0o777)
    assert "chmod go-w" in aex("policy", "list", code=1).stdout


def test_without_a_policy_it_says_so(aex: Aex, shop: str, tmp_path: Path) -> None:
    """A home without rules and plugins lets every call pass."""
    assert "every call passes" in aex("policy", "list").stdout
    told = ask(aex, {"path": "/v1/chat/completions", "body": CHAT})
    assert (list(steps(told)), told["decision_hash"]) == (["read", "caps"], "")
