"""The admin API: `/admin/…`, JSON for programs.

Owns: its routes: what is read, and what is done. openapi.py describes them.
Refuses to know: who may ask (entry.py), what an act is in the ledger (acts.py).
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify, request

from ledger.events import storable
from ledger.reached import reached
from web import asked
from web.acts import Acts
from web.auth import LINK_S
from web.bodies import Amount, Create, Limits, Link, Rotate, State, Why, amount, read
from web.entry import link_to, who
from web.handed import Handed
from web.openapi import document
from web.problems import Problem
from web.shapes import (
    SHOWN_HOSTS,
    agent_shape,
    iso,
    listed_shape,
    reached_shape,
    token_shape,
)
from web.story import story


def api(handed: Handed) -> Blueprint:
    """The routes."""
    pages = Blueprint("api", __name__, url_prefix="/admin")
    _reading(pages, handed)
    _looking_back(pages, handed)
    _accounts(pages, handed, Acts(handed))
    _gateway(pages, handed)
    return pages


def _reading(pages: Blueprint, handed: Handed) -> None:
    @pages.get("/activity")
    def activity() -> Response:
        """Calls, newest first; or, with `after`, those that events since then are about."""
        wanted, limit = asked.wanted(request.args, handed.now()), asked.limit(request.args)
        after, before = (asked.number(request.args, name) for name in ("after", "cursor"))
        with handed.open_reader() as reader, reader.snapshot():
            head = reader.head().seq
            if after is not None:
                rows = reader.executions_named(reader.touched(after)[0][: asked.LIMIT_MAX])
                older = 0
            else:
                page = reader.activity(wanted, before or 0, limit)
                rows, older = page.rows, page.before
            shadowed = reader.shadowed(row.execution_id for row in rows)
        shapes = [listed_shape(row, shadowed) for row in rows]
        return jsonify({"executions": shapes, "cursor": older or None, "head": head})

    @pages.get("/executions/<execution_id>")
    def execution(execution_id: str) -> Response:
        """The whole story of a call."""
        _known(handed, execution_id)
        with handed.open_reader() as reader:
            found = story(reader, execution_id, handed.lines)
        if found is None:
            raise _unknown(execution_id)
        return jsonify(found)

    @pages.get("/agents")
    def agents() -> Response:
        """All accounts but runs, with their balances."""
        with handed.open_reader() as reader:
            found = reader.lasting()
        return jsonify({"agents": [agent_shape(one, handed.now()) for one in found]})

    @pages.get("/checkpoints")
    def checkpoints() -> Response:
        """The newest signed checkpoint, and how much of the log is younger."""
        with handed.open_reader() as reader, reader.snapshot():
            head, newest = reader.head(), reader.checkpoints(newest=True)
        found = None
        if newest:
            one = newest[0]
            found = {"size": one.size, "root": one.root, "time": iso(one.time_ns), "note": one.note}
        size = newest[0].size if newest else 0
        return jsonify({"newest": found, "head": head.seq, "unsigned_events": head.seq - size})


def _unknown(execution_id: str) -> Problem:
    return Problem(
        404,
        "no_such_execution",
        f"There is no execution {execution_id!r}.",
        "/admin/activity shows the newest; its filter `id` takes the beginning of one.",
    )


def _known(handed: Handed, execution_id: str) -> None:
    with handed.open_reader() as reader:
        # An id that no engine can hold is of no call.
        if not storable(execution_id) or reader.execution(execution_id) is None:
            raise _unknown(execution_id)


def _looking_back(pages: Blueprint, handed: Handed) -> None:
    """What reads the whole log, in a process of its own."""

    @pages.get("/executions/<execution_id>/proof")
    def proof(execution_id: str) -> Response:
        """A proof of a call's last event, as `aex prove` writes it."""
        _known(handed, execution_id)
        text = handed.run(("prove", execution_id))
        name = f'attachment; filename="{execution_id}.tlog-proof"'
        return Response(text, mimetype="text/plain", headers={"Content-Disposition": name})

    @pages.get("/replay")
    def replay() -> Response:
        """The books as of an event or a time, as `aex replay` folds them."""
        words = ["replay", "--json"]
        at, execution_id = request.args.get("at", ""), request.args.get("execution", "")
        if at:
            asked.place(at, handed.now())
            words += ["--at", at]
        if execution_id:
            _known(handed, execution_id)
            words += ["--execution", execution_id]
        elif request.args.get("verify", "") in ("1", "true") and not at:
            words.append("--verify")
        return jsonify(json.loads(handed.run(words)))

    @pages.post("/checkpoints")
    def checkpoint() -> Response:
        """Signs what the log is now, as `aex checkpoint` does."""
        return jsonify(json.loads(handed.run(("checkpoint", "--json"))))


def _accounts(pages: Blueprint, handed: Handed, acts: Acts) -> None:
    @pages.post("/agents")
    def create() -> tuple[Response, int]:
        """A new agent or team."""
        wish = read(Create)
        made = acts.create(wish, amount(wish.budget_usd, "budget_usd"), who().actor)
        return jsonify(made), 201

    @pages.get("/agents/<path:name>")
    def agent(name: str) -> Response:
        """One account with its tokens, of which nothing can be used."""
        now, found = handed.now(), acts.account(name)
        owner = name.partition("/")[0]
        with handed.open_reader() as reader:
            tokens = [one for one in reader.tokens(owner) if name in (owner, one.account)]
            hosts = [reached_shape(one) for one in reached(reader, name, SHOWN_HOSTS)]
        shown = [token_shape(one, now) for one in tokens]
        return jsonify({**agent_shape(found, now), "tokens": shown, "reached": hosts})

    @pages.post("/agents/<path:name>/state")
    def state(name: str) -> Response:
        """Pauses, stops, quarantines, or lets go on."""
        wish = read(State)
        return jsonify(acts.move(name, wish.state, wish.reason, who().actor))

    @pages.post("/agents/<path:name>/top-up")
    def top_up(name: str) -> Response:
        """Adds to the budget."""
        wish = read(Amount)
        nanousd = amount(wish.amount_usd, "amount_usd")
        return jsonify(acts.top_up(name, nanousd, wish.reason, who().actor))

    @pages.post("/agents/<path:name>/withdraw")
    def withdraw(name: str) -> Response:
        """Takes back what is left of the budget, or a part of it."""
        wish = read(Amount)
        nanousd = amount(wish.amount_usd, "amount_usd")
        return jsonify(acts.withdraw(name, nanousd, wish.reason, who().actor))

    @pages.post("/agents/<path:name>/limits")
    def limits(name: str) -> Response:
        """Changes limits."""
        return jsonify(acts.limits(name, read(Limits), who().actor))

    @pages.post("/agents/<path:name>/rotate-token")
    def rotate(name: str) -> Response:
        """Replaces all tokens by a new one."""
        wish = read(Rotate)
        return jsonify(acts.rotate(name, wish.ttl_seconds, wish.reason, who().actor))


def _gateway(pages: Blueprint, handed: Handed) -> None:
    @pages.post("/links")
    def link() -> tuple[Response, int]:
        """A link that signs a browser in, once; `aex dashboard` asks for it."""
        role = read(Link).role
        url = link_to(request.host, handed.auth.link(role))
        return jsonify({"url": url, "role": role, "expires_in_seconds": LINK_S}), 201

    @pages.get("/openapi.json")
    def openapi() -> Response:
        """This API, described."""
        described: dict[str, Any] = document(reloads=handed.reload is not None)
        return jsonify(described)

    if handed.reload is not None:
        reload = handed.reload

        @pages.post("/reload_config")
        def reload_config() -> Response:
            """Takes aex.toml up: all of it, or, where it cannot be, nothing."""
            return jsonify(reload(who().actor, read(Why).reason))
