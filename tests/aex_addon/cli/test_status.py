"""`aex status`."""

from __future__ import annotations

import fcntl
import json
import os

from aex_addon.cli.context import Context
from aex_addon.cli.issue import open_run
from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex, Answers
from tests.aex_addon.cli.test_process import now


def test_before_anything(aex: Aex) -> None:
    """An empty home has a status too, and asking makes nothing."""
    found = aex.json("status")
    assert found["gateway"]["running"] is False
    assert found["ledger"] == {"exists": False, "events": 0, "head_hash": None, "head_time": None}
    assert found["agents"] == []
    assert "none yet" in aex("status").stdout


def test_balances_and_head(aex: Aex, calls: list[str]) -> None:
    """Agents come with their balances, the log with its end."""
    found = aex.json("status")
    assert found["agents"][0]["spent_nanousd"] == 1_200
    assert len(found["ledger"]["head_hash"]) == 64
    assert "$0.0000012" in aex("status").stdout


def test_a_gateway_is_asked(aex: Aex, home: Home, answers: Answers) -> None:
    """A gateway that runs is shown with its address, and whether it serves."""
    home.ensure()
    listen = f"127.0.0.1:{answers.server_port}"
    content = {"pid": os.getpid(), "started": now().isoformat(), "listen": listen, "version": "3"}
    home.pid_file.write_text(json.dumps(content))
    with home.lock_file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = aex.json("status")["gateway"]
        assert (found["running"], found["healthy"], found["listen"]) == (True, True, listen)
        answers.status = 503
        assert aex.json("status")["gateway"]["healthy"] is False
        assert "does not serve (it answers 503" in aex("status").stdout
    assert "pid file is left" in aex("status").stdout


def test_teams_are_counted_apart_and_runs_left_out(aex: Aex, context: Context, shop: str) -> None:
    """The overview has agents and teams, each with its kind, and no runs."""
    assert "\nteams" not in aex("status").stdout
    aex("team", "create", "lab", 10)
    open_run(context, "shop", "r1", 700, 1_000_000_000)
    kinds = {one["name"]: one["kind"] for one in aex.json("status")["agents"]}
    assert kinds == {"lab": "team", "shop": "agent"}
    lines = [line.split() for line in aex("status").stdout.splitlines()]
    assert ["agents", "1"] in lines
    assert ["teams", "1"] in lines
    assert ["lab", "team", "$0.00", "$10.00"] in lines
