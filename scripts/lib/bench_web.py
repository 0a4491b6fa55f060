"""What the pages cost on a large ledger beside a small one, and a scrape of many agents.

Owns: `scripts/bench --web`. Pages are made as the gateway makes them, by the application itself,
without a listener: what is measured is the queries and the templates.
Refuses to know: how ledgers are filled (bench_ledger.py), what the pages are (web/).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from flask.testing import FlaskClient

from ledger.activity import ActivityReader
from ledger.admin_commands import CreateAgent
from ledger.clock import KernelClock
from ledger.outcomes import Rejected
from scripts.lib.bench_ledger import EVENTS_A_PAIR, build
from scripts.lib.ledger_work import URL, new_ledger, opened
from web.app import create_app
from web.auth import Auth
from web.handed import Handed, Minted

SMALL, LARGE, AGENTS = 10_000, 1_000_000, 1_000
_TOKEN = "bench" * 8
_CLOCK = KernelClock()

Figures = dict[str, dict[str, float]]


def pages(base: Path) -> FlaskClient:
    """The application over a ledger, asked by an operator."""
    handed = Handed(
        open_reader=lambda: ActivityReader(URL, base),
        about=lambda: {"inflight": 0, "ledger_backlog": 0},
        now=_CLOCK,
        auth=Auth({"operator": _TOKEN}, _CLOCK),
        execute=lambda _command: Rejected("a benchmark acts on nothing"),
        mint=lambda: Minted("", "", ""),
        run=lambda _words: "",
    )
    client = create_app(handed).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {_TOKEN}"
    return client


def paths(base: Path) -> dict[str, str]:
    """What is asked, by name; the call in the middle of the log stands for any."""
    with ActivityReader(URL, base) as reader:
        head = reader.head().seq
        middle = next(reader.log(after=head // 2)).event.execution_id
    return {
        "overview": "/dashboard",
        "live, 20 new events": f"/dashboard/live?after={head - 20}",
        "live, nothing new": f"/dashboard/live?after={head}",
        "activity": "/admin/activity",
        "activity by agent and state": "/admin/activity?agent=bench&state=COMMITTED",
        "activity, nothing fits": "/admin/activity?model=no-such-model",
        "account": "/dashboard/agents/bench",
        "call": f"/admin/executions/{middle}",
        "metrics": "/metrics",
        "health": "/health",
    }


def ms(client: FlaskClient, path: str) -> float:
    """How long a page takes, in milliseconds."""
    began = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, (path, answer.text)
    return took


def in_turns(bases: dict[str, Path], rounds: int) -> tuple[dict[str, float], Figures]:
    """(first looks, medians by ledger and page); the ledgers take turns, page by page."""
    clients = {name: pages(base) for name, base in bases.items()}
    asked = {name: paths(base) for name, base in bases.items()}
    # The first look reads the whole log, once in the life of a gateway.
    first = {name: ms(client, "/dashboard") for name, client in clients.items()}
    took: dict[str, dict[str, list[float]]] = {name: {} for name in bases}
    for page in asked[next(iter(bases))]:
        for number in range(rounds):
            for name in [*bases][:: 1 - 2 * (number % 2)]:
                took[name].setdefault(page, []).append(ms(clients[name], asked[name][page]))
    medians = {
        name: {page: statistics.median(each) for page, each in found.items()}
        for name, found in took.items()
    }
    return first, medians


def many_agents(base: Path) -> None:
    """A ledger with so many agents."""
    new_ledger(base)
    store = opened(base)
    for number in range(AGENTS):
        token = sha256(str(number).encode()).hexdigest()
        store.one(CreateAgent(f"agent-{number}", 10**9, 0, 0, "operator", token, f"t-{number}"))
    store.close()


def main() -> None:
    """Parses the arguments and runs."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench --web", description="What the pages cost as a ledger grows."
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--executions", type=int, default=LARGE, help="of the large ledger")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="aex-bench-"))
    try:
        bases = {"small": folder / "small", "large": folder / "large"}
        build(bases["small"], SMALL * EVENTS_A_PAIR)
        build(bases["large"], options.executions * EVENTS_A_PAIR)
        first, found = in_turns(bases, options.rounds)
        many_agents(folder / "agents")
        client = pages(folder / "agents")
        scrape = statistics.median(ms(client, "/metrics") for _ in range(options.rounds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratios = {page: found["large"][page] / took for page, took in found["small"].items()}
    if options.json:
        figures = {"ms": found, "first_look_ms": first, "ratios": ratios}
        print(json.dumps(figures | {f"scrape_of_{AGENTS}_agents_ms": scrape}))
        return
    print(f"{'page':30} {'small, ms':>10} {'large, ms':>10} {'ratio':>6}")
    for page, ratio in ratios.items():
        print(f"{page:30} {found['small'][page]:10.1f} {found['large'][page]:10.1f} {ratio:6.2f}")
    print(f"first look: {first['small']:.0f} ms, {first['large']:.0f} ms")
    print(f"a scrape of {AGENTS} agents: {scrape:.1f} ms")


if __name__ == "__main__":
    main()
