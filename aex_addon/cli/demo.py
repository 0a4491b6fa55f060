"""`aex demo`: the main job on a stage: real gateway, real SDK, pretend provider, no internet.

Owns: the story it tells, and clearing up after it. Everything in it runs as it would for real:
the gateway is `aex up`, the agent is an unmodified SDK under `aex run`, the books are read by
`aex executions` and `aex audit`.
Refuses to know: how any of that works.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

AGENT = "demo"
BUDGET_USD = "0.005"
_KEY = "sk-demo-provider-key"
_START_S = 30.0
_ENDS = (signal.SIGTERM, signal.SIGHUP)


class Stage:
    """A home of its own, the pretend provider and the gateway in front of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = {
            name: value for name, value in os.environ.items() if not name.startswith("AEX_")
        } | {"AEX_HOME": str(home), "OPENAI_API_KEY": _KEY}
        self.processes: list[subprocess.Popen[str]] = []
        self.address = ""

    def start(self) -> None:
        """Provider first, then the gateway; returns when the gateway answers."""
        provider = self._spawn("aex_addon.demo_provider", "--port", "0", "--api-key", _KEY)
        assert provider.stdout is not None
        port = json.loads(provider.stdout.readline())["port"]
        config = self.home / "aex.toml"
        config.write_text(
            'listen = "127.0.0.1:0"\n\n[providers.openai]\n'
            f'upstream = "http://127.0.0.1:{port}"  # the pretend provider\n'
        )
        config.chmod(0o600)
        gateway = self._spawn("aex_addon.cli.main", "up")
        pid_file = self.home / "gateway.pid"
        deadline = time.monotonic() + _START_S
        while not pid_file.exists():
            if gateway.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException("the gateway did not start; `aex up` shows why")
            time.sleep(0.02)
        self.address = json.loads(pid_file.read_text())["listen"]

    def _spawn(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=self.environ,
            stdout=subprocess.PIPE if module.endswith("provider") else subprocess.DEVNULL,
            stderr=None,
            text=True,
            # Ctrl-C is for the demo, which then ends these in order.
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def aex(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "aex_addon.cli.main", *arguments, "--json"],
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def agent(self, door: str) -> None:
        """The unmodified agent, once through a door."""
        aex = [sys.executable, "-m", "aex_addon.cli.main"]
        agent = [sys.executable, "-m", "aex_addon.cli.demo_agent"]
        subprocess.run(
            [*aex, "run", "--agent", AGENT, "--door", door, "--", *agent],
            env=self.environ,
            check=True,
        )

    def stop(self) -> None:
        """Ends the gateway, then the provider; only processes that were started here."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


@contextmanager
def _staged(keep: bool) -> Iterator[Stage]:
    home = Path(tempfile.mkdtemp(prefix="aex-demo-"))
    home.chmod(0o700)
    stage = Stage(home)
    # A kill, or a terminal that closes, must end what was started here too, and either ends a
    # program without any `finally`.
    before = {
        end: signal.signal(end, signal.default_int_handler)
        for end in _ENDS
        if signal.getsignal(end) is not signal.SIG_IGN  # as under nohup
    }
    try:
        stage.start()
        yield stage
    finally:
        for end, handler in before.items():
            signal.signal(end, handler)
        stage.stop()
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


@click.command()
@click.option("--keep", is_flag=True, help="Keep the gateway running until Ctrl-C, and the home.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON document.")
def demo(keep: bool, as_json: bool) -> None:
    """Shows the main job in ten seconds: no key, no internet, nothing of yours is touched.

    Example: aex demo
    """
    say = _silent if as_json else click.echo
    if not _has_sdk():
        raise click.ClickException("the demo drives the openai SDK; run: pip install 'aex[demo]'")
    with _staged(keep) as stage:
        say(f"A gateway listens on {stage.address}, in front of a pretend provider.")
        stage.aex("agent", "create", AGENT, BUDGET_USD, "60", "--on-short-budget", "deny")
        before = stage.aex("agent", "inspect", AGENT)
        say(f"Agent {AGENT!r} has {_usd(before)} to spend.\n")
        for door, how in (("proxy", "HTTPS_PROXY"), ("base-url", "OPENAI_BASE_URL")):
            say(f"An unmodified openai SDK, through {how}:")
            _flush()
            stage.agent(door) if not as_json else _quietly(stage, door)
        executions = list(reversed(stage.aex("executions", "list", "--limit", "20")))
        after = stage.aex("agent", "inspect", AGENT)
        audit = stage.aex("audit")
        dashboard = stage.aex("dashboard")["url"]
        if as_json:
            story = {"executions": executions, "before": before, "after": after}
            click.echo(json.dumps({**story, "audit": audit, "dashboard": dashboard}, indent=2))
        else:
            _tell(executions, before, after, audit)
            click.echo(f"Dashboard: {dashboard}")
        if keep:
            _stay(stage, say)
        else:
            say("All of it ends here; with --keep it goes on, and so does its dashboard.")
    if not audit["ok"]:
        raise SystemExit(1)


def _has_sdk() -> bool:
    from importlib.util import find_spec

    return find_spec("openai") is not None


def _silent(_line: str = "") -> None:
    return


def _flush() -> None:
    sys.stdout.flush()


def _quietly(stage: Stage, door: str) -> None:
    """The agent's own lines would spoil the JSON document; they go to stderr."""
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        stage.agent(door)
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def _usd(agent: dict[str, Any]) -> str:
    from ledger.money import show_usd

    return show_usd(agent["remaining_nanousd"])


def _tell(
    executions: list[dict[str, Any]],
    before: dict[str, Any],
    after: dict[str, Any],
    audit: dict[str, Any],
) -> None:
    from ledger.money import show_usd

    click.echo("\nWhat the ledger says of each call:")
    for row in executions:
        form = "stream" if row["stream"] else "JSON"
        click.echo(f"  {row['execution_id'][-8:]} {row['door']:8} {form:6} {_fate(row, show_usd)}")
    click.echo(f"\nBalance: {_usd(before)} before, {_usd(after)} after.")
    laws = ", ".join(finding["law"] for finding in audit["findings"])
    verdict = "the books are sound" if audit["ok"] else "THE BOOKS ARE BROKEN"
    click.echo(f"Audit: {verdict} ({laws}).")


def _fate(row: dict[str, Any], show: Any) -> str:
    if row["state"] == "DENIED":
        return f"DENIED    {row['status_code']} {row['reason']}; nothing was sent"
    usage = row["usage"] or {}
    tokens = f"{usage.get('input_tokens', 0)} in, {usage.get('output_tokens', 0)} out"
    return (
        f"{row['state']} reserved {show(row['reserved_nanousd'])} -> booked "
        f"{show(row['actual_nanousd'])} ({tokens}, by the {row['usage_source']}'s count)"
    )


def _stay(stage: Stage, say: Any) -> None:
    say(f"The gateway goes on; its home is {stage.home}. Ctrl-C ends it.")
    say(f"Try: AEX_HOME={stage.home} aex executions list")
    try:
        stage.processes[-1].wait()
    except KeyboardInterrupt:
        say("")
