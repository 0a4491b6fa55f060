"""No place that anyone can look into holds a provider's secret, wherever it came from."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.aex_addon.held_keyring import PASSWORD
from tests.aex_addon.token_endpoint import key_file, pem, token_endpoint
from tests.end_to_end.echo import Echo, echo
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.leaking import ASKED
from tests.end_to_end.prompts import CHAT, STREAM

pytestmark = pytest.mark.xdist_group("end_to_end_canary")

CANARY = "sk-canary/secret+of=the-provider"
TOKEN = "canary-session/token+of==aws"


@dataclass
class Kept:
    """One way to keep a secret: its settings and variables, and what must show nowhere.

    arrives: what of it the provider is sent, so that the test can tell that it was there.
    """

    settings: list[str]
    environ: dict[str, str]
    secrets: list[str]
    arrives: str
    closing: ExitStack = field(default_factory=ExitStack)


def in_a_variable(_: Path) -> Kept:
    return Kept([], {"OPENAI_API_KEY": CANARY}, [CANARY], f"Bearer {CANARY}")


def in_a_file(folder: Path) -> Kept:
    path = folder / "key"
    path.write_text(f"{CANARY}\n")
    path.chmod(0o600)
    settings = [f"api_key_file = {json.dumps(str(path))}", 'key_header = "?key"']
    return Kept(settings, {}, [CANARY], f"?key={quote(CANARY, safe='')}")


def in_a_keyring(_: Path) -> Kept:
    settings = ['api_key_keyring = "aex/openai"', 'key_header = "x-api-key"']
    backend = {"PYTHON_KEYRING_BACKEND": "tests.aex_addon.held_keyring.HeldKeyring"}
    return Kept(settings, backend, [PASSWORD], PASSWORD)


def by_a_command(_: Path) -> Kept:
    """Keys of AWS; the helper talks on its standard error, and what it says is as secret."""
    said = {"AccessKeyId": "AKID", "SecretAccessKey": CANARY, "SessionToken": TOKEN}
    talk = "canary-on-stderr"
    text = f"import sys; print({json.dumps(said)!r}); print({talk!r}, file=sys.stderr)"
    # By a variable, for the command itself stands in aex.toml.
    helper = [sys.executable, "-c", "import os; exec(os.environ['HELPER'])"]
    settings = ['credentials = "aws"', f"api_key_command = {json.dumps(helper)}"]
    environ = {"AWS_REGION": "eu-west-1", "HELPER": text}
    return Kept(settings, environ, [CANARY, TOKEN, talk], TOKEN)


def of_an_account(folder: Path) -> Kept:
    closing = ExitStack()
    endpoint = closing.enter_context(token_endpoint())
    path = key_file(folder, endpoint.uri)
    # Each provider that takes an account gets a token of its own, numbered as they come.
    token = "ya29.canary-token-"
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    secrets = [token, *pem().splitlines()[1:-1]]
    return Kept(['credentials = "google"'], environ, secrets, f"Bearer {token}", closing)


WAYS = [in_a_variable, in_a_file, in_a_keyring, by_a_command, of_an_account]


@pytest.fixture(scope="module")
def book() -> Iterator[Echo]:
    with echo() as found:
        yield found


def started(kept: Kept, book: Echo, home: Path) -> Gateway:
    """A gateway that keeps its secret in this way, and raises with it where it is asked to."""
    gateway = Gateway(home, book.url)
    gateway.launcher = ["-m", "tests.end_to_end.leaking"]
    # The first row is the one that is asked; the others have secrets of other kinds.
    text = gateway.config.read_text().replace(
        'api_key_env = "OPENAI_API_KEY"', "\n".join(kept.settings), 1
    )
    gateway.write_config(f'log_level = "debug"\n{text}')
    del gateway.environment["OPENAI_API_KEY"]
    gateway.environment |= {"PYTHONFAULTHANDLER": "1", **kept.environ}
    return gateway.start()


def answers(gateway: Gateway, agent: Agent) -> Iterator[tuple[str, httpx.Response]]:
    """What a client gets: each echo, and the answer where sending raised."""
    with httpx.Client(
        base_url=gateway.url,
        headers={"authorization": f"Bearer {agent.token}", "accept-encoding": "gzip"},
        trust_env=False,
        timeout=30,
    ) as client:
        for how in ("error", "gzip", "redirect", "stream"):
            body = STREAM if how == "stream" else CHAT
            headers = {"x-echo": how}
            yield how, client.post("/v1/chat/completions", json=body, headers=headers)
        yield "raised", client.post("/v1/chat/completions", json=CHAT, headers={ASKED: "1"})
        for page in ("/health", "/metrics", "/dashboard", "/admin/activity", "/admin/agents"):
            yield page, client.get(page, headers=gateway.operator())
        row = client.get("/admin/activity", headers=gateway.operator()).json()["executions"][0]
        story = f"executions/{row['execution_id']}"
        for page in (f"/admin/{story}", f"/dashboard/{story}", "/no-such-page"):
            yield page, client.get(page, headers=gateway.operator())


def sinks(gateway: Gateway, agent: Agent) -> Iterator[tuple[str, str]]:
    """Everything that can be read of a gateway, by name; it has crashed at the end."""
    for how, answer in answers(gateway, agent):
        yield f"answer: {how}", f"{answer.status_code} {answer.headers} {answer.text}"
    for command in (
        ["ledger", "export", "--format", "jsonl"],
        ["executions", "list", "--json"],
        ["agent", "inspect", agent.name, "--json"],
        ["status", "--json"],
        ["replay"],
        ["audit", "--json"],
        ["env", "--agent", agent.name],
    ):
        done = gateway.run(*command)
        yield " ".join(command), done.stdout + done.stderr
    assert gateway.child is not None
    gateway.child.process.send_signal(signal.SIGABRT)
    gateway.child.process.wait(30)
    yield "log and crash dump", gateway.output()
    for path in gateway.home.rglob("*"):
        if path.is_file():
            yield str(path.name), path.read_bytes().decode("latin-1")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_sink_holds_a_secret(way: Callable[[Path], Kept], book: Echo, tmp_path: Path) -> None:
    """Not the answers, pages, exports, logs, crash dumps, nor any file of the home."""
    book.seen.clear()
    kept = way(tmp_path)
    gateway = started(kept, book, tmp_path / "home")
    try:
        agent = gateway.create_agent()
        found = dict(sinks(gateway, agent))
    finally:
        gateway.kill()
        kept.closing.close()
    assert len(book.seen) == 4
    assert all(kept.arrives in seen for seen in book.seen)
    for name, text in found.items():
        for secret in kept.secrets:
            for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
                assert form not in text, f"{name} holds a secret"
    # What was there to be taken out was: the test would see it otherwise.
    assert all(
        "[key]" in found[f"answer: {how}"] for how in ("error", "gzip", "redirect", "stream")
    )
    assert re.search(r"ValueError: Headers\[.*\[(key|credential)\]", found["log and crash dump"])
    assert "Fatal Python error" in found["log and crash dump"]
