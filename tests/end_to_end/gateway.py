"""A real `aex up` process with a home of its own, and the command line beside it.

Owns: the home, the config, the process, the agents made in it.
Refuses to know: what the calls are (doors.py) and what they cost (the tests).
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
from click.testing import CliRunner

from aex_addon.cli.main import cli
from providers.registry import PROVIDERS
from tests.end_to_end.processes import Child, clean_environment, free_port, poll
from tests.end_to_end.upstream import REAL_KEY

AEX = ["-m", "aex_addon.cli.main"]
CONFIG = """\
listen = "127.0.0.1:{port}"
ledger = "sqlite:///ledger.db"

[egress]
private = ["127.0.0.0/8", "::1"]

{providers}
[models."my-model"]
provider = "openai"
input_usd_per_mtok = "0.15"
output_usd_per_mtok = "0.60"
max_output_tokens = 16384
"""
PROVIDER = """\
[providers."{id}"]
upstream = "{upstream}"
api_key_env = "OPENAI_API_KEY"
"""


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as `aex agent create` made it."""

    name: str
    token: str
    budget_nanousd: int


class Gateway:
    """One AEX home; `start` and `stop` its gateway as often as needed."""

    def __init__(self, home: Path, upstream: str) -> None:
        self.home, self.port = home, free_port()
        self.launcher = AEX
        self.url = f"http://127.0.0.1:{self.port}"
        home.mkdir(mode=0o700, parents=True)
        self.config = home / "aex.toml"
        providers = [PROVIDER.format(id=each.id, upstream=upstream) for each in PROVIDERS]
        self.write_config(CONFIG.format(port=self.port, providers="\n".join(providers)))
        self.environment = {
            "AEX_HOME": str(home),
            "HOME": str(home),
            "OPENAI_API_KEY": REAL_KEY,
        }
        self.child: Child | None = None

    def write_config(self, text: str) -> None:
        self.config.write_text(text)
        self.config.chmod(0o600)

    def launch(self) -> Child:
        """Starts the process and does not wait for it to be healthy."""
        log = self.home.parent / f"{self.home.name}.log"
        self.child = Child([*self.launcher, "up"], log, self.environment)
        return self.child

    def start(self) -> Gateway:
        """Starts the process; returns once `/health` answers."""
        child = self.launch()
        poll(lambda: self._healthy(child), "the gateway's /health")
        return self

    def _healthy(self, child: Child) -> bool:
        assert child.alive, f"the gateway ended by itself:\n{child.output()}"
        try:
            return httpx.get(f"{self.url}/health", trust_env=False, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        return self.child.stop() if self.child else 0

    def kill(self) -> None:
        if self.child:
            self.child.kill()

    def output(self) -> str:
        return self.child.output() if self.child else ""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line, in this home; never raises for an exit code.

        In this process: starting Python anew for each of a test's questions would take longer
        than all that the tests ask.
        """
        with mock.patch.dict(os.environ, clean_environment(self.environment), clear=True):
            done = CliRunner().invoke(cli, arguments, prog_name="aex")
        return subprocess.CompletedProcess(
            arguments, done.exit_code, stdout=done.stdout, stderr=done.stderr
        )

    def json(self, *arguments: str) -> Any:
        """What a command prints with `--json`; the command must succeed."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def create_agent(self, budget_usd: str = "5", rpm: int = 100_000, *flags: str) -> Agent:
        name = f"agent-{uuid.uuid4().hex[:8]}"
        made = self.json("agent", "create", name, budget_usd, str(rpm), *flags)
        return Agent(made["name"], made["token"], made["budget_nanousd"])

    def executions(self, agent: Agent) -> list[dict[str, Any]]:
        """As `aex executions list` tells it, oldest first."""
        listed = self.json("executions", "list", "--agent", agent.name, "--limit", "1000")
        return sorted(listed, key=lambda row: row["created_at"])

    def inspect(self, agent: Agent) -> dict[str, Any]:
        answer = self.json("agent", "inspect", agent.name)
        assert isinstance(answer, dict)
        return answer

    def operator(self) -> dict[str, str]:
        """The header that opens all of AEX's own pages."""
        token = (self.home / "keys" / "admin.token").read_text().strip()
        return {"authorization": f"Bearer {token}"}

    def audit_passes(self) -> bool:
        done = self.run("audit", "--json")
        return done.returncode == 0 and json.loads(done.stdout)["ok"] is True
