"""The dashboard's pages: overview, activity, one call, one account.

Owns: what stands on each. Without JavaScript they are whole; live.py keeps the overview fresh.
Refuses to know: how rows look (view.py, templates), what acts do (forms.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, g, render_template, request

from ledger.activity import ActivityReader, Filter
from ledger.events import storable
from ledger.lifecycle import MOVES
from ledger.reached import reached
from ledger.state import DENIED, STATES, Agent, Execution
from web import asked, tree
from web.charts import Chart, chart
from web.handed import Handed
from web.health import chain_trouble
from web.plugins import standing
from web.problems import Problem
from web.shapes import SHOWN_HOSTS, caps_shape, token_shape, tool_shape
from web.spend import Hours, Spend, series
from web.story import story
from web.tally import Tally
from web.view import ExecutionRow, denial_rows, execution_rows, moment, short_usd, span

SHOWN = 50
DENIALS = 6
_RANGES = {"24h": (24, 1, "%H:%M", "last 24 hours"), "30d": (30, 24, "%d %b", "last 30 days")}


@dataclass(frozen=True, slots=True)
class Sums:
    """What is summed along the log; one of each serves all pages."""

    tally: Tally
    spend: Spend


def pages(handed: Handed, sums: Sums) -> Blueprint:
    """The routes."""
    found = Blueprint("pages", __name__, url_prefix="/dashboard")

    @found.context_processor
    def always() -> dict[str, Any]:
        # A page of an error has nobody to name.
        return {"who": g.get("who"), "host": request.host}

    @found.get("")
    def overview() -> str:
        """Who spends what, what was refused, what goes on, and whether the books are sound."""
        return render_template("overview.html", **overview_of(handed, sums))

    @found.get("/activity")
    def activity() -> str:
        """Calls by filter, page by page."""
        wanted = asked.wanted(request.args, handed.now())
        before = asked.number(request.args, "cursor") or 0
        with handed.open_reader() as reader:
            page = reader.activity(wanted, before, SHOWN)
            rows = call_rows(reader, page.rows)
        kept = {name: request.args[name] for name in asked.FILTERS if request.args.get(name)}
        older = urlencode({**kept, "cursor": page.before}) if page.before else ""
        return render_template(
            "activity.html",
            rows=rows,
            kept=kept,
            older=older,
            newest=urlencode(kept) if before else None,
            states=STATES,
        )

    @found.get("/executions/<execution_id>")
    def execution(execution_id: str) -> str:
        """The whole story of one call."""
        with handed.open_reader() as reader:
            known = storable(execution_id)
            told = story(reader, execution_id, handed.lines) if known else None
            row = reader.execution(execution_id) if told else None
        if told is None or row is None:
            raise Problem(
                404,
                "no_such_execution",
                f"There is no execution {execution_id!r}.",
                "The activity page finds calls by the beginning of their id.",
            )
        (shown,) = execution_rows([row])
        denial = denial_rows([row])[0] if row.state == DENIED else None
        times = {name: span(ns) for name, ns in told["timings"].items() if ns is not None}
        return render_template("execution.html", row=shown, told=told, denial=denial, times=times)

    @found.get("/agents/<path:name>")
    def agent(name: str) -> str:
        """One account: balances, limits, tokens, spending, calls, and what can be done."""
        return render_template("agent.html", **account_of(handed, sums, name))

    return found


def overview_of(handed: Handed, sums: Sums) -> dict[str, Any]:
    """All that stands on the overview, but who looks at it."""
    now = handed.now()
    span_name = request.args.get("range", "24h")
    with handed.open_reader() as reader:
        ends, hours = sums.tally.look(reader), sums.spend.look(reader)
        with reader.snapshot():
            trees = tree.forest(reader, now)
            calls = call_rows(reader, reader.activity(Filter(), limit=SHOWN).rows)
            denied = reader.activity(Filter(state=DENIED), limit=DENIALS).rows
            books = books_of(reader, now)
            tools = [tool_shape(tool) for tool in standing(reader.tools())]
    return {
        "accounts": tree.rows(trees, hours, ends),
        "calls": calls,
        "denials": denial_rows(denied),
        "books": books,
        "tools": tools,
        "figures": figures(handed, trees, hours),
        "charts": _charts(hours, span_name, now),
        "range": span_name if span_name in _RANGES else "24h",
        "version": handed.about().get("version", ""),
    }


def call_rows(reader: ActivityReader, calls: Sequence[Execution]) -> list[ExecutionRow]:
    """Rows of a list of calls, those marked of which a policy in shadow had something to say."""
    return execution_rows(calls, reader.shadowed(call.execution_id for call in calls))


def figures(handed: Handed, trees: tree.Forest, hours: Hours) -> dict[str, str]:
    """The line of numbers at the top. What agents spend is in their teams' sums, and runs' in
    their agents', so agents alone are added up."""
    agents = [one for one in trees.accounts.values() if one.kind == "agent"]
    speeds = tree.rates(trees, hours)
    return {
        "spent": short_usd(sum(one.spent_nanousd for one in agents)),
        "reserved": short_usd(sum(one.reserved_nanousd for one in agents)),
        "burn": short_usd(sum(speeds.get(one.name, 0) for one in agents)) + "/h",
        "inflight": str(handed.about().get("inflight", 0)),
        "agents": str(len(agents)),
    }


def books_of(reader: ActivityReader, now: int) -> dict[str, Any]:
    """The chain and its newest checkpoint, as they are told."""
    head, newest = reader.head(), reader.checkpoints(newest=True)
    size = newest[0].size if newest else 0
    return {
        "seq": head.seq,
        "hash": head.event_hash,
        "trouble": chain_trouble(reader),
        "signed": size,
        "unsigned": head.seq - size,
        "age": span(max(now - newest[0].time_ns, 0)) if newest else "",
    }


def account_of(handed: Handed, sums: Sums, name: str) -> dict[str, Any]:
    """All that stands on the page of an account. Raises Problem (404)."""
    now = handed.now()
    with handed.open_reader() as reader:
        ends, hours = sums.tally.look(reader), sums.spend.look(reader)
        found = reader.agent(name) if storable(name) else None
        if found is None:
            raise Problem(
                404,
                "no_such_agent",
                f"There is no agent or team {name!r}.",
                "The dashboard shows those there are.",
            )
        owner = name.partition("/")[0]
        runs = reader.runs(now, SHOWN, name) if found.kind == "agent" else []
        tokens = [one for one in reversed(reader.tokens(owner)) if name in (owner, one.account)]
        calls = call_rows(reader, reader.activity(Filter(agent=name), limit=SHOWN).rows)
        hosts = reached(reader, name, SHOWN_HOSTS)
    trees = tree.Forest({one.name: one for one in (found, *runs)}, now)
    own = {key: cells for key, cells in _own(hours, found).items() if cells}
    return {
        "agent": found,
        "caps": caps_shape(found.caps),
        "row": tree.rows(trees, hours, ends, [name])[0],
        "runs": tree.rows(trees, hours, ends, [one.name for one in runs]),
        # Each run leaves one behind that has ended; those that serve are not to be lost among them.
        "tokens": sorted(
            (token_shape(one, now) for one in tokens), key=lambda one: one["state"] != "active"
        )[:SHOWN],
        "calls": calls,
        "hosts": [(one, moment(one.time_ns)) for one in hosts],
        "charts": _charts(own, "24h", now, ("model",)),
        "goals": MOVES.get(found.lifecycle_state, ()),
        "created": moment(found.created_at),
        "expires": moment(found.expires_at) if found.expires_at else "",
    }


def _own(hours: Hours, agent: Agent) -> Hours:
    return {
        hour: {key: amount for key, amount in cells.items() if key[0] == agent.name}
        for hour, cells in hours.items()
    }


def _charts(
    hours: Hours, name: str, now: int, by: tuple[str, ...] = ("agent", "model")
) -> list[Chart]:
    bars, width, form, words = _RANGES.get(name, _RANGES["24h"])
    titles: Mapping[str, str] = {"agent": "by agent", "model": "by model"}
    return [
        chart(f"Spend {titles[each]}, {words}", *series(hours, each, now, bars, width), form)
        for each in by
    ]
