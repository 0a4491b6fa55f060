"""The admin API over a real ledger: what it tells, what it does, and what stays on record."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from ledger.admin_commands import SetState
from ledger.commands import Judged
from tests.ledger.making import REFUSED, admit, commit, create, release, run, team
from tests.web.conftest import Site
from web.handed import CannotRun

WHY = {"reason": "the new quarter"}


@pytest.fixture
def calls(site: Site) -> None:
    """Six calls of two agents, oldest first: e1 to e6; e6 is under way."""
    store = site.store
    store.execute([create("zoe", 10**9), run("zoe", "r1", 10**6)])
    store.execute([admit("e1", "bot"), admit("e2", "bot", model="gpt-4o-mini"), admit("e3", "zoe")])
    store.execute([commit("e1", 70), release("e2"), commit("e3", 100)])
    store.execute([admit("e4", "bot", refusal=REFUSED), admit("e5", "zoe/r1", model="claude")])
    store.execute([commit("e5", 90), admit("e6", "bot")])


def ids(client: FlaskClient, query: str = "") -> list[str]:
    answer = client.get(f"/admin/activity?{query}")
    assert answer.status_code == 200, answer.text
    return [row["execution_id"] for row in answer.json["executions"]]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "e6 e5 e4 e3 e2 e1"),
        ("agent=bot", "e6 e4 e2 e1"),
        ("agent=zoe", "e5 e3"),
        ("agent=zoe/r1", "e5"),
        ("agent=nobody", ""),
        ("model=GPT-4o", "e6 e4 e3 e2 e1"),
        ("model=mini", "e2"),
        ("model=%25", ""),
        ("state=DENIED", "e4"),
        ("state=committed&agent=bot", "e1"),
        ("state=DISPATCHED", "e6"),
        ("id=e3", "e3"),
        ("id=e", "e6 e5 e4 e3 e2 e1"),
        ("since=2262-01-01", None),
        ("until=2020-01-01", ""),
        ("since=2020-01-01&limit=2", "e6 e5"),
    ],
)
def test_filters(client: FlaskClient, query: str, found: str | None) -> None:
    """Each filter keeps what it names, newest first; together they keep what all name."""
    if found is None:
        assert client.get(f"/admin/activity?{query}").status_code == 400
    else:
        assert ids(client, query) == found.split()


@pytest.mark.usefixtures("calls")
def test_a_cursor_goes_through_all(client: FlaskClient) -> None:
    """Page by page every call comes once, whatever the size of a page."""
    for limit in (1, 2, 4, 6, 7):
        seen: list[str] = []
        cursor: Any = ""
        while cursor is not None:
            answer = client.get(f"/admin/activity?limit={limit}&cursor={cursor}").json
            seen += [row["execution_id"] for row in answer["executions"]]
            cursor = answer["cursor"]
        assert seen == ["e6", "e5", "e4", "e3", "e2", "e1"]


@pytest.mark.usefixtures("calls")
def test_what_is_new(client: FlaskClient, site: Site) -> None:
    """After an event come only the calls that later ones are about."""
    head = client.get("/admin/activity?limit=1").json["head"]
    assert ids(client, f"after={head}") == []
    site.store.execute([commit("e6", 5), admit("e7", "zoe")])
    assert ids(client, f"after={head}") == ["e7", "e6"]


def test_a_call_that_a_policy_in_shadow_would_have_refused(client: FlaskClient, site: Site) -> None:
    """The list says of each call whether it is one, by pages and as it changes."""
    head = client.get("/admin/activity?limit=1").json["head"]
    said = Judged("ab" * 32, ("rule r: no",))
    site.store.execute([admit("e1", "bot", judged=said), admit("e2", "bot")])
    for query in ("", f"after={head}"):
        rows = client.get(f"/admin/activity?{query}").json["executions"]
        told = {row["execution_id"]: row["shadowed"] for row in rows}
        assert told == {"e1": True, "e2": False}


@pytest.mark.parametrize(
    "query",
    [
        *("state=GONE", "limit=0", "limit=501", "limit=x", "cursor=-1", "after=1.5", "since=soon"),
        *("agent=a%00b", "cursor=99999999999999999999", "id=" + "x" * 201),
    ],
)
def test_a_query_that_does_not_fit(client: FlaskClient, query: str) -> None:
    """It is a 400 that names the parameter."""
    answer = client.get(f"/admin/activity?{query}")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_request")
    assert answer.json["error"]["message"].startswith(query.partition("=")[0])


@pytest.mark.usefixtures("calls")
def test_the_story_of_a_call(client: FlaskClient, site: Site) -> None:
    """Facts, estimate, verdict, events with their links, timings and cost, at once."""
    told = client.get("/admin/executions/e1").json
    assert (told["state"], told["estimate"]["reserved_nanousd"]) == ("COMMITTED", 100)
    assert told["verdict"] == {"admitted": True}
    assert told["cost"]["given_back_nanousd"] == 30
    assert [one["actual_nanousd"] for one in told["cost"]["bookings"]] == [70]
    assert told["timings"]["total_ns"] > 0
    types = [event["type"] for event in told["events"]]
    assert types == ["execution.reserved", "execution.dispatched", "execution.committed"]
    first, second = told["events"][:2]
    assert len(first["event_hash"]) == 64
    assert second["seq"] > first["seq"]
    assert told["proof"]["covered"] is False
    denied = client.get("/admin/executions/e4").json
    assert (denied["verdict"]["admitted"], denied["verdict"]["code"]) == (False, "model_unpriced")
    assert client.get("/admin/executions/e6").json["timings"]["total_ns"] is None


@pytest.mark.parametrize("path", ["executions/nope", "executions/nope/proof", "agents/nope"])
def test_what_is_not_there(client: FlaskClient, site: Site, path: str) -> None:
    """It is a 404 with the way to what is; nothing is run for it."""
    answer = client.get(f"/admin/{path}")
    assert answer.status_code == 404
    assert "/admin/" in answer.json["error"]["remedy"]
    assert site.ran == []


def test_accounts(client: FlaskClient, site: Site) -> None:
    """All but runs are listed; one is told with its tokens, and with nothing to use."""
    site.store.execute([team("lab"), run("bot", "r1", 5)])
    listed = client.get("/admin/agents").json["agents"]
    assert [(one["name"], one["kind"]) for one in listed] == [("bot", "agent"), ("lab", "team")]
    assert client.get("/admin/agents/bot/r1").json["kind"] == "run"
    told = client.get("/admin/agents/bot")
    assert [one["state"] for one in told.json["tokens"]] == ["active", "active"]
    assert "token_hash" not in told.text


def event(site: Site) -> dict[str, Any]:
    """The newest one."""
    with site.open_reader() as reader:
        (logged,) = reader.log(after=reader.head().seq - 1)
    said: dict[str, Any] = {"type": logged.event.type, **logged.event.data()}
    return said


@pytest.mark.parametrize(
    ("act", "body", "kind", "key", "value"),
    [
        ("state", {"state": "PAUSED"}, "agent.state", "lifecycle_state", "PAUSED"),
        ("top-up", {"amount_usd": "0.50"}, "agent.credited", "budget_usd", "1.50"),
        ("withdraw", {"amount_usd": "0.25"}, "agent.withdrawn", "budget_usd", "0.75"),
        ("limits", {"rpm": 7}, "agent.limits", "rpm", 7),
        (
            "limits",
            {"caps": {"models": ["gpt-4o*"], "tools": False, "vision": None}},
            *("agent.limits", "caps", {"models": ["gpt-4o*"], "tools": False}),
        ),
        ("rotate-token", {"ttl_seconds": 60}, "token.issued", "name", "bot"),
    ],
)
def test_acts(
    client: FlaskClient, site: Site, act: str, body: Any, kind: str, key: str, value: Any
) -> None:
    """Each is one command whose event names the actor and the reason; the account is told."""
    answer = client.post(f"/admin/agents/bot/{act}", json=body | WHY)
    assert answer.status_code == 200, answer.text
    assert answer.json[key] == value
    said = event(site)
    assert (said["type"], said["actor"]) == (kind, "web:operator")
    assert said["reason"] == "the new quarter"


def test_creating(client: FlaskClient, site: Site) -> None:
    """An agent's token is told once; a team has none."""
    body = {"name": "lab", "kind": "team", "budget_usd": "9"} | WHY
    made = client.post("/admin/agents", json=body)
    assert (made.status_code, made.json["kind"]) == (201, "team")
    assert "token" not in made.json
    body = {"name": "bee", "budget_usd": "2.5", "team": "lab", "rpm": 3} | WHY
    body |= {"caps": {"streaming": False}}
    made = client.post("/admin/agents", json=body).json
    assert made["caps"] == {"streaming": False}
    assert (made["parent"], made["remaining_usd"], made["rpm"]) == ("lab", "2.50", 3)
    assert made["token"].startswith("aex_")
    assert made["token"] not in client.get("/admin/agents/bee").text
    answer = client.post("/admin/agents", json=body)
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "command_refused")


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("state", {"state": "ASLEEP"}, 409),
        ("state", {"state": "PAUSED", "reason": ""}, 400),
        ("state", {"state": "PAUSED", "reason": None}, 400),
        ("state", {"state": "PAUSED", "more": 1}, 400),
        ("top-up", {"amount_usd": "much"}, 400),
        ("top-up", {"amount_usd": 1}, 400),
        ("top-up", {"amount_usd": "0"}, 409),
        ("withdraw", {"amount_usd": "1.01"}, 409),
        ("withdraw", {"amount_usd": "0"}, 409),
        ("limits", {}, 400),
        ("limits", {"caps": {}}, 400),
        ("limits", {"caps": {"tools": "no"}}, 400),
        ("limits", {"caps": {"tools": 1}}, 409),
        ("limits", {"caps": {"model": ["x"]}}, 409),
        ("limits", {"rpm": -1}, 400),
        ("limits", {"rpm": True}, 400),
        ("rotate-token", {"ttl_seconds": 0}, 400),
    ],
)
def test_an_act_that_does_not_fit(
    client: FlaskClient, site: Site, act: str, body: Any, status: int
) -> None:
    """It is refused with a sentence, and nothing is written."""
    with site.open_reader() as reader:
        before = reader.head()
    answer = client.post(f"/admin/agents/bot/{act}", json=WHY | body)
    assert answer.status_code == status, answer.text
    assert answer.json["error"]["remedy"]
    with site.open_reader() as reader:
        assert reader.head() == before


def test_a_form_is_no_body(client: FlaskClient) -> None:
    """A form of another page cannot even be read as an act."""
    answer = client.post("/admin/agents/bot/state", data={"state": "PAUSED"} | WHY)
    assert (answer.status_code, answer.json["error"]["code"]) == (415, "not_json")


def test_looking_back(client: FlaskClient, site: Site) -> None:
    """What reads the whole log runs apart from the gateway, in words that are no options."""
    site.store.one(admit("e1", "bot"))
    assert client.get("/admin/replay?at=3").json == {"seq": 1}
    assert client.get("/admin/replay?execution=e1").status_code == 200
    assert client.get("/admin/replay?verify=1").status_code == 200
    assert client.post("/admin/checkpoints").json == {"seq": 1}
    site.said = "c2sp.org/tlog-proof@v1\n"
    proof = client.get("/admin/executions/e1/proof")
    assert (proof.mimetype, proof.text) == ("text/plain", site.said)
    assert site.ran == [
        ["replay", "--json", "--at", "3"],
        ["replay", "--json", "--execution", "e1"],
        ["replay", "--json", "--verify"],
        ("checkpoint", "--json"),
        ("prove", "e1"),
    ]
    for query in ("at=--verify", "at=soon", "execution=--help"):
        assert client.get(f"/admin/replay?{query}").status_code in (400, 404)
    assert len(site.ran) == 5


def test_a_command_that_fails(site: Site) -> None:
    """Its sentence is the answer."""

    def fails(_words: object) -> str:
        raise CannotRun("Another look is under way.")

    answer = site.client(run=fails).get("/admin/replay")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "command_failed")


def test_checkpoints(client: FlaskClient, site: Site) -> None:
    """Where there is none yet, all of the log is unsigned."""
    told = client.get("/admin/checkpoints").json
    assert told["newest"] is None
    assert told["unsigned_events"] == told["head"] > 0


def test_reloading(site: Site) -> None:
    """It is there where the gateway can do it, with the actor and the reason."""
    assert site.client().post("/admin/reload_config", json=WHY).status_code == 404
    done: list[Any] = []

    def reload(actor: str, reason: str) -> dict[str, Any]:
        done.append((actor, reason))
        return {"changed": []}

    client = site.client(reload=reload)
    assert client.post("/admin/reload_config", json=WHY).json == {"changed": []}
    assert done == [("web:operator", "the new quarter")]


def test_a_paused_agent_stays_so_until_it_is_let_go(client: FlaskClient, site: Site) -> None:
    """A move that the lifecycle does not allow is told with those that it does."""
    site.store.one(SetState("bot", "QUARANTINED", "odd", "operator"))
    answer = client.post("/admin/agents/bot/state", json={"state": "READY"} | WHY)
    assert answer.status_code == 409
    assert "ERROR_RECOVERY" in answer.json["error"]["message"]
