"""`aex run`: a command as an agent."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime

import pytest

from aex_addon.home import Home
from aex_addon.tokens import looks_like_token
from tests.aex_addon.cli.conftest import Aex, Answers

END = "aex: shop: 0 calls, $0.00 spent, $5.00 left\n"
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"

Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def ready(answers: Answers, authority: Home, shop: str) -> str:
    """An agent, a CA, and something that answers /health; the agent's first token."""
    return shop


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code and output."""
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def labels(aex: Aex) -> list[tuple[str, str]]:
    """Label and state of each token."""
    tokens = aex.json("agent", "inspect", "shop")["tokens"]
    return [(one["label"], one["state"]) for one in tokens]


def test_the_child_is_the_agent(aex: Aex, program: Program, ready: str, answers: Answers) -> None:
    """Proxy, CA, base URL and key are set, with a token of its own that ends with the child."""
    code, out, err = finish(program("run", "--agent", "shop", "--", sys.executable, "-c", SHOW))
    assert (code, err) == (0, END)
    seen = json.loads(out)
    token = seen["AEX_TOKEN"]
    assert looks_like_token(token)
    assert token != ready
    where = f"127.0.0.1:{answers.server_port}"
    assert seen["HTTPS_PROXY"] == f"http://shop:{token}@{where}"
    assert seen["OPENAI_BASE_URL"] == f"http://{where}/v1"
    assert seen["OPENAI_API_KEY"] == token
    assert os.path.exists(seen["SSL_CERT_FILE"])  # noqa: PTH110
    assert labels(aex) == [("first", "active"), ("run", "revoked")]


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
)
def test_exit_codes(aex: Aex, program: Program, script: str, code: int) -> None:
    """The command's own code, or 128 + n, and the token is revoked either way."""
    assert finish(program("run", "--agent", "shop", "--", "sh", "-c", script))[0] == code
    assert labels(aex)[1] == ("run", "revoked")


@pytest.mark.usefixtures("ready")
def test_options_after_the_command_are_the_commands(aex: Aex, program: Program) -> None:
    """With or without `--`, what follows the command is not read by AEX."""
    for dash in ([], ["--"]):
        words = [*dash, "echo", "--agent", "x", "--json", "--help"]
        assert finish(program("run", "--agent", "shop", *words))[1] == "--agent x --json --help\n"


@pytest.mark.usefixtures("ready")
def test_a_signal_ends_the_command_and_the_token(aex: Aex, program: Program) -> None:
    """SIGTERM to `aex run` reaches the command; then the token is revoked."""
    process = program(
        *("run", "--agent", "shop", "--", "sh", "-c", "echo ready; exec sleep 30"),
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 128 + signal.SIGTERM
    assert labels(aex)[1] == ("run", "revoked")


@pytest.mark.usefixtures("ready")
def test_what_cannot_run(aex: Aex, home: Home) -> None:
    """Not found is 127, not executable 126, and no token is made for either."""
    assert "command not found" in aex("run", "--agent", "shop", "no-such-command", code=127).stderr
    aex("run", "--agent", "shop", home.path / "none", code=127)
    assert "not an executable" in aex("run", "--agent", "shop", home.config.parent, code=126).stderr
    aex("run", "--agent", "shop", code=2)
    assert labels(aex) == [("first", "active")]


@pytest.mark.usefixtures("ready")
def test_a_program_in_no_known_format(aex: Aex, home: Home) -> None:
    """A file that may be run but cannot is 126, found only when it is tried."""
    broken = home.path / "broken"
    broken.write_bytes(b"\x7fELF?")
    broken.chmod(0o700)
    aex("run", "--agent", "shop", broken, code=126)
    assert labels(aex)[1] == ("run", "revoked")


def test_no_gateway_no_run(aex: Aex, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing serves, the command is not started and the line says what to start."""
    monkeypatch.setenv("AEX_LISTEN", "127.0.0.1:1")
    refused = aex("run", "--agent", "shop", "--", "true", code=1).stderr
    assert refused.startswith("aex: no gateway serves on 127.0.0.1:1 (")
    assert "`aex up`" in refused
    assert labels(aex) == [("first", "active")]


@pytest.mark.usefixtures("ready")
def test_a_gateway_that_does_not_serve(aex: Aex, answers: Answers) -> None:
    """One that is stopping, or whose ledger fails, takes no new agents."""
    answers.status = 503
    assert "it answers 503" in aex("run", "--agent", "shop", "--", "true", code=1).stderr


@pytest.mark.usefixtures("ready")
def test_an_unknown_agent(aex: Aex) -> None:
    """The ledger's refusal, and no child."""
    assert "no agent 'x'" in aex("run", "--agent", "x", "--", "true", code=1).stderr


@pytest.mark.usefixtures("ready")
def test_a_token_that_cannot_be_revoked_is_a_warning(aex: Aex, home: Home) -> None:
    """The command's code stands even if the ledger is gone by the time it ends."""
    ledger = home.path / "ledger.db"
    result = aex(
        *("run", "--agent", "shop", "--", "sh", "-c", f"mv {ledger} {ledger}.away; exit 5"), code=5
    )
    assert "could not be revoked" in result.stderr
    assert "what the run came to cannot be read" in result.stderr


@pytest.mark.usefixtures("ready")
def test_a_run_with_a_budget(aex: Aex, program: Program) -> None:
    """The child pays from an account of its own, as its agent, with a token that ends with it."""
    words = ["run", "--agent", "shop", "--budget", "0.50", "--", sys.executable, "-c", SHOW]
    code, out, err = finish(program(*words))
    seen = json.loads(out)
    assert (code, err) == (0, f"aex: {seen['AEX_RUN']}: 0 calls, $0.00 spent, $0.50 left\n")
    assert re.fullmatch(r"shop/run-[0-9a-f]{8}", seen["AEX_RUN"])
    assert seen["AEX_AGENT"] == "shop"
    assert seen["HTTPS_PROXY"].startswith(f"http://shop:{seen['AEX_TOKEN']}@")
    run = aex.json("agent", "inspect", seen["AEX_RUN"])
    assert (run["kind"], run["budget_usd"], run["parent"]) == ("run", "0.50", "shop")
    assert [one["state"] for one in run["tokens"]] == ["revoked"]
    assert labels(aex)[1] == (seen["AEX_RUN"].partition("/")[2], "revoked")


@pytest.mark.usefixtures("ready")
def test_a_run_with_a_name(aex: Aex, program: Program) -> None:
    """The name is the run's, once; a name without a budget is wrong usage."""
    words = ["run", "--agent", "shop", "--name", "nightly"]
    named = [*words, "--budget", "1", "--ttl", "1h", "sh", "-c", "echo $AEX_RUN"]
    assert finish(program(*named))[:2] == (0, "shop/nightly\n")
    run = aex.json("agent", "inspect", "shop/nightly")
    life = datetime.fromisoformat(run["expires_at"]) - datetime.fromisoformat(run["created_at"])
    assert 3_500 < life.total_seconds() <= 3_600
    assert "exists already" in aex(*named, code=1).stderr
    assert "add --budget" in aex(*words, "true", code=2).stderr
    assert len(labels(aex)) == 2


@pytest.mark.usefixtures("ready")
def test_the_environment_changes_in_nothing_else(
    aex: Aex, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the variables that the command sees, all that AEX does not govern are as they were."""
    from certs import env

    monkeypatch.setenv("MINE", "two\nlines = \u00e9 'x'")
    monkeypatch.setenv("ALL_PROXY", "http://elsewhere.example")
    before = dict(os.environ)
    words = ["run", "--", sys.executable, "-E", "-S", "-c", SHOW]
    code, out, _ = finish(program(*words, env=before))
    assert code == 0
    seen = json.loads(out)
    known = {
        *(*env.PROXY_VARIABLES, *env.NO_PROXY_VARIABLES, *env.CA_VARIABLES, *env.KEY_VARIABLES),
        *(*env.BASE_URLS, *env.BYPASSES, "NODE_USE_ENV_PROXY", "NODE_OPTIONS", "PYTHONPATH"),
        *("AEX_AGENT", "AEX_BASE_URL", "AEX_CA_FILE", "AEX_RUN", "AEX_TOKEN"),
    }
    changed = {name for name in {*seen, *before} if seen.get(name) != before.get(name)}
    assert changed <= known
    assert changed > {"HTTPS_PROXY", "ALL_PROXY", "NODE_OPTIONS"}


@pytest.mark.usefixtures("ready")
def test_no_secret_is_told(aex: Aex, program: Program) -> None:
    """The token stands in no process's arguments, and not in what AEX says, log or last line."""
    words = "import json, os, pathlib\n"
    words += "up = pathlib.Path('/proc', str(os.getppid()), 'cmdline')\n"
    words += "told = up.read_text() if up.exists() else ''\n"
    words += "print(json.dumps([os.environ['AEX_TOKEN'], told]))"
    code, out, err = finish(program("run", "--", sys.executable, "-c", words))
    token, arguments = json.loads(out)
    assert (code, err) == (0, END)
    assert token not in arguments
    assert token not in json.dumps(aex.json("agent", "inspect", "shop"))


@pytest.mark.usefixtures("ready")
def test_it_can_be_quiet_and_without_shims(aex: Aex, program: Program) -> None:
    """`--quiet` says nothing at the end, `--no-shims` has nothing loaded into Node and Python."""
    words = ["run", "--quiet", "--no-shims", "--", sys.executable, "-c", SHOW]
    code, out, err = finish(program(*words))
    assert (code, err) == (0, "")
    assert "NODE_OPTIONS" not in json.loads(out)
    assert "shims" not in json.loads(out).get("PYTHONPATH", "")


@pytest.mark.usefixtures("ready")
def test_who_pays_is_asked_where_there_are_several(aex: Aex) -> None:
    """Without --agent the only agent pays; where there are more, nobody does."""
    aex("agent", "create", "other", 1, 1)
    assert "--agent NAME: other, shop" in aex("run", "--", "true", code=1).stderr
