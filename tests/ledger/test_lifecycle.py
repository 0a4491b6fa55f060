"""Laws of the lifecycle: which moves there are, what each state means, all of it on record."""

from __future__ import annotations

import pytest

from ledger.admin_commands import CreateAgent, CreditAgent, DeleteAgent, SetState
from ledger.admission import SERVING
from ledger.evolve import fold
from ledger.lifecycle import GOALS, MOVES
from ledger.outcomes import Denied, Done, Rejected
from ledger.standing import stopped
from ledger.state import DELETED
from tests.ledger.making import Pure, admit, commit, create, run, started, team, token_hash, word

STATES = sorted(MOVES)
WAY = {
    "REGISTERED": (),
    "READY": (),
    "RUNNING": ("RUNNING",),
    "PAUSED": ("PAUSED",),
    "STOPPING": ("STOPPING",),
    "STOPPED": ("STOPPED",),
    "QUARANTINED": ("QUARANTINED",),
    "ERROR_RECOVERY": ("QUARANTINED", "ERROR_RECOVERY"),
}


def move(to: str, name: str = "alice", reason: str = "because") -> SetState:
    return SetState(name, to, reason, "web:operator")


def brought_to(state: str) -> Pure:
    """A ledger whose agent alice is in this state, with a call from before under way."""
    kernel = started()
    kernel(admit("e0"))
    for step in WAY[state]:
        assert kernel(move(step)) == Done("alice")
    if state == "REGISTERED":
        alice = kernel.state.agents["alice"]
        kernel.state.agents["alice"] = alice._replace(lifecycle_state=state)
    assert kernel.state.agents["alice"].lifecycle_state == state
    return kernel


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("state", STATES)
def test_moves(state: str, goal: str) -> None:
    """A listed move is one event with its actor, reason and both states; any other is refused."""
    kernel = brought_to(state)
    before = list(kernel.log)
    outcome = kernel(move(goal, reason="so it is"))
    new = kernel.log[len(before) :]
    if goal == state:
        assert (outcome, new) == (Done("alice"), [])
    elif goal in MOVES[state]:
        assert outcome == Done("alice")
        (event,) = new
        assert (event.type, event.agent) == ("agent.state", "alice")
        said = {"actor": "web:operator", "from": state, "reason": "so it is", "to": goal}
        assert event.data() == said
    else:
        assert isinstance(outcome, Rejected)
        assert f"alice is {state}, and goes from there to" in outcome.message
        assert new == []


@pytest.mark.parametrize("state", STATES)
def test_what_a_state_means(state: str) -> None:
    """Only who serves makes new calls; of the others STOPPING alone lets old ones finish."""
    kernel = brought_to(state)
    outcome = kernel(admit("e1", fixed=1))
    why = stopped(kernel.state, token_hash("alice"))
    if state in SERVING:
        assert word(outcome) == "holds 1 cap 0"
        assert why is None
        return
    assert word(outcome) == "423 agent_not_serving"
    assert (why is None) == (state == "STOPPING")
    kernel(commit("e0", 70))
    assert kernel.balance() == (1_000, 70, 0)


def test_a_team_stops_all_below_it() -> None:
    """The state of any account on the way up decides."""
    kernel = Pure()
    for command in (team(), create(parent="team"), run("alice", "r1", 300), move("PAUSED", "team")):
        kernel(command)
    outcome = kernel(admit("e1", "alice/r1"))
    assert isinstance(outcome, Denied)
    assert (outcome.account, outcome.message) == ("team", "PAUSED: because")
    kernel(move("READY", "team"))
    assert word(kernel(admit("e2", "alice/r1"))) == "holds 100 cap 0"


def test_nothing_else_wakes_who_is_paused() -> None:
    """A top-up gives money, and no leave to spend it."""
    kernel = brought_to("PAUSED")
    kernel(CreditAgent("alice", 1_000, "more", "operator"))
    assert word(kernel(admit("e1"))) == "423 agent_not_serving"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (move(DELETED), "`aex agent delete alice`"),
        (move("ASLEEP"), "a state is one of ERROR_RECOVERY, PAUSED, "),
        (move("REGISTERED"), "a state is one of"),
        (move("PAUSED", reason=" "), "names its reason"),
        (move("PAUSED", reason="x" * 501), "500 characters at most"),
        (move("PAUSED", "nobody"), "there is no agent 'nobody'"),
    ],
)
def test_refusals(command: SetState, sentence: str) -> None:
    """A move that cannot be is refused with its remedy, and leaves no event."""
    kernel = started()
    outcome = kernel(command)
    assert isinstance(outcome, Rejected)
    assert sentence in outcome.message
    assert len(kernel.log) == 2


def test_a_deleted_agent_does_not_move() -> None:
    """Its end is final; created anew, it is READY."""
    kernel = brought_to("PAUSED")
    kernel(commit("e0", 1))
    kernel(DeleteAgent("alice", "operator"))
    assert isinstance(kernel(move("READY")), Rejected)
    kernel(CreateAgent("alice", 5, 0, 0, "operator", token_hash("alice", 2), "t"))
    assert kernel.state.agents["alice"].lifecycle_state == "READY"


def test_replay() -> None:
    """The fold of the log has every state and reason."""
    kernel = brought_to("ERROR_RECOVERY")
    kernel(move("READY", reason="mended"))
    assert fold(kernel.log).agents == kernel.state.agents
    assert kernel.state.agents["alice"].lifecycle_reason == "mended"
