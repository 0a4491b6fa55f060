"""`aex env`."""

from __future__ import annotations

import json
import subprocess

import pytest

from aex_addon.home import Home
from aex_addon.tokens import looks_like_token, token_hash
from tests.aex_addon.cli.conftest import Aex


@pytest.mark.usefixtures("authority", "shop")
def test_a_shell_can_evaluate_it(aex: Aex) -> None:
    """What is printed on stdout sets the variables, and comments are on stderr."""
    result = aex("env", "--agent", "shop")
    script = result.stdout + 'printf "%s %s" "$AEX_AGENT" "$HTTPS_PROXY"'
    done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True)
    name, proxy = done.stdout.split()
    assert name == "shop"
    assert proxy.startswith("http://shop:aex_")
    assert result.stderr.startswith("# agent shop, token tok_")


@pytest.mark.usefixtures("authority", "shop")
@pytest.mark.parametrize("form", [("--json",), ("--shell", "json")])
def test_programs_get_json(aex: Aex, form: tuple[str, ...]) -> None:
    """The document says what to set and unset; the token is new, labelled and ends."""
    made = json.loads(aex("env", "--agent", "shop", "--ttl", "1h", *form).stdout)
    token = made["set"]["AEX_TOKEN"]
    assert looks_like_token(token)
    kept = aex.json("agent", "inspect", "shop")["tokens"]
    assert [one["label"] for one in kept] == ["first", "env"]
    assert kept[1]["expires_at"] is not None
    assert token_hash(token) not in json.dumps(kept)


def test_what_is_refused_makes_no_token(aex: Aex, shop: str, home: Home) -> None:
    """Without a CA, or for an unknown agent, nothing is printed and no token is made."""
    assert aex("env", "--agent", "shop", code=1).stdout == ""
    assert len(aex.json("agent", "inspect", "shop")["tokens"]) == 1


@pytest.mark.usefixtures("authority", "shop")
def test_an_unknown_agent(aex: Aex) -> None:
    """The refusal is the ledger's."""
    assert "no agent 'x'" in aex("env", "--agent", "x", code=1).stderr


@pytest.mark.usefixtures("authority", "shop")
def test_the_only_agent_need_not_be_named(aex: Aex) -> None:
    """Without --agent it is the one there is."""
    assert json.loads(aex("env", "--json").stdout)["set"]["AEX_AGENT"] == "shop"


@pytest.mark.usefixtures("authority", "shop")
def test_shims(aex: Aex) -> None:
    """They are set unless they are not wanted, and never for a container, which lacks the files."""
    assert "node_proxy.cjs" in json.loads(aex("env", "--json").stdout)["set"]["NODE_OPTIONS"]
    assert "NODE_OPTIONS" not in aex("env", "--no-shims").stdout
    assert "NODE_OPTIONS" not in aex("env", "--shell", "docker").stdout


@pytest.mark.usefixtures("authority", "shop")
def test_a_shell_and_a_program_are_told_the_same(aex: Aex, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `eval` makes of a shell's environment is what the JSON says, whatever stood there."""
    monkeypatch.setenv("NODE_OPTIONS", "--title='a b' --no-warnings")
    monkeypatch.setenv("ALL_PROXY", "http://x")
    monkeypatch.setenv("OPENAI_API_BASE", "http://elsewhere.example")
    made = json.loads(aex("env", "--json").stdout)
    script = aex("env").stdout + "exec env -0"
    done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True)
    seen = dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)
    assert not seen.keys() & set(made["unset"]) - {"OPENAI_BASE_URL"}
    own = {name for name, value in made["set"].items() if value.find(made["set"]["AEX_TOKEN"]) >= 0}
    told = {name: seen[name] for name in made["set"]}
    assert {n: v for n, v in told.items() if n not in own} == {
        name: value for name, value in made["set"].items() if name not in own
    }
